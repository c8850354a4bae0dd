"""Files in a local folder: each object a file of its own, whole or not there, also after a power cut."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, cast

from .. import errors
from .base import CHUNK, Entry, Leftover, Source, Storage, missing

#: Where files are written before they get their names. No key begins with a dot.
PARTIAL: Final = ".partial"

_KEY = re.compile(r"(?!.*(^|/)\.)[A-Za-z0-9._/+=-]{1,900}", re.ASCII)


class FolderStorage(Storage):
    """Keeps files in a folder, made when the first one is stored."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root).absolute()

    @property
    def id(self) -> str:
        return f"folder-{hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]}"

    def put(self, key: str, source: Source, size: int, content_type: str) -> None:
        path = self._path(key)
        partial = self.root / PARTIAL / secrets.token_hex(16)
        with self._told():
            partial.parent.mkdir(parents=True, exist_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with partial.open("xb", buffering=0) as file:
                    while data := source.read(CHUNK):
                        _write(file.fileno(), data)
                    os.fsync(file.fileno())
                partial.replace(path)
            except BaseException:
                partial.unlink(missing_ok=True)
                raise
            # The name is only as lasting as the folder that has it.
            _sync(path.parent)

    def stream(self, key: str, start: int = 0) -> BinaryIO:
        with self._told(key):
            file = self._path(key).open("rb", buffering=0)
            file.seek(start)
            return cast(BinaryIO, file)  # raw, as the reader has a buffer of its own

    def head(self, key: str) -> Entry:
        with self._told(key):
            return _entry(key, self._path(key).stat())

    def delete(self, keys: Iterable[str]) -> None:
        with self._told():
            for key in keys:
                self._path(key).unlink(missing_ok=True)

    def entries(self, prefix: str) -> Iterator[Entry]:
        with self._told():
            for folder, names, files in os.walk(self.root / prefix.rpartition("/")[0]):
                names[:] = [name for name in names if name != PARTIAL]
                for name in files:
                    path = Path(folder, name)
                    key = path.relative_to(self.root).as_posix()
                    if key.startswith(prefix):
                        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                            yield _entry(key, path.stat())

    def leftovers(self, prefix: str) -> Iterator[Leftover]:
        with self._told(), contextlib.suppress(FileNotFoundError):
            for found in os.scandir(self.root / PARTIAL):
                with contextlib.suppress(FileNotFoundError):
                    yield Leftover(found.name, _moment(found.stat()))

    def discard(self, leftovers: Iterable[Leftover]) -> None:
        with self._told():
            for leftover in leftovers:
                (self.root / PARTIAL / leftover.name).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        # Keys are made by quorum; what reads like a way out of the folder was not.
        if not _KEY.fullmatch(key) or key.startswith("/") or "//" in key:
            raise missing(key)
        return self.root / key

    @contextlib.contextmanager
    def _told(self, key: str | None = None) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            if key is None:
                raise self._failed(error) from error
            raise missing(key) from None
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> errors.OperationalError:
        return errors.OperationalError(f"The folder {self.root} for files can't be used: {error.strerror or error}.")


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entry(key: str, found: os.stat_result) -> Entry:
    return Entry(key, found.st_size, _moment(found))


def _moment(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, UTC)
