"""Jobs that were given up, and how many were done: what `flask quorum jobs` does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .. import runtime
from . import brokers, records
from .tally import Count


def letters(limit: int) -> Iterator[records.Document]:
    """Give the jobs that were given up, the newest first, without their messages."""
    with records.translated():
        yield from records.collection("dead").find({}, {"message": 0}).sort("at", -1).limit(limit)


def number() -> int:
    """Give how many jobs were given up."""
    with records.translated():
        return records.collection("dead").count_documents({})


def retry(context: runtime.Context, ids: Iterable[str] | None = None) -> int:
    """Send jobs that were given up again, with all of their attempts; give how many.

    A job that is sent twice, as the process dies between the two steps, is done twice: it is never lost.

    :param ids: of which jobs; of all if not given.
    :raises OperationalError: the broker did not take one; it is still kept.
    """
    import dramatiq

    done = 0
    with records.translated():
        for letter in list(records.collection("dead").find(_of(ids))):
            message: Any = dramatiq.Message.decode(letter["message"].encode())
            job = message.options.get(brokers.OPTION)
            options = {"eta": None, brokers.OPTION: {**job, "attempt": 0} if isinstance(job, dict) else job}
            records.collection("crashes").delete_one({"_id": letter["_id"]})
            brokers.send(context, message.copy(options=options))
            records.collection("dead").delete_one({"_id": letter["_id"]})
            done += 1
    return done


def purge(ids: Iterable[str] | None = None) -> int:
    """Delete jobs that were given up; give how many.

    :param ids: which; all if not given.
    """
    with records.translated():
        return records.collection("dead").delete_many(_of(ids)).deleted_count


def counts() -> Iterator[tuple[str, Count]]:
    """Give what all workers counted, by the jobs' names."""
    with records.translated():
        for found in records.collection("counts").find().sort("_id"):
            yield found["_id"], Count(found["done"], found["failed"], found["seconds"], found["longest"])


def _of(ids: Iterable[str] | None) -> records.Document:
    return {} if ids is None else {"_id": {"$in": list(ids)}}
