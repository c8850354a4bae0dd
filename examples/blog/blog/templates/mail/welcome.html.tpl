{% extends "mail/base.html.tpl" %}

{% block main %}
<p>Hello {{ author.username }},</p>
<p>welcome to Marginalia. <a href="{{ url_for('posts.create_form') }}">Write your first post</a>.</p>
<p>You get a mail when somebody comments on a post of yours.</p>
{% endblock %}
