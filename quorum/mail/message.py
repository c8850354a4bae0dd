"""A mail, ready to be sent: made of texts and addresses, written as bytes, and read again before it is trusted."""

from __future__ import annotations

import email
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage, Message
from email.utils import format_datetime, make_msgid
from functools import cached_property
from typing import Any, Final

from quorum import errors

from . import addresses, parts
from .addresses import Address, Given
from .headers import encode, problem, read, unfold
from .headers import own as own_headers
from .headers import text as header_text
from .html import from_text, to_text
from .parts import Part, Source

#: 7 bits: no server on the way has to change a byte of it.
POLICY: Final = policy.SMTP.clone(cte_type="7bit")

#: The headers that come from other arguments, in lower case.
RESERVED: Final = frozenset(
    {"from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "mime-version"}
    | {"return-path", "received", "list-unsubscribe", "list-unsubscribe-post"}
)

# Texts that go into a mail as they are. Anything else is encoded, so that it arrives as it was.
_SIMPLE = re.compile(r"[\t\n\x20-\x7e]*", re.ASCII)
_LONGEST_LINE = 900
_NEW_LINES = re.compile(r"\r\n?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TARGET = re.compile(r"(https|mailto):[!#-;=?-~]{1,800}", re.ASCII)


@dataclass(frozen=True)
class Mail:
    """A mail as it goes to the server: the envelope and the bytes.

    `receivers` are the addresses of all receivers, those of `bcc` included, which the bytes don't have.
    """

    sender: str
    receivers: tuple[str, ...]
    message_id: str
    content: bytes

    @cached_property
    def message(self) -> EmailMessage:
        """The mail as a mail program reads it."""
        return email.message_from_bytes(self.content, policy=policy.SMTP)  # type: ignore[return-value, unused-ignore]

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def plain(self) -> str:
        """The text of the plain part."""
        return self._text("plain")

    @property
    def rich(self) -> str:
        """The HTML of the rich part."""
        return self._text("html")

    @property
    def attachments(self) -> list[EmailMessage]:
        """The attached files: `get_filename()`, `get_content_type()`, `get_content()`."""
        return list(self.message.iter_attachments())

    def _text(self, subtype: str) -> str:
        body = self.message.get_body((subtype,))
        if body is None:
            return ""
        content: str = body.get_content()
        return content.replace("\r\n", "\n")


def compose(
    subject: str,
    sender: Given,
    receivers: Iterable[Given],
    *,
    plain: str | None = None,
    rich: str | None = None,
    cc: Iterable[Given] = (),
    bcc: Iterable[Given] = (),
    reply_to: Given | None = None,
    headers: Mapping[str, str] | None = None,
    attachments: Iterable[Source] = (),
    inline: Mapping[str, Source] | None = None,
    unsubscribe: str | Iterable[str] = (),
) -> Mail:
    """Make a mail of a plain and a rich text; one that is missing is made from the other.

    :raises ValidationError: something can't be part of a mail; `messages` has it by the name of the argument.
    :raises ConfigurationError: there is no text, or a package is missing.
    :raises OSError: an attached file can't be read.
    """
    author = addresses.parse(sender, "sender")
    to, copies, hidden = (
        addresses.parse_all(values, name) for name, values in (("receivers", receivers), ("cc", cc), ("bcc", bcc))
    )
    envelope = tuple(dict.fromkeys(address.email for address in (*to, *copies, *hidden)))
    if not envelope:
        raise problem("receivers", "There is no receiver.")
    # Of the sender's domain: the name of this machine is nobody's business, and looking it up may take long.
    message_id = make_msgid(domain=author.domain)
    head = _Head()
    head.add_addresses("From", (author,))
    head.add_addresses("To", to)
    head.add_addresses("Cc", copies)
    head.add_addresses("Reply-To", () if reply_to is None else (addresses.parse(reply_to, "reply_to"),))
    head.add_text("Subject", header_text(subject, "subject"))
    head.add("Date", format_datetime(datetime.now(UTC)))
    head.add("Message-ID", message_id)
    for name, value in _unsubscribe(unsubscribe):
        head.add(name, value)
    for name, value in own_headers(headers or {}, RESERVED):
        head.add_text(name, value)
    texts = _texts(plain, rich)
    images, files = parts.inline(inline or {}, texts[1]), parts.attachments(attachments)
    content = head.encode() + _body(texts, images, files).as_bytes()
    _compare(content, head, texts, [*images, *files])
    return Mail(author.email, envelope, message_id, content)


class _Head:
    """The headers of a mail: what each is to say, and how it is written."""

    def __init__(self) -> None:
        self.meant: list[tuple[str, str | list[Address]]] = []
        self._lines: list[str] = []

    def add(self, name: str, value: str) -> None:
        """Add a header of ASCII, written as it is."""
        self.meant.append((name, value))
        self._lines.append(f"{name}: {value}\r\n")

    def add_text(self, name: str, value: str) -> None:
        self.meant.append((name, value))
        self._lines.append(f"{name}: {encode(name, value)}\r\n")

    def add_addresses(self, name: str, found: tuple[Address, ...]) -> None:
        if found:
            self.meant.append((name, list(found)))
            self._lines.append(f"{name}: {addresses.encode_all(found, name)}\r\n")

    def encode(self) -> bytes:
        return "".join(self._lines).encode("ascii")


def _unsubscribe(targets: str | Iterable[str]) -> Iterator[tuple[str, str]]:
    found = [targets] if isinstance(targets, str) else list(targets)
    for target in found:
        if not _TARGET.fullmatch(target):
            raise problem("unsubscribe", "Must be URLs that begin with https: or mailto:, in ASCII.")
    if found:
        yield "List-Unsubscribe", ",\r\n ".join(f"<{target}>" for target in found)
    if any(target.startswith("https:") for target in found):
        # RFC 8058: mail programs offer a button, which sends a POST there.
        yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"


def _texts(plain: str | None, rich: str | None) -> tuple[str, str]:
    """Give the plain and the rich text of a mail, their lines ended by LF."""
    if plain is None and rich is None:
        raise errors.ConfigurationError("A mail needs a text: give data, plain or rich.")
    for name, given in (("plain", plain), ("rich", rich)):
        if given is not None and _SURROGATE.search(given):
            raise problem(name, "Has half of a surrogate pair, which is no text.")
    if rich is None:
        rich = from_text(plain or "")
    if plain is None:
        plain = to_text(rich)
    return _lines(plain), _lines(rich)


def _lines(text: str) -> str:
    lines = _NEW_LINES.sub("\n", text)
    return lines if lines.endswith("\n") else f"{lines}\n"


def _body(texts: tuple[str, str], images: list[Part], files: list[Part]) -> EmailMessage:
    plain, rich = texts
    message = EmailMessage(POLICY)
    message.set_content(plain, cte=_encoding(plain))
    # One that the library makes is looked for in all of the mail, which takes as long as writing it.
    message.make_alternative(boundary=secrets.token_hex(16))
    message.add_alternative(rich, subtype="html", cte=_encoding(rich))
    if images:
        shown = message.get_body(("html",))
        assert isinstance(shown, EmailMessage)
        for image in images:
            image.relate(shown)
    for file in files:
        file.attach(message)
    return message


def _encoding(text: str) -> str | None:
    """Say how a text is encoded; None leaves it to the library, which takes what is shortest."""
    if not text.isascii():
        return None
    simple = _SIMPLE.fullmatch(text) and max(map(len, text.split("\n"))) <= _LONGEST_LINE
    return "7bit" if simple else "quoted-printable"


def _compare(content: bytes, head: _Head, texts: tuple[str, str], files: list[Part]) -> None:
    """Read a mail again, and compare what is read with what was meant.

    :raises ValidationError: they differ.
    """
    again = email.message_from_bytes(content)
    names = [*(name for name, _ in head.meant), "MIME-Version", "Content-Type"]
    if sorted(again.keys()) != sorted(names):
        raise problem("headers", "Would be read as other headers than were given.")
    for (name, meant), found in zip(head.meant, again.values(), strict=False):
        if (read(found) != unfold(meant)) if isinstance(meant, str) else (addresses.read(found) != meant):
            raise problem("headers", f"{name} would be read as something else than was given.")
    leaves = [part for part in again.walk() if not part.is_multipart()]
    if len(leaves) != len(texts) + len(files):
        raise problem("attachments", "Would be read as other parts than were given.")
    for leaf, text in zip(leaves, texts, strict=False):
        if _content(leaf).splitlines() != text.encode().splitlines():
            raise problem("data", "The text would be read as another than was given.")
    for leaf, file in zip(leaves[len(texts) :], files, strict=True):
        if _facts(leaf) != (file.name, file.type, file.cid and f"<{file.cid}>") or _content(leaf) != file.content:
            raise problem("attachments", "A file would be read as another than was given.")


def _facts(leaf: Message) -> tuple[str | None, str, str | None]:
    return leaf.get_filename(), leaf.get_content_type(), leaf["Content-ID"]


def _content(leaf: Message) -> bytes:
    content: Any = leaf.get_payload(decode=True)
    return bytes(content)
