{{ comment.author.username }} commented on “{{ post.title }}”:

{{ comment.text }}

{{ url_for("posts.show", id=post, _anchor="comments") }}
