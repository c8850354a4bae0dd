{% extends "base.html.tpl" %}
{% from "macros.html.tpl" import field, other_problems, token %}
{% set heading = "Edit your post" if post else "Write a post" %}
{% block title %}{{ heading }} · Marginalia{% endblock %}

{% block main %}
<h1>{{ heading }}</h1>
{{ other_problems(errors, "title", "body", "tags") }}
<form method="post">
  {{ token() }}
  {{ field("title", "Title", form, errors, required="") }}
  {{ field("body", "Text", form, errors, hint="An empty line starts a new paragraph.", rows=14, required="") }}
  {{ field("tags", "Tags", form, errors, hint="Up to eight, with spaces or commas between them.", autocapitalize="none") }}
  <p class="actions">
    <button>{{ "Save" if post else "Publish" }}</button>
    <a href="{{ url_for('posts.show', id=post) if post else url_for('posts.index') }}">Cancel</a>
  </p>
</form>
{% endblock %}
