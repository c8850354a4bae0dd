"""What may stand in a header, and that it is read as it was meant."""

from __future__ import annotations

import base64
import email
from email import policy

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import quorum
from quorum.mail import headers

#: Anything that a header may hold.
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=300)

BREAKS = ["\n", "\r", "\0", "\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x7f", "\t", "\ud800"]


@pytest.mark.promise("M2")
@pytest.mark.parametrize("character", BREAKS, ids=ascii)
@pytest.mark.parametrize("before", ["", "Hello"])
def test_a_control_character_is_refused(before, character):
    with pytest.raises(quorum.ValidationError) as caught:
        headers.text(f"{before}{character}Bcc: eve@example.org", "subject")
    assert caught.value.messages == {
        "subject": [f"Has the control character U+{ord(character):04X}: only a line of text is allowed."]
    }


def _q(text: str) -> str:
    return "=?utf-8?q?" + "".join(f"={byte:02X}" for byte in text.encode()) + "?="


def _b(text: str) -> str:
    return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="


@pytest.mark.promise("M2")
@pytest.mark.parametrize(
    "text",
    [
        "=?UTF-8?Q?=0A?=Bcc: eve@example.org",
        "=?utf-8?q?=0d=0aBcc:_eve@example.org?=",
        "=?utf-8?b?DQpCY2M6IGV2ZUBleGFtcGxlLm9yZw==?=",
        "Hello=?utf-8?q?=00?=",
        "Hello =?utf-8?q?=C2=85?= you",
        "=?utf-8?q?=E2=80=A8?=",
        "=?utf-16?b?AAoA?=",
        _q(_q("\n")),
        _b(_q("\r\nBcc: eve@example.org")),
        _q("=?utf-8?q?=0A") + _q("?="),
        "=?utf-8?q?=3D=3Futf-8=3Fq=3F=0A?= =?utf-8?q?=3F=3D?=",
    ],
)
def test_an_encoded_word_hides_no_control_character(text):
    with pytest.raises(quorum.ValidationError):
        headers.text(text, "subject")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("=?utf-8?q?Ol=C3=A1?=", "Olá"),
        ("=?iso-8859-1?q?Ol=E1?= Ada", "Olá Ada"),
        (_q("Ol") + " " + _q("á"), "Olá"),
        (_q(_q("Olá")), "Olá"),
        ("  Hello  Ada ", "Hello  Ada"),
        ("1 =? 2", "1 =? 2"),
    ],
)
def test_encoded_words_are_what_they_say(text, meant):
    assert headers.text(text, "subject") == meant


@pytest.mark.parametrize("text", ["=?klingon?q?a?=", "=?utf-8?b?abc?=", "=?utf-8?q?=FF?=", "=?utf-8*en?q?a?="])
def test_an_encoded_word_that_cannot_be_read_is_refused(text):
    with pytest.raises(quorum.ValidationError, match="encoded word"):
        headers.text(text, "subject")


def test_words_within_words_have_an_end():
    text = "a"
    for _ in range(5):
        text = _b(text)
    with pytest.raises(quorum.ValidationError, match="within encoded words"):
        headers.text(text, "subject")


@pytest.mark.promise("M2")
@given(TEXTS)
@example("=?utf-8?q?a")
@example("a" * 400)
@example("a b" * 100 + "  c")
@example("é" + " " * 80 + "é")
@example("ab " * 40 + "=?=")
def test_any_text_is_read_as_it_was_meant(text):
    try:
        meant = headers.text(text, "subject")
    except quorum.ValidationError:
        return
    raw = f"Subject: {headers.encode('Subject', meant)}\r\nX-Next: 1\r\n\r\n"
    assert max(map(len, raw.split("\r\n"))) <= 998
    parsed = email.message_from_bytes(raw.encode("ascii"))
    assert parsed.keys() == ["Subject", "X-Next"]
    assert headers.read(parsed["Subject"]) == meant
    assert email.message_from_bytes(raw.encode(), policy=policy.default).keys() == ["Subject", "X-Next"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Bcc": "a@b.de"}, "Bcc is not set here"),
        ({"SUBJECT": "a"}, "SUBJECT is not set here"),
        ({"Content-Type": "text/html"}, "Content-Type is not set here"),
        ({"X-A": "1", "x-a": "2"}, "x-a is given twice"),
        ({"X-A": ""}, "X-A needs a text"),
        ({"X-A": 1}, "X-A needs a text"),
        ({"X-A": "a\nBcc: b"}, "U\\+000A"),
        ({"X A": "a"}, "Has a name that no header can have"),
        ({"X-A:": "a"}, "Has a name that no header can have"),
        ({"X\nBcc": "a"}, "Has a name that no header can have"),
        ({"": "a"}, "Has a name that no header can have"),
        ({"Ü": "a"}, "Has a name that no header can have"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(given, message):
    with pytest.raises(quorum.ValidationError, match=message):
        headers.own(given, frozenset({"bcc", "subject"}))


def test_own_headers_keep_their_names_and_order():
    assert headers.own({"X-B": " b ", "Auto-Submitted": "auto-generated"}, frozenset()) == [
        ("X-B", "b"),
        ("Auto-Submitted", "auto-generated"),
    ]
