"""Files over HTTP: responses, signed URLs, uploads that a browser sends directly, and what strangers try."""

import io
import json
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta

import flask
import pytest
import servers
from PIL import Image
from werkzeug.datastructures import CombinedMultiDict

import quorum
from quorum import errors, runtime
from quorum.models import orphans, thumbnails, uploads

DATA = bytes(range(256)) * 40
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"


class Post(quorum.Model):
    cover: quorum.File | None = quorum.file(default=None, max_size="100kB")
    picture: quorum.File | None = quorum.file(
        default=None,
        content_types=["image/*"],
        max_size="1MB",
        image={"max_width": 100, "thumbnails": {"small": (20, 20)}},
    )
    attachments: list[quorum.File] = quorum.file(default=[], extensions=[".txt", ".pdf"])


def image(size=(60, 30), form="PNG", **options):
    stream = io.BytesIO()
    Image.new("RGB", size, "red").save(stream, form, **options)
    return stream.getvalue()


@pytest.fixture
def client(load_files):
    load_files(Post)
    app = quorum.APP

    @app.get("/<object_id:id>/<name>")
    def show(id, name):
        return getattr(Post.get(id), name).response(download="download" in flask.request.args)

    @app.get("/<object_id:id>/url")
    def url(id):
        return Post.get(id).cover.url(download="download" in flask.request.args)

    @app.post("/")
    def create():
        form = flask.request.form.copy()
        form.update(flask.request.files)
        return str(Post.new(form).save().id)

    return app.test_client()


def fetch(client, url):
    """Get a URL of the app or of S3: status, headers, body."""
    if url.startswith("/"):
        answer = client.get(url)
        return answer.status_code, answer.headers, answer.data
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_a_response_has_ranges_etag_conditions_and_a_name(client):
    post = Post(cover=quorum.File(DATA, name="Übersicht €.bin")).save()
    answer = client.get(f"/{post.id}/cover")
    assert (answer.status_code, answer.data) == (200, DATA)
    assert answer.headers["Content-Length"] == str(len(DATA))
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"Ubersicht .bin\"; filename*=UTF-8''%C3%9Cbersicht%20%E2%82%AC.bin"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    etag = answer.headers["ETag"]
    assert etag == f'"{post.cover.sha256}"'
    part = client.get(f"/{post.id}/cover", headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.data) == (206, DATA[100:300])
    assert part.headers["Content-Range"] == f"bytes 100-299/{len(DATA)}"
    assert client.get(f"/{post.id}/cover", headers={"Range": "bytes=-5"}).data == DATA[-5:]
    assert client.get(f"/{post.id}/cover", headers={"Range": "bytes=99999-"}).status_code == 416
    known = client.get(f"/{post.id}/cover", headers={"If-None-Match": etag})
    assert (known.status_code, known.data) == (304, b"")
    assert (
        client.get(f"/{post.id}/cover", headers={"If-Modified-Since": answer.headers["Last-Modified"]}).status_code
        == 304
    )
    changed = client.get(f"/{post.id}/cover", headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (changed.status_code, len(changed.data)) == (200, len(DATA))
    head = client.head(f"/{post.id}/cover")
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(DATA)))


def test_a_response_for_a_file_that_is_gone_is_404(client):
    post = Post(cover=DATA).save()
    post.cover.storage.delete([post.cover.key])
    assert client.get(f"/{post.id}/cover").status_code == 404


def test_a_url_serves_the_file_for_a_while(client):
    post = Post(cover=quorum.File(DATA, name="a b.bin")).save()
    url = client.get(f"/{post.id}/url?download").text
    status, headers, body = fetch(client, url)
    assert (status, body) == (200, DATA)
    if url.startswith("/"):
        assert headers["Content-Disposition"] == 'attachment; filename="a b.bin"'
        assert fetch(client, url[:-3] + "AAA")[0] == 404


def test_a_url_of_the_app_ends(client, monkeypatch):
    post = Post(cover=DATA).save()
    url = client.get(f"/{post.id}/url").text
    if not url.startswith("/"):
        assert "X-Amz-Expires=300" in url
        return
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 301)
    assert client.get(url).status_code == 403


def test_outside_of_a_request_the_app_is_found_by_base_url(load_files, monkeypatch):
    monkeypatch.setenv("BASE_URL", "https://blog.example/")
    load_files(Post)
    url = Post(cover=DATA).save().cover.url()
    parts = urllib.parse.urlsplit(url)
    if "X-Amz-Signature" not in url:
        assert url.startswith("https://blog.example/_quorum/files/")
        assert quorum.APP.test_client().get(parts.path).data == DATA
    else:
        assert fetch(None, url)[2] == DATA


def test_without_base_url_a_url_outside_of_a_request_is_an_error(load_files):
    load_files(Post)
    file = Post(cover=DATA).save().cover
    if runtime.current().settings.get("AMAZON_ID") is None:
        with pytest.raises(errors.ConfigurationError, match="Set BASE_URL"):
            file.url()


@pytest.mark.parametrize("load_files", servers.SIGNED, indirect=True)
def test_a_presigned_url_that_was_tampered_with_or_is_too_old_is_refused(load_files):
    load_files(Post)
    file = Post(cover=DATA).save().cover
    url = file.url()
    assert fetch(None, url)[0] == 200
    assert fetch(None, url.replace("X-Amz-Expires=300", "X-Amz-Expires=301"))[0] == 403
    assert fetch(None, url.replace(file.key, file.key[:-1]))[0] == 403
    short = file.url(expires=1)
    limit = time.monotonic() + 20
    while fetch(None, short)[0] == 200:
        assert time.monotonic() < limit


def test_a_part_of_the_variables_is_told_when_an_app_with_files_is_loaded(monkeypatch, load, mock_url):
    monkeypatch.setenv("AMAZON_BUCKET", "some-bucket")
    with pytest.raises(errors.ConfigurationError, match="AMAZON_BUCKET is set, and AMAZON_ID and AMAZON_SECRET is not"):
        load(mock_url, Post)


# Hostile uploads.

NAMES = [
    ("../../etc/passwd", "passwd"),
    ("..\\..\\x.txt", "x.txt"),
    ("a\0b.txt", "ab.txt"),
    ("\u202egpj.exe", "gpj.exe"),
    ("a\r\nSet-Cookie: x=1.txt", "aSet-Cookie x=1.txt".replace("Cookie ", "Cookie: ")),
    ("..", "file"),
    ("", "file"),
    ("a" * 5000 + ".txt", "a" * 196 + ".txt"),
    ("é" * 5000 + ".pdf", "é" * 98 + ".pdf"),
    ("\u200b\u2066hidden\u2069.txt", "hidden.txt"),
    ('q"uote;x.txt', 'q"uote;x.txt'),
]


@pytest.mark.promise("U3")
@pytest.mark.parametrize(("name", "kept"), NAMES, ids=lambda value: ascii(value)[:30])
def test_a_name_is_cleaned_and_is_safe_in_headers(load, mock_url, name, kept):
    load(mock_url, Post, SECRET_KEY="a key")
    post = Post(cover=quorum.File(b"text", name=name)).save()
    assert post.cover.name == kept
    assert name not in post.cover.key or not name
    with quorum.APP.test_request_context():
        disposition = post.cover.response(download=True).headers["Content-Disposition"]
    assert disposition.isascii()
    assert disposition.startswith('attachment; filename="')
    assert disposition.count('"') == 2
    assert not set(disposition) & set("\r\n\0")


REFUSED = [
    ("picture", "cat.png", SVG, "Must be one of: image/*; it is image/svg+xml."),
    ("picture", "cat.png", HTML, "Must be one of: image/*; it is text/html."),
    ("picture", "cat.png", b"  \n" + HTML, "Must be one of: image/*; it is text/html."),
    ("picture", "cat.png", b"no image", "Must be one of: image/*; it is text/plain."),
    ("picture", "cat.png", image()[:60], "The image is damaged."),
    ("picture", "cat.png", image((300, 300), "BMP"), "Must be one of: image/*; it is image/bmp."),
    ("picture", "cat.gif", b"GIF89a\xff<script>alert(1)</script>", "Not an image that can be read."),
    ("picture", "cat.jpg", image((400, 400), "JPEG")[:-200], "The image is damaged."),
    ("cover", "a.bin", b"x" * 100_001, "Larger than 100 kB."),
    ("attachments", "a.exe", b"MZ", {0: ["Its name must end with one of: .txt, .pdf."]}),
    ("attachments", "pdf", b"MZ", {0: ["Its name must end with one of: .txt, .pdf."]}),
]


@pytest.mark.promise("U2")
@pytest.mark.parametrize(("field", "name", "data", "problem"), REFUSED, ids=lambda value: str(value)[:20])
def test_a_hostile_upload_is_refused_on_its_field_and_nothing_is_stored(load, mock_url, field, name, data, problem):
    load(mock_url, Post)
    app = quorum.APP

    @app.post("/")
    def create():
        form = flask.request.form.copy()
        form.update(flask.request.files)
        return str(Post.new(form).save().id)

    answer = app.test_client().post(
        "/",
        data={field: (io.BytesIO(data), name, "image/png")},
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 422
    found = answer.json["error"]["messages"][field]
    assert found == (json.loads(json.dumps(problem)) if isinstance(problem, dict) else [problem])
    assert not Post.exists()
    assert list(quorum.storage.default().entries("")) == []


@pytest.mark.promise("U2")
@pytest.mark.parametrize("join", [True, False])
def test_a_form_with_text_and_a_file_is_told_all_that_is_wrong_at_once(load_files, join):
    class Note(quorum.Model):
        title: str = quorum.field(min_length=1)
        cover: quorum.File | None = quorum.file(default=None, max_size="100kB")

    storage = load_files(Note)

    @quorum.APP.post("/")
    def create():
        if join:
            return str(Note.new(CombinedMultiDict([flask.request.form, flask.request.files])).save().id)
        return str(Note.new(flask.request.form, cover=flask.request.files.get("cover")).save().id)

    client = quorum.APP.test_client()
    wrong = {"title": "", "cover": (io.BytesIO(b"x" * 100_001), "a.bin")}
    answer = client.post("/", data=wrong, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json["error"]["messages"]) == (
        422, {"title": ["Shorter than minimum length 1."], "cover": ["Larger than 100 kB."]},
    )  # fmt: skip
    assert (Note.count(), list(storage.entries(""))) == (0, [])
    right = {"title": "a", "cover": (io.BytesIO(DATA), "a.bin")}
    assert client.post("/", data=right).status_code == 200
    assert Note.first().cover.read() == DATA
    assert client.post("/", data={"title": "b", "cover": (io.BytesIO(), "")}).status_code == 200
    assert Note.first(title="b").cover is None


def bomb(width, height):
    """A PNG of a few bytes that says it is very large."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.promise("U2")
@pytest.mark.parametrize("size", [(50_000, 50_000), (10_000, 9_000), (100_000, 600)])
def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(load, mock_url, size):
    load(mock_url, Post)
    with pytest.raises(errors.ValidationError) as caught:
        Post(picture=bomb(*size)).save()
    assert "more than" in caught.value.messages["picture"][0]


@pytest.mark.promise("U4")
@pytest.mark.parametrize("data", [SVG, HTML, b"<script>alert(1)</script>", b"<x:svg onload=alert(1)>", b"alert(1)"])
@pytest.mark.parametrize("name", ["page.html", "page.svg", "page.js", "page.txt"])
def test_nothing_is_served_as_a_page_of_the_app(load, mock_url, data, name):
    load(mock_url, Post, SECRET_KEY="a key")
    post = Post(cover=quorum.File(data, name=name)).save()
    with quorum.APP.test_request_context():
        url = post.cover.url()
    answer = quorum.APP.test_client().get(url)
    assert answer.mimetype in ("application/octet-stream", "text/plain")
    assert answer.mimetype == "application/octet-stream" or data == b"alert(1)"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    if answer.mimetype != "text/plain":
        assert answer.headers["Content-Disposition"].startswith("attachment")


def test_s3_is_told_the_safe_type_too(moto, bucket, load, mock_url):
    objects = bucket(moto)
    load(mock_url, Post)
    post = Post(cover=quorum.File(HTML, name="x.html")).save()
    found = objects.Object(post.cover.key).get()
    assert (found["ContentType"], found["ContentDisposition"]) == ("application/octet-stream", "attachment")
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(post.cover.url()).query)
    assert query["response-content-type"] == ["application/octet-stream"]
    assert query["response-content-disposition"] == ['attachment; filename="x.html"']


# Uploads that a browser sends to the storage itself.


def post_form(client, signed, data, **fields):
    """Send a file as a browser does with what presign() gave."""
    form = {**signed["fields"], **fields}
    if signed["url"].startswith("/"):
        return client.post(signed["url"], data={**form, "file": (io.BytesIO(data), "x")}).status_code
    import requests

    return requests.post(signed["url"], data=form, files={"file": data}, timeout=10).status_code


@pytest.fixture
def presign(client):
    with quorum.APP.test_request_context():
        yield lambda **options: Post.cover.presign("text/plain", **options)


@pytest.mark.promise("U6")
@pytest.mark.parametrize("load_files", servers.POSTED, indirect=True)
def test_a_browsers_own_upload_is_adopted_after_a_check(client, presign):
    signed = presign()
    assert post_form(client, signed, b"some text") == 204
    post = Post().save()
    post.cover = Post.cover.confirm(signed["key"], name="../notes.txt")
    post.save()
    assert (post.cover.name, post.cover.read(), post.cover.content_type) == ("notes.txt", b"some text", "text/plain")
    assert [entry.key for entry in post.cover.storage.entries("")] == [post.cover.key]
    with pytest.raises(errors.ValidationError, match="cover: The upload is not there"):
        Post.cover.confirm(signed["key"])


@pytest.mark.promise("U6")
@pytest.mark.parametrize("load_files", servers.POSTED, indirect=True)
def test_what_is_sent_after_the_check_changes_nothing(client, presign):
    signed = presign()
    post_form(client, signed, b"some text")
    file = Post.cover.confirm(signed["key"])
    assert post_form(client, signed, HTML) == 204
    post = Post(cover=file).save()
    assert (post.cover.read(), post.cover.content_type) == (b"some text", "text/plain")


@pytest.mark.promise("U6")
def test_the_key_of_another_file_is_no_upload(client):
    victim = Post(cover=b"private", picture=image()).save()
    keys = [
        victim.cover.key,
        victim.picture.key,
        "../../etc/passwd",
        "",
        None,
        victim.cover.key.replace("posts", "=incoming/posts"),
    ]
    for key in keys:
        with pytest.raises(
            errors.ValidationError, match=r"cover: (Not an upload to this field|The upload is not there)"
        ):
            Post.cover.confirm(key)


@pytest.mark.promise("U6")
def test_an_upload_that_does_not_fit_is_refused_and_removed(client):
    storage = quorum.storage.default()
    with quorum.APP.test_request_context():
        key = Post.picture.presign("image/png")["key"]
    storage.put(key, io.BytesIO(HTML), len(HTML), "image/png")
    with pytest.raises(errors.ValidationError, match="picture: Must be one of"):
        Post.picture.confirm(key)
    storage.put(key, io.BytesIO(b"x" * 1_000_001), 1_000_001, "image/png")
    with pytest.raises(errors.ValidationError, match="picture: Larger than 1 MB"):
        Post.picture.confirm(key)
    assert list(storage.entries("")) == []
    with pytest.raises(errors.ValidationError, match="picture: Must be one of: image/\\*"):
        Post.picture.presign("text/html")


@pytest.mark.promise("U6")
def test_the_policy_of_a_presigned_post_has_size_type_and_key(moto, bucket, load, mock_url, monkeypatch):
    import base64

    monkeypatch.setenv("AMAZON_PREFIX", "blog")
    objects = bucket(moto)
    load(mock_url, Post)
    signed = Post.cover.presign("text/plain", expires=60)
    policy = json.loads(base64.b64decode(signed["fields"]["policy"]))
    assert ["content-length-range", 1, 100_000] in policy["conditions"]
    assert {"Content-Type": "text/plain"} in policy["conditions"]
    assert {"Content-Disposition": "attachment"} in policy["conditions"]
    assert {"bucket": objects.name} in policy["conditions"]
    assert {"key": "blog/" + signed["key"]} in policy["conditions"]
    assert signed["fields"]["key"] == "blog/" + signed["key"]


@pytest.mark.promise("U6")
def test_the_app_holds_to_size_type_and_time_of_an_upload(load, mock_url, monkeypatch):
    load(mock_url, Post, SECRET_KEY="a key")
    client = quorum.APP.test_client()
    with quorum.APP.test_request_context():
        signed = Post.cover.presign("text/plain", expires=60)
    assert post_form(client, signed, b"x" * 100_001) == 413
    assert post_form(client, signed, b"x" * 300_000) == 413
    assert post_form(client, signed, b"") == 413
    assert post_form(client, signed, b"x", **{"Content-Type": "text/html"}) == 400
    assert client.post(signed["url"], data=signed["fields"]).status_code == 400
    assert post_form(client, {**signed, "url": signed["url"][:-3] + "AAA"}, b"x") == 404
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert post_form(client, signed, b"x") == 403
    assert list(quorum.storage.default().entries("")) == []


# The check.


def run_check(*options):
    return quorum.APP.test_cli_runner().invoke(args=["quorum", "files", "check", *options])


@pytest.mark.promise("U7")
def test_the_check_finds_and_repairs_what_lost_each_other(load_files):
    storage = load_files(Post, execution=False)
    post = Post(cover=b"1", picture=image(), attachments=[quorum.File(b"a", name="a.txt")]).save()
    assert len(list(storage.entries(""))) == 4
    clean = run_check("--older-than", "0")
    assert (clean.exit_code, clean.output.splitlines()) == (
        0, ["4 files are named, 0 of them are not there; 0 that nothing names are there; 0 lack thumbnails."],
    )  # fmt: skip
    lost = post.cover.key.rpartition("/")[0] + "/" + "0" * 32
    storage.put(lost, io.BytesIO(b"x"), 1, "text/plain")
    foreign = "other/things/0"
    storage.put(foreign, io.BytesIO(b"x"), 1, "text/plain")
    storage.delete([post.attachments[0].key])
    assert run_check().output.count(lost) == 0, "it is young, and may be on its way"
    found = run_check("--older-than", "0")
    assert found.exit_code == 1
    assert f"no document names    {lost}  1 bytes" in found.output
    assert f"is not there         {post.attachments[0].key}  of Post {post.id}, a.txt" in found.output
    assert foreign not in found.output
    assert lost in {entry.key for entry in storage.entries("")}
    run_check("--older-than", "0", "--repair")
    assert {entry.key for entry in storage.entries("")} == {
        foreign, post.cover.key, post.picture.key, post.picture.thumbnails["small"].key,
    }  # fmt: skip


@pytest.mark.promise("U7")
def test_with_zero_hours_the_check_trusts_no_clock(load, mock_url):
    load(mock_url, Post)
    storage = quorum.storage.default()
    soon = datetime.now(UTC) + timedelta(minutes=1)
    storage._objects[f"{uploads.prefix()}posts/cover/0"] = (b"x", soon)
    run_check("--repair")
    assert len(list(storage.entries(""))) == 1
    run_check("--older-than", "0", "--repair")
    assert list(storage.entries("")) == []


@pytest.mark.promise("U9")
def test_the_check_lists_and_makes_thumbnails_that_were_never_made(load, mock_url, monkeypatch):
    monkeypatch.setattr(quorum.web.files.Server, "begin_thumbnails", lambda *facts: None)
    load(mock_url, Post)
    post = Post(picture=image()).save()
    found = run_check("--older-than", "0")
    assert (found.exit_code, found.output.splitlines()[0]) == (
        1, f"has no thumbnails    {post.picture.key}  of Post {post.id}, picture",
    )  # fmt: skip
    repaired = run_check("--older-than", "0", "--repair")
    assert (repaired.exit_code, "; 1 got thumbnails." in repaired.output) == (0, True)
    assert Post.get(post.id).picture.thumbnail("small").width == 20
    assert run_check("--older-than", "0").exit_code == 0


@pytest.mark.promise("U9")
def test_the_check_tells_of_damaged_images_and_goes_on(load_files, monkeypatch):
    monkeypatch.setattr(quorum.web.files.Server, "begin_thumbnails", lambda *facts: None)
    storage = load_files(Post)
    bad, short, good = [Post(picture=image()).save() for _ in range(3)]
    data = good.picture.read()
    for post, damaged in ((bad, b"x" * len(data)), (short, data[:-20])):
        storage.put(post.picture.key, io.BytesIO(damaged), len(damaged), "image/png")
    repaired = run_check("--older-than", "0", "--repair")
    assert repaired.exit_code == 1
    assert [line for line in repaired.output.splitlines() if line.startswith("got no")] == [
        f"got no thumbnails    {post.picture.key}  of Post {post.id}, picture: {reason}"
        for post, reason in (
            (bad, "Not an image that can be read."),
            (short, f"It has {len(data) - 20} bytes in place of {len(data)}."),
        )
    ]
    assert "; 1 got thumbnails." in repaired.output
    assert Post.get(good.id).picture.thumbnail("small").width == 20


@pytest.mark.promise("U9")
def test_the_check_ends_where_nothing_answers_any_more(load, mock_url, monkeypatch):
    monkeypatch.setattr(quorum.web.files.Server, "begin_thumbnails", lambda *facts: None)
    load(mock_url, Post)
    posts = [Post(picture=image()).save() for _ in range(5)]
    found = orphans.check(timedelta(0))

    def refuse(key):
        raise errors.OperationalError("The storage does not answer.")

    monkeypatch.setattr(quorum.storage.default(), "head", refuse)
    with pytest.raises(errors.OperationalError, match="does not answer"):
        orphans.repair(found)
    assert [unmade.id for unmade, _ in found.failed] == [post.id for post in posts[:3]]


def test_a_thumbnail_is_not_taken_for_the_image_that_was_served_in_its_place(load, mock_url, monkeypatch):
    begun = []
    monkeypatch.setattr(quorum.web.files.Server, "begin_thumbnails", lambda self, *facts: begun.append(facts))
    load(mock_url, Post)
    post = Post(picture=image()).save()
    with quorum.APP.test_request_context():
        before = Post.get(post.id).picture.thumbnail("small").response()
    thumbnails.make(*begun[0])
    headers = {"If-None-Match": before.headers["ETag"], "If-Modified-Since": before.headers["Last-Modified"]}
    with quorum.APP.test_request_context(headers=headers):
        after = Post.get(post.id).picture.thumbnail("small").response()
    assert (after.status_code, after.mimetype) == (200, "image/webp")


@pytest.mark.promise("U7")
def test_the_check_removes_nothing_that_a_field_unknown_to_the_model_names(load, mock_url):
    load(mock_url, Post)
    post = Post(cover=b"1").save()
    Post.collection.update_one({"_id": post.id}, {"$rename": {"cover": "old_cover"}})
    assert orphans.check(timedelta(0)).unnamed == []
    Post.collection.update_one({"_id": post.id}, {"$unset": {"old_cover": 1}})
    assert [entry.key for _, entry in orphans.check(timedelta(0)).unnamed] == [post.cover.key]


@pytest.mark.promise("U7")
def test_the_check_finds_parts_of_uploads_that_were_cut_off(load_files):
    storage = load_files(Post)
    post = Post(cover=b"1").save()
    place = type(storage).__name__
    if place == "MemoryStorage":
        return
    if place == "FolderStorage":
        (storage.root / ".partial" / "0").write_bytes(b"x")
    else:
        client = quorum.get_amazon()
        key = post.cover.key.rpartition("/")[0] + "/" + "0" * 32
        client.create_multipart_upload(Bucket=quorum.get_amazon_bucket().name, Key=key)
    assert len(orphans.check(timedelta(0)).leftovers) == 1
    assert "1 that nothing names were removed" in run_check("--repair", "--older-than", "0").output
    assert orphans.check(timedelta(0)).leftovers == []
