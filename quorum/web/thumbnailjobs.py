"""The job that makes the smaller images of a file, in this process or with a worker."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from quorum import images, jobs, runtime
from quorum.jobs.registry import RefusedError
from quorum.models import thumbnails

_log = logging.getLogger(__name__)

#: How often it is tried again, and the seconds before the first time; each further wait is twice as long.
RETRIES: Final = 5
BACKOFF: Final = 2.0


@jobs.job(retries=RETRIES, backoff=BACKOFF)
def make(model: str, id: Any, key: str) -> None:
    """Make the smaller images of a file that a document has; nothing where it has the file no more.

    :param model: the name of the document's class.
    :param key: the key of the file.
    :raises RefusedError: the app has no such model, or the image is damaged: trying again is of no use.
    :raises QuorumError: the database or the storage does not answer.
    """
    found: Any = next((one for one in runtime.current().models if one.__name__ == model), None)
    if found is None:
        raise RefusedError(f"there is no model {model[:64]!r}")
    try:
        thumbnails.make(found, found.__meta__.primary.kind.encode(id), key)
    except images.WrongImage as error:
        raise RefusedError(f"the file {key} of {model} {id} has no thumbnails: {error}") from error


def begin(model: str, id: Any, key: str, attempt: int = 0) -> None:
    """Have the job done where the app's jobs run. Workers try one again that failed; in this process, this does.

    :param attempt: how often it was tried before.
    :raises ConfigurationError: the app is being unloaded, or the id can't be sent to a worker.
    :raises OperationalError: the broker did not take the job.
    """
    if runtime.current().execution == "queue":
        jobs.run_background(make, [model, id, key])
        return

    def again(error: BaseException | None, result: Any) -> None:  # noqa: ARG001
        if error is None or isinstance(error, RefusedError):
            return
        if attempt < RETRIES:
            begin(model, id, key, attempt + 1)
        else:
            _log.error(
                "The thumbnails of %s were not made in %d attempts. "
                "`flask quorum files check --repair` will make them.", key, attempt + 1,
            )  # fmt: skip

    due = time.time() + BACKOFF * 2.0 ** (attempt - 1) if attempt else None
    jobs.run_background(make, [model, id, key], target_time=due, callback=again)
