"""What a worker does with a message: it runs the job, and sees to it when that fails.

A job is done at least once: its message is confirmed to the broker only when it has ended, was sent again for another
attempt, or is stored as dead.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from .. import errors, runtime
from ..masking import Masker
from . import brokers, records, registry, running, wire
from .journal import Journal
from .registry import Options, RefusedError
from .tally import Tally

_log = logging.getLogger("quorum.jobs")

#: A job in which a worker died so often is given up. Before that it is run alone: others may have been the cause.
CRASHES: Final = 5
SUSPECT: Final = 2

# Seconds between two attempts to tell the broker or the database what became of a job, and between two reports.
_AGAIN: Final = 1.0
_REPORTS: Final = 0.5


@dataclass
class Letter:
    """A message as a worker reads it: `job` is what was sent, `name` names it in the log."""

    message: Any
    job: dict[str, Any]
    name: str

    @classmethod
    def read(cls, message: Any) -> Letter:
        job = message.options.get(brokers.OPTION)
        if not isinstance(job, dict):
            job = {}
        path = job.get("path")
        return cls(message, job, path.replace(":", ".")[:200] if isinstance(path, str) else "of no name")

    @property
    def id(self) -> str:
        return str(self.message.message_id)

    @property
    def attempt(self) -> int:
        """How often it was tried before."""
        attempt = self.job.get("attempt", 0)
        return attempt if type(attempt) is int else 0

    @property
    def key(self) -> str | None:
        key = self.job.get("key")
        return key if isinstance(key, str) else None

    @property
    def repeated(self) -> tuple[str, str] | None:
        """The id and the token of the record of what repeats, if the job comes from one."""
        match self.job.get("repeats"):
            case [str(id), str(token)]:
                return id, token
        return None

    def again(self) -> Any:
        """Give the message of the next attempt."""
        job = {**self.job, "attempt": self.attempt + 1}
        return self.message.copy(options={brokers.OPTION: job})


class Performer:
    """Runs the jobs of a worker process."""

    def __init__(self, context: runtime.Context, journal: Journal, limit: Callable[[float], Any]) -> None:
        self._context = context
        self._journal = journal
        self._limit = limit
        self.tally = Tally()
        self.crashed: dict[str, int] = {}

    def perform(self, message: Any) -> None:
        """Do what a message asks for; return when it can be confirmed."""
        letter = Letter.read(message)
        try:
            with self._context.enter():
                self._perform(letter)
        except BaseException:  # noqa: BLE001  by the application's teardown, or by a time limit that came late
            _log.exception("The job %s (%s) ended, but not its context.", letter.name, letter.id)

    def _perform(self, letter: Letter) -> None:
        callback: Callable[..., Any] | None = None
        try:
            crashes = self._crashes(letter)
            callback = self._callback(letter)
            function, options = registry.resolve(self._context, letter.job.get("path"))
            key = letter.key
            if key is not None and self._surely(lambda: records.is_spent(key, letter.id)):
                _log.info("The job %s (%s) was done already.", letter.name, letter.id)
                return
        except RefusedError as error:
            self.bury(letter, str(error))
            # Not after the death of workers: the callback may be what they died in.
            if callback is not None:
                self._call_back(letter, callback, error, None)
            return
        report = _Reporter(letter)
        failure: BaseException | None = None
        result, kept = None, None
        self._journal.begin(letter.id, alone=crashes >= SUSPECT)
        try:
            if options.result:
                self._surely(lambda: records.note_state(letter.id, letter.name, state="running"))
            result, kept = running.run(
                self._context, letter.name, lambda: self._call(letter, function, options), report, self.tally
            )
        except BaseException as error:  # noqa: BLE001  whatever a job raises, the worker goes on
            failure = error
        finally:
            self._journal.end()
        if failure is None:
            self._done(letter, options, report, kept)
        elif not self._failed(letter, options, failure):
            return
        if callback is not None:
            self._call_back(letter, callback, failure, result, alone=crashes >= SUSPECT)

    def _call_back(
        self,
        letter: Letter,
        callback: Callable[..., Any],
        failure: BaseException | None,
        result: Any,
        *,
        alone: bool = False,
    ) -> None:
        """Call a job's callback: a worker may die in it as in the job."""
        self._journal.begin(letter.id, alone=alone)
        try:
            running.call_back(self._context, letter.name, callback, failure, result)
        finally:
            self._journal.end()

    def _call(self, letter: Letter, function: Callable[..., Any], options: Options) -> tuple[Any, Any]:
        """Call the function; give its result, and as it is stored."""
        args, kwargs = letter.job.get("args"), letter.job.get("kwargs")
        if not isinstance(args, list) or not isinstance(kwargs, dict):
            raise RefusedError("its arguments are no list and object")
        given = [wire.decode(value) for value in args]
        named = {key: wire.decode(value) for key, value in kwargs.items()}
        if (problem := registry.check_arguments(function, given, named)) != "":
            raise RefusedError(f"its arguments don't fit: {problem}")
        with self._limit(options.timeout):
            result = function(*given, **named)
        kept = wire.encode(result, f"The result of {letter.name}") if options.result else None
        wire.check_size(kept, f"The result of {letter.name}")
        return result, kept

    def _callback(self, letter: Letter) -> Callable[..., Any] | None:
        path = letter.job.get("callback")
        return None if path is None else registry.resolve(self._context, path)[0]

    def _crashes(self, letter: Letter) -> int:
        """Give how often a worker died in a job; one where that was too often is refused."""
        times = self.crashed.get(letter.id, 0)
        if times or getattr(letter.message, "redelivered", False):
            times = self._surely(lambda: records.crashes_of(letter.id))
        if times >= CRASHES:
            raise RefusedError(f"a worker died in it {times} times")
        return times

    def _done(self, letter: Letter, options: Options, report: _Reporter, kept: Any) -> None:
        key = letter.key
        if options.result or report.was_used:
            self._surely(lambda: records.note_state(letter.id, letter.name, state="done", result=kept))
        if key is not None:
            self._surely(lambda: records.note_effect(key, letter.id))
        self._release(letter)

    def _failed(self, letter: Letter, options: Options, failure: BaseException) -> bool:
        """See to a job that failed; say whether that was its last attempt."""
        reason = (
            str(failure) if isinstance(failure, RefusedError) else f"{type(failure).__name__}: {failure}".rstrip(": ")
        )
        if isinstance(failure, RefusedError) or letter.attempt >= options.retries:
            if letter.repeated is None:
                self.bury(letter, reason)
            else:
                self._release(letter)
            return True
        delay = min(options.backoff * 2.0**letter.attempt, brokers.FAR) * random.uniform(0.5, 1)  # noqa: S311
        _log.info("The job %s (%s) is tried again in %.1f s.", letter.name, letter.id, delay)
        self._surely(lambda: brokers.send(self._context, letter.again(), delay))
        return False

    def bury(self, letter: Letter, reason: str) -> None:
        """Give a job up: keep it for `flask quorum jobs`."""
        _log.error(
            "The job %s (%s) is given up after %d attempts: %s.", letter.name, letter.id, letter.attempt + 1, reason
        )
        # It is shown to people, as the log is, and an exception may quote a secret.
        reason = Masker(self._context.settings.secrets()).text(reason)
        text = letter.message.encode().decode()
        queue, key = str(letter.message.queue_name), letter.key
        self._surely(lambda: records.bury(letter.id, letter.name, queue, text, reason[:2000], letter.attempt + 1))
        if key is not None:
            self._surely(lambda: records.free_key(key, letter.id))

    def _release(self, letter: Letter) -> None:
        """Let a function that repeats be called again."""
        if (repeated := letter.repeated) is not None:
            self._surely(lambda: records.release(*repeated))

    def _surely(self, tell: Callable[[], Any]) -> Any:
        """Do something until it works: the message is not confirmed before. If the process ends, it comes again."""
        while True:
            try:
                return tell()
            except errors.OperationalError as error:
                _log.error("A job waits to be confirmed: %s", error)
                time.sleep(_AGAIN)


class _Reporter:
    """Stores what a job says of its progress, but not more often than somebody looks."""

    def __init__(self, letter: Letter) -> None:
        self._letter = letter
        self._last = 0.0
        self.was_used = False

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last < _REPORTS and done != total:
            return
        self._last = now
        self.was_used = True
        try:
            records.note_state(self._letter.id, self._letter.name, state="running", progress=[done, total])
        except errors.OperationalError as error:
            _log.warning("The progress of the job %s is not stored: %s", self._letter.name, error)
