"""Numbers that count up, for fields with `increment=True`.

The collection `quorum.counters` holds one document a field, `{"_id": "posts.number", "value": 41}`.
"""

from __future__ import annotations

import contextlib
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from . import store

COLLECTION = "quorum.counters"


def following(model: Any, field: Any) -> int:
    """Take the next number of a field: one more than the last one, over all processes; the first is 1.

    Where documents were stored before there was a counter, it goes on from the greatest number among them.
    """
    documents = store.primary(model)
    counters = documents.database[COLLECTION]
    key = f"{documents.name}.{field.key}"
    taken = _take(counters, key)
    if taken is None:
        greatest = documents.find_one({field.key: {"$type": "number"}}, {field.key: 1}, sort=[(field.key, -1)])
        start = int(greatest[field.key]) if greatest else 0
        with contextlib.suppress(DuplicateKeyError):  # another writer made it at the same moment
            counters.insert_one({"_id": key, "value": start})
        taken = _take(counters, key)
    return int(taken["value"])


def _take(counters: Any, key: str) -> Any:
    return counters.find_one_and_update({"_id": key}, {"$inc": {"value": 1}}, return_document=ReturnDocument.AFTER)
