<!doctype html>
<html lang="{{ get_locale() | string | replace("_", "-") }}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>{% block title %}Marginalia{% endblock %}</title>
</head>
<body style="margin: 0; padding: 24px; background: #faf8f3; color: #22201c; font: 17px/1.5 Georgia, serif">
  <div style="max-width: 34em; margin: 0 auto">
    {% block main %}{% endblock %}
  </div>
</body>
</html>
