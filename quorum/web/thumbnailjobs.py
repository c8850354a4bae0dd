"""The job that makes the smaller images of a file, in this process or with a worker."""

from __future__ import annotations

from typing import Any

from quorum import jobs, runtime
from quorum.jobs.registry import RefusedError
from quorum.models import thumbnails


@jobs.job(backoff="2s")
def make(model: str, id: Any, key: str) -> None:
    """Make the smaller images of a file that a document has; nothing where it has the file no more.

    :param model: the name of the document's class.
    :param key: the key of the file.
    :raises RefusedError: the app has no such model.
    :raises QuorumError: the database or the storage does not answer.
    """
    found: Any = next((one for one in runtime.current().models if one.__name__ == model), None)
    if found is None:
        raise RefusedError(f"there is no model {model[:64]!r}")
    thumbnails.make(found, found.__meta__.primary.kind.encode(id), key)
