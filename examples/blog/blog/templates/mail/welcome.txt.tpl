Hello {{ author.username }},

welcome to Marginalia. Your first post starts here:

{{ url_for("posts.create_form") }}

You get a mail when somebody comments on a post of yours.
