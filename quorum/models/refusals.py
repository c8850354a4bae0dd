"""Why a write was refused: the errors of writes, and the reads that tell which of them it is."""

from __future__ import annotations

from typing import Any

from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from .. import errors, mongodb
from . import indexes, store
from .batches import Deleted
from .kinds import MISSING
from .unanswered import at

TAKEN = "Already exists."


def refuse_deleted(document: Any) -> None:
    """Refuse to work on a document that was deleted.

    :raises ConflictError: it was deleted through this object.
    """
    if isinstance(document._state, Deleted):
        raise conflict(document, "was deleted through this object")


def refuse_new(document: Any) -> None:
    """Refuse to work on a document that is not stored.

    :raises NotFoundError: it was never saved.
    :raises ConflictError: it was deleted through this object.
    """
    refuse_deleted(document)
    refuse_unsaved(document)


def refuse_unsaved(document: Any) -> None:
    """Refuse to work on a document that was never stored.

    :raises NotFoundError: it was never saved.
    """
    if document._state.new:
        name = type(document).__name__
        raise errors.NotFoundError(f"This {name} has not been saved. Save it first.", model=name)


def found(document: Any, identifier: Any) -> dict[str, Any] | None:
    """Read what is stored of a document, or give None."""
    model = type(document)
    try:
        return store.primary(model).find_one({"_id": identifier})
    except PyMongoError as error:
        raise store.failed(model, error) from error


def exists(document: Any, matching: dict[str, Any]) -> bool:
    """Say whether the collection has a document that matches."""
    try:
        return store.primary(type(document)).find_one(matching, {"_id": 1}) is not None
    except PyMongoError as error:
        raise store.failed(type(document), error) from error


def conflict(document: Any, what: str) -> errors.ConflictError:
    """Make the error for a document that another writer got to first."""
    name, identifier = type(document).__name__, document._doc.get("_id")
    return errors.ConflictError(
        f"{name} {identifier!r} {what}; nothing was written. Load it again and repeat the change.",
        model=name, id=identifier,
    )  # fmt: skip


def conflict_found(document: Any) -> errors.ConflictError:
    """Make the error for a document that an update did not match: it was changed, or it is gone."""
    there = exists(document, {"_id": document._doc["_id"]})
    return conflict(document, "was changed by another writer" if there else "was deleted by another writer")


def unconfirmed(model: Any, error: Exception) -> errors.OperationalError:
    """Make the error for a write that was done and not confirmed."""
    return errors.OperationalError(
        f"{model.__name__}: the write is stored, but not confirmed as its write concern asks: {error}",
        code=getattr(error, "code", None),
    )


def failed(document: Any, error: PyMongoError) -> errors.QuorumError:
    """Make the error for a write that the server refused or did not answer."""
    if isinstance(error, OperationFailure) and error.code == 121:
        return errors.ValidationError(
            "The document does not pass the validator of its collection.", model=type(document).__name__
        )
    return store.failed(type(document), error)


def taken(model: Any, error: DuplicateKeyError, stored: dict[str, Any], likely: str = "_id") -> errors.ValidationError:
    """Make the error for a value that must be unique and is not; it names the fields, not the value.

    :param likely: the path to name where mongomock does not tell and nothing is found.
    """
    details = getattr(error, "details", None) or {}
    paths = list(details.get("keyPattern") or _taken_on_mock(model, stored) or [likely])
    messages: dict[str, Any] = {}
    for path in paths:
        *parents, last = indexes.name_of(model, path).split(".")
        node = messages
        for part in parents:
            node = node.setdefault(part, {})
        node[last] = [TAKEN]
    problem = errors.ValidationError(messages, model=model.__name__)
    # The server's own error has the value.
    problem.__cause__ = None if any(indexes.is_private(model, path) for path in paths) else error
    return problem


def _taken_on_mock(model: Any, stored: dict[str, Any]) -> list[str]:
    """mongomock does not say which index was violated: ask which value is there already."""
    if not mongodb.is_mock():
        return []
    collection = store.raw(model)
    for paths in indexes.unique_fields(model):
        values = {path: value for path in paths if (value := at(stored, path)) not in (MISSING, None)}
        if values and collection.find_one({**values, "_id": {"$ne": stored["_id"]}}) is not None:
            return paths
    return []
