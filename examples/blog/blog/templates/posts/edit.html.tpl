{% extends "base.html.tpl" %}
{% from "macros.html.tpl" import field, other_problems, token %}
{% set heading = _("Edit your post") if post else _("Write a post") %}
{% block title %}{{ heading }} · Marginalia{% endblock %}

{% block main %}
<h1>{{ heading }}</h1>
{{ other_problems(errors, "title", "body", "tags") }}
<form method="post">
  {{ token() }}
  {{ field("title", _("Title"), form, errors, required="") }}
  {{ field("body", _("Text"), form, errors, hint=_("An empty line starts a new paragraph."), rows=14, required="") }}
  {{ field("tags", _("Tags"), form, errors, hint=_("Up to eight, with spaces or commas between them."), autocapitalize="none") }}
  <p class="actions">
    <button>{{ _("Save") if post else _("Publish") }}</button>
    <a href="{{ url_for('posts.show', id=post) if post else url_for('posts.index') }}">{{ _("Cancel") }}</a>
  </p>
</form>
{% endblock %}
