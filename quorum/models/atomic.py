"""Single operators, sent at once and applied by the server: no reading, no race."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError, WriteConcernError

from .. import errors, mongodb
from ..late import marshmallow
from . import refusals, store, writes
from .batches import Batch, Loader
from .containers import ListKind, SetKind, core
from .documents import touched, unknown_field, view
from .kinds import MISSING
from .scalars import MAX_INT64, MIN_INT64, DecimalKind, Float, Integer

# What an operator may raise; the last two are mongomock's.
_RAISED = (PyMongoError, *store.ENCODING_ERRORS, NotImplementedError, TypeError)
_OF_ANOTHER_TYPE = (2, 14)  # BadValue for $push and its like, TypeMismatch for $inc


def increment(document: Any, name: str, by: Any) -> Any:
    """Add to a number on the server; give what it became."""
    field = _field(document, name)
    kind = core(field.kind)
    if not isinstance(kind, (Integer, Float, DecimalKind)):
        raise _wrong(document, name, f"Only numbers are incremented, not {kind.describe()}.")
    amount = kind.encode(_right(document, name, kind, by))
    bounds: dict[str, Any] = {}
    if field.options.max is not None:
        bounds["$lte"] = kind.encode(_storable(field.options.max - by))
    if field.options.min is not None:
        bounds["$gte"] = kind.encode(_storable(field.options.min - by))
    if isinstance(kind, Float) and not kind.allow_nan and abs(by) > 1:
        limit = sys.float_info.max
        bounds.setdefault("$lte" if by > 0 else "$gte", limit - by if by > 0 else -limit - by)
    guard = {field.key: {**bounds}} if bounds else {}
    _send(document, field, {"$inc": {field.key: amount}}, guard, "The result is out of its range.")
    return getattr(document, name)


def _storable(bound: Any) -> Any:
    return max(MIN_INT64, min(bound, MAX_INT64)) if type(bound) is int else bound


def push(document: Any, name: str, value: Any) -> Any:
    """Add an item at the end of a list, or to a set, on the server; give what it became."""
    field, kind, item = _item(document, name, value)
    operator = "$addToSet" if isinstance(kind, SetKind) else "$push"
    guard: dict[str, Any] = {}
    if field.options.max_length is not None:
        guard = {f"{field.key}.{field.options.max_length - 1}": {"$exists": False}}
    problem = f"Longer than maximum length {field.options.max_length}."
    if field in type(document).__files__:
        from . import uploads

        with uploads.adding(document, field, kind.item, item) as stored:
            _send(document, field, {operator: {field.key: {"$each": [stored]}}}, guard, problem)
        return getattr(document, name)
    # Within $each the item is a literal, whatever its keys are; on its own, {"$each": ...} would be a modifier.
    added = {"$each": [kind.item.encode(item)]}
    _send(document, field, {operator: {field.key: added}}, guard, problem)
    return getattr(document, name)


def pull(document: Any, name: str, value: Any) -> Any:
    """Remove every item that equals the value from a list or a set, on the server; give what it became."""
    field, kind, item = _item(document, name, value)
    stored = kind.item.encode(item)
    operator: dict[str, Any] = {"$pullAll": {field.key: [stored]}}
    if field not in type(document).__files__:
        _send(document, field, operator, {}, "")
        return getattr(document, name)
    from . import uploads

    if kind.files:
        operator = {"$pull": {field.key: {"key": stored.get("key")}}}
    before = uploads.named(type(document), document._doc)
    after = _send(document, field, operator, {}, "")
    uploads.remove(before - uploads.named(type(document), after))  # another writer may have moved one to another field
    return getattr(document, name)


def _field(document: Any, name: str) -> Any:
    refusals.refuse_new(document)
    field = type(document).__fields__.get(name)
    if field is None:
        raise _wrong(document, name, unknown_field(type(document), name))
    if field.key == "_id":
        raise _wrong(document, name, "The id of a stored document cannot change.")
    if any(change[0] is field for change in touched(document)):
        raise errors.ConflictError(
            f"{type(document).__name__}.{name} has a change that is not saved. Save or reload the document first.",
            model=type(document).__name__, id=document._doc["_id"],
        )  # fmt: skip
    if document._doc.get(field.key, MISSING) is None:
        raise _wrong(document, name, "Is None, which nothing can be added to or removed from. Assign a value first.")
    if field.key in document._doc:
        getattr(document, name)  # a stored value of a wrong type is told before anything is sent
    return field


def _item(document: Any, name: str, value: Any) -> tuple[Any, Any, Any]:
    field = _field(document, name)
    kind = core(field.kind)
    if not isinstance(kind, (ListKind, SetKind)):
        raise _wrong(document, name, f"Not a list or a set, but {kind.describe()}.")
    return field, kind, _right(document, name, kind.item, value)


def _right(document: Any, name: str, kind: Any, value: Any) -> Any:
    try:
        # A plain dict may be a client's: it is taken as new() takes it, without what that may not set.
        value = kind.cast(value) if isinstance(value, Mapping) else kind.coerce(value)
        kind.judge(value)
    except marshmallow.ValidationError as error:
        raise errors.ValidationError({name: error.messages}, model=type(document).__name__) from None
    return value


def _wrong(document: Any, name: str, problem: str) -> errors.ValidationError:
    return errors.ValidationError({name: [problem]}, model=type(document).__name__)


def _send(document: Any, field: Any, operators: dict[str, Any], guard: dict[str, Any], problem: str) -> dict[str, Any]:
    """Send an operator, bring the field to what it became, and give the whole of what is stored then."""
    model = type(document)
    identity = {"_id": document._doc["_id"]}
    for moment in model.__meta__.automatic:
        if moment.options.moment == "updated":
            operators["$set"] = {moment.key: moment.kind.encode(writes.now())}
    if model.__meta__.revision:
        operators.setdefault("$inc", {})[writes.REVISION] = 1
    collection = store.raw(model)
    try:
        store.check_size(collection, operators)
        _store_default(document, field, compared=bool(guard))
        stored = collection.find_one_and_update({**identity, **guard}, operators, return_document=ReturnDocument.AFTER)
    except WriteConcernError as error:
        found = refusals.found(document, identity["_id"])
        if found is not None:
            _adopt(document, field, found)
        raise refusals.unconfirmed(model, error) from error
    except _RAISED as error:
        raise _failure(error, document, field)  # noqa: B904  which has its own cause
    if stored is None:
        if guard and refusals.exists(document, identity):
            raise _wrong(document, field.name, problem)
        raise refusals.conflict(document, "was deleted by another writer")
    _adopt(document, field, stored)
    return stored


def _failure(error: Exception, document: Any, field: Any) -> Exception:
    """Make our error for what an operator raised."""
    model = type(document)
    problem = error
    if isinstance(error, DuplicateKeyError):
        return refusals.taken(model, error, document._doc, field.key)
    if isinstance(error, store.ENCODING_ERRORS):
        problem = store.too_large(model, error)
    elif isinstance(error, NotImplementedError):
        problem = store.unread(model, error)
    elif isinstance(error, TypeError) and mongodb.is_mock() and isinstance(core(field.kind), DecimalKind):
        problem = store.unread(model, NotImplementedError("It adds no decimals."))
    elif getattr(error, "code", None) in _OF_ANOTHER_TYPE or (isinstance(error, TypeError) and mongodb.is_mock()):
        problem = _of_another_type(document, field)
    elif isinstance(error, PyMongoError):
        problem = store.failed(model, error)
    if problem is not error:
        problem.__cause__ = error
    return problem


def _of_another_type(document: Any, field: Any) -> errors.QuorumError:
    """Make the error for what is stored as no number: the field, or the number of changes beside it."""
    model, identifier = type(document), document._doc["_id"]
    if model.__meta__.revision:
        revision = (refusals.found(document, identifier) or {}).get(writes.REVISION, 0)
        if isinstance(revision, bool) or not isinstance(revision, (int, float)):
            return errors.StoredValueError(
                f"a value of type {type(revision).__name__} is stored where changes are counted. "
                f"Remove it by {model.__name__}.collection, and reload the document.",
                model=model.__name__, field=writes.REVISION, id=identifier,
            )  # fmt: skip
    return _wrong(document, field.name, "Something of another type is stored. Reload the document.")


def _store_default(document: Any, field: Any, *, compared: bool) -> None:
    """Store what a field reads as that is not stored: the server starts from nothing, and compares nothing."""
    if field.key in document._doc:
        return
    default = field.default()
    if default or (compared and default is not None):
        missing = {"_id": document._doc["_id"], field.key: {"$exists": False}}
        store.raw(type(document)).update_one(missing, {"$set": {field.key: field.kind.encode(default)}})


def _renew(document: Any, field: Any, before: Any) -> None:
    """Bring a field to what is stored now; whoever holds a list or a set that was handed out goes on with the same one.

    The value is set, not left to the next read: another thread may just have read what was stored before.
    """
    try:
        now = getattr(view(type(document), document._doc, document._state), field.name)
    except errors.StoredValueError:
        vars(document).pop(field.name, None)  # whoever reads it is told
        return
    if isinstance(before, list) and isinstance(now, list):
        before[:] = now
    elif isinstance(before, set) and isinstance(now, set):
        before.clear()
        before.update(now)
    else:
        before = now
    vars(document)[field.name] = before


def _adopt(document: Any, field: Any, stored: dict[str, Any]) -> None:
    if isinstance(document._state, Loader):
        document._state.adopt(stored, Batch([stored]))
    model = type(document)
    fields = [field, *(f for f in model.__meta__.automatic if f.options.moment == "updated")]
    for one in fields:
        if one.key in stored:
            document._doc[one.key] = stored[one.key]
            _renew(document, one, vars(document).get(one.name))
    revision = stored.get(writes.REVISION)
    # A gap means that another writer was there too: the old number stays, and the next save is told.
    if model.__meta__.revision and revision == (document._doc.get(writes.REVISION) or 0) + 1:
        document._doc[writes.REVISION] = revision
