{% extends "base.html.tpl" %}
{% from "macros.html.tpl" import field, token %}
{% block title %}{{ _("Register") }} · Marginalia{% endblock %}

{% block main %}
<h1>{{ _("Register") }}</h1>
<form method="post" class="narrow">
  {{ token() }}
  {{ field("username", _("Username"), form, errors, hint=_("Shown with what you write. Letters from a to z, digits, - and _."),
           required="", autocomplete="username", autocapitalize="none") }}
  {{ field("password", _("Password"), form, errors, hint=_("At least 8 characters."),
           type="password", required="", autocomplete="new-password") }}
  {{ field("email", _("Email"), form, errors, hint=_("If you like: for a mail when somebody comments on a post of yours."),
           type="email", autocomplete="email") }}
  <p class="actions"><button>{{ _("Register") }}</button></p>
</form>
<p>{{ _("Registered already?") }} <a href="{{ url_for('auth.login_form', next=request.args.get('next')) }}">{{ _("Log in") }}</a>.</p>
{% endblock %}
