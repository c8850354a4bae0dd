{% from "macros.html.tpl" import token %}
<!doctype html>
<html lang="{{ get_locale()|string|replace('_', '-') }}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>{% block title %}Marginalia{% endblock %}</title>
  <link rel="icon" href="{{ url_for('static', filename='icon.svg') }}" type="image/svg+xml">
  <link rel="stylesheet" href="{{ url_for('static', filename='style.css') }}">
  {% block scripts %}{% endblock %}
</head>
<body>
  <a class="skip" href="#main">{{ _("Skip to the content") }}</a>
  <header class="site">
    <a class="name" href="{{ url_for('posts.index') }}">Marginalia</a>
    <nav aria-label="{{ _("Account") }}">
      {% if g.author %}
        <a href="{{ url_for('posts.create_form') }}">{{ _("Write") }}</a>
        <span class="who">{{ g.author.username }}</span>
        <form method="post" action="{{ url_for('auth.logout') }}">
          {{ token() }}
          <button class="link">{{ _("Log out") }}</button>
        </form>
      {% else %}
        <a href="{{ url_for('auth.login_form') }}">{{ _("Log in") }}</a>
        <a href="{{ url_for('auth.register_form') }}">{{ _("Register") }}</a>
      {% endif %}
    </nav>
  </header>
  <main id="main">
    {% for category, message in get_flashed_messages(with_categories=true) %}
      <p class="flash {{ category }}" role="{{ 'alert' if category == 'error' else 'status' }}">{{ message }}</p>
    {% endfor %}
    {% block main %}{% endblock %}
  </main>
  <footer class="site">
    <p>{{ _("An example of quorum, the data layer for Flask on MongoDB.") }}</p>
    <nav aria-label="{{ _("Language") }}">
      {% for code, name, where in languages() %}
        {% if where %}
        <a href="{{ where }}" lang="{{ code }}" hreflang="{{ code }}">{{ name }}</a>
        {% else %}
        <span lang="{{ code }}" aria-current="true">{{ name }}</span>
        {% endif %}
      {% endfor %}
    </nav>
  </footer>
</body>
</html>
