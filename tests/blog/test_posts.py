"""Posts: written, read, changed and deleted, in pages and by tags, with comments."""

import time

import pytest
from bson import ObjectId

import quorum

UNKNOWN = "0123456789abcdef01234567"


def test_a_new_blog_says_that_it_is_empty(visitor):
    answer = visitor.get("/")
    assert answer.status_code == 200
    assert "Nobody has written anything yet." in answer.text


def test_a_post_is_published_and_read(ada, visitor):
    path = ada.write("On cats", "They sleep.\r\n\r\nThey eat.\r\nA lot.", "Cats, naps cats")
    assert "Your post is published." in ada.get(path).text
    page = visitor.get(path).text
    assert "<h1>On cats</h1>" in page
    assert "<p>They sleep.</p>" in page
    assert "<p>They eat.\r\nA lot.</p>" in page
    assert '<span class="author">ada</span>' in page
    assert page.count('href="/tags/cats"') == page.count('href="/tags/naps"') == 1


def test_a_flash_message_is_said_once(ada):
    path = ada.write()
    assert "Your post is published." in ada.get(path).text
    assert "Your post is published." not in ada.get(path).text


def test_what_was_written_is_shown_as_text(ada, visitor):
    script = "<script>alert('&')</script>"
    path = ada.write(script, script)
    ada.post(f"{path}/comments", {"text": script})
    for where in ("/", path):
        page = visitor.get(where).text
        assert "<script" not in page
        assert "&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;" in page
    assert "<script>" not in ada.get(f"{path}/update").text


def test_the_problems_of_each_field_are_told_together_and_the_text_is_kept(ada):
    form = {"title": "x" * 121, "body": "</textarea>My text", "tags": "fine not/fine"}
    answer = ada.post("/create", form)
    assert answer.status_code == 422
    assert "Longer than maximum length 120." in answer.text
    assert "Not a tag: not/fine." in answer.text
    assert "x" * 121 in answer.text
    assert "&lt;/textarea&gt;My text</textarea>" in answer.text
    assert 'value="fine not/fine"' in answer.text
    assert answer.text.count('aria-invalid="true"') == 2


@pytest.mark.parametrize(
    "form", [{}, {"title": "a"}, {"body": "b"}, {"title": "  ", "body": "b"}, {"title": "a", "body": "\r\n"}]
)
def test_a_post_has_a_title_and_a_text(ada, visitor, form):
    answer = ada.post("/create", form)
    assert answer.status_code == 422
    assert "Please write something here." in answer.text
    assert "Nobody has written anything yet." in visitor.get("/").text


@pytest.mark.parametrize(
    ("tags", "problem"),
    [
        ("a b c d e f g h i", "Longer than maximum length 8."),
        ("x" * 31, "Not a tag"),
        (".", "Not a tag"),
        ("..", "Not a tag"),
        ("$gt", "Not a tag"),
        ("a\0b", "Not a tag"),
    ],
)
def test_tags_have_limits(ada, tags, problem):
    answer = ada.post("/create", {"title": "a", "body": "b", "tags": tags})
    assert answer.status_code == 422
    assert problem in answer.text


def test_its_author_changes_a_post(ada, visitor):
    path = ada.write("Before", "Old text", "one two")
    form = ada.get(f"{path}/update").text
    assert 'value="Before"' in form
    assert 'value="one, two"' in form
    answer = ada.post(f"{path}/update", {"title": "After", "body": "New text", "tags": "three"})
    assert answer.location == path
    page = visitor.get(path).text
    assert "<h1>After</h1>" in page
    assert "New text" in page
    assert "/tags/three" in page
    assert "/tags/one" not in page


def test_a_change_that_does_not_do_changes_nothing(ada, visitor):
    path = ada.write("Before")
    answer = ada.post(f"{path}/update", {"title": "", "body": "New text"})
    assert answer.status_code == 422
    assert "New text" in answer.text
    assert "<h1>Before</h1>" in visitor.get(path).text


def test_its_author_deletes_a_post(ada, visitor):
    path = ada.write()
    answer = ada.post(f"{path}/delete", follow_redirects=True)
    assert answer.request.path == "/"
    assert "Your post is deleted." in answer.text
    assert visitor.get(path).status_code == 404


def test_only_its_author_is_shown_how(ada, bob, visitor):
    path = ada.write()
    assert f"{path}/delete" in ada.get(path).text
    assert f"{path}/delete" not in bob.get(path).text
    assert f"{path}/delete" not in visitor.get(path).text


def test_anyone_else_may_not(ada, bob, visitor):
    path = ada.write("Mine")
    answers = [
        bob.get(f"{path}/update"),
        bob.post(f"{path}/update", {"title": "Bob's", "body": "b"}),
        bob.post(f"{path}/delete"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert all("<header" in answer.text for answer in answers)
    assert "<h1>Mine</h1>" in visitor.get(path).text


def test_who_is_not_logged_in_is_asked_to(ada, visitor):
    path = ada.write("Mine")
    assert visitor.get("/create").location == "/auth/login?next=/create"
    assert visitor.get(f"{path}/update").location == f"/auth/login?next={path}/update"
    for url in ("/create", f"{path}/update", f"{path}/delete", f"{path}/comments"):
        assert visitor.post(url, {"title": "a", "body": "b", "text": "c"}).location == "/auth/login"
    assert "<h1>Mine</h1>" in visitor.get(path).text


def test_deleting_takes_a_post_with_a_token(ada):
    path = ada.write()
    assert ada.get(f"{path}/delete").status_code == 405
    assert ada.client.post(f"{path}/delete").status_code == 400
    assert ada.get(path).status_code == 200


@pytest.mark.parametrize("id", [UNKNOWN, "1", UNKNOWN[:-1], UNKNOWN + "0", "z" * 24, "../../etc/passwd", "%00"])
def test_an_unknown_or_malformed_id_is_a_404(ada, id):
    answers = [ada.get(f"/{id}"), ada.get(f"/{id}/update")]
    form = {"text": "a", "title": "a", "body": "b"}
    answers += [ada.post(f"/{id}/{verb}", form) for verb in ("update", "delete", "comments")]
    assert [answer.status_code for answer in answers] == [404] * 5


def test_the_list_has_pages_newest_first(ada, visitor):
    for number in range(1, 13):
        ada.write(f"Post {number:02}", tags="odd" if number % 2 else "even")

    def titles(path):
        return [number for number in range(1, 13) if f"Post {number:02}<" in visitor.get(path).text]

    assert titles("/") == titles("/?page=1") == [8, 9, 10, 11, 12]
    assert visitor.get("/").text.index("Post 12") < visitor.get("/").text.index("Post 11")
    assert titles("/?page=2") == [3, 4, 5, 6, 7]
    assert titles("/?page=3") == [1, 2]
    assert titles("/tags/odd?page=2") == [1]
    assert 'href="/?page=1"' in visitor.get("/?page=2").text
    assert 'href="/?page=3"' in visitor.get("/?page=2").text
    assert 'href="/tags/odd?page=2"' in visitor.get("/tags/odd").text
    assert visitor.get("/?page=4").status_code == 404


@pytest.mark.promise("I2")
@pytest.mark.parametrize("page", ["0", "-1", "x", "", "1.0", "٢", "99999999999999", "1 ", "{}"])
def test_a_page_that_is_no_number_is_the_visitors_mistake(ada, visitor, page):
    ada.write()
    answer = visitor.get("/", query_string={"page": page})
    assert answer.status_code == 422
    assert "<header" in answer.text


@pytest.mark.parametrize("tag", ["c++", "c#", "node.js", "açaí", "日本", "a-b_c"])
def test_each_tag_has_a_page(ada, visitor, tag):
    path = ada.write("Tagged", tags=tag)
    ada.write("Other")
    link = next(part for part in visitor.get(path).text.split('"') if part.startswith("/tags/"))
    answer = visitor.get(link)
    assert answer.status_code == 200
    assert "Tagged</a>" in answer.text
    assert "Other</a>" not in answer.text


@pytest.mark.parametrize("tag", ["none", "$gt", "%00", "%ff", "a/b", "..", "[$ne]=1"])
def test_a_tag_without_posts_is_a_404(ada, visitor, tag):
    ada.write(tags="some")
    assert visitor.get(f"/tags/{tag}").status_code == 404


def test_readers_comment(ada, bob, visitor):
    path = ada.write()
    assert "No comments yet" in visitor.get(path).text
    answer = bob.post(f"{path}/comments", {"text": " I disagree.\r\nStrongly. "})
    assert answer.location == f"{path}#comments"
    ada.post(f"{path}/comments", {"text": "Good."})
    page = visitor.get(path).text
    assert page.index('<p class="text">I disagree.\r\nStrongly.</p>') < page.index('<p class="text">Good.</p>')
    assert '<span class="author">bob</span>' in page
    assert "2 comments" in visitor.get("/").text
    assert f"/auth/login?next={path}" in page


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Please write something here."),
        ("  ", "Please write something here."),
        ("x" * 2001, "Longer than maximum length 2000."),
    ],
)
def test_a_comment_has_limits_and_is_kept(ada, text, problem):
    path = ada.write()
    answer = ada.post(f"{path}/comments", {"text": text})
    assert answer.status_code == 422
    assert problem in answer.text
    assert f"{text}</textarea>" in answer.text
    assert "No comments yet" in ada.get(path).text


def test_a_post_has_a_greatest_number_of_comments(ada):
    from blog.models import Author, Comment, Post

    path = ada.write()
    post = Post.get(path.strip("/"))
    post.comments = [Comment(text="a", author=Author.get(username="ada"))] * 500
    post.save()
    answer = ada.post(f"{path}/comments", {"text": "One too many"})
    assert answer.status_code == 422
    assert "Longer than maximum length 500." in answer.text
    assert "One too many</textarea>" in answer.text


@pytest.mark.promise("I3")
@pytest.mark.parametrize("name", ["author", "comments", "id", "_id", "created_at"])
def test_a_form_writes_what_it_may_and_nothing_else(ada, bob, visitor, name):
    from blog.models import Author, Post

    value = {"author": str(Author.get(username="bob").id), "id": UNKNOWN, "_id": UNKNOWN}.get(name, "2000-01-01")
    path = ada.write("Before")
    for url in ("/create", f"{path}/update"):
        ada.post(url, {"title": "After", "body": "b", name: value})
    for post in Post.find():
        assert post.author.username == "ada"
        assert post.comments == []
        assert post.id != ObjectId(UNKNOWN)
        assert post.created_at.year > 2000


@pytest.mark.promise("I3")
@pytest.mark.parametrize("name", ["author", "created_at", "_id"])
def test_a_comment_is_its_writers_whatever_the_form_says(ada, bob, name):
    from blog.models import Author, Post

    path = ada.write()
    value = {"author": str(Author.get(username="ada").id), "created_at": "2000-01-01"}.get(name, UNKNOWN)
    bob.post(f"{path}/comments", {"text": "Mine", name: value})
    for comment in Post.get(path.strip("/")).comments:
        assert comment.author.username == "bob"
        assert comment.created_at.year > 2000


def test_a_comment_without_its_text_is_told_so(ada):
    path = ada.write()
    answer = ada.post(f"{path}/comments")
    assert answer.status_code == 422
    assert "Please write something here." in answer.text


@pytest.mark.parametrize("where", ["/create", "{post}/update", "{post}/comments"])
def test_what_is_wrong_with_no_input_is_told_above_the_form(ada, where):
    path = ada.write("Before")
    form = {"title": "After", "body": "b", "text": "t", "_id": UNKNOWN}
    answer = ada.post(where.format(post=path), form)
    assert answer.status_code == 422
    assert 0 < answer.text.find("_id: Read-only field.") < answer.text.rfind("<form")
    assert 'role="alert"' in answer.text


def test_a_forged_author_is_told(ada):
    answer = ada.post(f"{ada.write()}/update", {"title": "a", "body": "b", "author": UNKNOWN})
    assert answer.status_code == 422
    assert "author: Read-only field." in answer.text


@pytest.mark.parametrize(
    ("body", "paragraphs"),
    [
        ("a", ["a"]),
        ("a\nb", ["a\nb"]),
        ("a\r\nb\r\n\r\nc", ["a\r\nb", "c"]),
        ("a \n \t\n\n  b\n", ["a", "b"]),
        ("\n\n a\n\n", ["a"]),
        (" \n", []),
    ],
)
def test_an_empty_line_starts_a_paragraph(app, body, paragraphs):
    from blog.models import Post

    assert Post(title="a", body=body).paragraphs == paragraphs


@pytest.mark.parametrize("gap", [" " * 9_990 + "\n" + " " * 9_990, "\n" * 19_990, "\n " * 9_990, "\r" * 19_990])
def test_paragraphs_are_found_in_linear_time(app, gap):
    from blog.models import Post

    post = Post(title="a", body=f"a{gap}b")
    began = time.process_time()
    assert post.paragraphs[0].startswith("a")
    assert time.process_time() - began < 0.1


def test_two_changes_at_one_moment_are_a_conflict_and_the_text_is_kept(ada, visitor, monkeypatch):
    from blog import posts
    from blog.models import Post

    path = ada.write("Before")
    read_post = posts.read_post

    def read_while_another_saves():
        Post.get(ObjectId(path.strip("/"))).apply({"title": "The other's"}).save()
        return read_post()

    monkeypatch.setattr(posts, "read_post", read_while_another_saves)
    answer = ada.post(f"{path}/update", {"title": "Mine", "body": "My long text", "tags": "kept"})
    assert answer.status_code == 409
    assert "This post was changed while you were saving it." in answer.text
    assert "My long text</textarea>" in answer.text
    assert 'value="Mine"' in answer.text
    assert 'value="kept"' in answer.text
    assert "<h1>The other&#39;s</h1>" in visitor.get(path).text
    monkeypatch.undo()
    assert ada.post(f"{path}/update", {"title": "Mine", "body": "My long text"}).location == path


def test_a_comment_does_not_get_in_the_way_of_the_next_change(ada, bob, visitor):
    path = ada.write("Before")
    ada.get(f"{path}/update")
    bob.post(f"{path}/comments", {"text": "First!"})
    assert ada.post(f"{path}/update", {"title": "After", "body": "b"}).location == path
    assert "First!" in visitor.get(path).text


def test_errors_are_shown_in_the_look_of_the_site(app, visitor):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/broken", view_func=lambda: 1 / 0)
    for path, code in (("/nothing", 404), ("/broken", 500)):
        answer = visitor.get(path)
        assert answer.status_code == code
        assert "<header" in answer.text
        assert "division" not in answer.text


def test_a_request_has_a_greatest_size(ada):
    answer = ada.post("/auth/login", {"username": "a", "password": "x" * 300_000})
    assert answer.status_code == 413
    assert "<header" in answer.text


def test_a_database_that_is_gone_is_a_503_in_the_look_of_the_site(app, ada, monkeypatch):
    from blog.models import Author

    def gone(*filters, **equals):
        raise quorum.OperationalError("mongodb://secret-host does not answer")

    monkeypatch.setattr(Author, "first", gone)
    answer = ada.get("/")
    assert answer.status_code == 503
    assert "<header" in answer.text
    assert "secret-host" not in answer.text


def test_errors_keep_the_headers_that_explain_them(app, ada, monkeypatch):
    from blog.models import Author

    def gone(*filters, **equals):
        raise quorum.OperationalError("no answer")

    assert "POST" in ada.get("/auth/logout").headers["Allow"]
    monkeypatch.setattr(Author, "first", gone)
    assert int(ada.get("/").headers["Retry-After"]) > 0


def test_pages_of_who_is_logged_in_are_kept_by_no_cache(ada, visitor):
    path = ada.write()
    for where in ("/", path, "/create", f"{path}/update", "/nothing", "/auth/login"):
        assert ada.get(where).headers["Cache-Control"] == "no-store"
    assert "no-store" not in visitor.get(path).headers.get("Cache-Control", "")
    with ada.get("/static/style.css") as style:
        assert style.headers["Cache-Control"] != "no-store"
        assert "Cookie" not in style.headers.get("Vary", "")


def test_pages_tell_browsers_what_they_never_do(visitor):
    headers = visitor.get("/").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "http:" not in visitor.get("/").text
    assert "https:" not in visitor.get("/").text
    with visitor.get("/static/style.css") as style:
        assert "url(" not in style.text
