"""The indexes that models declare, and how they differ from those that a collection has."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import pymongo
from bson import ObjectId
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.regex import Regex
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from .. import errors, mongodb
from . import store
from .containers import Nullable
from .embedded import EmbeddedKind
from .expressions import item_kind, resolve
from .kinds import Kind
from .mixed import Anything
from .references import ReferenceKind

logger = logging.getLogger("quorum")

#: The names that MongoDB's `$type` has for what is stored.
_NAMES: dict[type, str] = {
    str: "string",
    int: "number",
    Int64: "number",
    float: "number",
    Decimal128: "number",
    ObjectId: "objectId",
    datetime: "date",
    bool: "bool",
    bytes: "binData",
    UUID: "binData",
    dict: "object",
    list: "array",
    Regex: "regex",
}

#: The least value of a type: `{"$gte": it}` holds for every value of the type, and for None never. A server can use an
#: index with this condition for an equality, which it cannot with `$type` or `$exists`.
_LEAST: dict[str, Any] = {
    "string": "",
    "number": -math.inf,
    "objectId": ObjectId("0" * 24),
    "date": datetime.min,  # noqa: DTZ901  stored datetimes are naive
    "bool": False,
    "binData": b"",
}

BUILDING = 600.0  # seconds that the building of indexes may take

_CONFLICTS = (85, 86)  # IndexOptionsConflict, IndexKeySpecsConflict
#: What `Meta.indexes` takes beside `fields`; more is possible with a `pymongo.IndexModel`.
_OPTIONS = frozenset(
    {"collation", "expireAfterSeconds", "hidden", "name", "partialFilterExpression", "sparse", "unique"}
)
_COMPARED = ("unique", "sparse", "hidden", "partialFilterExpression", "expireAfterSeconds")


def declared(model: Any) -> list[pymongo.IndexModel]:
    """Give the indexes that a model's fields and its `Meta.indexes` declare.

    :raises ConfigurationError: one names a field that does not exist.
    """
    found = list(_of_fields(model, "", set()))
    found.extend(_of_meta(model, entry) for entry in model.__meta__.indexes)
    if model.__meta__.family not in (None, model):
        found.append(pymongo.IndexModel([("_type", 1)]))
    unique = {index.document["name"]: index for index in found}
    return list(unique.values())


def _of_fields(model: Any, prefix: str, seen: set[Any]) -> Iterator[pymongo.IndexModel]:
    family = model.__meta__.family
    for field in model.__fields__.values():
        path = prefix + field.key
        options = field.options
        if (options.index or options.unique or options.sparse) and field.key != "_id":
            # The whole embedded document can be absent, and so can the field from other models' documents.
            shared = family is None or field.name in family.__fields__
            optional = isinstance(field.kind, (Nullable, Anything)) or bool(prefix) or not shared
            yield pymongo.IndexModel([(path, 1)], **_options(field, path, optional=optional))
        inner = field.innermost()
        if isinstance(inner, EmbeddedKind):
            for target in inner.targets:
                if target.get() not in seen:
                    yield from _of_fields(target.get(), f"{path}.", seen | {target.get()})


def _options(field: Any, path: str, *, optional: bool) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if field.options.sparse:
        options["sparse"] = True
    if field.options.unique:
        options["unique"] = True
    if field.options.unique and optional:
        options["partialFilterExpression"] = _Present({path: _present(field.kind)})
    return options


class _Present(dict[str, Any]):
    """The condition that a path has a value, which None is not."""


def _present(kind: Kind) -> dict[str, Any]:
    kind = item_kind(kind)
    stored = (kind.id_kind if isinstance(kind, ReferenceKind) else kind).stored
    names = sorted({_NAMES[found] for found in stored & _NAMES.keys()}) or sorted(set(_NAMES.values()))
    return {"$gte": _LEAST[names[0]]} if len(names) == 1 and names[0] in _LEAST else {"$type": names}


def _of_meta(model: Any, entry: Any) -> pymongo.IndexModel:
    if isinstance(entry, pymongo.IndexModel):
        return entry
    options: dict[str, Any] = {}
    if isinstance(entry, dict):
        options = {key: value for key, value in entry.items() if key != "fields"}
        if unknown := sorted(set(options) - _OPTIONS):
            raise errors.ConfigurationError(
                f"{model.__name__}.Meta.indexes: an index has no option {', '.join(map(repr, unknown))}. Its options "
                f"are: fields, {', '.join(sorted(_OPTIONS))}."
            )
        entry = entry.get("fields", ())
    names = [entry] if isinstance(entry, str) else list(entry)
    keys = []
    for name in names:
        if not isinstance(name, str):
            raise errors.ConfigurationError(
                f'{model.__name__}.Meta.indexes: write ("author", "-created_at"), not {name!r}.'
            )
        bare = name.lstrip("+-")
        try:
            path = model.__fields__[bare].key if bare in model.__fields__ else resolve(model, bare)[0]
        except errors.ValidationError as error:
            raise errors.ConfigurationError(f"{model.__name__}.Meta.indexes: {error}") from None
        keys.append((path, -1 if name.startswith("-") else 1))
    if not keys:
        raise errors.ConfigurationError(f"{model.__name__}.Meta.indexes has an entry without fields.")
    try:
        return pymongo.IndexModel(keys, **options)
    except (TypeError, ValueError) as error:
        raise errors.ConfigurationError(f"{model.__name__}.Meta.indexes: {error}") from error


def ensure(model: Any) -> None:
    """Make the indexes that a model declares and its collection lacks; report what else differs.

    Indexes that nothing declares are logged as a warning and kept.

    :raises ConfigurationError: an index exists with other options, or stored documents break a unique one.
    :raises OperationalError: the server does not answer.
    """
    wanted = {index.document["name"]: index for index in declared(model)}
    collection = store.raw(model)
    try:
        existing = collection.index_information()
        for name, index in wanted.items():
            if name in existing:
                _compare(model, name, index.document, existing[name])
        missing = [index for name, index in wanted.items() if name not in existing]
        if missing and mongodb.is_mock():
            for index in missing:
                options = {key: value for key, value in index.document.items() if key != "key"}
                if isinstance(condition := options.get("partialFilterExpression"), _Present):
                    options["partialFilterExpression"] = {path: {"$ne": None} for path in condition}
                collection.create_index(list(index.document["key"].items()), **options)
        elif missing:
            with pymongo.timeout(BUILDING):
                collection.create_indexes(missing)
    except DuplicateKeyError as error:
        raise _duplicates(model, error) from error
    except OperationFailure as error:
        if error.code in _CONFLICTS:
            raise errors.ConfigurationError(
                f"{model.__name__}: an index of {model.__meta__.collection!r} differs from what is declared: "
                f"{(error.details or {}).get('errmsg', error)}. {_remedy(model)}"
            ) from error
        raise store.failed(model, error) from error
    except PyMongoError as error:
        raise store.failed(model, error) from error
    family = model.__meta__.family or model
    known = {index.document["name"] for member in family.__family__() for index in declared(member)} | {"_id_"}
    for name in sorted(set(existing) - known):
        logger.warning(
            "%s: the collection %r has an index %r that no model declares. It is kept; drop it, or declare it in "
            "Meta.indexes.", model.__name__, model.__meta__.collection, name,
        )  # fmt: skip


def _remedy(model: Any) -> str:
    return (
        f"Drop it with {model.__name__}.collection.drop_index(name) after a look at what uses it, and load() makes it "
        "anew; or declare it as it is."
    )


def _compare(model: Any, name: str, wanted: Any, existing: Any) -> None:
    differing = [option for option in _COMPARED if _plain(wanted.get(option)) != _plain(existing.get(option))]
    if not _same_collation(wanted.get("collation"), existing.get("collation")):
        differing.append("collation")
    if mongodb.is_mock():
        differing = []
    if not _same_keys(wanted, existing):
        differing.insert(0, "key")
    if differing:
        raise errors.ConfigurationError(
            f"{model.__name__}: the index {name!r} of {model.__meta__.collection!r} exists with another "
            f"{', '.join(differing)} than is declared. {_remedy(model)}"
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return None if value is False else value


def _same_collation(wanted: Any, existing: Any) -> bool:
    """Compare what is declared: a server fills in the rest. The locale "simple" is no collation at all."""
    if not wanted or wanted.get("locale") == "simple":
        return not existing
    return existing is not None and all(existing.get(key) == value for key, value in wanted.items())


def _same_keys(wanted: Any, existing: Any) -> bool:
    """Compare the keys; those of a text index are `_fts` and `_ftsx` on a server, which tells their weights."""
    keys, found = list(wanted["key"].items()), [tuple(key) for key in existing["key"]]
    texts = [key for key, value in keys if value == "text"]
    if not texts or ("_fts", "text") not in found:
        return keys == found
    first = keys.index((texts[0], "text"))
    rest = [key for key in keys if key[1] != "text"]
    weights = {**dict.fromkeys(texts, 1), **wanted.get("weights", {})}
    return [*rest[:first], ("_fts", "text"), ("_ftsx", 1), *rest[first:]] == found and weights == existing["weights"]


def _duplicates(model: Any, error: DuplicateKeyError) -> errors.ConfigurationError:
    pattern = (error.details or {}).get("keyPattern") or {}
    names = ", ".join(name_of(model, path) for path in pattern) or "a unique field"
    return errors.ConfigurationError(
        f"{model.__name__}.{names} is declared unique, and documents with the same value are stored already in "
        f"{model.__meta__.collection!r}. Make them differ, or drop unique=True."
    )


def name_of(model: Any, path: str) -> str:
    """Give the dotted field name of a stored path."""
    first, _, rest = path.partition(".")
    field = _stored_as(model, first)
    if field is None:
        return path
    inner = next((cls for cls in _inside(field) if _stored_as(cls, rest.partition(".")[0])), None)
    rest = name_of(inner, rest) if inner else rest
    return f"{field.name}.{rest}" if rest else str(field.name)


def is_private(model: Any, path: str) -> bool:
    """Say whether a stored path leads through a private field."""
    first, _, rest = path.partition(".")
    field = _stored_as(model, first)
    return field is not None and bool(
        field.options.private or (rest and any(is_private(cls, rest) for cls in _inside(field)))
    )


def _stored_as(model: Any, key: str) -> Any:
    return next((field for field in model.__fields__.values() if field.key == key), None)


def _inside(field: Any) -> list[Any]:
    """Give the embedded models that a field can hold."""
    inner = field.innermost()
    return [target.get() for target in inner.targets] if isinstance(inner, EmbeddedKind) else []


def unique_fields(model: Any) -> list[list[str]]:
    """Give the stored paths of each unique index that a model declares."""
    return [list(index.document["key"]) for index in declared(model) if index.document.get("unique")]
