"""Attachments and inline images: from where they come to what a mail has of them."""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from . import headers


class Readable(Protocol):
    """A stored file, of `quorum.File`'s kind: `name`, `content_type`, and `open()` or `read()`."""

    @property
    def name(self) -> str | None: ...
    @property
    def content_type(self) -> str | None: ...


#: What can be attached: a path, a stored file, or `(name, content, content type)`.
Source: TypeAlias = str | os.PathLike[str] | Readable | tuple[str, bytes, str]

#: The content type of what has none.
UNKNOWN: Final = "application/octet-stream"

_TYPE = re.compile(r"([a-z0-9][a-z0-9!#$&^_.+-]*)/([a-z0-9][a-z0-9!#$&^_.+-]*)", re.ASCII)
_CHARSET = re.compile(r"[A-Za-z0-9_.:-]{1,40}", re.ASCII)
_CID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}", re.ASCII)
_CID_USED = re.compile(r"""\bcid:([^"'\s)>]+)""", re.IGNORECASE)
_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Part:
    """A file in a mail: its name, its content type without parameters, the charset of a text, its content."""

    name: str
    type: str
    content: bytes
    charset: str | None = None
    cid: str | None = None

    def attach(self, message: EmailMessage) -> None:
        """Add it to a mail as an attachment."""
        maintype, subtype = self.type.split("/")
        message.add_attachment(self.content, maintype, subtype, filename=self.name, params=self._parameters())

    def relate(self, message: EmailMessage) -> None:
        """Add it to a rich part as an inline image."""
        maintype, subtype = self.type.split("/")
        message.add_related(
            self.content, maintype, subtype, cid=f"<{self.cid}>", filename=self.name, disposition="inline"
        )

    def _parameters(self) -> dict[str, str]:
        return {"charset": self.charset} if self.charset else {}


def attachments(sources: Iterable[Source]) -> list[Part]:
    """Read what is attached.

    :raises ValidationError: one has no name, or a name or a content type that makes no sense.
    :raises TypeError: it is one source, not a list, or something else than a source.
    :raises OSError: a file can't be read.
    """
    if isinstance(sources, (str, os.PathLike)):
        raise TypeError("attachments is a list: attachments=[...].")
    return [_part(source, f"attachments.{place}") for place, source in enumerate(sources)]


def inline(sources: Mapping[str, Source], rich: str) -> list[Part]:
    """Read the images that a rich part shows as `cid:name`.

    :param sources: by the names that follow `cid:`.
    :raises ValidationError: one is no image, is not shown, or is shown and not there; and as `attachments()`.
    """
    used = {cid.lower() for cid in _CID_USED.findall(rich)}
    found = []
    for cid, source in sources.items():
        where = f"inline.{cid}"
        if not _CID.fullmatch(cid):
            raise headers.problem("inline", "Has a name that can't follow cid: letters, digits and _ . @ - can.")
        if cid.lower() not in used:
            raise headers.problem(where, f'The rich part does not show it: <img src="cid:{cid}">.')
        part = _part(source, where)
        if not part.type.startswith("image/"):
            raise headers.problem(where, f"Is {part.type}, no image.")
        found.append(Part(part.name, part.type, part.content, cid=cid))
    missing = used - {cid.lower() for cid in sources}
    if missing:
        raise headers.problem("inline", f"The rich part shows cid:{min(missing)}, which is not among the images.")
    return found


def _part(source: Any, where: str) -> Part:
    if isinstance(source, tuple) and len(source) == 3:
        name, content, content_type = source
        if not isinstance(name, str) or not isinstance(content, bytes) or not isinstance(content_type, str):
            raise TypeError(f"{where} must be (name, bytes, content type).")
    elif isinstance(source, (str, os.PathLike)):
        path = Path(source)
        name, content, content_type = path.name, path.read_bytes(), _guess(path.name)
    elif hasattr(source, "name") and hasattr(source, "content_type"):
        stored: Any = source
        # Of an upload in a request, `name` is the name of the input.
        name = getattr(stored, "filename", None) or stored.name or ""
        content, content_type = _read(stored, where), stored.content_type or _guess(name)
    else:
        kind = type(source).__name__
        raise TypeError(f"{where} is a {kind}: it must be a path, a stored file or (name, bytes, content type).")
    kind, charset = _type(content_type, where)
    return Part(_name(name, where), kind, content, charset)


def _read(source: Any, where: str) -> bytes:
    if hasattr(source, "read"):
        content = source.read()
    else:
        with source.open() as file:
            content = file.read()
    if not isinstance(content, bytes):
        raise TypeError(f"{where} was opened as text. Open it in binary mode.")
    return content


def _guess(name: str) -> str:
    kind, encoding = mimetypes.guess_type(name)
    return kind if kind and not encoding else UNKNOWN


def _name(name: str, where: str) -> str:
    """Give the name without folders: it may come from a client, and is where the receiver's program may store it."""
    bare = headers.text(name, where).replace("\\", "/").rpartition("/")[2].strip()
    if not bare or bare in {".", ".."} or len(bare) > _NAME_LENGTH:
        raise headers.problem(where, f"Needs a name of 1 to {_NAME_LENGTH} characters.")
    return bare


def _type(content_type: str, where: str) -> tuple[str, str | None]:
    headers.refuse_control_characters(content_type, where)
    kind, _, parameters = content_type.partition(";")
    kind = kind.strip().lower()
    if not _TYPE.fullmatch(kind):
        raise headers.problem(where, "Has a content type that is none: it must be as image/png.")
    # A mail inside of a mail may not be encoded, and what a server changes in it is lost.
    if kind.startswith(("message/", "multipart/")):
        return UNKNOWN, None
    charset = re.search(r"charset\s*=\s*\"?([^\s\";]+)", parameters, re.IGNORECASE)
    if kind.startswith("text/") and charset and _CHARSET.fullmatch(charset[1]):
        return kind, charset[1].lower()
    return kind, None
