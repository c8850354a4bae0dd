"""Addresses: the forms that they are given in, and what is none."""

from __future__ import annotations

import builtins
import email

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import quorum
from quorum.mail import addresses
from quorum.mail.addresses import Address

NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=100)


@pytest.mark.parametrize(
    ("value", "name", "address"),
    [
        ("ada@example.org", "", "ada@example.org"),
        (" ada@example.org ", "", "ada@example.org"),
        ("<ada@example.org>", "", "ada@example.org"),
        ("Ada Lovelace <ada@example.org>", "Ada Lovelace", "ada@example.org"),
        ("Ada Lovelace<ada@example.org>", "Ada Lovelace", "ada@example.org"),
        ('"Lovelace, Ada" <ada@example.org>', "Lovelace, Ada", "ada@example.org"),
        ('"The \\"Countess\\"" <ada@example.org>', 'The "Countess"', "ada@example.org"),
        ("Lovelace, Ada <ada@example.org>", "Lovelace, Ada", "ada@example.org"),
        (("Lovelace, Ada", "ada@example.org"), "Lovelace, Ada", "ada@example.org"),
        (("", "ada@example.org"), "", "ada@example.org"),
        (("José <b>", "jose@example.org"), "José <b>", "jose@example.org"),
        ("=?utf-8?q?Jos=C3=A9?= <jose@example.org>", "José", "jose@example.org"),
        ("Ada@Example.ORG", "", "Ada@example.org"),
        ("a+b/c=d@x-y.example.org", "", "a+b/c=d@x-y.example.org"),
        ("root@localhost", "", "root@localhost"),
        ("ada@bücher.example", "", "ada@xn--bcher-kva.example"),
        ("ada@straße.de", "", "ada@xn--strae-oqa.de"),
        ("ada@例え。テスト", "", "ada@xn--r8jz45g.xn--zckzah"),
        ("ada@BÜCHER.example", "", "ada@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_read(value, name, address):
    assert addresses.parse(value, "sender") == Address(name, address)


@pytest.mark.promise("M2", "M3")
@pytest.mark.parametrize(
    "value",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "a@b@example.org",
        "ada@example.org, bob@example.org",
        "ada@example.org;bob@example.org",
        "ada@example.org bob@example.org",
        "Ada <ada@example.org>, Bob <bob@example.org>",
        "ada@example.org, Bob <bob@example.org>",
        "Friends: ada@example.org;",
        "Ada <ada@example.org> <bob@example.org>extra",
        "ada.@example.org",
        ".ada@example.org",
        "a..b@example.org",
        '"a b"@example.org',
        "ada@[127.0.0.1]",
        "ada@-example.org",
        "ada@example..org",
        "ada@exam_ple.org",
        "ada@example.org.",
        "ada@" + "x" * 64 + ".org",
        "x" * 65 + "@example.org",
        "ada@" + ".".join(["x" * 60] * 5),
        "åda@example.org",
        "ada@\u200d.example",
        "ada@xn--ü.example",
        "ada@example.org\nBcc: eve@example.org",
        "Ada\r\nBcc: eve@example.org <ada@example.org>",
        "=?UTF-8?Q?=0A?=Bcc: <ada@example.org>",
        ("Ada\nBcc: eve@example.org", "ada@example.org"),
        ("Ada\u2028", "ada@example.org"),
        ("=?utf-8?q?=0ABcc:_eve@example.org?=", "ada@example.org"),
        ("Ada", "ada@example.org\r\nDATA"),
        ("Ada", "ada@example.org> SIZE=1"),
        ("Ada", "Bob <bob@example.org>"),
        ("Ada", "bob@example.org,eve@example.org"),
        ("x" * 257, "ada@example.org"),
        ("Ada", "ada@example.org", "more"),
        ["Ada", "ada@example.org"],
        ("Ada", None),
        None,
        b"ada@example.org",
        5,
    ],
)
def test_what_is_no_single_address_is_refused(value):
    with pytest.raises(quorum.ValidationError) as caught:
        addresses.parse(value, "sender")
    assert list(caught.value.messages) == ["sender"]
    assert "eve" not in str(caught.value)


def test_a_list_names_the_place_of_the_wrong_one():
    with pytest.raises(quorum.ValidationError, match=r"^receivers\.1: Not an address"):
        addresses.parse_all(["ada@example.org", "bob"], "receivers")


def test_one_text_is_no_list():
    with pytest.raises(TypeError, match=r"receivers=\[\"mail@host\"\]"):
        addresses.parse_all("ada@example.org", "receivers")


def test_a_receiver_that_comes_again_is_kept_once():
    found = addresses.parse_all(["Ada <ada@example.org>", "ada@EXAMPLE.org", "bob@example.org"], "cc")
    assert found == (Address("Ada", "ada@example.org"), Address("", "bob@example.org"))


@pytest.mark.promise("M2")
@given(st.lists(NAMES, min_size=1, max_size=4))
@example(['a"b\\c'])
@example(["Lovelace, Ada", "<eve@example.org>", "Friends: eve@example.org;", "(comment)"])
@example(["é, <eve@example.org>"])
@example(["a" * 70, "=?utf-8?q?x", "a  b", "a."])
def test_any_name_is_read_as_it_was_meant(names):
    meant = []
    for place, name in enumerate(names):
        try:
            meant.append(addresses.parse((name, f"a{place}@example.org"), "receivers"))
        except quorum.ValidationError:
            return
    raw = f"To: {addresses.encode_all(meant, 'To')}\r\nX-Next: 1\r\n\r\n"
    assert max(map(len, raw.split("\r\n"))) <= 998
    parsed = email.message_from_bytes(raw.encode("ascii"))
    assert parsed.keys() == ["To", "X-Next"]
    assert addresses.read(parsed["To"]) == meant


def test_an_international_domain_says_which_package_it_needs(monkeypatch):
    real = builtins.__import__

    def missing(name, *args, **kwargs):
        if name == "idna":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(quorum.ConfigurationError, match=r'pip install "quorum\[mail\]"'):
        addresses.parse("ada@bücher.example", "sender")
    assert addresses.parse("ada@example.org", "sender").email == "ada@example.org"
