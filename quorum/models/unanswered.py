"""Writes whose answer was lost: the server may have done them, or not, and saving again has to find out.

The document remembers what was sent: a new one by its state, `Attempted`, a stored one by `_pending`, a `Sent`.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from pymongo.errors import OperationFailure

from .changes import Update
from .documents import New, same
from .kinds import MISSING


class Attempted(New):
    """The state of a new document whose insert may have been done; `sent` has each form of it that was tried."""

    __slots__ = ("sent",)

    def __init__(self, *sent: dict[str, Any]) -> None:
        self.sent = sent

    def has(self, stored: dict[str, Any]) -> bool:
        """Say whether a stored document is one that was sent, and not another one with the same id."""
        return any(same({**stored, "_id": None}, {**sent, "_id": None}) for sent in self.sent)


@dataclasses.dataclass(slots=True)
class Sent:
    """An update that may have been done.

    `paths` are those that it changes, but for `moment`, when it was made; `values` and `stored` have, by name and by
    key, the fields as they were in memory and as they are stored if it was done.
    """

    paths: list[str]
    values: dict[str, Any]
    stored: dict[str, Any]
    moment: datetime

    def is_done(self, found: dict[str, Any]) -> bool:
        """Say whether the document has what the update makes of it."""
        return all(same(at(found, path), at(self.stored, path)) for path in self.paths)

    def is_undone(self, found: dict[str, Any], before: dict[str, Any], only: dict[str, Any] | None) -> bool:
        """Say whether the document is at these paths as it was before; what was not loaded is taken to be so."""
        return all(same(at(found, path), at(before, path)) or not _is_loaded(only, path) for path in self.paths)


def paths_of(update: Update, without: set[str]) -> list[str]:
    """Give the paths that an update changes."""
    parts: tuple[dict[str, Any], ...] = (update.set, update.unset, update.push, update.add, update.pull)
    return [path for part in parts for path in part if path not in without]


def is_unanswered(error: BaseException) -> bool:
    """Say whether an error leaves open what became of the write: all but a plain answer of the server."""
    return not isinstance(error, OperationFailure) or error.timeout or error.has_error_label("RetryableWriteError")


def at(stored: Any, path: str) -> Any:
    """Give what a stored document has at a dotted path, or MISSING."""
    for key in path.split("."):
        if isinstance(stored, dict):
            stored = stored.get(key, MISSING)
        elif isinstance(stored, list) and key.isdecimal() and int(key) < len(stored):
            stored = stored[int(key)]
        else:
            return MISSING
    return stored


def _is_loaded(only: dict[str, Any] | None, path: str) -> bool:
    for key in path.split("."):
        if only is None:
            return True
        if key not in only:
            return False
        only = only[key]
    return True
