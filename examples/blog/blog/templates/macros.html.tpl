{# An input or, with `rows`, a text area; other arguments are its attributes. #}
{% macro field(name, label, form, errors, hint="", rows=0) -%}
  {% set problems = errors.get(name, []) %}
  {% set described = [name ~ "-hint" if hint, name ~ "-problem" if problems]|select|join(" ") %}
  <div class="field">
    <label for="{{ name }}">{{ label }}</label>
    {% if hint %}<p class="hint" id="{{ name }}-hint">{{ hint }}</p>{% endif %}
    {% set attributes = dict(
      kwargs, id=name, name=name, **{
        "aria-describedby": described or none,
        "aria-invalid": "true" if problems else none,
      }) %}
    {% if rows %}
<textarea rows="{{ rows }}"{{ attributes|xmlattr }}>
{{ form.get(name, "") }}</textarea>
    {% else %}
    <input{{ attributes|xmlattr }}{% if kwargs.type != "password" %} value="{{ form.get(name, '') }}"{% endif %}>
    {% endif %}
    {% if problems %}<p class="problem" id="{{ name }}-problem">{{ problems|join(" ") }}</p>{% endif %}
  </div>
{%- endmacro %}

{# An input for files; the caller tells of those that are there. #}
{% macro files(name, label, errors, hint) -%}
  {% set problems = errors.get(name, []) %}
  <div class="field">
    <label for="{{ name }}">{{ label }}</label>
    <p class="hint" id="{{ name }}-hint">{{ hint }}</p>
    {{ caller() }}
    <input{{ dict(
      kwargs, type="file", id=name, name=name, **{
        "aria-describedby": [name ~ "-hint", name ~ "-problem" if problems]|select|join(" "),
        "aria-invalid": "true" if problems else none,
      })|xmlattr }}>
    {% if problems %}<p class="problem" id="{{ name }}-problem">{{ problems|join(" ") }}</p>{% endif %}
  </div>
{%- endmacro %}

{# The problems of what a form has no input for; name those that it has. #}
{% macro other_problems(errors) -%}
  {% for name, problems in errors.items() if name not in varargs %}
  <p class="flash error" role="alert">{{ name }}: {{ problems|join(" ") }}</p>
  {% endfor %}
{%- endmacro %}

{% macro token() -%}
  <input type="hidden" name="csrf_token" value="{{ csrf_token() }}">
{%- endmacro %}

{% macro byline(document) -%}
  <p class="byline">
    <span class="author">{{ document.author.username }}</span>
    <time datetime="{{ document.created_at.isoformat() }}">{{ document.created_at|day }}</time>
    {{ caller() if caller }}
  </p>
{%- endmacro %}

{% macro tags(post) -%}
  {% if post.tags %}
  <ul class="tags" aria-label="{{ _("Tags") }}">
    {% for tag in post.tags %}
    <li><a href="{{ url_for('posts.tagged', tag=tag) }}">{{ tag }}</a></li>
    {% endfor %}
  </ul>
  {% endif %}
{%- endmacro %}

{# Links to the pages before and after; `link` says where a page is. #}
{% macro pages(page, endpoint) -%}
  {% if page.pages > 1 %}
  <nav class="pages" aria-label="{{ _("Pages") }}">
    {% if page.has_prev %}<a rel="prev" href="{{ url_for(endpoint, page=page.prev_page, **kwargs) }}">← {{ _("Newer") }}</a>{% endif %}
    <span>{{ _("Page %(page)d of %(pages)d", page=page.page, pages=page.pages) }}</span>
    {% if page.has_next %}<a rel="next" href="{{ url_for(endpoint, page=page.next_page, **kwargs) }}">{{ _("Older") }} →</a>{% endif %}
  </nav>
  {% endif %}
{%- endmacro %}
