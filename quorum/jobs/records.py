"""What is stored of jobs behind a broker, in the app's database. Every collection begins with the app's own name.

- `shop.jobs.later`: jobs that are due later, `{_id, name, due, lease, message}`, and functions that repeat, `{_id,
  name, times, due, lease, owed, done}`. Whoever sends one takes a `lease` on it, with a `token`; one that is `owed` was
  about to be sent, and one that is `done` was released by the job with that token.
- `shop.jobs.dead`: jobs that are given up, until somebody retries or purges them: `{_id, name, queue, reason, at,
  attempts, message}`.
- `shop.jobs.states`: where a job stands that keeps its result or tells its progress, for a day.
- `shop.jobs.keys`: the keys of jobs that have one effect, until a day after it.
- `shop.jobs.crashes`: how often a worker died in a job, for a week.
- `shop.jobs.counts`: how many ended and how long they took, by name.

Times are datetimes in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pymongo import WriteConcern
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError, PyMongoError

from .. import mongodb, runtime
from . import brokers
from .tally import Count

Document = dict[str, Any]

#: How long the state of a job that has ended is kept, and the key of one that has had its effect.
KEPT: Final = timedelta(days=1)

_CRASHES_KEPT: Final = timedelta(days=7)

# Before this time nothing is due: a lease that has ended, or that there is none.
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)

_SURE: Final = WriteConcern(w="majority", j=True)


def collection(name: str) -> Collection[Document]:
    """Give one of the collections above; what is written to it is confirmed and in the journal."""
    context = runtime.current()
    key = f"jobs.{name}"
    found: Collection[Document] | None = context.cache.get(key)
    if found is None:
        full = f"{brokers.prefix(context.settings)}.{key}"
        found = context.cache[key] = mongodb.get_database()[full].with_options(write_concern=_SURE)
    return found


def prepare() -> None:
    """Make the indexes: what is due is found by it, and what has had its time is deleted."""
    with translated():
        collection("later").create_index("due")
        collection("states").create_index("until", expireAfterSeconds=0)
        collection("keys").create_index("until", expireAfterSeconds=0)
        collection("crashes").create_index("until", expireAfterSeconds=0)


def translated() -> AbstractContextManager[None]:
    """Raise what the driver raises in a `with` block as `OperationalError`."""
    return _translated()


@contextmanager
def _translated() -> Any:
    try:
        yield
    except PyMongoError as error:
        raise mongodb.translate(error) from error


def now() -> datetime:
    """Give the time as it is stored."""
    return datetime.now(UTC)


def moment(timestamp: float) -> datetime:
    """Give a UNIX timestamp as it is stored; one beyond what a date can be as the last or first date."""
    try:
        return datetime.fromtimestamp(timestamp, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime(9999, 1, 1, tzinfo=UTC) if timestamp > 0 else NEVER


def claim(known: list[str], lease: timedelta, token: str) -> Document | None:
    """Take a job that is due, or what repeats and is known here, for so long; None if there is nothing.

    :param known: the ids of what repeats here.
    """
    mine: Document = {"$or": [{"message": {"$exists": True}}, {"_id": {"$in": known}}]}
    due = {"lease": {"$lte": now()}, "$and": [mine, {"$or": [{"due": {"$lte": now()}}, {"owed": True}]}]}
    taken = {"$set": {"lease": now() + lease, "token": token}}
    with translated():
        return collection("later").find_one_and_update(due, taken, sort=[("due", 1)])


def next_due() -> datetime | None:
    """Give when the next job or repetition that nobody holds is due."""
    with translated():
        found = collection("later").find_one({"lease": {"$lte": now()}}, {"due": 1}, sort=[("due", 1)])
    return None if found is None else found["due"]


def forget_later(id: str, token: str) -> None:
    """Delete a job that was sent."""
    with translated():
        collection("later").delete_one({"_id": id, "token": token})


def repeat(id: str, name: str, times: str, due: datetime) -> None:
    """Store what repeats, if it is new or its times are; all processes may do so at once."""
    later = collection("later")
    with translated():
        try:
            new = {"name": name, "times": times, "due": due, "lease": NEVER}
            later.update_one({"_id": id}, {"$setOnInsert": new}, upsert=True)
        except DuplicateKeyError:  # another process stored it at this moment
            pass
        later.update_one({"_id": id, "times": {"$ne": times}}, {"$set": {"times": times, "due": due}})


def owe(id: str, token: str, due: datetime) -> None:
    """Note that what repeats is about to be sent, and when it is due again. If the sender dies, another sends it."""
    with translated():
        collection("later").update_one({"_id": id, "token": token}, {"$set": {"due": due, "owed": True}})


def hold(id: str, token: str, lease: timedelta) -> None:
    """Note that what repeats was sent, and let nobody send it for so long, unless it was done in the meantime."""
    update = {"$set": {"lease": now() + lease}, "$unset": {"owed": ""}}
    with translated():
        collection("later").update_one({"_id": id, "token": token, "done": {"$ne": token}}, update)


def release(id: str, token: str) -> None:
    """Let what repeats be sent again, unless somebody else has it by now."""
    update = {"$set": {"lease": NEVER, "done": token}, "$unset": {"owed": ""}}
    with translated():
        collection("later").update_one({"_id": id, "token": token}, update)


def bury(id: str, name: str, queue: str, message: str, reason: str, attempts: int) -> None:
    """Keep a job that is given up."""
    letter = {"name": name, "queue": queue, "message": message, "reason": reason, "attempts": attempts, "at": now()}
    with translated():
        collection("dead").replace_one({"_id": id}, letter, upsert=True)


def note_state(id: str, name: str, **values: Any) -> None:
    """Store where a job stands."""
    stored = {"name": name, "until": now() + KEPT, **values}
    with translated():
        collection("states").update_one({"_id": id}, {"$set": stored}, upsert=True)


def note_crash(ids: Iterable[str]) -> None:
    """Count that a worker died in some jobs."""
    with translated():
        for one in ids:
            update = {"$inc": {"times": 1}, "$set": {"until": now() + _CRASHES_KEPT}}
            collection("crashes").update_one({"_id": one}, update, upsert=True)


def crashes() -> dict[str, int]:
    """Give how often a worker died in which jobs, lately."""
    with translated():
        return {found["_id"]: found["times"] for found in collection("crashes").find({}, {"times": 1}).limit(10_000)}


def crashes_of(id: str) -> int:
    """Give how often a worker died in a job."""
    with translated():
        found = collection("crashes").find_one({"_id": id})
    return 0 if found is None else int(found["times"])


def add_counts(counts: dict[str, Count]) -> None:
    """Add what a worker counted."""
    with translated():
        for name, count in counts.items():
            sums = {"done": count.done, "failed": count.failed, "seconds": count.seconds}
            update = {"$inc": sums, "$max": {"longest": count.longest}}
            collection("counts").update_one({"_id": name}, update, upsert=True)


def claim_key(key: str, id: str, until: datetime, stale: datetime) -> str:
    """Take the key of a job that is to have one effect; give the id of the job that has it, this one or an earlier one.

    A key whose job was not sent since `stale` is taken over: its sender died.
    """
    mine = {"message": id, "state": "sending", "at": now(), "until": until}
    keys = collection("keys")
    with translated():
        try:
            keys.insert_one({"_id": key, **mine})
        except DuplicateKeyError:
            left = {"_id": key, "state": "sending", "at": {"$lt": stale}}
            if keys.update_one(left, {"$set": mine}).modified_count:
                return id
            found = keys.find_one({"_id": key})
            # It was deleted in this very moment.
            return claim_key(key, id, until, stale) if found is None else str(found["message"])
    return id


def note_sent(key: str, id: str) -> None:
    """Note that the job that has a key was sent; it may be done by now."""
    with translated():
        mine = {"_id": key, "message": id, "state": "sending"}
        collection("keys").update_one(mine, {"$set": {"state": "sent"}})


def note_effect(key: str, id: str) -> None:
    """Note that the job that has a key is done."""
    with translated():
        effect = {"state": "done", "until": now() + KEPT}
        collection("keys").update_one({"_id": key, "message": id}, {"$set": effect})


def free_key(key: str, id: str) -> None:
    """Let another job have the key of one that had no effect."""
    with translated():
        collection("keys").delete_one({"_id": key, "message": id})


def is_spent(key: str, id: str) -> bool:
    """Say whether the effect that a job is to have was had, by this job or by another that has its key."""
    with translated():
        found = collection("keys").find_one({"_id": key})
    return found is not None and (found["state"] == "done" or found["message"] != id)
