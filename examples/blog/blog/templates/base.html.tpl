{% from "macros.html.tpl" import token %}
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>{% block title %}Marginalia{% endblock %}</title>
  <link rel="icon" href="{{ url_for('static', filename='icon.svg') }}" type="image/svg+xml">
  <link rel="stylesheet" href="{{ url_for('static', filename='style.css') }}">
</head>
<body>
  <a class="skip" href="#main">Skip to the content</a>
  <header class="site">
    <a class="name" href="{{ url_for('posts.index') }}">Marginalia</a>
    <nav aria-label="Account">
      {% if g.author %}
        <a href="{{ url_for('posts.create_form') }}">Write</a>
        <span class="who">{{ g.author.username }}</span>
        <form method="post" action="{{ url_for('auth.logout') }}">
          {{ token() }}
          <button class="link">Log out</button>
        </form>
      {% else %}
        <a href="{{ url_for('auth.login_form') }}">Log in</a>
        <a href="{{ url_for('auth.register_form') }}">Register</a>
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
    <p>An example of <strong>quorum</strong>, the data layer for Flask on MongoDB.</p>
  </footer>
</body>
</html>
