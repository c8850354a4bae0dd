{% extends "base.html.tpl" %}
{% from "macros.html.tpl" import byline, field, other_problems, tags, token %}
{% block title %}{{ post.title }} · Marginalia{% endblock %}

{% block main %}
<article>
  <h1>{{ post.title }}</h1>
  {{ byline(post) }}
  {% if post.cover %}
  <img class="cover" src="{{ url_for('posts.cover', id=post, of=post.cover.sha256[:12]) }}" alt=""
       width="{{ post.cover.width }}" height="{{ post.cover.height }}">
  {% endif %}
  <div class="prose">
    {% for paragraph in post.paragraphs %}
    <p>{{ paragraph }}</p>
    {% endfor %}
  </div>
  {% if post.attachments %}
  <ul class="files" aria-label="{{ _('Attachments') }}">
    {% for file in post.attachments %}
    <li><a href="{{ url_for('posts.attachment', id=post, number=loop.index0) }}">{{ file.name }}</a>
      <span>{{ file.size|filesizeformat }}</span></li>
    {% endfor %}
  </ul>
  {% endif %}
  {{ tags(post) }}
  {% if post.author == g.author %}
  <div class="own">
    <a class="button quiet" href="{{ url_for('posts.update_form', id=post) }}">{{ _("Edit") }}</a>
    <details>
      <summary class="button quiet">{{ _("Delete") }}</summary>
      <form method="post" action="{{ url_for('posts.delete', id=post) }}">
        {{ token() }}
        <p>{{ _("The post and its comments will be gone for good.") }}</p>
        <button class="danger">{{ _("Delete this post") }}</button>
      </form>
    </details>
  </div>
  {% endif %}
</article>

<section id="comments" aria-labelledby="comments-title">
  <h2 id="comments-title">{{ _("Comments") if post.comments else _("No comments yet") }}</h2>
  <ol class="comments">
    {% for comment in post.comments %}
    <li>
      {{ byline(comment) }}
      <p class="text">{{ comment.text }}</p>
    </li>
    {% endfor %}
  </ol>
  {% if g.author %}
  {{ other_problems(errors, "text") }}
  <form method="post" action="{{ url_for('posts.comment', id=post) }}">
    {{ token() }}
    {{ field("text", _("Your comment"), form, errors, rows=4, required="") }}
    <p class="actions"><button>{{ _("Comment") }}</button></p>
  </form>
  {% else %}
  <p><a href="{{ url_for('auth.login_form', next=url_for('posts.show', id=post)) }}">{{ _("Log in to comment") }}</a>.</p>
  {% endif %}
</section>
{% endblock %}
