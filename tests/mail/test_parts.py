"""Attachments and inline images: where they come from, and what is refused."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from werkzeug.datastructures import FileStorage

import quorum
from quorum.mail import parts

PNG = b"\x89PNG\r\n\x1a\n"


TEXT = SimpleNamespace(name="a.txt", content_type="text/plain", read=lambda: "a")


class Stored:
    """A stored file as `quorum.File` has it."""

    name = "cv.pdf"
    content_type = "application/pdf"

    def open(self):
        return io.BytesIO(b"%PDF")


@pytest.mark.parametrize(
    ("source", "name", "kind", "content", "charset"),
    [
        (("a.bin", b"\x00\xff", "application/x-thing"), "a.bin", "application/x-thing", b"\x00\xff", None),
        (("a.csv", b"a,b", "Text/CSV; charset=UTF-8"), "a.csv", "text/csv", b"a,b", "utf-8"),
        (("a.eml", b"Subject: a", "message/rfc822"), "a.eml", "application/octet-stream", b"Subject: a", None),
        (("../../etc/passwd", b"", "text/plain"), "passwd", "text/plain", b"", None),
        (("C:\\docs\\a.txt", b"a", "text/plain"), "a.txt", "text/plain", b"a", None),
        (Stored(), "cv.pdf", "application/pdf", b"%PDF", None),
        (
            FileStorage(io.BytesIO(b"a"), "cv.txt", "input", "text/plain"),
            "cv.txt",
            "text/plain",
            b"a",
            None,
        ),
        (SimpleNamespace(name="a.png", content_type=None, read=lambda: PNG), "a.png", "image/png", PNG, None),
    ],
)
def test_a_source_is_read(source, name, kind, content, charset):
    assert parts.attachments([source]) == [parts.Part(name, kind, content, charset)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.pdf", "application/pdf"), ("a.tar.gz", "application/octet-stream"), ("a", "application/octet-stream")],
)
def test_a_path_is_read_and_its_type_guessed(tmp_path, name, kind):
    (tmp_path / name).write_bytes(b"content")
    made = parts.Part(name, kind, b"content")
    assert parts.attachments([tmp_path / name, str(tmp_path / name)]) == [made, made]


def test_a_path_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        parts.attachments([tmp_path / "a.pdf"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (("a\r\nBcc: b.txt", b"", "text/plain"), "U\\+000D"),
        (("=?utf-8?q?=0A?=.txt", b"", "text/plain"), "U\\+000A"),
        (("", b"", "text/plain"), "Needs a name"),
        (("a/", b"", "text/plain"), "Needs a name"),
        (("..", b"", "text/plain"), "Needs a name"),
        (("x" * 201, b"", "text/plain"), "Needs a name"),
        (("a", b"", "text"), "content type"),
        (("a", b"", "text/plain\nX: 1"), "U\\+000A"),
        (("a", b"", "text/pl ain"), "content type"),
        (("a", b"", ""), "content type"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(source, message):
    with pytest.raises(quorum.ValidationError, match=f"^attachments.0: .*{message}"):
        parts.attachments([source])


@pytest.mark.parametrize("source", [TEXT, 5, ("a", b""), ("a", "text", "text/plain"), (1, b"", "text/plain"), None])
def test_what_is_no_source_is_a_mistake(source):
    with pytest.raises(TypeError, match=r"attachments\.0"):
        parts.attachments([source])


def test_one_source_is_no_list():
    with pytest.raises(TypeError, match="attachments is a list"):
        parts.attachments("a.pdf")


def test_an_image_has_the_name_that_the_rich_part_shows():
    rich = '<img src="cid:logo"> <img src=\'CID:Chart.1\'> <p style="background: url(cid:bg)">'
    source = ("a.png", PNG, "image/png")
    found = parts.inline({"logo": source, "chart.1": source, "bg": source}, rich)
    assert [(part.cid, part.content) for part in found] == [("logo", PNG), ("chart.1", PNG), ("bg", PNG)]


@pytest.mark.parametrize(
    ("images", "rich", "message"),
    [
        ({"logo": ("a.png", PNG, "image/png")}, "<p>", "^inline.logo: The rich part does not show it"),
        ({}, '<img src="cid:logo">', "^inline: The rich part shows cid:logo"),
        ({"logo": ("a.pdf", b"", "application/pdf")}, '<img src="cid:logo">', "^inline.logo: Is application/pdf"),
        ({"a>b": ("a.png", PNG, "image/png")}, '<img src="cid:a>b">', "^inline: Has a name"),
        ({"a\nb": ("a.png", PNG, "image/png")}, "", "^inline: Has a name"),
    ],
)
def test_images_and_the_rich_part_say_the_same(images, rich, message):
    with pytest.raises(quorum.ValidationError, match=message):
        parts.inline(images, rich)
