"""What a worker process took from the broker ahead of its threads, so that none of them waits for the network.

Such a job must not wait behind those that take long while other workers are idle: what no thread has begun after a
second is given back to the broker, and the process takes no more than its threads can begin until jobs are short again.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import Any, Final

# Seconds: how long jobs may wait while no thread begins or ends with one, and the mean time of those for which more are
# taken than can be begun.
_PATIENCE: Final = 1.0
_SHORT: Final = 0.05

# The mean is one of about so many jobs.
_SPAN: Final = 16


class Backlog:
    """The jobs that wait in a worker process, and how its threads get on with them."""

    def __init__(self, waiting: queue.PriorityQueue[Any], threads: int) -> None:
        self.threads = threads
        self._waiting = waiting
        self._lock = threading.Lock()
        self._running = 0
        self._mean = 0.0
        self._moved = time.monotonic()

    @property
    def idle(self) -> int:
        """How many threads have nothing to do."""
        return 0 if self._waiting.qsize() else self.threads - self._running

    @property
    def is_quick(self) -> bool:
        """Whether the jobs that ended lately were short."""
        return self._mean < _SHORT

    @property
    def is_stuck(self) -> bool:
        """Whether jobs wait behind others that take long."""
        if self._running < self.threads or self._waiting.qsize() == 0:
            return False
        return time.monotonic() - self._moved > _PATIENCE

    def begin(self) -> float:
        """Note that a thread begins with a job; give the time, for `end()`."""
        now = time.monotonic()
        with self._lock:
            self._running += 1
            self._moved = now
        return now

    def end(self, begun: float) -> None:
        """Note that it has ended."""
        now = time.monotonic()
        with self._lock:
            self._running -= 1
            self._moved = now
            self._mean += (now - begun - self._mean) / _SPAN

    def take(self, queue_name: str) -> list[Any]:
        """Take out the messages of one queue that wait; no thread begins with them any more."""
        items, taken = [], []
        while True:
            try:
                items.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        for item in items:
            if item.message.queue_name == queue_name:
                taken.append(item.message)
            else:
                self._waiting.put(item)
            self._waiting.task_done()
        return taken
