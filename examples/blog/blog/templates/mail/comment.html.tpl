{% extends "mail/base.html.tpl" %}

{% block main %}
<p>{{ comment.author.username }} commented on
  <a href="{{ url_for('posts.show', id=post, _anchor='comments') }}">{{ post.title }}</a>:</p>
<blockquote style="margin: 0; padding-left: 1em; border-left: 3px solid #cbbf9f; white-space: pre-wrap">
  {{- comment.text -}}
</blockquote>
{% endblock %}
