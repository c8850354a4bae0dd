{{ _("%(name)s commented on “%(title)s”", name=comment.author.username, title=post.title) }}:

{{ comment.text }}

{{ url_for("posts.show", id=post, _anchor="comments") }}
