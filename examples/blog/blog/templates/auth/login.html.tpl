{% extends "base.html.tpl" %}
{% from "macros.html.tpl" import field, token %}
{% block title %}Log in · Marginalia{% endblock %}

{% block main %}
<h1>Log in</h1>
<form method="post" class="narrow">
  {{ token() }}
  {{ field("username", "Username", form, errors, required="", autocomplete="username", autocapitalize="none") }}
  {{ field("password", "Password", form, errors, type="password", required="", autocomplete="current-password") }}
  <p class="actions"><button>Log in</button></p>
</form>
<p>No account yet? <a href="{{ url_for('auth.register_form', next=request.args.get('next')) }}">Register</a>.</p>
{% endblock %}
