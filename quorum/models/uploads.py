"""The order in which files and the documents that name them are written, so that neither is ever without the other.

An object is stored before the document that names it, and removed after the document that no longer does. Where a
write is refused, the objects that came for it are removed; where its answer was lost, they stay, as the document may
name them. What a process leaves that dies in between is found by `quorum.models.orphans`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO, cast
from urllib.parse import quote

from pymongo.errors import PyMongoError

from .. import address, errors, images, runtime
from ..content import served_type
from ..late import marshmallow
from ..storage import Storage
from . import store
from .containers import Container, core
from .documents import Document
from .embedded import TYPE_KEY, EmbeddedKind
from .files import File, FileKind, file_kind
from .kinds import MISSING, Kind
from .mixed import UnionKind
from .sources import Source
from .unanswered import Attempted, is_unanswered

_log = logging.getLogger(__name__)

Named = set[tuple[Storage, str]]

#: The part of a storage in which browsers put files of their own; nothing there is ever named by a document.
INCOMING = "=incoming"


def files_in(model: Any, stored: Mapping[str, Any]) -> Iterator[tuple[FileKind, dict[str, Any]]]:
    """Give what a stored document has of each of its files."""
    for field in model.__files__:
        yield from files_of(field, stored)


def files_of(field: Any, stored: Mapping[str, Any]) -> Iterator[tuple[FileKind, dict[str, Any]]]:
    """Give what a stored document has of each file of a field."""
    yield from _stored_files(field.kind, stored.get(field.key))


def _stored_files(kind: Kind, stored: Any) -> Iterator[tuple[FileKind, dict[str, Any]]]:
    kind = core(kind)
    if isinstance(kind, FileKind):
        if isinstance(stored, dict) and isinstance(stored.get("key"), str):
            yield kind, stored
    elif isinstance(kind, Container):
        for item in stored.values() if isinstance(stored, dict) else stored if isinstance(stored, list) else ():
            yield from _stored_files(kind.item, item)
    elif isinstance(kind, UnionKind):
        for member in kind.members:
            yield from _stored_files(member, stored)
    elif isinstance(kind, EmbeddedKind) and isinstance(stored, dict):
        cls = kind.class_of(stored)
        if cls is not None:
            yield from files_in(cls, stored)


def named(model: Any, stored: Mapping[str, Any]) -> Named:
    """Give the objects that a stored document names: the storage and the key of each."""
    return {(kind.storage(), key) for kind, facts in files_in(model, stored) for key in keys_of(kind, facts)}


def keys_of(kind: FileKind, facts: Mapping[str, Any]) -> list[str]:
    """Give the keys of a stored file: its own, and those that its smaller images have or may have soon."""
    names = dict.fromkeys((*(facts.get("thumbnails") or ()), *kind.options.thumbnails))
    return [facts["key"], *(f"{facts['key']}.{name}" for name in names)]


def remove(objects: Iterable[tuple[Storage, str]]) -> None:
    """Remove objects that no document names any more; what can't be removed now is told, and found by the check."""
    by_storage: dict[Storage, list[str]] = {}
    for storage, key in objects:
        by_storage.setdefault(storage, []).append(key)
    for storage, keys in by_storage.items():
        try:
            storage.delete(keys)
        except errors.QuorumError as error:
            _log.warning(
                "%d files that no document names any more were not removed, %s first: %s "
                "`flask quorum files check --repair` will remove them.", len(keys), keys[0], error,
            )  # fmt: skip


@contextlib.contextmanager
def exchange(document: Any) -> Iterator[None]:
    """Write a document with its files: new objects before it, old ones removed after it."""
    model = type(document)
    before = named(model, document._doc)
    for stored in document._state.sent if isinstance(document._state, Attempted) else ():
        before |= named(model, stored)
    pending = vars(document).get("_pending")
    sent = before if pending is None else before | named(model, pending.stored)
    sending = _Sending(document, before, sent, _owners(document))
    with sending:
        for field in model.__files__:
            value = vars(document).get(field.name, MISSING)
            if value is not MISSING and value is not None:
                vars(document)[field.name] = sending.send(field, field.kind, value)
        yield
    remove(before - named(model, document._doc))


@contextlib.contextmanager
def adding(document: Any, field: Any, kind: Kind, item: Any) -> Iterator[Any]:
    """Give the stored form of an item that is to be added to a field of a stored document, with its files stored."""
    sending = _Sending(document, set(), set(), {})
    with sending:
        yield kind.encode(sending.send(field, kind, item))


def _owners(document: Any) -> dict[tuple[Storage, str], str]:
    """Give the fields, by name, that go on naming an object which they have named before."""
    owners = {}
    for field in type(document).__files__:
        stored = {(kind.storage(), facts["key"]) for kind, facts in files_of(field, document._doc)}
        value = vars(document).get(field.name, MISSING)
        held = stored if value is MISSING else set(_held(field.kind, value))
        owners.update(dict.fromkeys(stored & held, field.name))
    return owners


def _held(kind: Kind, value: Any) -> Iterator[tuple[Storage, str]]:
    """Give the objects that a field's value names."""
    kind = core(kind)
    if isinstance(kind, FileKind):
        if value is not None and value.key is not None:
            yield kind.storage(), value.key
    elif isinstance(kind, Container):
        for item in value.values() if isinstance(value, dict) else value or ():
            yield from _held(kind.item, item)
    elif isinstance(value, Document) and value.__embedded__:
        owner: Any = type(value)
        for inner in owner.__files__:
            if inner.name in vars(value) or inner.key in value._doc:
                yield from _held(inner.kind, getattr(value, inner.name))


class _Sending:
    """The objects that one write brings: kept if it was done or may have been, removed if it was not.

    An object is named in one place. A file that stands in a second one is copied: a copy of the document that knows of
    the first place alone may remove the object.

    :param before: the objects that the document names as it is stored.
    :param sent: the same, and those of an update of which it is open what became.
    :param owners: the fields that go on naming theirs.
    """

    def __init__(self, document: Any, before: Named, sent: Named, owners: Mapping[tuple[Storage, str], str]) -> None:
        self._document, self._before, self._sent, self._owners = document, before, sent, owners
        self._placed: Named = set()
        self._files: list[File] = []
        self._earlier: list[File] = []
        self._objects: Named = set()
        self._waiting: list[str] = []

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if error is None:
            for file in (*self._files, *self._earlier):
                file.keep()
            for key in self._waiting:
                _begin_thumbnails(self._document, key)
        elif not _is_open(error):
            there = named(type(self._document), self._document._doc)
            remove(self._objects - there)
            if not self._objects & there:
                for file in self._files:
                    file.take_back()

    def send(self, field: Any, kind: Kind, value: Any) -> Any:
        """Store the files in a value that are not the document's own yet; give the value that names them."""
        kind = core(kind)
        if value is None:
            return None
        if isinstance(kind, FileKind):
            return self._file(field, kind, value)
        if isinstance(kind, Container):
            return self._items(field, kind, value)
        if isinstance(value, Document) and value.__embedded__:
            owner: Any = type(value)
            for inner in owner.__files__:
                if inner.name in vars(value) or inner.key in value._doc:
                    vars(value)[inner.name] = self.send(field, inner.kind, getattr(value, inner.name))
        return value

    def _items(self, field: Any, kind: Container, value: Any) -> Any:
        if isinstance(value, dict):
            value.update({key: self.send(field, kind.item, item) for key, item in value.items()})
            return value
        items = [self.send(field, kind.item, item) for item in value]
        if isinstance(value, list):
            value[:] = items
            return value
        return type(value)(items)

    def _file(self, field: Any, kind: FileKind, file: File) -> File:
        storage = kind.storage()
        if file.key is not None:
            place = (storage, file.key)
            if file.is_pending:
                is_ours = place in self._sent  # else the object is of another document, which may be stored
            else:
                is_ours = place in self._before and self._owners.get(place, field.name) == field.name
            if is_ours and place not in self._placed:
                self._placed.add(place)
                if file.is_pending:
                    # An earlier save stored it, and does not know what became of the document.
                    self._earlier.append(file)
                    if kind.options.thumbnails and "thumbnails" not in file._stored:
                        self._waiting.append(place[1])
                return file
            # One that stands elsewhere too, or another document's, which goes when that one goes.
            file = File(file)
        try:
            file.check(kind)
        except marshmallow.ValidationError as error:
            raise errors.ValidationError({field.name: error.messages}, model=type(self._document).__name__) from None
        self._files.append(file)
        self._store(storage, new_key(type(self._document), field, _own_part(kind, self._document, file)), kind, file)
        return file

    def _store(self, storage: Storage, key: str, kind: FileKind, file: File) -> None:
        assert file._source is not None
        reader = _Hashing(file._source.open())
        self._objects.add((storage, key))
        self._placed.add((storage, key))
        storage.put(key, reader, file.size, served_type(file.content_type))
        if reader.count != file.size:
            raise errors.OperationalError(
                f"The file {file.name!r} had {file.size} bytes when it was checked, {reader.count} when it was stored."
            )
        now = datetime.now(UTC).replace(tzinfo=None)
        facts: dict[str, Any] = {"key": key, **file._stored, "sha256": reader.digest.hexdigest()}
        facts["uploaded_at"] = now.replace(microsecond=now.microsecond // 1000 * 1000)
        if kind.options.thumbnails and not has_jobs():
            facts["thumbnails"] = self._thumbnails(storage, key, kind, file)
        elif kind.options.thumbnails:
            self._waiting.append(key)
        file.place(facts, kind)

    def _thumbnails(self, storage: Storage, key: str, kind: FileKind, file: File) -> dict[str, Any]:
        assert file._source is not None
        made = {}
        for name in kind.options.thumbnails:
            self._objects.add((storage, f"{key}.{name}"))
            made[name] = store_thumbnail(kind, key, name, file._source.open())
        return made


def has_jobs() -> bool:
    """Say whether the current app makes smaller images in the background, once their document is stored."""
    return File.serving is not None and bool(runtime.current().execution)


def _begin_thumbnails(document: Any, key: str) -> None:
    assert File.serving is not None
    try:
        File.serving.begin_thumbnails(type(document), document.id, key)
    except errors.QuorumError as error:
        # The document is stored, and its file has all but these.
        _log.warning(
            "The thumbnails of %s are not being made: %s `flask quorum files check --repair` will make them.",
            key, error,
        )  # fmt: skip


def store_thumbnail(kind: FileKind, key: str, name: str, stream: Any) -> dict[str, Any]:
    """Make the smaller image of a name from one of a field's, and store it; give its facts."""
    most = (kind.options.image or {}).get("max_pixels", images.MAX_PIXELS)
    image = images.thumbnail(stream, kind.options.thumbnails[name], most)
    with image.stream:
        count = image.stream.seek(0, io.SEEK_END)
        image.stream.seek(0)
        reader = _Hashing(image.stream)
        kind.storage().put(f"{key}.{name}", reader, count, image.content_type)
    facts = {"size": count, "content_type": image.content_type, "sha256": reader.digest.hexdigest()}
    return {**facts, "width": image.width, "height": image.height}


def _is_open(error: BaseException) -> bool:
    """Say whether it is open what became of a write that raised this."""
    cause: Any = error if isinstance(error, PyMongoError) else error.__cause__
    if isinstance(cause, PyMongoError):
        return bool(is_unanswered(cause))
    return not isinstance(error, Exception)


class _Hashing:
    """Reads a stream, and knows how much came and its SHA-256."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()
        self.count = 0

    def read(self, size: int = -1, /) -> bytes:
        data: bytes = self._stream.read(size)
        self.digest.update(data)
        self.count += len(data)
        return data


def prefix() -> str:
    """Give what the keys of the current app's files begin with: two databases in one bucket keep apart."""
    return _escaped(address.database_name(runtime.current().settings)) + "/"


def new_key(model: Any, field: Any, own: str = "") -> str:
    """Make a key that nobody has or can guess: `blog/posts/cover/5f0c...`."""
    return f"{_place(model, field)}{own}{secrets.token_hex(16)}"


def _place(model: Any, field: Any, within: str = "") -> str:
    return f"{prefix()}{within}{_escaped(model.__meta__.collection)}/{_escaped(field.name)}/"


def prefixes(model: Any) -> tuple[str, str]:
    """Give what the keys of a collection's files begin with: those of documents, and those that browsers sent."""
    collection = _escaped(model.__meta__.collection)
    return f"{prefix()}{collection}/", f"{prefix()}{INCOMING}/{collection}/"


def kinds(model: Any) -> Iterator[FileKind]:
    """Give the kinds of the files that a model's fields lead to, also by way of what it embeds."""
    waiting, seen = [model], {model}
    while waiting:
        for field in waiting.pop().__files__:
            inner = field.innermost()
            if isinstance(inner, FileKind):
                yield inner
                continue
            found = {target.get() for target in getattr(inner, "targets", ())} - seen
            seen |= found
            waiting += found


def _escaped(text: str) -> str:
    return quote(text, safe="").replace("~", "%7E").replace("%", "=")


def _own_part(kind: FileKind, document: Any, file: File) -> str:
    if kind.options.key is None:
        return ""
    parts = re.sub(r"[^A-Za-z0-9_/-]+", "-", str(kind.options.key(document, file))).split("/")
    return "".join(f"{part[:60]}/" for part in parts[:8] if part)


class Direct:
    """Uploads that a browser sends to the storage itself: `Post.cover.presign()`, then `Post.cover.confirm(key)`."""

    def __init__(self, model: Any, field: Any, kind: FileKind) -> None:
        self._model, self._field, self._kind = model, field, kind

    def presign(self, content_type: str, *, expires: int = 3600) -> dict[str, Any]:
        """Give where and with which fields a browser posts one file, within some seconds.

        The storage refuses a file that is larger than the field takes, or that is sent as another type.

        :param content_type: what the browser says that the file is.
        :returns: `{"url": ..., "fields": {...}, "key": ...}`: the file comes last in the form, as `file`; the key is
            for `confirm`.
        :raises ValidationError: the field takes no files of that type.
        """
        if not self._kind.takes(content_type):
            raise self._wrong(f"Must be one of: {', '.join(self._kind.wanted)}.")
        storage, limit = self._kind.storage(), self._kind.options.max_size
        key = _place(self._model, self._field, f"{INCOMING}/") + secrets.token_hex(16)
        signed = storage.presign(key, expires, content_type, limit)
        if signed is None:
            if File.serving is None:
                raise errors.ConfigurationError("Files are taken by a Flask app. Call quorum.load() first.")
            signed = File.serving.presign(storage, key, expires, content_type, limit)
        return {**signed, "key": key}

    def confirm(self, key: str, *, name: str | None = None) -> File:
        """Give the file that a browser posted, to be assigned to the field; saving its document stores it.

        It is read and checked as any other: what the browser said of it counts for nothing.

        :param key: what `presign` gave.
        :param name: the file's name.
        :raises ValidationError: nothing was posted there, or what was does not fit the field.
        """
        place = re.escape(_place(self._model, self._field, f"{INCOMING}/"))
        if not re.fullmatch(place + "[0-9a-f]{32}", str(key)):
            raise self._wrong("Not an upload to this field.")
        storage = self._kind.storage()
        try:
            entry = storage.head(key)
        except errors.NotFoundError:
            raise self._wrong("The upload is not there. Send the file again.") from None
        file = File.of_source(_once(storage, key, entry.size), name)
        try:
            file.check(self._kind)
        except marshmallow.ValidationError as error:
            storage.delete([key])
            raise self._wrong(error.messages) from None
        return file

    def _wrong(self, problem: Any) -> errors.ValidationError:
        problems = problem if isinstance(problem, list) else [problem]
        return errors.ValidationError({self._field.name: problems}, model=self._model.__name__)


def direct(model: Any, name: str, kind: Kind) -> Direct:
    """Give what a browser's own uploads to a field take."""
    files = file_kind(kind)
    assert files is not None
    return Direct(model, model.__fields__[name.partition(".")[0]], files)


class _Once(io.RawIOBase):
    """Reads an object that its sender may still replace; as it can't seek, it is copied before anyone looks at it."""

    def __init__(self, storage: Storage, key: str, size: int) -> None:
        self._reader = storage.open(key, size)

    def read(self, size: int = -1) -> bytes:
        return self._reader.read(size)

    def close(self) -> None:
        self._reader.close()
        super().close()


def _once(storage: Storage, key: str, size: int) -> Source:
    source = Source(lambda: cast(BinaryIO, _Once(storage, key, size)))
    source.after = lambda: remove({(storage, key)})
    return source


def complete(document: Any) -> None:
    """Read what is stored of the files that were assigned to a document which was loaded without them."""
    only = document._state.only
    if only is None:
        return
    model = type(document)
    keys = [f.key for f in model.__files__ if f.name in vars(document) and f.key not in {**only, **document._doc}]
    if keys:
        with store.Translated(model):
            found = store.primary(model).find_one({"_id": document._doc["_id"]}, dict.fromkeys(keys, 1)) or {}
        document._doc.update((key, found.get(key)) for key in keys)


def projection(model: Any) -> dict[str, int]:
    """Give what must be read of documents to know their files."""
    family = model.__family__()
    return dict.fromkeys(("_id", TYPE_KEY, *(field.key for one in family for field in one.__files__)), 1)
