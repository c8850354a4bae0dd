"""Hostile input through every form and every query string: never a 5xx, never an operator (I1 to I5)."""

import io
import itertools
import json

import pytest

import quorum

UNKNOWN = "0123456789abcdef01234567"

#: The only script that pages have, of the forms with files.
UPLOAD = '<script src="/static/upload.js" defer></script>'

# As the wire has them, so that what is no text in Python can be sent too.
VALUES = [
    b"",
    b"%00",
    b"a%00b",
    b"%ff%fe",
    b"%ed%a0%80",
    b"%f0%9f%92%a9" * 50,
    b"x" * 100_000,
    b"%e2%80%ae%e2%80%8b%cc%81",
    b"%7B%22%24gt%22%3A%22%22%7D",
    b"%24where",
    b"%24%7B7*7%7D%7B%7B7*7%7D%7B%25%25%7D",
    b"..%2f..%2fetc%2fpasswd",
    b"%27%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    b"%d9%a1%d9%a0",
    b"99999999999999",
    b"-1",
    b"NaN",
]

NAMES = [
    b"%s",
    b"%s[$ne]",
    b"%s[$gt][]",
    b"%s.0",
    b"$%s",
    b"%s%%00",
    b"%s[]",
]

FORMS = {
    "/auth/register": (b"username", b"password"),
    "/auth/login": (b"username", b"password"),
    "/auth/logout": (),
    "/create": (b"title", b"body", b"tags", b"author", b"comments", b"_id", b"_revision"),
    "{post}/update": (b"title", b"body", b"tags", b"author", b"created_at"),
    "{post}/comments": (b"text", b"author", b"created_at"),
    f"/{UNKNOWN}/delete": (),
    f"/{UNKNOWN}/update": (b"title",),
}

BODIES = [
    ("application/json", b'{"title": {"$gt": ""}, "body": {"$ne": null}}'),
    ("application/json", b'{"username": {"$gt": ""}, "password": {"$gt": ""}}'),
    ("application/json", b'{"username": "\\ud800", "password": "\\ud800"}'),
    ("application/json", b"[" * 100_000),
    ("text/plain", b"title=a&body=b"),
    ("application/x-www-form-urlencoded", b"&" * 5000),
    ("application/x-www-form-urlencoded; charset=bogus", b"title=%ff&body=%ff&username=%ff&password=%ff"),
    ("multipart/form-data; boundary=x", b"nonsense"),
    ("multipart/form-data; boundary=x", b"--x\r\n" * 3000),
    ("multipart/form-data", b"title"),
]

#: What is not the form of a post, whatever it says of itself.
NO_FORMS = [(kind, body) for kind, body in BODIES if b"title=%" not in body] + [(None, b"")]

#: The operators that quorum and pymongo themselves send for the pages of the blog.
OWN = {
    "$db",
    "$set",
    "$push",
    "$inc",
    "$in",
    "$exists",
    "$each",
    "$match",
    "$group",
    "$sum",
    "$skip",
    "$limit",
    "$and",
    "$eq",
}
OWN |= {"$readPreference", "$clusterTime"}


def keys(value):
    """Give every key at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from keys(inner)


def assert_nothing_of_theirs_was_sent(commands):
    sent = list(itertools.chain.from_iterable(keys(command) for command in commands.all))
    assert {key for key in sent if "$" in key} <= OWN
    assert not any("\0" in key or "[" in key for key in sent)


@pytest.fixture
def post(ada):
    return ada.write("Ada's", "Her text", "maths")


def bodies(token, names):
    """Give a form for each value in each input, and for each odd way to write its name."""
    base = b"csrf_token=" + token.encode()
    yield base
    for name in names:
        rest = b"".join(b"&%s=some+fine+text" % other for other in names if other != name)
        for value in VALUES:
            yield base + rest + b"&" + name + b"=" + value
        for form in NAMES:
            yield base + rest + b"&" + (form % name) + b"=some&" + (form % name) + b"=more"


@pytest.mark.promise("I1", "I5")
@pytest.mark.parametrize("path", FORMS)
def test_no_form_breaks_the_blog(ada, post, path, commands):
    url = path.format(post=post)
    with ada.client.session_transaction() as session:
        kept = dict(session)
    for body in bodies(ada.token(), FORMS[path]):
        answer = ada.client.post(url, data=body, content_type="application/x-www-form-urlencoded")
        assert answer.status_code < 500, body[:300]
        assert "<script" not in answer.text.replace(UPLOAD, "")
        if path in ("/auth/register", "/auth/logout"):
            with ada.client.session_transaction() as session:
                session.clear()
                session.update(kept)
    assert_nothing_of_theirs_was_sent(commands)
    assert ada.get(post).status_code == 200


@pytest.mark.promise("I1", "I5")
@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(("kind", "body"), BODIES, ids=range(len(BODIES)))
def test_no_body_breaks_the_blog(ada, post, path, kind, body, commands):
    headers = {"X-CSRFToken": ada.token()}
    answer = ada.client.post(path.format(post=post), data=body, content_type=kind, headers=headers)
    assert answer.status_code < 500
    assert_nothing_of_theirs_was_sent(commands)


@pytest.mark.promise("I1")
def test_a_json_body_is_no_form(ada, visitor):
    for form in ({"title": {"$gt": ""}, "body": "b"}, {"title": "a", "body": "b"}):
        answer = ada.client.post("/create", json=form, headers={"X-CSRFToken": ada.token()})
        assert answer.status_code == 415
        assert "<header" in answer.text
    credentials = {"username": {"$gt": ""}, "password": {"$gt": ""}}
    assert visitor.client.post("/auth/login", json=credentials).status_code == 400
    headers = {"X-CSRFToken": visitor.token()}
    assert visitor.client.post("/auth/login", json=credentials, headers=headers).status_code == 415
    assert "Nobody has written anything yet." in visitor.get("/").text


@pytest.mark.promise("I1", "I5")
@pytest.mark.parametrize(("kind", "body"), NO_FORMS, ids=range(len(NO_FORMS)))
def test_what_is_not_the_form_changes_no_post(ada, post, kind, body):
    from blog.models import Post

    before = Post.get(post.strip("/")).dump()
    headers = {"X-CSRFToken": ada.token()}
    answer = ada.client.post(f"{post}/update", data=body, content_type=kind, headers=headers)
    is_form = kind is not None and "form" in kind
    assert answer.status_code in ((413, 422) if is_form else (415,))
    assert Post.get(post.strip("/")).dump() == before


@pytest.mark.promise("I5")
@pytest.mark.parametrize("host", ["a" * 64, "a..b", ".a", "a" * 64 + ":80"])
def test_a_host_that_is_no_name_is_the_clients_mistake(ada, host, monkeypatch):
    from blog.models import Author

    for path in ("/", "/create", "/auth/login", f"/{UNKNOWN}", "/static/style.css", "/nothing"):
        for answer in (ada.get(path, headers={"Host": host}), ada.post(path, headers={"Host": host})):
            assert answer.status_code == 400
            assert "Content-Security-Policy" in answer.headers

    def gone(*filters, **equals):
        raise quorum.OperationalError("no answer")

    monkeypatch.setattr(Author, "first", gone)
    assert ada.get("/", headers={"Host": host}).status_code in (400, 503)


@pytest.mark.promise("I1", "I5")
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_no_query_string_or_path_breaks_the_blog(ada, post, value, commands):
    value = value.decode()
    names = ("page", "next", "page[$gt]", "$where")
    paths = [f"{place}?{name}={value}" for place in ("/", "/tags/maths", "/auth/login", post) for name in names]
    paths += [f"/tags/{value}", f"/{value}", f"/{value}/update", f"/static/{value}", f"{post}/{value}"]
    for path in paths:
        answer = ada.get(path)
        assert answer.status_code < 500, path[:300]
        assert "<script" not in answer.text.replace(UPLOAD, "")
    assert_nothing_of_theirs_was_sent(commands)


def test_an_upload_in_place_of_text_is_no_text(ada):
    files = {"title": (io.BytesIO(b"\xff\x00"), "../../x"), "body": (io.BytesIO(b"x"), "\0")}
    assert ada.post("/create", files, content_type="multipart/form-data").status_code == 422


@pytest.mark.promise("I5")
def test_text_of_a_multipart_form_may_be_any_bytes(ada):
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    fields = {b"csrf_token": ada.token().encode(), b"title": b"\xff\x00\xed\xa0\x80", b"body": b"\xed\xa0\x80"}
    body = b"".join(part % item for item in fields.items()) + b"--x--\r\n"
    answer = ada.client.post("/create", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code in (302, 422)


@pytest.mark.parametrize("value", ["a.b.c", "\xff", "a" * 4000, "eyJhdXRob3IiOnsiJGd0IjoiIn19"])
def test_a_forged_cookie_is_nobodys(ada, visitor, value, commands):
    commands.clear()
    answer = visitor.client.get("/create", headers={"Cookie": f"session={value}"})
    assert answer.status_code == 302
    assert json.dumps(commands.all, default=str).count("$gt") == 0
