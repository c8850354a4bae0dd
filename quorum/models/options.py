"""What a declaration says of a field: `quorum.field()`, `reference()` and `file()`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack, overload

from .kinds import MISSING

#: What `format=` knows.
Format = Literal["email", "url", "slug", "uuid", "ipv4", "ipv6", "color"]


@dataclasses.dataclass(kw_only=True, slots=True)
class Options:
    """What a declaration says of a field."""

    default: Any = MISSING
    required: bool | None = None
    max_length: int | None = None
    min_length: int | None = None
    min: Any = None
    max: Any = None
    regex: str | re.Pattern[str] | None = None
    choices: Iterable[Any] | None = None
    format: str | None = None
    validate: Callable[[Any], Any] | Iterable[Callable[[Any], Any]] | None = None
    index: bool = False
    unique: bool = False
    sparse: bool = False
    readonly: bool = False
    private: bool = False
    increment: bool = False
    alias: str | None = None
    primary: bool = False
    allow_nan: bool = False
    reference: bool = False
    #: What `file()` says of files, for their kind to read.
    file: dict[str, Any] | None = None
    #: Names that are no options, for the error that the class gives.
    unknown: tuple[str, ...] = ()

    @property
    def is_limited(self) -> bool:
        """Whether a length or a value is compared with a number."""
        return any(one is not None for one in (self.min, self.max, self.min_length, self.max_length))

    @property
    def is_judged(self) -> bool:
        """Whether there is more to check than that."""
        return any(one is not None for one in (self.regex, self.choices, self.format, self.validate))

    #: "created" or "updated": the moment that the field keeps, for `Timestamped`.
    moment: str | None = None


class Linked(TypedDict, total=False):
    """The options of a reference, for type checkers; `default` and `increment` stand on their own there."""

    required: bool
    index: bool
    unique: bool
    readonly: bool
    private: bool
    alias: str


class Filed(TypedDict, total=False):
    """The options of a file, for type checkers."""

    required: bool
    readonly: bool
    private: bool
    alias: str
    validate: Callable[[Any], Any] | Iterable[Callable[[Any], Any]]
    max_length: int
    min_length: int
    max_size: int | str
    content_types: Sequence[str]
    extensions: Sequence[str]
    key: Callable[[Any, Any], str]
    image: Mapping[str, Any]
    storage: Any


class Given(Linked, total=False):
    """The options of a field, for type checkers."""

    max_length: int
    min_length: int
    min: Any
    max: Any
    regex: str | re.Pattern[str]
    choices: Iterable[Any]
    format: Format
    validate: Callable[[Any], Any] | Iterable[Callable[[Any], Any]]
    sparse: bool
    primary: bool
    allow_nan: bool


#: The options of `reference()`, and of `field()`.
OF_REFERENCES = frozenset({"default", "required", "index", "unique", "readonly", "private", "alias"})
OF_FIELDS = frozenset(known.name for known in dataclasses.fields(Options)) - {"reference", "file", "moment", "unknown"}
_OWN_OF_FILES = frozenset({"max_size", "content_types", "extensions", "key", "image", "storage"})
OF_FILES = _OWN_OF_FILES | {
    "default", "required", "readonly", "private", "alias", "validate", "max_length", "min_length",
}  # fmt: skip


@overload
def field(*, increment: Literal[True], init: Literal[False] = False, **options: Unpack[Given]) -> Any: ...
@overload
def field(*, default: Any, **options: Unpack[Given]) -> Any: ...
@overload
def field(**options: Unpack[Given]) -> Any: ...
def field(**options: Any) -> Any:
    """Declare a field's options beside its annotation: `name: str = quorum.field(max_length=64, unique=True)`.

    :param default: the value of a document that was made without one; a callable is called for each.
    :param required: a value must be given, and None is none. Holds for a field without a default that is not optional.
    :param max_length: the most characters, bytes or items.
    :param min_length: the fewest.
    :param min: the least value, itself allowed.
    :param max: the greatest value, itself allowed.
    :param regex: a pattern that the text must match from its start, as in marshmallow's `Regexp`.
    :param choices: the values that are allowed.
    :param format: `email`, `url`, `slug`, `uuid`, `ipv4`, `ipv6` or `color`.
    :param validate: a marshmallow validator, or a callable that raises `ValidationError` or gives False; or a
        list of them.
    :param index: make an index on the field.
    :param unique: make a unique index; documents whose value is None or missing are not compared.
    :param sparse: leave documents without the field out of the index.
    :param readonly: never taken from outside input (`new`, `apply`).
    :param private: in no dump, repr, or name that a string gives to a filter or a sort.
    :param increment: an int that counts up: each new document gets the next number of the collection.
    :param alias: the field's name in the database.
    :param primary: the field is the document's `_id`.
    :param allow_nan: a float may be NaN or infinite.
    :raises ConfigurationError: when the class is made, for an option that does not exist or does not fit the type.
    """
    if options.get("increment") and options.get("init") is False:
        del options["init"]  # which type checkers are told by the signature
    return _options(OF_FIELDS, options)


@overload
def reference(*, default: Any, **options: Unpack[Linked]) -> Any: ...
@overload
def reference(**options: Unpack[Linked]) -> Any: ...
def reference(**options: Any) -> Any:
    """Declare a field that refers to documents of another model: `author: Author = quorum.reference(index=True)`.

    The id is stored; the annotation is the model, its name as text, or a list of either. Options are those of `field`
    that make sense: default, required, index, unique, readonly, private, alias.
    """
    return _options(OF_REFERENCES, {**options, "reference": True})


@overload
def file(*, default: Any, **options: Unpack[Filed]) -> Any: ...
@overload
def file(**options: Unpack[Filed]) -> Any: ...
def file(**options: Any) -> Any:
    """Declare a field of files: `cover: quorum.File | None = quorum.file(content_types=["image/*"], max_size="5MB")`.

    The annotation is `quorum.File`, optional or in a list. Of the options of `field` there are default, required,
    readonly, private, alias, validate, and for a list max_length and min_length.

    :param max_size: the most bytes, a number or a text: `"5MB"`. Not given: 100 MB.
    :param content_types: what the bytes must be: `["image/png", "image/*"]`. `image/*` does not mean SVG.
    :param extensions: how its name must end: `[".pdf"]`, in any case.
    :param key: gives a part of a file's key, `key=lambda post, file: f"covers/{post.slug}"`; a random part follows.
    :param image: the file is an image that Pillow decodes and writes anew, without what the camera wrote into it:
        `image={"max_width": 2000, "thumbnails": {"small": (320, 320)}}`, or `{}`; `max_pixels` are 50 million.
    :param storage: where the files of this field are kept, a `quorum.storage.Storage`.
    :raises ConfigurationError: when the class is made, for an option that does not exist or makes no sense.
    """
    own = {name: options.pop(name) for name in _OWN_OF_FILES & options.keys()}
    made = _options(OF_FILES, options)
    made.file = own
    return made


def _options(known: frozenset[str], given: dict[str, Any]) -> Options:
    unknown = tuple(sorted(given.keys() - known - {"reference"}))
    return Options(**{name: value for name, value in given.items() if name not in unknown}, unknown=unknown)
