"""A mail as a whole: its structure, its headers, and that what it says is what was meant."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import quorum
from quorum.mail import compose, message

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def make(subject="Hello", sender="blog@example.org", receivers=("ada@example.org",), **options):
    return compose(subject, sender, receivers, **{"plain": "Hi", "rich": "<p>Hi</p>", **options})


def structure(part):
    kind = part.get_content_type()
    return [kind, *map(structure, part.iter_parts())] if part.is_multipart() else kind


def test_a_mail_has_a_plain_and_a_rich_part():
    mail = make(plain="Hi Ada", rich="<p>Hi Ada</p>")
    assert structure(mail.message) == ["multipart/alternative", "text/plain", "text/html"]
    assert (mail.plain, mail.rich) == ("Hi Ada\n", "<p>Hi Ada</p>\n")


def test_the_plain_part_is_made_from_the_rich_one():
    mail = make(plain=None, rich="<h1>Hi</h1><p>Ada &amp; Bob")
    assert (mail.plain, mail.rich) == ("Hi\n\nAda & Bob\n", "<h1>Hi</h1><p>Ada &amp; Bob\n")


def test_the_rich_part_is_made_from_the_plain_one():
    mail = make(plain="1 < 2", rich=None)
    assert mail.plain == "1 < 2\n"
    assert "1 &lt; 2" in mail.rich


def test_a_mail_without_text_is_a_mistake():
    with pytest.raises(quorum.ConfigurationError, match="needs a text"):
        make(plain=None, rich=None)


def test_the_headers_say_who_writes_to_whom():
    mail = make(
        "Olá",
        ("Zoë's blog", "blog@bücher.example"),
        ["Ada <ada@example.org>", "bob@example.org"],
        cc=["Carl, Jr. <carl@example.org>"],
        bcc=["dora@example.org", "ADA@example.org"],
        reply_to="noreply@example.org",
        headers={"Auto-Submitted": "auto-generated"},
    )
    read = mail.message
    assert read["Subject"] == "Olá"
    assert [(one.display_name, one.addr_spec) for one in read["From"].addresses] == [
        ("Zoë's blog", "blog@xn--bcher-kva.example")
    ]
    assert [one.addr_spec for one in read["To"].addresses] == ["ada@example.org", "bob@example.org"]
    assert [(one.display_name, one.addr_spec) for one in read["Cc"].addresses] == [("Carl, Jr.", "carl@example.org")]
    assert read["Reply-To"] == "noreply@example.org"
    assert read["Auto-Submitted"] == "auto-generated"
    assert mail.sender == "blog@xn--bcher-kva.example"
    assert mail.receivers == (
        "ada@example.org",
        "bob@example.org",
        "carl@example.org",
        "dora@example.org",
        "ADA@example.org",
    )


def test_nobody_sees_who_gets_a_blind_copy():
    mail = make(receivers=[], bcc=["dora@example.org"])
    assert mail.receivers == ("dora@example.org",)
    assert b"dora" not in mail.content


def test_a_mail_without_receivers_is_refused():
    with pytest.raises(quorum.ValidationError, match="receivers: There is no receiver"):
        make(receivers=[])


def test_date_and_message_id_are_set():
    first, second = make(), make()
    assert abs(parsedate_to_datetime(first.message["Date"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert re.fullmatch(r"<[\d.]+@example\.org>", first.message_id)
    assert first.message["Message-ID"] == first.message_id != second.message_id


@pytest.mark.parametrize(
    ("unsubscribe", "header", "post"),
    [
        ((), None, None),
        ("mailto:out@example.org?subject=a", "<mailto:out@example.org?subject=a>", None),
        ("https://example.org/u?a=%C3%A9", "<https://example.org/u?a=%C3%A9>", "List-Unsubscribe=One-Click"),
        (
            ["https://example.org/" + "x" * 90, "mailto:out@example.org"],
            f"<https://example.org/{'x' * 90}>, <mailto:out@example.org>",
            "List-Unsubscribe=One-Click",
        ),
    ],
)
def test_a_list_can_be_left(unsubscribe, header, post):
    read = make(unsubscribe=unsubscribe).message
    assert (read["List-Unsubscribe"], read["List-Unsubscribe-Post"]) == (header, post)


@pytest.mark.parametrize(
    "unsubscribe", ["http://example.org", "javascript:a", "https://example.org/>\r\nX: 1", "https://é.org", "", [""]]
)
def test_a_way_to_leave_a_list_that_makes_no_sense_is_refused(unsubscribe):
    with pytest.raises(quorum.ValidationError, match="unsubscribe"):
        make(unsubscribe=unsubscribe)


def test_files_and_images_are_where_programs_look_for_them():
    mail = make(
        rich='<p>Hi <img src="cid:logo">',
        inline={"logo": ("logo.png", PNG, "image/png")},
        attachments=[
            ("résumé, 日本語 (1).pdf", b"%PDF", "application/pdf"),
            ("a.csv", "é,b\r\nc\n".encode(), "text/csv; charset=utf-8"),
        ],
    )
    assert structure(mail.message) == [
        "multipart/mixed",
        ["multipart/alternative", "text/plain", ["multipart/related", "text/html", "image/png"]],
        "application/pdf",
        "text/csv",
    ]
    image = next(part for part in mail.message.walk() if part.get_content_type() == "image/png")
    assert (image["Content-ID"], image.get_content_disposition(), image.get_content()) == ("<logo>", "inline", PNG)
    pdf, csv = mail.attachments
    assert (pdf.get_filename(), pdf.get_content_disposition(), pdf.get_content()) == (
        "résumé, 日本語 (1).pdf",
        "attachment",
        b"%PDF",
    )
    assert (csv.get_filename(), csv.get_payload(decode=True)) == ("a.csv", "é,b\r\nc\n".encode())
    assert csv.get_content_charset() == "utf-8"


@pytest.mark.promise("M2")
@pytest.mark.parametrize("character", ["\r", "\n", "\0", "\x85", "\u2028", "=?utf-8?q?=0A?="], ids=ascii)
@pytest.mark.parametrize(
    "argument",
    [
        lambda c: {"subject": f"Hello{c}Bcc: eve@example.org"},
        lambda c: {"sender": f"Blog{c}Bcc: eve@example.org <blog@example.org>"},
        lambda c: {"sender": (f"Blog{c}", "blog@example.org")},
        lambda c: {"receivers": [f"ada@example.org{c}"]},
        lambda c: {"receivers": [("Ada", f"ada@example.org{c}")]},
        lambda c: {"cc": [f"Ada{c} <ada@example.org>"]},
        lambda c: {"bcc": [f"Ada{c} <ada@example.org>"]},
        lambda c: {"reply_to": (f"Ada{c}", "ada@example.org")},
        lambda c: {"headers": {"X-A": f"a{c}b"}},
        lambda c: {"headers": {f"X-A{c}": "b"}},
        lambda c: {"attachments": [(f"a{c}b", b"", "text/plain")]},
        lambda c: {"unsubscribe": f"https://example.org/{c}"},
    ],
)
def test_no_argument_adds_a_header(argument, character):
    with pytest.raises(quorum.ValidationError):
        make(**argument(character))


@pytest.mark.promise("M2")
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
)
@example("a\rb\r\nc\n\nd", ".\n..\nFrom me\n")
@example("\0\x85\u2028\x0c", "x" * 2000)
@example(" \t\n \n", "--===============1==--")
def test_any_text_arrives_as_it_was_meant(plain, rich):
    mail = make(plain=plain, rich=rich)
    for meant, found in ((plain, mail.plain), (rich, mail.rich)):
        lines = meant.replace("\r\n", "\n").replace("\r", "\n")
        assert found == (lines if lines.endswith("\n") else f"{lines}\n")
    assert mail.content.isascii()
    assert max(map(len, mail.content.split(b"\r\n"))) <= 998
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", mail.content)


@pytest.mark.promise("M2")
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=200), st.binary())
@example("a.pdf; filename=b.exe", b"\r\n.\r\n")
@example('"quoted" \\ back', b"")
@example("x" * 200, b"")
@example("é" * 200, b"")
@example("%41''a*0*=.txt", b"")
def test_any_file_arrives_as_it_was_meant(name, content):
    try:
        mail = make(attachments=[(name, content, "application/pdf")])
    except quorum.ValidationError as error:
        assert "Needs a name" in str(error) or "encoded word" in str(error)  # noqa: PT017
        return
    (part,) = mail.attachments
    assert part.get_content() == content
    assert max(map(len, mail.content.split(b"\r\n"))) <= 998


def test_half_of_a_surrogate_pair_is_no_text():
    with pytest.raises(quorum.ValidationError, match="plain: Has half"):
        make(plain="a\ud800")


def test_a_subject_that_is_no_text_is_a_mistake():
    with pytest.raises(TypeError, match="subject"):
        make(subject=None)


@pytest.mark.promise("M2")
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lambda made: made.replace(b"Subject: Hello", b"Subject: Hello\r\nBcc: eve@example.org"), "other headers"),
        (lambda made: made.replace(b"Subject: Hello", b"Subject: Hallo"), "Subject would be read"),
        (lambda made: made.replace(b"To: ada@", b"To: eve@"), "To would be read"),
        (lambda made: made.replace(b"Hi\r\n", b"Ho\r\n", 1), "text would be read"),
        (lambda made: made.replace(b"a.txt", b"b.txt"), "file would be read"),
        (lambda made: made.replace(b"Y29udGVudA==", b"Y29udGVuVA=="), "file would be read"),
    ],
)
def test_a_mail_that_is_read_as_another_is_not_sent(monkeypatch, fault, told):
    body, head = EmailMessage.as_bytes, message._Head.encode
    monkeypatch.setattr(EmailMessage, "as_bytes", lambda self: fault(body(self)))
    monkeypatch.setattr(message._Head, "encode", lambda self: fault(head(self)))
    with pytest.raises(quorum.ValidationError, match=told):
        make(attachments=[("a.txt", b"content", "application/pdf")])
