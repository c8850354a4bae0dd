"""What `save()` and its kin send, and what they make of the answer.

An answer can be lost. An insert that may have been stored is remembered, and saving again takes it up; so is an update,
whose effect is looked for before anything is sent again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pymongo.errors import (
    ConnectionFailure,
    DuplicateKeyError,
    PyMongoError,
    WriteConcernError,
    WriteError,
    WTimeoutError,
)

from .. import errors, mongodb
from . import counters, indexes, store
from .batches import Batch, Deleted, Loader
from .changes import Update, arranged
from .containers import SetKind, core
from .documents import Document, New, encoded, same, set_state, settle, touched
from .hooks import fire
from .kinds import MISSING
from .validation import Change, validated

TAKEN = "Already exists."
REVISION = "_revision"


class Attempted(New):
    """The state of a new document whose insert was sent without an answer."""

    __slots__ = ("sent",)

    def __init__(self, sent: dict[str, Any]) -> None:
        self.sent = sent


def save(document: Any) -> None:
    """Store a document: insert a new one, update a stored one by its changes."""
    _refuse_deleted(document)
    new = document._state.new
    if isinstance(document._state, Loader):
        document._state.load()
    fire(document, "pre_validate")
    changes = validated(document)
    if fire(document, "post_validate", "pre_save", "pre_create" if new else "pre_update"):
        changes = validated(document)
    if new:
        _insert(document)
    else:
        _update(document, changes)
    fire(document, "post_create" if new else "post_update", "post_save")


def _refuse_deleted(document: Any) -> None:
    if isinstance(document._state, Deleted):
        raise conflict(document, "was deleted through this object")


def now() -> datetime:
    """Give the present moment as MongoDB keeps it, in whole milliseconds."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _insert(document: Any) -> None:
    model = type(document)
    attempt = document._state.sent if isinstance(document._state, Attempted) else None
    stored = _new_document(document)
    try:
        store.check_size(stored)
        store.raw(model).insert_one(stored)
    except DuplicateKeyError as error:
        if attempt is None or not _is_of_id(model, error, stored):
            raise _taken(model, error, stored) from error
        _take_up(document, attempt, error)
        return
    except (WriteConcernError, WTimeoutError) as error:
        settle(document, stored, Batch([stored]))
        raise _unconfirmed(model, error) from error
    except PyMongoError as error:
        if isinstance(error, ConnectionFailure):
            set_state(document, Attempted(attempt or stored))
        raise _failed(document, error) from error
    except store.ENCODING_ERRORS as error:
        raise store.too_large(model, error) from error
    settle(document, stored, Batch([stored]))


def _new_document(document: Any) -> dict[str, Any]:
    model = type(document)
    values = vars(document)
    moment = now()
    for field in model.__meta__.automatic:
        if values.get(field.name) is None:
            values[field.name] = moment if field.options.moment else _number(model, field)
    try:
        stored: dict[str, Any] = model.__codec__.encode(values)
    except KeyError:
        stored = {**model.__stored_type__(), **encoded(document)}
        stored = {"_id": stored.pop("_id"), **stored}
    if model.__meta__.revision:
        stored[REVISION] = 1
    return stored


def _number(model: Any, field: Any) -> int:
    try:
        return counters.following(model, field)
    except PyMongoError as error:
        raise store.failed(model, error) from error


def _take_up(document: Any, attempt: dict[str, Any], error: Exception) -> None:
    """The insert that was sent before was stored: go on from there."""
    model = type(document)
    try:
        stored = store.raw(model).find_one({"_id": attempt["_id"]})
    except PyMongoError as problem:
        raise store.failed(model, problem) from problem
    if stored is None or not same({**stored, "_id": None}, {**attempt, "_id": None}):
        raise _taken(model, error, attempt) from error
    settle(document, stored, Batch([stored]))
    _update(document, list(touched(document)))


def _update(document: Any, changed: list[Change]) -> None:
    if "_pending" in vars(document):
        _look_for_pending(document)
        changed = list(touched(document))
    update = update_of(document, changed)
    model = type(document)
    if not update:
        if model.__meta__.revision and not exists(document, _own_filter(document)):
            raise _conflict_found(document)
        return
    moments = [field for field in model.__meta__.automatic if field.options.moment == "updated"]
    moment = now()
    for field in moments:
        update.set[field.key] = field.kind.encode(moment)
    _send(document, update, {field.key: new for field, _, new, _ in changed})
    for field in moments:
        vars(document)[field.name] = moment
        document._doc[field.key] = update.set[field.key]
    _settle_changes(document, changed)


def is_set(field: Any) -> bool:
    """Say whether the order of a field's items means nothing."""
    return isinstance(core(field.kind), SetKind)


def update_of(document: Any, changed: list[Change]) -> Update:
    """Give the update for what was touched."""
    update = Update()
    only = document._state.only
    for field, value, new, old in changed:
        part = MISSING if only is None else only.get(field.key, MISSING)
        if only is not None and part is MISSING and old is MISSING:
            update.set[field.key] = new  # it was never read, so nothing can be compared
        elif part and getattr(value, "_doc", None) is not old:
            if type(old) in (list, dict) and not isinstance(value, Document):
                raise errors.NotLoadedError(
                    f"{type(document).__name__}.{field.name} was loaded in part, as only() says, and cannot be saved.",
                    model=type(document).__name__, field=field.name, id=document._doc.get("_id"),
                )  # fmt: skip
            update.set[field.key] = new
        else:
            update.change(field.key, new, old, unordered=is_set(field))
    return update


def _own_filter(document: Any) -> dict[str, Any]:
    found = {"_id": document._doc["_id"]}
    if type(document).__meta__.revision:
        found[REVISION] = document._doc.get(REVISION)  # None matches a document from before there were revisions
    return found


def _send(document: Any, update: Update, intended: dict[str, Any]) -> None:
    model = type(document)
    operators = update.operators()
    found_by = _own_filter(document)
    if model.__meta__.revision:
        operators["$inc"] = {REVISION: 1}
    else:
        found_by.update(update.guards)
    try:
        store.check_size(operators)
        matched = store.raw(model).update_one(found_by, operators).matched_count
    except DuplicateKeyError as error:
        raise _taken(model, error, {**document._doc, **intended}) from error
    except (WriteConcernError, WTimeoutError) as error:
        _count_revision(document)
        for key, new in intended.items():
            document._doc[key] = new
        raise _unconfirmed(model, error) from error
    except WriteError as error:
        if error.code in (28, 16837, 2):  # PathNotViable: a parent is no longer what it was
            raise _conflict_found(document) from error
        raise _failed(document, error) from error
    except PyMongoError as error:
        if isinstance(error, ConnectionFailure):
            vars(document)["_pending"] = intended
        raise _failed(document, error) from error
    except store.ENCODING_ERRORS as error:
        raise store.too_large(model, error) from error
    if not matched:
        raise _conflict_found(document)
    _count_revision(document)


def _count_revision(document: Any) -> None:
    if type(document).__meta__.revision:
        document._doc[REVISION] = (document._doc.get(REVISION) or 0) + 1


def _settle_changes(document: Any, changed: list[Change]) -> None:
    stored = document._doc
    defaults = vars(document).get("_defaults", {})
    for field, value, new, old in changed:
        stored[field.key] = arranged(new, old, unordered=is_set(field))
        defaults.pop(field.name, None)
        if field.kind.nested and value is not None:
            field.kind.settle(value, stored[field.key], document._state)


def _look_for_pending(document: Any) -> None:
    """An update was sent without an answer: see whether it was stored, and go on from what is."""
    intended = vars(document)["_pending"]
    model = type(document)
    try:
        stored = store.raw(model).find_one({"_id": document._doc["_id"]})
    except PyMongoError as error:
        raise store.failed(model, error) from error
    if stored is None:
        raise conflict(document, "was deleted by another writer")
    before = document._doc
    applied = all(same(stored.get(key, MISSING), new) for key, new in intended.items())
    untouched = all(same(stored.get(key, MISSING), before.get(key, MISSING)) for key in intended)
    if not applied and not untouched:
        raise conflict(document, "was changed by another writer while the answer to an earlier save was lost")
    if applied:
        for key in (*intended, *((REVISION,) if model.__meta__.revision else ())):
            before[key] = stored.get(key)
    del vars(document)["_pending"]


def delete(document: Any) -> None:
    """Delete a stored document; one that is gone already is no error."""
    refuse_new(document)
    model = type(document)
    fire(document, "pre_delete")
    try:
        deleted = store.raw(model).delete_one(_own_filter(document)).deleted_count
    except (WriteConcernError, WTimeoutError) as error:
        set_state(document, Deleted([document._doc]))
        raise _unconfirmed(model, error) from error
    except PyMongoError as error:
        raise store.failed(model, error) from error
    if not deleted and model.__meta__.revision and exists(document, {"_id": document._doc["_id"]}):
        raise conflict(document, "was changed by another writer")
    set_state(document, Deleted([document._doc]))
    fire(document, "post_delete")


def refuse_new(document: Any) -> None:
    """Refuse to work on a document that is not stored.

    :raises NotFoundError: it was never saved.
    :raises ConflictError: it was deleted through this object.
    """
    _refuse_deleted(document)
    if document._state.new:
        name = type(document).__name__
        raise errors.NotFoundError(f"This {name} has not been saved. Save it first.", model=name)


def exists(document: Any, matching: dict[str, Any]) -> bool:
    """Say whether the collection has a document that matches."""
    try:
        return store.raw(type(document)).find_one(matching, {"_id": 1}) is not None
    except PyMongoError as error:
        raise store.failed(type(document), error) from error


def conflict(document: Any, what: str) -> errors.ConflictError:
    """Make the error for a document that another writer got to first."""
    name, identifier = type(document).__name__, document._doc.get("_id")
    return errors.ConflictError(
        f"{name} {identifier!r} {what}; nothing was written. Load it again and repeat the change.",
        model=name, id=identifier,
    )  # fmt: skip


def _conflict_found(document: Any) -> errors.ConflictError:
    there = exists(document, {"_id": document._doc["_id"]})
    return conflict(document, "was changed by another writer" if there else "was deleted by another writer")


def _unconfirmed(model: Any, error: Exception) -> errors.OperationalError:
    return errors.OperationalError(
        f"{model.__name__}: the write is stored, but not confirmed as its write concern asks: {error}",
        code=getattr(error, "code", None),
    )


def _failed(document: Any, error: PyMongoError) -> errors.QuorumError:
    if isinstance(error, WriteError) and error.code == 121:
        return errors.ValidationError(
            "The document does not pass the validator of its collection.", model=type(document).__name__
        )
    return store.failed(type(document), error)


def _is_of_id(model: Any, error: DuplicateKeyError, stored: dict[str, Any]) -> bool:
    pattern = (error.details or {}).get("keyPattern")
    if pattern is not None:
        return list(pattern) == ["_id"]
    return store.raw(model).find_one({"_id": stored["_id"]}, {"_id": 1}) is not None


def _taken(model: Any, error: Any, stored: dict[str, Any]) -> errors.ValidationError:
    details = getattr(error, "details", None) or {}
    paths = list(details.get("keyPattern") or _taken_on_mock(model, stored))
    messages: dict[str, Any] = {}
    for path in paths or ["_schema"]:
        *parents, last = indexes.name_of(model, path).split(".")
        node = messages
        for part in parents:
            node = node.setdefault(part, {})
        node[last] = [TAKEN]
    return errors.ValidationError(messages, model=model.__name__)


def _taken_on_mock(model: Any, stored: dict[str, Any]) -> list[str]:
    """mongomock does not say which index was violated: ask which value is there already."""
    if not mongodb.is_mock():
        return []
    collection = store.raw(model)
    for paths in indexes.unique_fields(model):
        values = {path: _at(stored, path) for path in paths}
        if collection.find_one({**values, "_id": {"$ne": stored["_id"]}}) is not None:
            return paths
    return ["_id"]


def _at(stored: Any, path: str) -> Any:
    for key in path.split("."):
        stored = stored.get(key) if isinstance(stored, dict) else None
    return stored
