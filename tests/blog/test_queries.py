"""What the pages send to the database."""

import pytest


@pytest.fixture
def posts(server_app):
    """Twelve posts by three authors, with comments by all of them."""
    from blog.models import Author, Comment, Post

    authors = [Author.register(name, "correct horse") for name in ("ada", "bob", "eve")]
    comments = [Comment(text="Hm.", author=author) for author in authors]
    return [
        Post(title=f"Post {n}", body="b", author=authors[n % 3], tags=["a", "b"], comments=comments).save()
        for n in range(12)
    ]


@pytest.fixture
def client(server_app):
    return server_app.test_client()


@pytest.mark.parametrize("path", ["/", "/?page=2", "/tags/a"])
def test_a_page_of_posts_is_two_queries_and_a_count(posts, client, commands, path):
    commands.clear()
    assert client.get(path).text.count('class="author"') == 5
    assert [command.get("find", command.get("aggregate")) for command in commands.all] == ["posts", "posts", "authors"]
    assert commands.names == ["aggregate", "find", "find"]


def test_one_post_with_its_comments_is_three_queries(posts, client, commands):
    commands.clear()
    assert client.get(f"/{posts[0].id}").text.count('class="author"') == 4
    assert [command["find"] for command in commands.all] == ["posts", "authors", "authors"]


def test_who_is_logged_in_is_one_more(posts, client, commands):
    with client.session_transaction() as session:
        session["author"] = str(posts[0].author.id)
    commands.clear()
    client.get("/")
    assert commands.names == ["find", "aggregate", "find", "find"]
    commands.clear()
    client.get("/static/style.css").close()
    assert commands.names == []


def test_a_change_sends_what_changed(posts, server_app, commands):
    from blog.models import Post

    post = Post.get(posts[0].id)
    commands.clear()
    post.apply({"title": "Other", "body": "b"}).save()
    (update,) = commands.of("update")
    assert set(update["updates"][0]["u"]["$set"]) == {"title", "updated_at"}
