"""The values of a session as JSON, exactly: what is read equals what was written, and what JSON can't say is refused.

Beside what JSON has there are `{"$oid": "5f..."}`, `{"$date": "2026-03-07T12:00:00+00:00"}`, `{"$uuid": "..."}`,
`{"$bytes": "base64"}`, `{"$html": "<b>"}` (Markup) and `{"$tuple": [...]}`, which are what Flask's own sessions take,
and ObjectId. A dict with a key that begins with `$` is `{"$dict": {...}}`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

from bson import ObjectId
from bson.errors import InvalidId
from markupsafe import Markup

#: Levels of lists and dicts that a value may have.
MAX_DEPTH: Final = 50

_PLAIN = (bool, str, int, float, type(None))


def write(value: Any) -> bytes:
    """Write a value, always in the same way.

    :raises TypeError: a session can't keep a value of this type.
    :raises ValueError: NaN, an infinity, or nested too deep.
    """
    return json.dumps(_tag(value, 0), allow_nan=False, separators=(",", ":")).encode("ascii")


def read(text: bytes) -> Any:
    """Read what `write` wrote.

    :raises ValueError: it is something else.
    """
    try:
        return _untag(json.loads(text, parse_constant=_refuse))
    except (TypeError, KeyError, AttributeError, RecursionError, InvalidId) as error:
        raise ValueError("is not the JSON of a session") from error


def _tag(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if depth > MAX_DEPTH:
        raise ValueError(f"A session's value can't be nested deeper than {MAX_DEPTH} levels.")
    if kind is dict:
        return _tag_dict(value, depth)
    if isinstance(value, tuple):
        return {"$tuple": [_tag(item, depth + 1) for item in value]}
    if isinstance(value, list):
        return [_tag(item, depth + 1) for item in value]
    for types, name, writer in _WRITERS:
        if isinstance(value, types):
            return {name: writer(value)}
    if isinstance(value, int) and not isinstance(value, Enum):
        # BSON's 64-bit integers.
        return int(value)
    raise TypeError(
        f"A session can't keep a {kind.__name__}. It keeps None, bool, int, float, str, list, tuple, dict, bytes, "
        "datetime, UUID, ObjectId and Markup; of a document keep its id, of anything else its text."
    )


def _tag_dict(value: dict[Any, Any], depth: int) -> Any:
    for key in value:
        if type(key) is not str:
            raise TypeError(f"A dict in a session can't have a {type(key).__name__} as a key: JSON's keys are text.")
    tagged = {key: _tag(item, depth + 1) for key, item in value.items()}
    return {"$dict": tagged} if any(key.startswith("$") for key in value) else tagged


def _write_datetime(value: datetime) -> str:
    if value.utcoffset() is None:
        raise TypeError("A session can't keep a naive datetime. Give it a time zone: datetime.now(UTC).")
    try:
        return value.astimezone(UTC).isoformat()
    except OverflowError:
        raise ValueError("A session can't keep this datetime: in UTC its year is not one of 1 to 9999.") from None


_WRITERS: tuple[tuple[type, str, Callable[[Any], str]], ...] = (
    (ObjectId, "$oid", str),
    (datetime, "$date", _write_datetime),
    (UUID, "$uuid", str),
    (bytes, "$bytes", lambda value: base64.b64encode(value).decode("ascii")),
    (Markup, "$html", str),
)

_READERS: Mapping[str, Callable[[Any], Any]] = {
    "$oid": ObjectId,
    "$date": datetime.fromisoformat,
    "$uuid": UUID,
    "$bytes": lambda text: base64.b64decode(text, validate=True),
    "$html": Markup,
}


def _untag(found: Any) -> Any:
    if isinstance(found, list):
        return [_untag(item) for item in found]
    if not isinstance(found, dict):
        return found
    tag = next(iter(found), "")
    if not tag.startswith("$"):
        return {key: _untag(item) for key, item in found.items()}
    (content,) = found.values()
    if tag == "$dict":
        return {key: _untag(item) for key, item in content.items()}
    if tag == "$tuple":
        return tuple(_untag(content))
    return _READERS[tag](content)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
