"""The thread of a worker process that sends what is due: jobs from the database, and functions that repeat.

All worker processes of an app do this, and a lease on each record lets one of them do it: if that one dies, the lease
ends, and another does it. It also stores what the process counted.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from datetime import timedelta
from typing import Any, Final

from .. import errors, runtime
from . import brokers, records, registry, repeating
from .performing import Performer

_log = logging.getLogger("quorum.jobs")

#: How long one process may take to send a job that is due.
_SENDING: Final = timedelta(seconds=30)

# Seconds: the longest wait until the database is looked at again, and between two notes of what was counted.
_LOOK: Final = 1.0
_NOTE: Final = 5.0

# Beyond the time limit of a job: what it takes from the broker to a worker that died and came back.
_SLACK: Final = timedelta(seconds=60)


class Clock:
    """Sends what is due, from a thread of its own, until it is stopped."""

    def __init__(self, context: runtime.Context, performer: Performer) -> None:
        self._context = context
        self._performer = performer
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="quorum jobs clock", daemon=True)
        self._noted = 0.0
        self._known: dict[str, repeating.Repeating] = {}

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, limit: float) -> None:
        """Send no more, and store what was counted."""
        self._stopped.set()
        self._thread.join(limit)
        with self._context.enter():
            self._note()

    def _run(self) -> None:
        wait = 0.0
        while not self._stopped.wait(wait):
            wait = _LOOK
            try:
                with self._context.enter():
                    wait = self._turn()
            except errors.OperationalError as error:
                _log.error("What is due can't be sent now: %s", error)
            except Exception:  # noqa: BLE001  what is due next can be sent, perhaps
                _log.exception("What is due can't be sent now.")

    def _turn(self) -> float:
        """Send what is due; give the seconds until something is again."""
        for one in repeating.owned(self._context):
            key = f"every {registry.path_of(one.function)}"
            if self._known.get(key) != one:
                self._known[key] = one
                records.repeat(key, one.name, str(one.times), records.moment(one.times.after(time.time())))
        if time.monotonic() - self._noted > _NOTE:
            self._note()
        while not self._stopped.is_set():
            token = uuid.uuid4().hex
            found = records.claim(list(self._known), _SENDING, token)
            if found is None:
                break
            self._send(found, token)
        due = records.next_due()
        return _LOOK if due is None else min(_LOOK, max(0.001, (due - records.now()).total_seconds()))

    def _send(self, found: records.Document, token: str) -> None:
        one = self._known.get(found["_id"])
        if one is None:
            import dramatiq

            brokers.send(self._context, dramatiq.Message.decode(found["message"].encode()))
            records.forget_later(found["_id"], token)
            return
        path = registry.path_of(one.function)
        options = registry.options_of(self._context, one.function)
        job: dict[str, Any] = {"path": path, "args": [], "kwargs": {}, "attempt": 0, "repeats": [found["_id"], token]}
        records.owe(found["_id"], token, records.moment(one.times.after(time.time())))
        brokers.send(self._context, brokers.message(self._context, options.queue, job))
        records.hold(found["_id"], token, timedelta(seconds=options.timeout) + _SLACK)

    def _note(self) -> None:
        self._noted = time.monotonic()
        counts = self._performer.tally.take()
        for name, count in counts.items():
            _log.info("Jobs of %s: %s.", name, count)
        try:
            records.add_counts(counts)
            self._performer.crashed = records.crashes()
            brokers.show_life(self._context)
        except errors.OperationalError as error:
            _log.warning("What was counted is in the log alone: %s", error)
