"""Arguments and results as JSON: what JSON has, the types that models know, and models by their class and id.

What JSON does not have is an object with one key, `{"$date": "..."}`. An object of the application's that begins with
such a key is wrapped, so that nobody can make one be read as the other.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from bson import Int64, ObjectId
from bson.errors import BSONError

from .. import errors, models
from ..models import registry as known
from .registry import RefusedError

#: Bytes that the arguments or the result of a job may have. What is larger belongs into the database.
LARGEST: Final = 256 * 1024

# Levels of lists and objects.
_DEEPEST: Final = 50

_WRITERS: Final[dict[type, tuple[str, Callable[[Any], Any]]]] = {
    ObjectId: ("$oid", str),
    datetime: ("$datetime", datetime.isoformat),
    date: ("$date", date.isoformat),
    time: ("$time", time.isoformat),
    Decimal: ("$decimal", str),
    UUID: ("$uuid", str),
    bytes: ("$bytes", lambda value: base64.b64encode(value).decode("ascii")),
}

_CONTAINERS: Final = "quorum.models.containers"

_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "$oid": ObjectId,
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$decimal": Decimal,
    "$uuid": UUID,
    "$bytes": lambda text: base64.b64decode(text, validate=True),
}


def encode(value: Any, where: str, depth: int = 0) -> Any:
    """Give a value in what JSON has; a tuple becomes a list.

    :param where: names the value in errors, `argument 0`.
    :raises ConfigurationError: it can't be sent. The message tells its type and not its value.
    """
    kind = _kind(value)
    if value is None or kind in (str, bool):
        return value
    if kind is int:
        return int(value)
    if kind is float and math.isfinite(value):
        return value
    if depth == _DEEPEST:
        raise errors.ConfigurationError(f"{where} is nested deeper than {_DEEPEST} levels.")
    if kind is list:
        return [encode(item, where, depth + 1) for item in value]
    if kind is set:
        return {"$set": encode(list(value), where, depth)}
    if kind is dict:
        return _encode_dict(value, where, depth)
    if kind in _WRITERS:
        name, write = _WRITERS[kind]
        return {name: write(value)}
    if isinstance(value, models.Model):
        return _encode_model(value, where)
    raise errors.ConfigurationError(
        f"{where} is a {type(value).__name__}{' that is no number' if kind is float else ''}, which can't be sent to a "
        "worker. Send what JSON has, an ObjectId, a date, a Decimal, a UUID, bytes, or a saved model."
    )


def _kind(value: Any) -> type:
    """Give the type that a value is sent as. A model's own containers are those of Python, for whoever reads them."""
    kind = type(value)
    if kind is tuple or (isinstance(value, list) and kind.__module__ == _CONTAINERS):
        return list
    if isinstance(value, (set, frozenset)):
        return set
    if isinstance(value, dict):
        return dict
    return int if kind is Int64 else kind


def decode(value: Any) -> Any:
    """Give the value of what `encode()` made.

    :raises RefusedError: it is nothing that `encode()` makes.
    :raises NotFoundError: a model's document is not there.
    """
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = next(iter(value), "")
    if len(value) != 1 or not kind.startswith("$"):
        return {key: decode(item) for key, item in value.items()}
    inner = value[kind]
    try:
        if kind == "$dict":
            return {key: decode(item) for key, item in inner.items()}
        if kind == "$set":
            return {decode(item) for item in inner}
        if kind == "$model":
            return _decode_model(*inner)
        return _READERS[kind](inner)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError, BSONError) as error:
        raise RefusedError(f"an argument marked {kind[:20]} can't be read") from error


def check_size(encoded: Any, what: str) -> None:
    """Refuse arguments or a result that are too large.

    :raises ConfigurationError: they are, or hold half of a surrogate pair.
    """
    try:
        size = len(json.dumps(encoded, ensure_ascii=False).encode())
    except UnicodeEncodeError as error:
        raise errors.ConfigurationError(f"{what} holds half of a surrogate pair.") from error
    if size > LARGEST:
        raise errors.ConfigurationError(f"{what} has {size} bytes of at most {LARGEST}. Store it, and send an id.")


def _encode_dict(value: dict[Any, Any], where: str, depth: int) -> Any:
    if wrong := [key for key in value if type(key) is not str]:
        raise errors.ConfigurationError(f"{where} has a {type(wrong[0]).__name__} as a key: JSON has texts only.")
    inner = {key: encode(item, where, depth + 1) for key, item in value.items()}
    return {"$dict": inner} if len(inner) == 1 and next(iter(inner)).startswith("$") else inner


def _encode_model(value: Any, where: str) -> Any:
    name = type(value).__name__
    if value._state.new or value.changes():
        raise errors.ConfigurationError(f"{where} is a {name} with unsaved changes. Save it before it is sent.")
    return {"$model": [name, encode(value.id, where)]}


def _decode_model(name: str, id: Any) -> Any:
    from .. import runtime

    found = [model for model in known.named(name) if model in runtime.current().models]
    if not found:
        raise RefusedError(f"there is no model {name[:64]!r}")
    model: Any = found[0]
    return model.get(decode(id))
