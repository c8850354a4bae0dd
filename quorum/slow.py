"""Database commands that took long are logged: which, where, how long, and the shape of the filter; no value of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pymongo import monitoring

_log = logging.getLogger(__name__)

#: Where a command has its filter, by its name.
FILTERS: Final = {"find": "filter", "count": "query", "distinct": "query", "findAndModify": "query"}

_WRITES: Final = {"update": "updates", "delete": "deletes"}
_LONGEST = 1000
_HIDDEN = "?"


class Listener(monitoring.CommandListener):
    """Logs each command that took `limit` milliseconds or longer."""

    def __init__(self, limit: int) -> None:
        self._limit = limit * 1000
        self._running: dict[int, Mapping[str, Any]] = {}

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self._running[event.request_id] = event.command

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        command = self._running.pop(event.request_id, None)
        if command and event.duration_micros >= self._limit:
            _log.warning("Slow command: %s took %d ms", describe(command), event.duration_micros // 1000)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        command = self._running.pop(event.request_id, None)
        if command and event.duration_micros >= self._limit:
            _log.warning("Slow command: %s failed after %d ms", describe(command), event.duration_micros // 1000)


def describe(command: Mapping[str, Any]) -> str:
    """Say what a command does: `find posts, filter {"title": "?", "number": {"$gt": "?"}}, sort {"title": 1}`."""
    name = next(iter(command))
    target = command.get("collection") if name == "getMore" else command[name]
    parts = [f"{name} {target}" if isinstance(target, str) else name]
    if name in FILTERS:
        parts.append(f"filter {_json(shape(command.get(FILTERS[name]) or {}))}")
    elif name == "aggregate":
        parts.append(f"pipeline {_json([_stage(stage) for stage in command.get('pipeline', ())])}")
    elif name in _WRITES and (writes := command.get(_WRITES[name])):
        parts.append(f"{len(writes)} of them, the first with filter {_json(shape(writes[0].get('q') or {}))}")
    elif name == "insert":
        parts.append(f"{len(command.get('documents', ()))} of them")
    if command.get("sort"):
        parts.append(f"sort {_json(dict(command['sort']))}")
    text = ", ".join(parts)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def shape(condition: Mapping[str, Any]) -> dict[str, Any]:
    """Give a filter with `"?"` for each value: the names of fields and operators stay."""
    return {key: _shape(key, value) for key, value in condition.items()}


def _shape(key: str, value: Any) -> Any:
    if key in {"$and", "$or", "$nor"} and isinstance(value, Sequence):
        return [shape(part) if isinstance(part, Mapping) else _HIDDEN for part in value]
    if isinstance(value, Mapping) and value and key != "$expr" and all(str(one).startswith("$") for one in value):
        return shape(value)
    if key == "$elemMatch" and isinstance(value, Mapping):
        return shape(value)
    return _HIDDEN


def _stage(stage: Any) -> Any:
    if not isinstance(stage, Mapping):
        return _HIDDEN
    return {
        key: shape(value) if key == "$match" and isinstance(value, Mapping) else _HIDDEN for key, value in stage.items()
    }


def _json(value: Any) -> str:
    return json.dumps(value, default=lambda _: _HIDDEN)
