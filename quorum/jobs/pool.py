"""Jobs in this process: a few threads, a queue for what is due now and a heap for what is due later.

No thread polls. Of those that are idle one waits for the next job that is due later; when it takes the job, it wakes
another to wait in its place.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections import Counter, deque
from typing import Any, Final

from .. import errors, runtime
from . import running
from .handles import Job
from .tally import Tally

_log = logging.getLogger("quorum.jobs")

# The longest wait for a job that is due later, in seconds: the clock may be set meanwhile.
_LOOK: Final = 30.0

# How many names a line of the log has.
_NAMES: Final = 20


class Pool:
    """Runs the jobs of one context.

    Jobs that are due now start in the order in which they came. One with a time goes before these when its time has
    come; of two with the same time the one that came first.
    """

    def __init__(self, context: runtime.Context) -> None:
        self._context = context
        self._size: int = context.settings.get("EXECUTION_THREADS")
        self._grace: float = context.settings.get("EXECUTION_GRACE")
        self._lock = threading.Lock()
        self._wanted = threading.Condition(self._lock)
        self._sooner = threading.Condition(self._lock)
        self._ended = threading.Condition(self._lock)
        self._ready: deque[Job] = deque()
        self._later: list[tuple[float, int, Job]] = []
        self._order = itertools.count()
        self._running: dict[threading.Thread, Job] = {}
        self._threads = 0
        # How many threads wait for a job that is due now; beside them one may watch what is due later.
        self._idle = 0
        self._watched = False
        self._closed = False
        self.tally = Tally()

    @property
    def has_work(self) -> bool:
        """Whether a job runs or waits. It takes no lock: a signal handler asks."""
        return bool(self._running or self._ready or self._later)

    @property
    def is_closed(self) -> bool:
        """Whether no more jobs are taken."""
        return self._closed

    def submit(self, job: Job, due: float | None = None) -> None:
        """Take a job.

        :param due: when it is to start, in seconds since 1970; now if not given.
        :raises ConfigurationError: the app is being unloaded.
        """
        with self._lock:
            if self._closed:
                raise errors.ConfigurationError(
                    f"The job {job.name} can't start: the app {self._context.settings.name!r} is being unloaded."
                )
            if due is None:
                self._ready.append(job)
            else:
                heapq.heappush(self._later, (due, next(self._order), job))
                if self._watched and self._later[0][2] is job:
                    self._sooner.notify()
            self._call_thread()

    def close(self) -> None:
        """Start no more jobs, wait for those that run for up to the grace, and log what was not done."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            left = [job for _, _, job in sorted(self._later)] + list(self._ready)
            self._later.clear()
            self._ready.clear()
            self._wanted.notify_all()
            self._sooner.notify_all()
        dropped = [job.name for job in left if job.drop() and not job.repeats]
        if dropped:
            _log.warning("%d jobs were dropped before they started: %s.", len(dropped), _listed(dropped))
        with self._lock:
            # A job that unloads its own app can't be waited for.
            self._ended.wait_for(lambda: not self._others(), self._grace)
            unfinished = [job.name for job in self._others()]
        if unfinished:
            _log.error("%d jobs still run after %g s: %s.", len(unfinished), self._grace, _listed(unfinished))
        for name, count in sorted(self.tally.take().items()):
            _log.info("Jobs of %s: %s.", name, count)

    def _others(self) -> list[Job]:
        return [job for thread, job in self._running.items() if thread is not threading.current_thread()]

    def _call_thread(self) -> None:
        """Wake or start a thread, if more are needed than are awake. Those that were woken count as idle until they
        hold the lock, and each of them takes a job.
        """
        needed = len(self._ready) + (1 if self._later and not self._watched else 0)
        if needed == 0:
            return
        if needed <= self._idle:
            self._wanted.notify()
        elif self._threads < self._size:
            self._threads += 1
            threading.Thread(target=self._serve, name=f"quorum job {self._threads}", daemon=True).start()
        elif self._watched:
            self._sooner.notify()

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            if job.begin():
                self._do(job)
            del job
            with self._lock:
                self._running.pop(threading.current_thread(), None)
                if self._closed:
                    self._ended.notify_all()

    def _next(self) -> Job | None:
        """Wait for a job to do; None when the pool closes."""
        with self._lock:
            while not self._closed:
                now = time.time()
                if self._later and self._later[0][0] <= now:
                    job = heapq.heappop(self._later)[2]
                elif self._ready:
                    job = self._ready.popleft()
                else:
                    self._wait(now)
                    continue
                self._running[threading.current_thread()] = job
                self._call_thread()
                return job
        return None

    def _wait(self, now: float) -> None:
        if self._later and not self._watched:
            self._watched = True
            self._sooner.wait(min(self._later[0][0] - now, _LOOK))
            self._watched = False
        else:
            self._idle += 1
            self._wanted.wait()
            self._idle -= 1

    def _do(self, job: Job) -> None:
        function, args, kwargs, callback = job.function, job.args, job.kwargs, job.callback
        assert function is not None
        result: Any = None
        failure: BaseException | None = None
        try:
            result = running.run(self._context, job.name, lambda: function(*args, **kwargs), job.report, self.tally)
        except BaseException as error:  # noqa: BLE001  a job that exits ends itself, and no thread of the pool
            failure = error
        job.end(result, failure)
        if callback is not None:
            running.call_back(self._context, job.name, callback, failure, result)


def _listed(names: list[str]) -> str:
    counts = Counter(names)
    shown = [f"{name} ({count} times)" if count > 1 else name for name, count in list(counts.items())[:_NAMES]]
    return ", ".join(shown) + (f" and {len(counts) - _NAMES} other names" if len(counts) > _NAMES else "")
