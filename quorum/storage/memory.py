"""Files in memory, for unit tests: as long as the app is loaded."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from .base import Entry, Source, Storage, missing


class MemoryStorage(Storage):
    """Keeps files in a dict: `{key: (bytes, moment)}`."""

    def __init__(self, objects: dict[str, tuple[bytes, datetime]] | None = None) -> None:
        self._objects = {} if objects is None else objects

    @property
    def id(self) -> str:
        return f"memory-{id(self._objects)}"

    def put(self, key: str, source: Source, size: int, content_type: str) -> None:
        self._objects[key] = (source.read(), datetime.now(UTC))

    def stream(self, key: str, start: int = 0) -> BinaryIO:
        return io.BytesIO(self._found(key)[0][start:])

    def head(self, key: str) -> Entry:
        data, modified = self._found(key)
        return Entry(key, len(data), modified)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._objects.pop(key, None)

    def entries(self, prefix: str) -> Iterator[Entry]:
        for key, (data, modified) in list(self._objects.items()):
            if key.startswith(prefix):
                yield Entry(key, len(data), modified)

    def _found(self, key: str) -> tuple[bytes, datetime]:
        try:
            return self._objects[key]
        except KeyError:
            raise missing(key) from None
