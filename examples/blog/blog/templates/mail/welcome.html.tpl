{% extends "mail/base.html.tpl" %}

{% block main %}
<p>{{ _("Hello %(name)s,", name=author.username) }}</p>
<p>{{ _("welcome to Marginalia. Your first post starts here:") }}
  <a href="{{ url_for('posts.create_form') }}">{{ _("Write") }}</a></p>
<p>{{ _("You get a mail when somebody comments on a post of yours.") }}</p>
{% endblock %}
