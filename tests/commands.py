"""What was sent to the server: a listener on every client of the process."""

from __future__ import annotations

import copy
from typing import Any

from pymongo import monitoring


class Commands(monitoring.CommandListener):
    """The commands sent since the test began, or since `clear()`, but for those to the `admin` database.

    `names`: `["find", "update"]`. `of("update")`: the full documents of the commands with that name. `replies`: the
    server's answers, in their order.
    """

    def __init__(self) -> None:
        self._recording = False
        self.all: list[dict[str, Any]] = []
        self.replies: list[dict[str, Any]] = []

    @property
    def names(self) -> list[str]:
        return [_name(command) for command in self.all]

    def of(self, name: str) -> list[dict[str, Any]]:
        return [command for command in self.all if _name(command) == name]

    def clear(self) -> None:
        self.all.clear()
        self.replies.clear()

    def record(self, on: bool) -> None:
        self.clear()
        self._recording = on

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if self._recording and event.database_name != "admin":
            self.all.append(copy.deepcopy(dict(event.command)))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        if self._recording and event.database_name != "admin":
            self.replies.append(copy.deepcopy(dict(event.reply)))

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        if self._recording and event.database_name != "admin":
            self.replies.append(copy.deepcopy(dict(event.failure)))


def _name(command: dict[str, Any]) -> str:
    return next(iter(command))
