"""What a file that a stranger sends may be called, what it is, and how it is safely given to others.

The type of a file is what its bytes say. What a browser would run as a page of its own (HTML, SVG, XML, scripts) is
never shown in place, whatever it was called.
"""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections.abc import Iterable
from typing import Any, Final, cast
from urllib.parse import quote

#: Bytes from the start of a file by which its type is told.
HEAD: Final = 8192

#: Bytes of UTF-8 that a file's name may have; what is longer loses its middle, and keeps its extension.
MAX_NAME: Final = 200

UNKNOWN: Final = "application/octet-stream"

#: The types that a browser shows in place without running anything.
INLINE: Final = frozenset(
    {
        "image/avif", "image/gif", "image/jpeg", "image/png", "image/webp",
        "audio/mpeg", "audio/ogg", "audio/wav", "audio/flac", "audio/mp4",
        "video/mp4", "video/webm", "video/ogg",
        "text/plain",
    }
)  # fmt: skip

#: What may run in a browser. A pattern like `image/*` never means one of these.
ACTIVE: Final = frozenset(
    {"text/html", "application/xhtml+xml", "image/svg+xml", "application/xml", "text/xml", "text/javascript"}
)

_SPELLINGS: Final = {
    "image/x-ms-bmp": "image/bmp",
    "image/jpg": "image/jpeg",
    "audio/x-wav": "audio/wav",
    "application/javascript": "text/javascript",
}
#: Text has no mark of its own: which of these it is, its name says.
_TEXTS: Final = {
    ".csv": "text/csv",
    ".ics": "text/calendar",
    ".js": "text/javascript",
    ".json": "application/json",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".tsv": "text/tab-separated-values",
}
_MARKED_TEXTS: Final = frozenset({"application/pdf", "application/rtf", "application/postscript"})
_BINARY: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
# What browsers take for HTML or XML at the start of text: the MIME Sniffing Standard, section 7.1, and more.
_MARKUP: Final = re.compile(
    r"[\ufeff\s]*<(!doctype html|html|head|body|script|iframe|h1|div|font|table|a|style|title|b|br|p|!--|link|meta|img"
    r"|object|embed|form|base|input|video|audio|math)[\s/>-]",
    re.IGNORECASE,
)
_SVG: Final = re.compile(r"<(\w+:)?svg[\s/>]", re.IGNORECASE)
_XML: Final = re.compile(r"[\ufeff\s]*<(\?xml|!doctype|!entity|[\w-]+(:[\w-]+)?(\s[^<>]*)?/?>)", re.IGNORECASE)

_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(|B|KB|MB|GB|KIB|MIB|GIB)", re.IGNORECASE)
_UNITS: Final = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def clean_name(name: str | None) -> str:
    """Give a name as it may be kept and shown: the last part of a path, without control characters, marks that turn the
    direction of text, and anything else that is not seen. What nothing is left of is `file`.
    """
    last = re.split(r"[/\\]", name or "")[-1]
    shown = "".join(c for c in unicodedata.normalize("NFC", last) if unicodedata.category(c)[0] != "C")
    shown = " ".join(shown.split()).strip(" .") or "file"
    if len(shown.encode()) <= MAX_NAME:
        return shown
    stem, dot, extension = shown.rpartition(".")
    kept = f"{dot}{extension}" if dot and stem and len(extension.encode()) <= 20 else ""
    return shown.encode()[: MAX_NAME - len(kept.encode())].decode(errors="ignore").rstrip(" .") + kept


def extension_of(name: str) -> str:
    """Give a name's extension in lower case, `.png`, or an empty text."""
    stem, dot, extension = name.rpartition(".")
    return f".{extension.lower()}" if dot and stem else ""


def type_of(head: bytes, name: str) -> str:
    """Tell the type of a file by its first bytes; the name only decides between what the bytes leave open."""
    import puremagic

    try:
        matches = puremagic.magic_string(head[:HEAD]) if head else []
    except puremagic.PureError:
        matches = []
    names = cast(list[str], [match.mime_type for match in matches if match.mime_type])
    found = [_SPELLINGS.get(name, name) for name in names]
    text = _text(head[:HEAD])
    if text is not None:
        return _type_of_text(text, name, found)
    named = mimetypes.guess_type(f"name{extension_of(name)}")[0]
    if named is not None and named in found:
        return named
    if head.startswith(b"PK\x03\x04"):
        return "application/zip"
    return found[0] if found else UNKNOWN


def _text(head: bytes) -> str | None:
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if len(head) < HEAD or error.start < len(head) - 3:
            return None
        text = head[: error.start].decode()  # a character that goes on behind the head
    return None if _BINARY.search(text) else text


def _type_of_text(text: str, name: str, found: list[str]) -> str:
    if text.lstrip("\ufeff \t\r\n\f").startswith("<") and _SVG.search(text):
        return "image/svg+xml"
    if _MARKUP.match(text):
        return "text/html"
    if _XML.match(text):
        return "application/xml"
    marked = [one for one in found if one in _MARKED_TEXTS]
    return marked[0] if marked else _TEXTS.get(extension_of(name), "text/plain")


def is_among(content_type: str, patterns: Iterable[str]) -> bool:
    """Say whether a type is one of some: `application/pdf`, or `image/*`, which means none of what may run."""
    for pattern in patterns:
        if pattern == content_type:
            return True
        if pattern.endswith("/*") and content_type not in ACTIVE and content_type.startswith(pattern[:-1]):
            return True
    return False


def served_type(content_type: str) -> str:
    """Give the type that a file is sent with: what may run is sent as bytes."""
    return UNKNOWN if content_type in ACTIVE else content_type


def disposition(name: str, content_type: str, *, download: bool) -> str:
    """Give the value of `Content-Disposition`: in place only where that is asked for and harmless."""
    kind = "inline" if not download and content_type in INLINE else "attachment"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^ !#$&+\-.0-9A-Z^_`a-z|~(),;=@\[\]{}]", "", plain).strip() or "file"
    value = f'{kind}; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='!#$&+-.^_`|~')}"


def read_size(size: Any) -> int:
    """Read a number of bytes: `5_000_000`, `"5MB"` (of a million bytes) or `"5MiB"` (of 1,048,576).

    :raises ValueError: it is none.
    """
    found = _SIZE.fullmatch(size.strip()) if isinstance(size, str) else None
    count = int(float(found[1]) * _UNITS[found[2].upper()]) if found else size
    if type(count) is not int or count < 1:
        raise ValueError(f"a size is a number of bytes, or a text like '5MB', not {size!r}")
    return count


def show_size(size: int) -> str:
    """Write a number of bytes for a reader: `5 MB`, `1.2 kB`."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size} bytes"
