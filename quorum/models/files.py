"""Files: a field whose bytes lie in a storage, and whose facts are stored in the document.

`{"key": "blog/posts/cover/5f0c...", "name": "cat.png", "size": 18230, "content_type": "image/png", "sha256": "...",
"uploaded_at": ..., "width": 640, "height": 480, "thumbnails": {"small": {"width": 320, "height": 240, ...}}}`; what
holds for images only is there for images only.
"""

from __future__ import annotations

import copy
import dataclasses
import io
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Protocol, cast

from .. import content, errors, images, storage
from ..late import marshmallow
from ..storage.base import CHUNK, Reader
from .containers import Container, ListKind, core
from .holders import is_unsent
from .kinds import Kind, Scope, WrongValue
from .marshal import field_class
from .sources import Source, source_of

#: Bytes that a file may have where its field does not say.
MAX_SIZE = 100_000_000

#: Seconds that a URL holds.
EXPIRES = 300

THUMBNAIL = r"[a-z][a-z0-9_]{0,30}"

Key = Callable[[Any, "File"], str]


@dataclasses.dataclass(slots=True)
class FileOptions:
    """What `quorum.file()` says of a field beside what every field has."""

    max_size: int = MAX_SIZE
    content_types: Sequence[str] | None = None
    extensions: Sequence[str] | None = None
    key: Key | None = None
    image: Mapping[str, Any] | None = None
    storage: storage.Storage | None = None

    @property
    def thumbnails(self) -> Mapping[str, tuple[int, int]]:
        """The sizes of the smaller images that are made of each one, by name."""
        return (self.image or {}).get("thumbnails", {})  # type: ignore[no-any-return]


class Serving(Protocol):
    """What the layers above do with files: URLs of the app's own, responses, uploads that the app takes, jobs."""

    def url(self, file: File, expires: int, *, download: bool) -> str:
        """Give a signed URL at which the app serves a file."""
        ...

    def response(self, file: File, *, download: bool) -> Any:
        """Give a response that serves a file."""

    def presign(
        self, place: storage.Storage, key: str, expires: int, content_type: str, max_size: int
    ) -> dict[str, Any]:
        """Give where and with which fields a browser posts a file: `{"url": ..., "fields": {...}}`."""
        ...

    def begin_thumbnails(self, model: Any, id: Any, key: str) -> None:
        """Have the smaller images made of a file that a stored document has, in the background."""


class File:
    """A file: of a field, or on its way into one.

    Assign what has the bytes, and the field makes one of it: `post.cover = request.files.get("cover")`, an open binary
    file, a `pathlib.Path`, bytes, or another document's file. Make one yourself to give bytes a name.

    :param source: what has the bytes.
    :param name: the file's name, in place of the one that the source has.
    :raises ValidationError: the source is nothing that has bytes.
    """

    __slots__ = ("_checked", "_kind", "_source", "_stored")

    @staticmethod
    def __kind__(given: Mapping[str, Any] | None) -> FileKind:
        return FileKind(FileOptions(**(given or {})))

    #: Set once by the web layer.
    serving: ClassVar[Serving | None] = None

    def __init__(self, source: Any, *, name: str | None = None) -> None:
        try:
            found = source._copied() if isinstance(source, File) else source_of(source)
        except marshmallow.ValidationError as error:
            raise errors.ValidationError(error.messages, model="File") from None
        if found is None:
            raise errors.ValidationError("The form was sent without a file.", model="File")
        self._begin(found, source.name if name is None and isinstance(source, File) else name)

    def _begin(self, source: Source, name: str | None) -> None:
        self._source: Source | None = source
        self._kind: FileKind | None = None
        self._checked: FileOptions | None = None
        self._stored: dict[str, Any] = {"name": content.clean_name(name if name is not None else source.name)}

    @classmethod
    def of_source(cls, source: Source, name: str | None = None) -> File:
        """Make a file of a source."""
        made = object.__new__(cls)
        made._begin(source, name)
        return made

    @classmethod
    def of_stored(cls, stored: dict[str, Any], kind: FileKind) -> File:
        """Make the file of what a document has."""
        made = object.__new__(cls)
        made._source, made._kind, made._checked, made._stored = None, kind, kind.options, stored
        return made

    # What is stored of it.

    @property
    def name(self) -> str:
        """What it was called, without a path and without characters that are not seen; never part of a key."""
        return str(self._stored["name"])

    @property
    def key(self) -> str | None:
        """The key of its object in the storage; None until its document is saved."""
        return self._stored.get("key")

    @property
    def size(self) -> int:
        """Its size in bytes."""
        if "size" not in self._stored and self._source is not None:
            return self._source_size()
        return int(self._stored["size"])

    @property
    def content_type(self) -> str:
        """What its bytes say that it is, `image/png`; `application/octet-stream` where they don't."""
        return str(self._stored.get("content_type", content.UNKNOWN))

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of its bytes, in hexadecimal; None until its document is saved."""
        return self._stored.get("sha256")

    @property
    def uploaded_at(self) -> datetime | None:
        """When it was stored, in UTC; None until its document is saved."""
        moment: datetime | None = self._stored.get("uploaded_at")
        return None if moment is None else moment.replace(tzinfo=UTC)

    @property
    def width(self) -> int | None:
        """Of an image, its width in pixels."""
        return self._stored.get("width")

    @property
    def height(self) -> int | None:
        """Of an image, its height in pixels."""
        return self._stored.get("height")

    @property
    def thumbnails(self) -> dict[str, File]:
        """The smaller images that were made of it, by the names that the field gives them."""
        made: dict[str, Any] = self._stored.get("thumbnails") or {}
        return {name: self._smaller(name, facts) for name, facts in made.items()}

    def thumbnail(self, name: str) -> File:
        """Give a smaller image of it, or the image itself until that one is made.

        They are made in the background of the save, and known to documents that are loaded after it.

        :raises KeyError: the field makes none of that name.
        """
        facts = (self._stored.get("thumbnails") or {}).get(name)
        if facts is not None:
            return self._smaller(name, facts)
        if self._kind is None or name not in self._kind.options.thumbnails:
            raise KeyError(name)
        return self

    def _smaller(self, name: str, facts: dict[str, Any]) -> File:
        stem = self.name.rpartition(".")[0] or self.name
        stored = {**facts, "key": f"{self.key}.{name}", "name": f"{stem}-{name}.webp"}
        stored["uploaded_at"] = self._stored.get("uploaded_at")
        return File.of_stored(stored, self._of())

    # Its bytes.

    def open(self) -> BinaryIO:
        """Give a reader that can seek and holds no more than a part of the file in memory. Close it.

        :raises NotFoundError: when it is read, the object is not there.
        :raises OperationalError: when it is read, the storage does not answer, or no longer.
        """
        if self._source is not None:
            source = self._source
            return io.BufferedReader(
                Reader(lambda start: cast(BinaryIO, _Borrowed(source, start)), self._source_size(), self.name)
            )
        return self.storage.open(str(self.key), self.size)

    def read(self) -> bytes:
        """Give all of its bytes.

        :raises NotFoundError: the object is not there.
        :raises OperationalError: the storage does not answer.
        """
        with self.open() as reader:
            return reader.read()

    def save_to(self, path: str | os.PathLike[str]) -> None:
        """Write it to a path: all of it, or nothing. The path is yours to choose: never from what a client sends.

        :raises NotFoundError: the object is not there.
        :raises OperationalError: the storage does not answer.
        """
        target = Path(path)
        descriptor, partial = tempfile.mkstemp(prefix=".", suffix=".partial", dir=target.parent)
        try:
            with self.open() as reader, open(descriptor, "wb", buffering=0) as writer:  # noqa: PTH123
                while data := reader.read(CHUNK * 4):
                    writer.write(data)
            Path(partial).replace(target)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise

    def url(self, *, expires: int = EXPIRES, download: bool = False) -> str:
        """Give a URL that serves it to whoever has the URL, for some seconds: of S3, else of the app.

        :param download: the browser saves it, also where it could show it.
        :raises ConfigurationError: the app serves it, and outside of a request `BASE_URL` is not set.
        """
        headers = {
            "Content-Disposition": content.disposition(self.name, self.content_type, download=download),
            "Content-Type": content.served_type(self.content_type),
        }
        key = self._stored_key()
        found = self.storage.url(key, expires, headers)
        return self._served().url(self, expires, download=download) if found is None else found

    def response(self, *, download: bool = False) -> Any:
        """Give a Flask response that serves it, with ranges, an ETag, and a name that is safe in headers.

        Who may have it is for the view to decide.

        :param download: the browser saves it, also where it could show it.
        """
        self._stored_key()
        return self._served().response(self, download=download)

    @property
    def storage(self) -> storage.Storage:
        """Where it lies."""
        return self._of().storage()

    def _of(self) -> FileKind:
        if self._kind is None:
            raise errors.NotFoundError(f"The file {self.name!r} is not stored yet. Save its document first.")
        return self._kind

    def _stored_key(self) -> str:
        if self.key is None or self._source is not None:
            raise errors.NotFoundError(f"The file {self.name!r} is not stored yet. Save its document first.")
        return self.key

    def _served(self) -> Serving:
        if File.serving is None:
            raise errors.ConfigurationError("Files are served by a Flask app. Call quorum.load() first.")
        return File.serving

    # On its way into a document.

    @property
    def is_pending(self) -> bool:
        """Whether it still has to be stored."""
        return self._source is not None

    def _copied(self) -> Source:
        if self._source is not None:
            return self._source
        return Source(self.open, self.name)

    def _source_size(self) -> int:
        assert self._source is not None
        return self._source.open().seek(0, io.SEEK_END)

    def check(self, kind: FileKind) -> None:
        """Look at the bytes: whether the field takes them, and what they are.

        :raises marshmallow.ValidationError: the field does not.
        """
        if self._source is None or self._checked is kind.options:
            return
        options = kind.options
        stream = self._source.open(options.max_size)
        size = stream.seek(0, io.SEEK_END)
        if size > options.max_size:
            raise marshmallow.ValidationError(f"Larger than {content.show_size(options.max_size)}.")
        extension = content.extension_of(self.name)
        if options.extensions is not None and extension not in options.extensions:
            raise marshmallow.ValidationError(f"Its name must end with one of: {', '.join(options.extensions)}.")
        stream.seek(0)
        found = content.type_of(_head(stream), self.name)
        if not kind.takes(found):
            raise marshmallow.ValidationError(f"Must be one of: {', '.join(kind.wanted)}; it is {found}.")
        facts: dict[str, Any] = {"name": self.name, "size": size, "content_type": found}
        if options.image is not None:
            facts |= self._renew(stream, options)
        elif found.startswith("image/") and (measured := images.measure(stream)):
            facts |= dict(zip(("width", "height"), measured, strict=True))
        self._stored, self._checked, self._kind = facts, options, kind

    def _renew(self, stream: BinaryIO, options: FileOptions) -> dict[str, Any]:
        assert self._source is not None
        given = options.image or {}
        try:
            made = images.renewed(stream, given.get("max_width"), given.get("max_pixels", images.MAX_PIXELS))
        except images.WrongImage as error:
            raise marshmallow.ValidationError(str(error)) from None
        self._source.replace(made.stream)
        size = made.stream.seek(0, io.SEEK_END)
        return {"size": size, "content_type": made.content_type, "width": made.width, "height": made.height}

    def place(self, facts: dict[str, Any], kind: FileKind) -> None:
        """Note what is stored of it, now that its object is."""
        self._stored, self._kind = facts, kind

    def keep(self) -> None:
        """Let go of where it came from, now that its document is stored."""
        if self._source is not None:
            source, self._source = self._source, None
            source.close()
            if source.after is not None:
                source.after()

    def take_back(self) -> None:
        """Forget its object, as its document was not stored."""
        if self._source is not None:
            self._stored = {name: self._stored[name] for name in _BEFORE if name in self._stored}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, File):
            return NotImplemented
        return self is other or (self.key is not None and self.key == other.key)

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> File:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> File:
        made = object.__new__(File)
        made._source, made._kind, made._checked = self._source, self._kind, self._checked
        made._stored = copy.deepcopy(self._stored, memo)
        return made

    def __reduce__(self) -> Any:
        if self._source is not None:
            raise TypeError(f"{self!r} is not stored yet, and cannot be pickled.")
        return File.of_stored, (self._stored, self._kind)

    def __repr__(self) -> str:
        return f"<File {self.name!r}>"


#: What is known of a file before it is stored.
_BEFORE = ("name", "size", "content_type", "width", "height")


class _Borrowed(io.RawIOBase):
    """Reads a source that is not stored yet from a place on, and leaves it open."""

    def __init__(self, source: Source, position: int) -> None:
        self._source, self._position = source, position

    def read(self, size: int = -1) -> bytes:
        stream = self._source.open()
        stream.seek(self._position)
        data = stream.read(size)
        self._position += len(data)
        return data


def _head(stream: BinaryIO) -> bytes:
    head = b""
    while len(head) < content.HEAD and (data := stream.read(content.HEAD - len(head))):
        if not isinstance(data, bytes):
            raise marshmallow.ValidationError("The file was opened as text. Open it in binary mode.")
        head += data
    return head


class FileKind(Kind):
    """A file; what of it is stored in the document is a sub-document, which only saving the file makes."""

    nested = files = True
    stored = frozenset({dict})

    def __init__(self, options: FileOptions) -> None:
        self.options = options

    def storage(self) -> storage.Storage:
        """Give the storage of the field."""
        return self.options.storage or storage.default()

    @property
    def wanted(self) -> Sequence[str]:
        """The types of files that the field takes, or nothing where it takes any."""
        if self.options.content_types is not None:
            return self.options.content_types
        return () if self.options.image is None else tuple(images.FORMATS.values())

    def takes(self, content_type: str) -> bool:
        """Say whether the field takes files of a type."""
        if self.options.image is not None and content_type not in images.FORMATS.values():
            return False
        return not self.wanted or content.is_among(content_type, self.wanted)

    def coerce(self, value: Any) -> Any:
        if type(value) is File:
            return value
        source = source_of(value)
        return None if source is None else File.of_source(source)

    def cast(self, value: Any) -> Any:
        # What comes as JSON or as text has no bytes, and names no file: neither a path nor a key.
        if type(value) is File or (hasattr(value, "stream") and hasattr(value, "filename")):
            file = self.coerce(value)
            if file is not None:
                file.check(self)  # so that what is wrong with it is told with what else is wrong with a form
            return file
        raise marshmallow.ValidationError("Not a file. Send it in a form of type multipart/form-data.")

    def judge(self, value: Any) -> None:
        value.check(self)

    def encode(self, value: Any) -> Any:
        stored: dict[str, Any] = value._stored
        return stored

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if type(stored) is not dict or type(stored.get("key")) is not str:
            raise WrongValue(stored, self.describe())
        return File.of_stored(stored, self)

    def dump(self, value: Any) -> Any:
        shown = _shown(value)
        shown["thumbnails"] = {name: _shown(smaller) for name, smaller in value.thumbnails.items()}
        return shown

    def _is_right(self, value: Any) -> bool:
        try:
            value.check(self)
        except marshmallow.ValidationError:
            return False
        return True

    def source(self, name: str, scope: Scope) -> str:
        return f"{self.shape(name, scope)} and {scope.name(self._is_right, 'is_right_file')}({name})"

    def shape(self, name: str, scope: Scope) -> str:
        return f"type({name}) is {scope.name(File, 'File')}"

    def schema_field(self, **options: Any) -> marshmallow.fields.Field[Any]:
        return field_class("Raw")(kind=self, **options)

    def describe(self) -> str:
        return "File"

    def in_list(self) -> FileListKind:
        """Give the kind of a list of these."""
        return FileListKind(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> FileKind:
        return FileKind(self.options)


def _shown(file: File) -> dict[str, Any]:
    """Give what anybody may know of a file: never its key."""
    moment = file.uploaded_at
    shown = {name: getattr(file, name) for name in (*_BEFORE, "sha256")}
    return {**shown, "uploaded_at": None if moment is None else moment.isoformat().replace("+00:00", "Z")}


class FileListKind(ListKind):
    """A list of files; the empty input of a form adds nothing to it."""

    def coerce(self, value: Any) -> Any:
        return super().coerce(_sent(value))

    def cast(self, value: Any) -> Any:
        return super().cast(_sent(value))


def _sent(value: Any) -> Any:
    if isinstance(value, (list, tuple)) and any(map(is_unsent, value)):
        return [item for item in value if not is_unsent(item)]
    return value


def file_kind(kind: Kind) -> FileKind | None:
    """Give the kind of the files that a field holds, itself or in a list or a dict, or None."""
    kind = core(kind)
    while isinstance(kind, Container):
        kind = core(kind.item)
    return kind if isinstance(kind, FileKind) else None


def store_in(cls: Any, place: Any) -> None:
    """Let the file fields of a model that name no storage of their own have the one of its `Meta`.

    :raises ConfigurationError: it is no storage.
    """
    if not isinstance(place, storage.Storage):
        raise errors.ConfigurationError(f"{cls.__name__}.Meta.storage is a quorum.storage.Storage, not {place!r}.")
    for name, field in cls.__fields__.items():
        kind = file_kind(field.kind)
        if kind is not None and kind.options.storage is None:
            own = FileKind(dataclasses.replace(kind.options, storage=place))
            cls.__fields__[name] = type(field)(name, copy.deepcopy(field.kind, {id(kind): own}), field.options, cls)
            setattr(cls, name, cls.__fields__[name])
