{% extends "base.html.tpl" %}
{% from "macros.html.tpl" import field, token %}
{% block title %}{{ _("Log in") }} · Marginalia{% endblock %}

{% block main %}
<h1>{{ _("Log in") }}</h1>
<form method="post" class="narrow">
  {{ token() }}
  {{ field("username", _("Username"), form, errors, required="", autocomplete="username", autocapitalize="none") }}
  {{ field("password", _("Password"), form, errors, type="password", required="", autocomplete="current-password") }}
  <p class="actions"><button>{{ _("Log in") }}</button></p>
</form>
<p>{{ _("No account yet?") }} <a href="{{ url_for('auth.register_form', next=request.args.get('next')) }}">{{ _("Register") }}</a>.</p>
{% endblock %}
