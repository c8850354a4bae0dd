{% extends "mail/base.html.tpl" %}

{% block main %}
<p>{{ _("%(name)s commented on “%(title)s”", name=comment.author.username, title=post.title) }}:</p>
<blockquote style="margin: 0; padding-left: 1em; border-left: 3px solid #cbbf9f; white-space: pre-wrap">
  {{- comment.text -}}
</blockquote>
<p><a href="{{ url_for('posts.show', id=post, _anchor='comments') }}">{{ post.title }}</a></p>
{% endblock %}
