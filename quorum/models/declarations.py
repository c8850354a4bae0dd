"""From a class body to its fields: what a declaration means is checked here, when the class is made."""

from __future__ import annotations

import dataclasses
from typing import Any

from bson import ObjectId
from marshmallow import ValidationError as Invalid

from .. import errors
from .annotations import Reader, is_class_variable, own_annotations
from .containers import core
from .documents import Document
from .fields import FORMATS, Field, Options
from .kinds import MISSING, Scalar
from .scalars import DateTime, Float, Integer, ObjectIdKind


@dataclasses.dataclass(slots=True)
class Meta:
    """What a model's `class Meta` says, and what follows from it.

    `family` is the concrete model whose collection a subclass shares, `subclasses` the concrete ones that share this
    model's, by the name that is stored in `_type`.
    """

    collection: str = ""
    indexes: list[Any] = dataclasses.field(default_factory=list)
    abstract: bool = False
    revision: bool = False
    family: Any = None
    subclasses: dict[str, Any] = dataclasses.field(default_factory=dict)
    primary: Any = None
    automatic: list[Any] = dataclasses.field(default_factory=list)


OPTIONS = ("abstract", "collection", "indexes", "revision")


def read_meta(cls: type, allowed: tuple[str, ...] = OPTIONS) -> dict[str, Any]:
    """Give what the class's own `Meta` says.

    :raises ConfigurationError: it has an option that does not exist, or of the wrong type.
    """
    body = cls.__dict__.get("Meta")
    if body is None:
        return {}
    given = {name: value for name, value in vars(body).items() if not name.startswith("__")}
    unknown = sorted(set(given) - set(allowed))
    if unknown:
        names = ", ".join(allowed) or "none"
        raise errors.ConfigurationError(
            f"{cls.__name__}.Meta has no option {', '.join(map(repr, unknown))}. Its options are: {names}."
        )
    types: dict[str, Any] = {"abstract": bool, "revision": bool, "collection": str, "indexes": (list, tuple)}
    for name, value in given.items():
        if not isinstance(value, types[name]) or (name == "collection" and not _is_collection(value)):
            raise errors.ConfigurationError(f"{cls.__name__}.Meta.{name} cannot be {value!r}.")
    return given


def _is_collection(name: str) -> bool:
    return bool(name) and "$" not in name and "\0" not in name and not name.startswith("system.")


def declared(cls: type, reserved: frozenset[str]) -> dict[str, Field]:
    """Make the fields that a class body declares, and put them on the class.

    :raises ConfigurationError: every problem of the body, one sentence each.
    """
    problems: list[str] = []
    found: dict[str, Field] = {}
    annotations = own_annotations(cls)
    problems.extend(
        f"{cls.__name__}.{name} has no annotation. Write its type: `{name}: str = ...`."
        for name, value in cls.__dict__.items()
        if isinstance(value, Options) and name not in annotations
    )
    for name, annotation in annotations.items():
        if is_class_variable(annotation) or name.startswith("__"):
            continue
        try:
            found[name] = _field(cls, name, annotation, reserved)
        except errors.ConfigurationError as error:
            problems.extend(error.problems)
    keys: dict[str, str] = {}
    problems.extend(
        f"{cls.__name__}.{field.name} and .{keys[field.key]} are both stored as {field.key!r}."
        for field in found.values()
        if keys.setdefault(field.key, field.name) != field.name
    )
    if problems:
        raise errors.ConfigurationError(*problems)
    for name, field in found.items():
        setattr(cls, name, field)
    return found


def inherited(cls: type) -> dict[str, Field]:
    """Give the fields of the bases, in the order of their declaration; plain mixins declare theirs too."""
    fields: dict[str, Field] = {}
    for base in reversed(cls.__mro__[1:]):
        if "__fields__" in base.__dict__:
            fields.update(base.__dict__["__fields__"])
    return fields


def _field(cls: Any, name: str, annotation: Any, reserved: frozenset[str]) -> Field:
    where = f"{cls.__name__}.{name}"
    if name.startswith("_"):
        raise errors.ConfigurationError(f"{where}: a field's name does not start with an underscore.")
    if name in reserved:
        raise errors.ConfigurationError(
            f"{where}: every model has something of the name {name!r}. Choose another name, and "
            f"`alias={name!r}` to store it under this one."
        )
    value = cls.__dict__.get(name, MISSING)
    if name == "id" and not cls.__embedded__ and not getattr(value, "primary", False):
        raise errors.ConfigurationError(
            f"{where}: the id of a model is its primary field. Write quorum.field(primary=True)."
        )
    options = value if isinstance(value, Options) else Options(default=value)
    kind = Reader(cls, name, options.allow_nan, options.reference).read(annotation)
    _check(where, kind, options)
    for bound in ("min", "max"):
        if getattr(options, bound) is not None:
            try:
                setattr(options, bound, core(kind).coerce(getattr(options, bound)))
            except Invalid as error:
                raise errors.ConfigurationError(f"{where}: its {bound} does not fit: {error.messages}.") from error
    field = Field(name, kind, options, cls)
    _check_default(where, field)
    return field


def _check(where: str, kind: Any, options: Options) -> None:
    problems = [*_wrong_constraints(core(kind), options), *_wrong_roles(kind, options)]
    if problems:
        raise errors.ConfigurationError(*(f"{where}: {problem}." for problem in problems))


def _wrong_constraints(inner: Any, options: Options) -> list[str]:
    problems: list[str] = []
    if options.alias is not None and (
        not options.alias or options.alias.startswith(("$", "_")) or "." in options.alias or "\0" in options.alias
    ):
        problems.append(f"the alias {options.alias!r} is no name that can be stored")
    if options.format is not None and options.format not in FORMATS:
        problems.append(f"there is no format {options.format!r}; the formats are {', '.join(FORMATS)}")
    described = inner.describe()
    text = described == "str" or described.startswith(("str |", "Literal"))
    if (options.regex is not None or options.format is not None) and not text:
        problems.append(f"regex and format are for str, not for {described}")
    sized = text or described == "bytes" or hasattr(inner, "item")
    if (options.min_length is not None or options.max_length is not None) and not sized:
        problems.append(f"min_length and max_length are for text and containers, not for {described}")
    if (options.min is not None or options.max is not None) and hasattr(inner, "item"):
        problems.append(f"min and max are for scalars, not for {described}")
    if options.allow_nan and not isinstance(inner, Float):
        problems.append("allow_nan is for float")
    return problems


def _wrong_roles(kind: Any, options: Options) -> list[str]:
    problems: list[str] = []
    inner = core(kind)
    if options.increment and type(kind) is not Integer:
        problems.append("increment is for int")
    if options.increment and options.default is not MISSING:
        problems.append("increment and default exclude each other")
    if options.primary and (not isinstance(kind, Scalar) or kind is not inner):
        problems.append("a primary field is a scalar that is not optional")
    if options.primary and options.alias:
        problems.append("a primary field is stored as _id and has no alias")
    if options.reference and "reference to" not in inner.describe():
        problems.append("reference() is for a model, or a list of one")
    if options.moment and not isinstance(inner, DateTime):
        problems.append("this field keeps a datetime")
    return problems


def _check_default(where: str, field: Field) -> None:
    default = field.options.default
    if default is MISSING or (callable(default) and not isinstance(default, Document)):
        return
    try:
        field.options.default = field.kind.coerce(default)
        if not field.kind.nested and default is not None:
            for validator in field.validators:
                validator(default)
    except Invalid as error:
        raise errors.ConfigurationError(f"{where}: its default does not fit: {error.messages}.") from error


def identifier(cls: type) -> Field:
    """Make the field `id` of a model that declares no primary field: an ObjectId that the client makes."""

    return Field("id", ObjectIdKind(), Options(primary=True, default=ObjectId), cls)
