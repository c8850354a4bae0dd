"""Which jobs a worker process has begun, in memory that outlives it: whoever started the process reads it there.

So a job in which a worker dies is known at no cost for the others: nothing is written anywhere but in memory.
"""

from __future__ import annotations

import mmap
import threading
from typing import Final

# Seconds that a job waits to be alone.
_PATIENCE: Final = 10.0

# Bytes for a job's id; a UUID has 36.
_SIZE: Final = 64


class Journal:
    """Memory that is shared by a process and those that it forks, with room for the jobs of some threads."""

    def __init__(self, threads: int) -> None:
        self._memory = mmap.mmap(-1, threads * _SIZE)
        self._free = [number * _SIZE for number in range(threads)]
        self._mine = threading.local()
        self._changed = threading.Condition()
        self._running = 0
        self._alone = False

    def begin(self, id: str, *, alone: bool = False) -> None:
        """Note that the current thread begins with a job.

        :param alone: wait until no other job runs, so that none is with it if the process dies; but not for long.
        """
        with self._changed:
            if alone:
                self._changed.wait_for(lambda: not self._alone, _PATIENCE)
                self._alone = True
                self._changed.wait_for(lambda: self._running == 0, _PATIENCE)
                self._mine.alone = True
            elif self._alone:
                self._changed.wait_for(lambda: not self._alone, 2 * _PATIENCE)
            self._running += 1
        place = getattr(self._mine, "place", None)
        if place is None:
            place = self._mine.place = self._free.pop()
        self._memory[place : place + _SIZE] = id.encode()[:_SIZE].ljust(_SIZE, b"\0")

    def end(self) -> None:
        """Note that it is through with it."""
        place: int = self._mine.place
        self._memory[place : place + 1] = b"\0"
        with self._changed:
            self._running -= 1
            if getattr(self._mine, "alone", False):
                self._mine.alone = self._alone = False
                self._changed.notify_all()
            elif self._alone:
                self._changed.notify_all()

    def unfinished(self) -> list[str]:
        """Give the ids of the jobs that were begun and not ended."""
        places = range(0, len(self._memory), _SIZE)
        begun = [bytes(self._memory[place : place + _SIZE]) for place in places]
        return [one.rstrip(b"\0").decode() for one in begun if one[0]]
