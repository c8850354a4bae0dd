{% extends "base.html.tpl" %}
{% set heading = _("Edit your post") if post else _("Write a post") %}
{% from "macros.html.tpl" import field, files, other_problems, token %}
{% block title %}{{ heading }} · Marginalia{% endblock %}
{% block scripts %}<script src="{{ url_for('static', filename='upload.js') }}" defer></script>{% endblock %}

{% block main %}
<h1>{{ heading }}</h1>
{{ other_problems(errors, "title", "body", "tags", "cover", "attachments") }}
<form method="post" enctype="multipart/form-data" data-upload>
  {{ token() }}
  {{ field("title", _("Title"), form, errors, required="") }}
  {{ field("body", _("Text"), form, errors, hint=_("An empty line starts a new paragraph."), rows=14, required="") }}
  {{ field("tags", _("Tags"), form, errors, hint=_("Up to eight, with spaces or commas between them."), autocapitalize="none") }}
  {% call files("cover", _("Cover"), errors, hint=_("JPEG, PNG, GIF, WebP or AVIF, up to 5 MB."), accept="image/*") %}
    {% if post and post.cover and post.cover.key %}
    <label class="tick"><input type="checkbox" name="remove_cover" value="1"> {{ _("Remove %(name)s", name=post.cover.name) }}</label>
    {% endif %}
  {% endcall %}
  {% call files("attachments", _("Attachments"), errors, hint=_("Up to five files of 10 MB."), multiple="") %}
    {% for file in post.attachments if file.key %}
    <label class="tick"><input type="checkbox" name="remove" value="{{ file.key }}"> {{ _("Remove %(name)s", name=file.name) }}</label>
    {% endfor %}
  {% endcall %}
  <progress class="upload" max="1" value="0" aria-label="{{ _('Upload') }}" hidden></progress>
  <p class="actions">
    <button>{{ _("Save") if post else _("Publish") }}</button>
    <a href="{{ url_for('posts.show', id=post) if post else url_for('posts.index') }}">{{ _("Cancel") }}</a>
  </p>
</form>
{% endblock %}
