"""From a class body to its fields: what a declaration means is checked here, when the class is made."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from bson import ObjectId

from .. import errors
from ..late import marshmallow
from . import constraints
from .annotations import Reader, is_class_variable, own_annotations
from .documents import Document
from .fields import Field
from .kinds import MISSING
from .options import Options
from .registry import Target
from .scalars import ObjectIdKind


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


#: What a model's `Meta` can say.
OPTIONS = ("abstract", "collection", "indexes", "revision", "storage")


def read_meta(cls: type, allowed: tuple[str, ...]) -> dict[str, Any]:
    """Give what the class's own `Meta` says, what that inherits included.

    A `Meta` that extends the one of a base, `class Meta(Base.Meta)`, says nothing of that anew: `indexes` and
    `revision` come with the base, `abstract` and `collection` are the base's own.

    :raises ConfigurationError: it has an option that does not exist, or of the wrong type.
    """
    if isinstance(cls.__dict__.get("meta"), (dict, type)) and "meta" not in {*own_annotations(cls), *inherited(cls)}:
        options = ", ".join(allowed)
        raise errors.ConfigurationError(
            f"{cls.__name__}.meta is not read. Write `class Meta:`, with the options {options} as its attributes."
        )
    body = cls.__dict__.get("Meta")
    if body is None:
        return {}
    if not isinstance(body, type):
        raise errors.ConfigurationError(f"{cls.__name__}.Meta is a class, `class Meta: ...`, not {body!r}.")
    of_bases = [found for base in cls.__mro__[1:] if isinstance(found := vars(base).get("Meta"), type)]
    theirs = {part for found in of_bases if issubclass(body, found) for part in found.__mro__}
    given = {
        name: value
        for part in reversed(body.__mro__)
        if part not in theirs
        for name, value in vars(part).items()
        if not name.startswith("__")
    }
    unknown = sorted(set(given) - set(allowed))
    if unknown:
        names = ", ".join(allowed) or "none"
        raise errors.ConfigurationError(
            f"{cls.__name__}.Meta has no option {', '.join(map(repr, unknown))}. Its options are: {names}."
        )
    types: dict[str, Any] = {
        "abstract": bool, "revision": bool, "collection": str, "indexes": (list, tuple), "storage": object,
    }  # fmt: skip
    for name, value in given.items():
        if not isinstance(value, types[name]) or (name == "collection" and not _is_collection(value)):
            raise errors.ConfigurationError(f"{cls.__name__}.Meta.{name} cannot be {value!r}.")
    return given


def _is_collection(name: str) -> bool:
    parts = name.split(".")
    return all(parts) and "$" not in name and "\0" not in name and parts[0] != "system" and len(name.encode()) < 190


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
    """Give the fields of the models among the bases, in the order of their declaration."""
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
    if isinstance(annotation, Options):
        made = "reference" if annotation.reference else "field" if annotation.file is None else "file"
        example = {"reference": "Author", "field": "str", "file": "quorum.File"}[made]
        written = f"{name}: {example} = quorum.{made}(...)"
        raise errors.ConfigurationError(f"{where}: what quorum.{made}() gives is no type. Write `{written}`.")
    value = cls.__dict__.get(name, MISSING)
    if isinstance(value, Field):  # a mixin's, which this one takes the place of
        value = MISSING
    if name == "id" and not cls.__embedded__ and not getattr(value, "primary", False):
        raise errors.ConfigurationError(
            f"{where}: the id of a model is its primary field. Write quorum.field(primary=True)."
        )
    # A copy, as what one field makes of its limits and its default is not another's.
    options = copy.copy(value) if isinstance(value, Options) else Options(default=value)
    kind = Reader(cls, name, options).read(annotation)
    problems = constraints.problems_of(kind, options)
    if problems:
        raise errors.ConfigurationError(*(f"{where}: {problem}." for problem in problems))
    field = Field(name, kind, options, cls)
    _check_default(where, field)
    return field


def _check_default(where: str, field: Field) -> None:
    default = field.options.default
    if default is MISSING or (callable(default) and not isinstance(default, Document)):
        return
    try:
        field.options.default = default = field.kind.coerce(default)
        if not field.kind.nested and default is not None:
            for validator in field.validators:
                validator(default)
    except marshmallow.ValidationError as error:
        raise errors.ConfigurationError(f"{where}: its default does not fit: {error.messages}.") from error


def lead_to_itself(cls: Any) -> None:
    """Make the fields by which an abstract base leads to itself lead to the class that inherits them."""
    for name, field in cls.__fields__.items():
        targets: tuple[Target, ...] = getattr(field.innermost(), "targets", ())
        own = {
            id(target): Target(cls, cls, name)
            for target in targets
            if (base := target.itself) not in (None, cls) and base.__meta__.abstract
        }
        if own:
            kind = copy.deepcopy(field.kind, own)  # with its own targets in the place of the base's
            cls.__fields__[name] = Field(name, kind, field.options, cls)
            setattr(cls, name, cls.__fields__[name])


def identifier(cls: type) -> Field:
    """Make the field `id` of a model that declares no primary field: an ObjectId that the client makes."""

    return Field("id", ObjectIdKind(), Options(primary=True, default=ObjectId), cls)
