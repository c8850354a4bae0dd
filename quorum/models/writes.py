"""What `save()` and its kin send, and what they make of the answer.

An answer can be lost. An insert that may have been stored is remembered, and saving again takes it up; so is an update,
whose effect is looked for before anything is sent again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, PyMongoError, WriteConcernError, WriteError

from .. import errors
from . import counters, refusals, store
from .batches import Batch, Deleted, complete, loaded_keys
from .changes import CONTAINERS, Update, arranged
from .documents import Change, Document, encoded, same, set_state, set_stored, settle, touched
from .hooks import fire, is_heard
from .kinds import MISSING
from .scalar_changes import ScalarChanges
from .unanswered import Attempted, Sent, is_unanswered, paths_of
from .updates import is_set, refuse_part, update_of
from .validation import validated

REVISION = "_revision"


_NO_ATTEMPT = Attempted()
_NEVER = datetime.min.replace(tzinfo=UTC)


def save(document: Any) -> None:
    """Store a document: insert a new one, update a stored one by its changes."""
    model = type(document)
    state = document._state
    new = state.new
    heard = is_heard(model)
    has_files = bool(model.__files__)
    if not new:
        if type(state) is not Batch:
            refusals.refuse_deleted(document)
            complete(document)
        elif not heard and not has_files and _save_scalars(document):
            return
    if has_files:
        from . import uploads  # which an app without files never needs

        uploads.complete(document)
    if heard:
        fire(document, "pre_validate")
    changes = validated(document)
    if heard and fire(document, "post_validate", "pre_save", "pre_create" if new else "pre_update"):
        changes = validated(document)
    if has_files:
        from . import uploads

        with uploads.exchange(document):
            _write(document, list(touched(document)))
    else:
        _write(document, changes)
    if heard:
        fire(document, "post_create" if new else "post_update", "post_save")


def _save_scalars(document: Any) -> bool:
    """Save a document of which only scalars changed; false where there is more to it, and nothing was done."""
    model = type(document)
    meta = model.__meta__
    if document._state.only is not None or meta.revision or model.__codec__.is_judged:
        return False
    found = ScalarChanges()
    if not found.collect(document):
        return False
    if not found.set:
        return True
    moment = _set_moments(model, found.set) if meta.automatic else _NEVER
    found_by = {"_id": document._doc["_id"], **found.guards} if found.guards else {"_id": document._doc["_id"]}
    operators = {"$set": found.set}
    collection = store.one(model).collection
    try:
        if type(collection) is not Collection:
            store.check_size(collection, operators)
        matched = collection.update_one(found_by, operators).matched_count
    except BaseException as error:  # noqa: BLE001
        update = Update()
        update.set = found.set
        raise _failure(error, document, update, found.changes(document), moment)  # noqa: B904
    if not matched:
        raise refusals.conflict_found(document)
    found.settle(document)
    if meta.automatic:
        _settle_moment(document, moment)
    return True


def _write(document: Any, changes: list[Change]) -> None:
    if document._state.new:
        _insert(document)
    else:
        _update(document, changes)


def now() -> datetime:
    """Give the present moment as MongoDB keeps it, in whole milliseconds."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _insert(document: Any) -> None:
    model = type(document)
    stored = _new_document(document)
    collection = store.raw(model)
    try:
        store.check_size(collection, stored)
        collection.insert_one(stored)
    except DuplicateKeyError as error:
        attempts = _attempts(document)
        if not attempts.sent and not _makes_ids(model):
            raise refusals.taken(model, error, stored)  # noqa: B904
        # An ObjectId is nobody else's: the driver itself may have sent the insert twice, over a restart of the server.
        _take_up(document, attempts, stored, error)
        return
    except WriteConcernError as error:
        settle(document, stored, Batch([stored]))
        raise refusals.unconfirmed(model, error) from error
    except store.ENCODING_ERRORS as error:
        raise store.too_large(model, error) from error
    except BaseException as error:
        if is_unanswered(error):
            set_state(document, Attempted(*_attempts(document).sent, stored))
        if isinstance(error, PyMongoError):
            raise refusals.failed(document, error) from error
        raise
    settle(document, stored, Batch([stored]))


def _attempts(document: Any) -> Attempted:
    return document._state if isinstance(document._state, Attempted) else _NO_ATTEMPT


def _new_document(document: Any) -> dict[str, Any]:
    model = type(document)
    codec, meta = model.__codec__, model.__meta__
    values = document.__dict__
    for field in codec.nested:
        if values.get(field.name) is not None:
            refuse_part(document, field, values[field.name], MISSING)
    document.__identify__()
    if meta.automatic:
        moment = now()
        for field in meta.automatic:
            if values.get(field.name) is None:
                values[field.name] = moment if field.options.moment else _number(model, field)
    try:
        stored: dict[str, Any] = codec.encode(values, document._doc)
    except KeyError:
        stored = {**model.__stored_type__(), **encoded(document)}
        stored = {"_id": stored.pop("_id"), **stored}
    if meta.revision:
        stored[REVISION] = 1
    return stored


def _number(model: Any, field: Any) -> int:
    try:
        return counters.following(model, field)
    except PyMongoError as error:
        raise store.failed(model, error) from error


def _makes_ids(model: Any) -> bool:
    """Say whether a model's ids are ObjectIds of its own making: nobody else has them."""
    return model.__meta__.primary.options.default is ObjectId


def _take_up(document: Any, sent_before: Attempted, stored: dict[str, Any], error: DuplicateKeyError) -> None:
    """If an insert that was sent before was done, go on from there."""
    model = type(document)
    attempts = Attempted(*sent_before.sent, stored)
    there = refusals.found(document, stored["_id"])
    if there is not None and not attempts.has(there) and sent_before.sent and _makes_ids(model):
        raise refusals.conflict(document, "was stored by a save without an answer, and then changed by another writer")
    if there is None or not attempts.has(there):
        raise refusals.taken(model, error, stored)
    set_stored(document, there)
    set_state(document, Batch([there]))
    values = document.__dict__
    for field in model.__codec__.nested:
        value, found = values.get(field.name), there.get(field.key)
        # Another one may have been assigned since: the update compares it with what is stored.
        if value is not None and same(field.encode(document, value), found):
            field.kind.settle(value, found, document._state)
    _update(document, list(touched(document)))


def _update(document: Any, changed: list[Change]) -> None:
    if "_pending" in document.__dict__:
        _look_for_pending(document)
        changed = list(touched(document))
    model = type(document)
    meta = model.__meta__
    update = update_of(document, changed)
    if not update:
        if meta.revision and not refusals.exists(document, _own_filter(document)):
            raise refusals.conflict_found(document)
        return
    moment = _set_moments(model, update.set) if meta.automatic else _NEVER
    _send(document, update, changed, moment)
    _settle_changes(document, update, changed)
    if meta.automatic:
        _settle_moment(document, moment)  # whatever was assigned there


def _set_moments(model: Any, values: dict[str, Any]) -> datetime:
    """Let an update set the moment of it where the model keeps that; give the moment."""
    moment = now()
    for field in _moments(model):
        values[field.key] = field.kind.encode(moment)
    return moment


def _moments(model: Any) -> list[Any]:
    return [field for field in model.__meta__.automatic if field.options.moment == "updated"]


def _own_filter(document: Any) -> dict[str, Any]:
    found = {"_id": document._doc["_id"]}
    if type(document).__meta__.revision:
        found[REVISION] = document._doc.get(REVISION)  # None matches a document from before there were revisions
    return found


def _send(document: Any, update: Update, changed: list[Change], moment: datetime) -> None:
    model = type(document)
    operators = update.operators()
    if model.__meta__.revision:
        found_by = _own_filter(document)
        operators["$inc"] = {REVISION: 1}
    else:
        found_by = {"_id": document._doc["_id"], **update.guards}
    collection = store.raw(model)
    try:
        store.check_size(collection, operators)
        matched = collection.update_one(found_by, operators).matched_count
    except BaseException as error:  # noqa: BLE001
        raise _failure(error, document, update, changed, moment)  # noqa: B904  which has its own cause
    if not matched:
        raise refusals.conflict_found(document)
    if model.__meta__.revision:
        _count_revision(document)


def _failure(
    error: BaseException, document: Any, update: Update, changed: list[Change], moment: datetime
) -> BaseException:
    """Make our error for what an update raised, and remember the update if it may have been done."""
    model = type(document)
    if isinstance(error, DuplicateKeyError):
        intended = {field.key: new for field, _, new, _, _ in changed}
        return refusals.taken(model, error, {**document._doc, **intended})
    problem: BaseException = error
    if isinstance(error, WriteConcernError):
        # The error does not tell whether any document matched.
        _remember(document, update, changed, moment)
        done = _look_for_pending(document)
        problem = refusals.unconfirmed(model, error) if done else refusals.conflict_found(document)
    elif isinstance(error, store.ENCODING_ERRORS):
        problem = store.too_large(model, error)
    else:
        if is_unanswered(error):
            _remember(document, update, changed, moment)
        if isinstance(error, WriteError) and error.code in (28, 16837, 2):
            problem = refusals.conflict_found(document)  # PathNotViable: a parent is no longer what it was
        elif isinstance(error, PyMongoError):
            problem = refusals.failed(document, error)
    if problem is not error:
        problem.__cause__ = error
    return problem


def _count_revision(document: Any) -> None:
    if type(document).__meta__.revision:
        document._doc[REVISION] = (document._doc.get(REVISION) or 0) + 1


def _settle_moment(document: Any, moment: datetime) -> None:
    for field in _moments(type(document)):
        vars(document)[field.name] = moment
        document._doc[field.key] = field.kind.encode(moment)


def _as_stored(update: Update, field: Any, new: Any, old: Any, inner: list[Change] | None) -> Any:
    if update.set.get(field.key, MISSING) is new or (inner is not None and all(map(_is_of_scalars, inner))):
        return new
    return arranged(new, old, unordered=is_set(field))


def _is_of_scalars(change: Change) -> bool:
    return change[3] is not MISSING and type(change[2]) not in CONTAINERS and type(change[3]) not in CONTAINERS


def _settle_changes(document: Any, update: Update, changed: list[Change]) -> None:
    stored = document._doc
    defaults = document.__dict__.get("_defaults")
    for field, value, new, old, inner in changed:
        stored[field.key] = _as_stored(update, field, new, old, inner)
        if defaults is not None:
            defaults.pop(field.name, None)
        if field.kind.nested and value is not None:
            field.kind.settle(value, stored[field.key], document._state)


def _remember(document: Any, update: Update, changed: list[Change], moment: datetime) -> None:
    vars(document)["_pending"] = Sent(
        paths=paths_of(update, {field.key for field in _moments(type(document))}),
        values={field.name: value for field, value, _, _, _ in changed},
        stored={field.key: _as_stored(update, field, new, old, inner) for field, _, new, old, inner in changed},
        moment=moment,
    )


def _look_for_pending(document: Any) -> bool:
    """An update may have been done: see whether it was, go on from what is, and say so."""
    pending: Sent = vars(document)["_pending"]
    model = type(document)
    before = document._doc
    there = refusals.found(document, before["_id"])
    if there is None:
        raise refusals.conflict(document, "was deleted by another writer")
    done = pending.is_done(there)
    if model.__meta__.revision and there.get(REVISION) == before.get(REVISION):
        done = False
    elif not done and not pending.is_undone(there, before, document._state.only):
        name = model.__name__
        raise errors.ConflictError(
            f"{name} {before['_id']!r} was changed by another writer after an update whose answer was lost, so it "
            "cannot be told whether that was stored. Load it again, and repeat the change if it is not there.",
            model=name, id=before["_id"],
        )  # fmt: skip
    if done:
        _settle_pending(document, pending)
    del vars(document)["_pending"]
    return done


def _settle_pending(document: Any, pending: Sent) -> None:
    # Another writer's revision after ours is left for the next update to meet. What is embedded may have been moved
    # since, so it is not settled here: an update compares it with what its owner stores.
    _count_revision(document)
    document._doc.update(pending.stored)
    _settle_moment(document, pending.moment)
    defaults = vars(document).get("_defaults", {})
    for name, value in pending.values.items():
        defaults.pop(name, None)
        if isinstance(value, Document) and value.__embedded__:
            set_stored(value, pending.stored[type(document).__fields__[name].key])


def delete(document: Any) -> None:
    """Delete a stored document; one that is gone already is no error."""
    if isinstance(document._state, Deleted):
        return
    refusals.refuse_new(document)
    model = type(document)
    if model.__meta__.revision:
        complete(document)  # for its revision
    fire(document, "pre_delete")
    last: dict[str, Any] | None = None
    try:
        if model.__files__:
            # What is deleted says itself which files it had, whoever changed it a moment before.
            last = store.raw(model).find_one_and_delete(_own_filter(document))
            deleted = int(last is not None)
        else:
            deleted = store.raw(model).delete_one(_own_filter(document)).deleted_count
    except WriteConcernError as error:
        # The error does not tell whether any document matched.
        if refusals.exists(document, {"_id": document._doc["_id"]}):
            raise refusals.conflict(document, "was changed by another writer") from error
        set_state(document, Deleted([document._doc], loaded_keys(document)))
        raise refusals.unconfirmed(model, error) from error
    except PyMongoError as error:
        raise store.failed(model, error) from error
    if not deleted and model.__meta__.revision and refusals.exists(document, {"_id": document._doc["_id"]}):
        raise refusals.conflict(document, "was changed by another writer")
    set_state(document, Deleted([document._doc], loaded_keys(document)))
    if last is not None:
        from . import uploads

        uploads.remove(uploads.named(model, last))
    fire(document, "post_delete")
