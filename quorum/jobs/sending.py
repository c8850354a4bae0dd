"""Sending a job to the workers, and the handle of one that was sent."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, cast

from .. import errors, runtime
from . import brokers, records, registry, wire
from .handles import ENDED, Handle, State, name_of

#: A sender that died is noticed after this time.
_SENDING: Final = timedelta(seconds=60)

_ENDS: Final = {"failed": "failed", "cancelled": "was cancelled"}

# Seconds between two looks at a job's state.
_LOOK: Final = 0.1


class Sent(Handle):
    """A job that is with the broker, or waits in the database until it is due. `flask quorum jobs` knows its `id`."""

    __slots__ = ("_cancelled", "_context", "_keeps", "_key", "id")

    def __init__(self, context: runtime.Context, name: str, id: str, key: str | None, keeps: bool) -> None:
        super().__init__(name)
        self.id = id
        self._context = context
        self._key = key
        self._keeps = keeps
        self._cancelled = False

    @property
    def progress(self) -> tuple[int, int] | None:
        found = self._record()
        return None if found is None or "progress" not in found else cast("tuple[int, int]", tuple(found["progress"]))

    @property
    def state(self) -> State:
        if self._cancelled:
            return "cancelled"
        found = self._record()
        if found is not None and found.get("state") in ENDED:
            return cast(State, found["state"])
        with self._context.enter(), records.translated():
            if records.collection("dead").count_documents({"_id": self.id}, limit=1):
                return "failed"
            if found is not None:
                return cast(State, found.get("state", "running"))
            if records.collection("later").count_documents({"_id": self.id}, limit=1):
                return "waiting"
        self._check("state")
        return "waiting"

    def result(self, timeout: float) -> Any:
        self._check("result")
        end = time.monotonic() + timeout
        while (state := self.state) not in ENDED:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"The job {self.name} is {state} after {timeout:g} seconds.")
            time.sleep(min(_LOOK, left))
        why = ""
        if state == "done":
            found = self._record() or {}
            with self._context.enter():
                return wire.decode(found.get("result"))
        if state == "failed":
            with self._context.enter(), records.translated():
                why = (
                    f": {(records.collection('dead').find_one({'_id': self.id}) or {}).get('reason', 'it was purged')}"
                )
        raise errors.JobError(f"The job {self.name} {_ENDS[state]}{why}.", job=self.name, state=state)

    def cancel(self) -> bool:
        """Keep the job from starting. It is False if it is with the broker already, where nobody can take it back."""
        with self._context.enter(), records.translated():
            found = records.collection("later").find_one_and_delete({"_id": self.id, "lease": records.NEVER})
            if found is not None and self._key is not None:
                records.free_key(self._key, self.id)
        self._cancelled = self._cancelled or found is not None
        return found is not None

    def _record(self) -> records.Document | None:
        with self._context.enter(), records.translated():
            return records.collection("states").find_one({"_id": self.id})

    def _check(self, what: str) -> None:
        if not self._keeps:
            raise errors.ConfigurationError(
                f"The {what} of {self.name} is not kept: declare it with @quorum.job(result=True)."
            )


def send(
    context: runtime.Context,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    due: float | None,
    callback: Callable[..., Any] | None,
) -> Sent:
    """Send a job; see `quorum.run_background()`.

    :raises ConfigurationError: a worker would not run it, or its arguments can't be sent or don't fit.
    :raises OperationalError: the broker or the database did not take it.
    """
    name = name_of(function)
    options = registry.options_of(context, function)
    if callback is not None:
        registry.options_of(context, callback)
    if (problem := registry.check_arguments(function, args, kwargs)) != "":
        raise errors.ConfigurationError(f"{name} can't be called so: {problem}.")
    job: dict[str, Any] = {
        "path": registry.path_of(function),
        "args": [wire.encode(value, f"Argument {number} of {name}") for number, value in enumerate(args)],
        "kwargs": {key: wire.encode(value, f"The argument {key!r} of {name}") for key, value in kwargs.items()},
        "attempt": 0,
    }
    if callback is not None:
        job["callback"] = registry.path_of(callback)
    wire.check_size([job["args"], job["kwargs"]], f"What {name} is given")
    key = options.key(job["args"], job["kwargs"], args, kwargs)
    if key is not None:
        key = job["key"] = f"{job['path']} {hashlib.sha256(key.encode()).hexdigest()}"
    message = brokers.message(context, options.queue, job)
    handle = Sent(context, name, message.message_id, key, options.result)
    if key is None:
        deliver(context, message, name, due)
    else:
        with context.enter():
            _deliver_once(context, message, handle, key, due)
    return handle


def deliver(context: runtime.Context, message: Any, name: str, due: float | None) -> None:
    """Send a message, or store it until it is due if that is far away."""
    delay = None if due is None else due - time.time()
    if delay is not None and delay > brokers.FAR:
        later = {"_id": message.message_id, "name": name, "due": records.moment(cast(float, due))}
        with context.enter(), records.translated():
            records.collection("later").insert_one(
                {**later, "lease": records.NEVER, "message": message.encode().decode()}
            )
    else:
        brokers.send(context, message, delay if delay is not None and delay > 0 else None)


def _deliver_once(context: runtime.Context, message: Any, handle: Sent, key: str, due: float | None) -> None:
    start = max(records.now(), records.moment(due or 0))
    until = start + records.KEPT
    has_it = records.claim_key(key, handle.id, until, records.now() - _SENDING)
    if has_it != handle.id:
        handle.id = has_it
        return
    try:
        deliver(context, message, handle.name, due)
    except BaseException:
        records.free_key(key, handle.id)
        raise
    records.note_sent(key, handle.id)
