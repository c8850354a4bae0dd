{{ _("Hello %(name)s,", name=author.username) }}

{{ _("welcome to Marginalia. Your first post starts here:") }}

{{ url_for("posts.create_form") }}

{{ _("You get a mail when somebody comments on a post of yours.") }}
