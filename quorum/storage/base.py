"""Where bytes are kept: one small interface, and the reader that streams from anything that has it.

An object has a key, `blog/posts/cover/5f0c...`, made by quorum, and never changes: what replaces it has another key.
So a reader that was cut off goes on where it was.
"""

from __future__ import annotations

import dataclasses
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, BinaryIO, Final, Protocol

from .. import errors

#: Bytes that a reader takes at once.
CHUNK: Final = 256 * 1024

#: How often a reader takes up a stream that was cut off, before it says so.
ATTEMPTS: Final = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """What a storage knows of an object: its key, its size in bytes, and when it was stored, in UTC."""

    key: str
    size: int
    modified: datetime


@dataclasses.dataclass(frozen=True, slots=True)
class Leftover:
    """What an upload left that was cut off: `name` is the storage's own for it; when it began, in UTC."""

    name: str
    modified: datetime


class Source(Protocol):
    """What `put` reads from."""

    def read(self, size: int = -1, /) -> bytes: ...


class Storage(ABC):
    """A place for files. Subclass it to have another one: the methods without a body are all that is needed.

    Every method raises `OperationalError` where the place does not answer or refuses.
    """

    @property
    @abstractmethod
    def id(self) -> str:
        """A short text that is the same for every object that means this place, and for no other: `memory`."""

    @abstractmethod
    def put(self, key: str, source: Source, size: int, content_type: str) -> None:
        """Store what is read from `source` until its end, `size` bytes: all of it, or nothing that could be read."""

    @abstractmethod
    def stream(self, key: str, start: int = 0) -> BinaryIO:
        """Give the bytes of an object from a place on, to be read once and closed.

        :raises NotFoundError: there is no such object.
        """

    @abstractmethod
    def head(self, key: str) -> Entry:
        """Give what is known of an object.

        :raises NotFoundError: there is no such object.
        """

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is not there is no error."""

    @abstractmethod
    def entries(self, prefix: str) -> Iterator[Entry]:
        """Give the objects whose keys begin so."""

    def leftovers(self, prefix: str) -> Iterator[Leftover]:
        """Give what uploads left that were cut off, where the place keeps such things."""
        return iter(())

    def discard(self, leftovers: Iterable[Leftover]) -> None:
        """Remove what uploads left, as `leftovers` gave it."""
        for leftover in leftovers:
            raise NotImplementedError(f"{type(self).__name__} keeps nothing like {leftover.name}.")

    def url(self, key: str, expires: int, headers: dict[str, str]) -> str | None:
        """Give a URL at which the place itself serves an object, for `expires` seconds and with these headers, or None:
        then the app serves it.
        """
        return None

    def presign(self, key: str, expires: int, content_type: str, max_size: int) -> dict[str, Any] | None:
        """Give where and with which fields a browser may post one object: `{"url": ..., "fields": {...}}`, or None:
        then the app takes it.
        """
        return None

    def open(self, key: str, size: int) -> io.BufferedReader:
        """Give a reader of an object of that size. It can seek; nothing is read before it is asked for."""
        return io.BufferedReader(Reader(lambda start: self.stream(key, start), size, key), CHUNK)


class Reader(io.RawIOBase):
    """Reads a stream that can be opened at any place, and opens it anew after a seek or where it was cut off."""

    def __init__(self, fetch: Callable[[int], BinaryIO], size: int, name: str) -> None:
        self._fetch, self._size, self.name = fetch, size, name
        self._stream: BinaryIO | None = None
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        target = offset + (0, self._position, self._size)[whence]
        if target < 0:
            raise ValueError(f"A position of {target} lies before the start.")
        if target != self._position:
            self._release()
            self._position = target
        return target

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer.

        :raises OperationalError: the stream was cut off, again and again.
        """
        wanted = min(len(buffer), self._size - self._position)
        if wanted <= 0:
            return 0
        data = self._read(wanted)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _read(self, wanted: int, attempt: int = 1) -> bytes:
        try:
            if self._stream is None:
                self._stream = self._fetch(self._position)
            if data := self._stream.read(wanted):
                return data
            raise errors.OperationalError(
                f"The file {self.name!r} ended after {self._position} of its {self._size} bytes."
            )
        except errors.OperationalError:
            self._release()
            if attempt == ATTEMPTS:
                raise
            return self._read(wanted, attempt + 1)

    def close(self) -> None:
        self._release()
        super().close()

    def _release(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def missing(key: str) -> errors.NotFoundError:
    """Make the error for an object that is not there."""
    return errors.NotFoundError(f"The file {key!r} is not there.", model=None)
