"""Large mails on their way to a worker: they wait in the database, as a job has room for small arguments only.

Collection `quorum.mails`: `{_id: the Message-ID, content, until}`. What nobody fetched is deleted after a week.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pymongo
import pymongo.collection
import pymongo.errors

from quorum import errors, mongodb

#: How long a mail waits, at most.
KEPT: Final = timedelta(days=7)

#: Bytes of a mail that goes with its job, and of one that the database takes.
SMALL: Final = 128 * 1024
LARGEST: Final = 15 * 1024 * 1024

_SURE: Final = pymongo.WriteConcern(w="majority", j=True)


def keep(message_id: str, content: bytes) -> None:
    """Store a mail until it is dropped.

    :raises ConfigurationError: it is too large.
    :raises OperationalError: the database did not take it.
    """
    if len(content) > LARGEST:
        raise errors.ConfigurationError(
            f"The mail has {len(content)} bytes; one that workers send has at most {LARGEST}. Send it by send_mail()."
        )
    with _translated():
        collection = _collection()
        collection.create_index("until", expireAfterSeconds=0)
        collection.insert_one({"_id": message_id, "content": content, "until": datetime.now(UTC) + KEPT})


def fetch(message_id: str) -> bytes:
    """Give a mail that was kept.

    :raises NotFoundError: it is there no more.
    :raises OperationalError: the database did not answer.
    """
    with _translated():
        found = _collection().find_one({"_id": message_id})
    if found is None:
        raise errors.NotFoundError(
            f"The mail {message_id} is kept no more: it waited for longer than {KEPT.days} days."
        )
    return bytes(found["content"])


def drop(message_id: str) -> None:
    """Delete a mail, if it was kept.

    :raises OperationalError: the database did not answer.
    """
    with _translated():
        _collection().delete_one({"_id": message_id})


def _collection() -> pymongo.collection.Collection[dict[str, Any]]:
    return mongodb.get_database()["quorum.mails"].with_options(write_concern=_SURE)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except pymongo.errors.PyMongoError as error:
        raise mongodb.translate(error) from error
