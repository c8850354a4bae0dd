"""Where the bytes of a file come from until it is stored: each as a stream that can seek."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from ..late import marshmallow
from ..storage.base import CHUNK
from .holders import is_unsent

#: Bytes of a stream that cannot seek which are kept in memory.
IN_MEMORY = 1024 * 1024


class Source:
    """Bytes on their way into a storage: a stream, the name that came with it, what is to be done once it is stored.

    `borrowed` is a stream that somebody else opened, and closes.
    """

    def __init__(self, stream: Callable[[], BinaryIO], name: str | None = None, *, borrowed: bool = False) -> None:
        self._make: Callable[[], BinaryIO] | None = stream
        self._stream: BinaryIO | None = None
        self._borrowed = self._given = borrowed
        self.name = name
        self.after: Callable[[], None] | None = None

    def open(self, limit: int | None = None) -> BinaryIO:
        """Give the stream, at its start; one that cannot seek is read into a temporary file first.

        :param limit: bytes that may come at most.
        :raises marshmallow.ValidationError: it cannot be read, or more came.
        """
        try:
            if self._stream is None:
                self._stream = self._begin(limit)
            self._stream.seek(0)
        except (OSError, ValueError) as error:
            raise marshmallow.ValidationError(
                f"The file can't be read: {getattr(error, 'strerror', None) or error}"
            ) from error
        return self._stream

    def replace(self, stream: BinaryIO) -> None:
        """Go on with other bytes: of an image that was made anew."""
        self.close()
        self._stream, self._borrowed = stream, False

    def close(self) -> None:
        """Close what this object opened."""
        if self._stream is not None and not self._borrowed:
            self._stream.close()
        self._stream = None

    def __del__(self) -> None:
        # Of a document that was never saved.
        self.close()

    def _begin(self, limit: int | None) -> BinaryIO:
        if self._make is None:
            raise ValueError("it was closed")
        stream: Any = self._make()
        if isinstance(stream, io.TextIOBase):
            raise marshmallow.ValidationError("The file was opened as text. Open it in binary mode.")
        if _can_seek(stream):
            return cast(BinaryIO, stream)
        self._make, self._borrowed = None, False  # what was read is not there a second time
        spooled: Any = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  it is closed with the source
        while data := stream.read(CHUNK):
            spooled.write(data)
            if limit is not None and spooled.tell() > limit:
                break  # whoever asks for the size is told of more than the limit
        if not self._given:
            stream.close()
        return cast(BinaryIO, spooled)


def _can_seek(stream: Any) -> bool:
    seekable = getattr(stream, "seekable", None)
    # A spooled file has seekable() from Python 3.11 on; whatever has none is taken at its word when it has seek().
    return bool(seekable()) if callable(seekable) else hasattr(stream, "seek")


def source_of(value: Any) -> Source | None:
    """Make the source of what code or a form gave; an empty input of a form is None.

    A text is no path: it may come from a request.

    :raises marshmallow.ValidationError: it is nothing that has bytes.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        return Source(lambda: io.BytesIO(data))
    if isinstance(value, os.PathLike):
        path = Path(os.fsdecode(value))
        return Source(lambda: path.open("rb"), path.name)
    if hasattr(value, "stream") and hasattr(value, "filename"):  # Werkzeug's FileStorage, and what is like it
        if is_unsent(value):
            return None
        return Source(lambda: value.stream, value.filename, borrowed=True)
    if callable(getattr(value, "read", None)):
        name = getattr(value, "name", None)  # of a pipe, a number
        return Source(lambda: value, name if isinstance(name, str) else None, borrowed=True)
    if isinstance(value, str):
        raise marshmallow.ValidationError(
            "Not a file. A path is given as a pathlib.Path, an upload by a form of type multipart/form-data."
        )
    raise marshmallow.ValidationError("Not a file.")
