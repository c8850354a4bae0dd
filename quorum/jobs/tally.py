"""How many jobs ran, and how long they took, by name."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(slots=True)
class Count:
    """The jobs of one name: how many ended well, how many failed, and seconds, of all and of the longest."""

    done: int = 0
    failed: int = 0
    seconds: float = 0.0
    longest: float = 0.0

    def __str__(self) -> str:
        mean = self.seconds / ((self.done + self.failed) or 1)
        return f"{self.done} done, {self.failed} failed, {mean:.3f} s on average, {self.longest:.3f} s at most"


class Tally:
    """Counts jobs from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Count] = {}

    def add(self, name: str, seconds: float, *, failed: bool) -> None:
        """Count a job that ended."""
        with self._lock:
            count = self._counts.get(name)
            if count is None:
                count = self._counts[name] = Count()
            if failed:
                count.failed += 1
            else:
                count.done += 1
            count.seconds += seconds
            count.longest = max(count.longest, seconds)

    def take(self) -> dict[str, Count]:
        """Give what was counted since the last call."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return counts
