{% extends "base.html.tpl" %}
{% block title %}{{ translate(error.name) }} · Marginalia{% endblock %}

{% block main %}
<section class="error">
  <p class="code" aria-hidden="true">{{ error.code }}</p>
  <h1>{{ translate(error.name) }}</h1>
  <p>{{ translate(error.description) }}</p>
  {% if error.code == 400 %}
  <p>{{ _("If you sent a form, go back, load its page again, and send it once more.") }}</p>
  {% endif %}
  <p><a href="{{ url_for('posts.index') }}">{{ _("To the newest posts") }}</a></p>
</section>
{% endblock %}
