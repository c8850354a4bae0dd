{% extends "base.html.tpl" %}
{% from "macros.html.tpl" import field, token %}
{% block title %}Register · Marginalia{% endblock %}

{% block main %}
<h1>Register</h1>
<form method="post" class="narrow">
  {{ token() }}
  {{ field("username", "Username", form, errors, hint="Shown with what you write. Letters from a to z, digits, - and _.",
           required="", autocomplete="username", autocapitalize="none") }}
  {{ field("password", "Password", form, errors, hint="At least 8 characters.",
           type="password", required="", autocomplete="new-password") }}
  {{ field("email", "Email", form, errors, hint="If you like: for a mail when somebody comments on a post of yours.",
           type="email", autocomplete="email") }}
  <p class="actions"><button>Register</button></p>
</form>
<p>Registered already? <a href="{{ url_for('auth.login_form', next=request.args.get('next')) }}">Log in</a>.</p>
{% endblock %}
