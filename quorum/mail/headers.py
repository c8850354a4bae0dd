"""What may stand in a header of a mail, and how it is written there.

A text for a header is taken as the reader of the mail will see it: words of RFC 2047 in it are decoded first, and what
they hide is judged like the rest.
"""

from __future__ import annotations

import re
from email.header import Header, decode_header
from typing import Any, Final

from quorum import errors

#: What no header may hold: control characters (CR, LF, NUL and U+0085 among them), the separators of lines and
#: paragraphs, and halves of surrogate pairs.
FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

#: How many bytes a line of a mail has where it can be broken (RFC 5322).
WIDTH: Final = 76

# As `email.header` reads them, also where RFC 2047 would not have them: mail programs are as generous.
_WORD = r"=\?[^?]*?\?[qQbB]\?.*?\?="
_WORDS = re.compile(rf"{_WORD}(?:\s*{_WORD})*")
_FOLD = re.compile(r"\r?\n(?=[ \t])")
# How deep encoded words may hide in one another.
_DEPTH = 3

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,76}", re.ASCII)


def problem(where: str, message: str) -> errors.ValidationError:
    """Make the error for an argument that no mail can be made of. It does not show what was given."""
    return errors.ValidationError({where: [message]})


def text(value: Any, where: str) -> str:
    """Give a text as a header may have it: its encoded words decoded, no blanks around it.

    :param where: the name of the argument, for the error.
    :raises ValidationError: it has a control character, also in an encoded word, or such a word can't be decoded.
    :raises TypeError: it is no text.
    """
    if not isinstance(value, str):
        raise TypeError(f"{where} must be a text, not a {type(value).__name__}.")
    refuse_control_characters(value, where)
    plain = value
    for _ in range(_DEPTH):
        try:
            decoded = decode(plain)
        except (LookupError, ValueError):
            raise problem(where, "Has an encoded word (=?...?=) that can't be read.") from None
        refuse_control_characters(decoded, where)
        if decoded == plain:
            return plain.strip()
        plain = decoded
    raise problem(where, "Has encoded words (=?...?=) within encoded words.")


def refuse_control_characters(value: str, where: str) -> None:
    """Refuse what could end a header, or be taken for its end.

    :raises ValidationError: it has such a character; the message tells which.
    """
    found = FORBIDDEN.search(value)
    if found:
        raise problem(where, f"Has the control character U+{ord(found[0]):04X}: only a line of text is allowed.")


def decode(value: str) -> str:
    """Decode the encoded words of a text, once.

    :raises LookupError: a charset is unknown.
    :raises ValueError: a word is not what its charset or its encoding allow.
    """
    return _WORDS.sub(lambda words: "".join(map(_decoded, decode_header(words[0]))), value) if "=?" in value else value


def _decoded(piece: tuple[Any, str | None]) -> str:
    content, charset = piece
    return content if isinstance(content, str) else content.decode(charset or "ascii")


def encode(name: str, value: str) -> str:
    """Write a text that `text()` gave for a header, with line breaks where it is long.

    :param name: the header's name, for the length of its first line.
    """
    if value.isascii() and "=?" not in value:
        if len(name) + len(value) + 2 <= WIDTH:
            return value
        if max(map(len, value.split())) < WIDTH:
            return Header(value, "us-ascii", maxlinelen=WIDTH, header_name=name).encode(linesep="\r\n")
    return encode_words(name, value)


def encode_words(name: str, value: str) -> str:
    """Write a text as encoded words of RFC 2047, which may stand in a name of an address too."""
    return Header(value, "utf-8", maxlinelen=WIDTH, header_name=name).encode(linesep="\r\n")


def unfold(value: str) -> str:
    """Give a header's value on one line."""
    return _FOLD.sub("", value)


def read(value: str) -> str:
    """Read the text of a header as a mail program does."""
    return decode(unfold(value)).strip()


def own(given: Any, reserved: frozenset[str]) -> list[tuple[str, str]]:
    """Check the headers that an application adds.

    :param given: a mapping of names to texts.
    :param reserved: the names, in lower case, that a mail gets by other ways.
    :raises ValidationError: a name is none, is reserved or comes twice, or a text can't stand in a header.
    """
    found: dict[str, tuple[str, str]] = {}
    for name, value in dict(given).items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise problem("headers", "Has a name that no header can have: letters, digits and hyphens.")
        lowered = name.lower()
        if lowered in reserved or lowered.startswith(("content-", "resent-")):
            raise problem("headers", f"{name} is not set here: it is made from the other arguments.")
        if lowered in found:
            raise problem("headers", f"{name} is given twice.")
        if not isinstance(value, str) or not value.strip():
            raise problem("headers", f"{name} needs a text that is not empty.")
        found[lowered] = (name, text(value, f"headers.{name}"))
    return list(found.values())
