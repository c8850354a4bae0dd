{% extends "base.html.tpl" %}
{% from "macros.html.tpl" import byline, pages, tags %}
{% block title %}{% if tag %}{{ tag }} · {% endif %}Marginalia{% endblock %}

{% block main %}
{% if tag %}
<h1>{{ _("Posts tagged") }} <em>{{ tag }}</em></h1>
{% else %}
<h1 class="unseen">{{ _("Newest posts") }}</h1>
{% endif %}
{% for post in page %}
<article class="summary">
  {% if post.cover %}
  {% set small = post.cover.thumbnail("small") %}
  <img class="thumbnail" src="{{ url_for('posts.cover', id=post, size='small', of=post.cover.sha256[:12]) }}" alt=""
       width="{{ small.width }}" height="{{ small.height }}" loading="lazy">
  {% endif %}
  <h2><a href="{{ url_for('posts.show', id=post) }}">{{ post.title }}</a></h2>
  {% call byline(post) %}
    {% if post.comments %}
    <a href="{{ url_for('posts.show', id=post, _anchor='comments') }}">
      {{- ngettext("%(num)d comment", "%(num)d comments", post.comments|length) }}</a>
    {% endif %}
  {% endcall %}
  <p class="excerpt">{{ post.paragraphs[0]|truncate(280) }}</p>
  {{ tags(post) }}
</article>
{% else %}
<p>{{ _("Nobody has written anything yet.") }} <a href="{{ url_for('posts.create_form') }}">{{ _("Write the first post") }}</a>.</p>
{% endfor %}
{% if tag %}{{ pages(page, "posts.tagged", tag=tag) }}{% else %}{{ pages(page, "posts.index") }}{% endif %}
{% endblock %}
