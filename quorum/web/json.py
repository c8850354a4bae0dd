"""JSON as quorum's apps speak it: models and MongoDB's types out, nothing that is not JSON in.

`JSONProvider` states the rules on the standard library's `json`. `fastjson` is faster, and leaves every case in which
orjson would differ to the rules here.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from bson import Decimal128, ObjectId, Regex
from flask import Flask
from flask.json.provider import DefaultJSONProvider

from quorum import models

#: Levels of objects and arrays that a body may have: as many as MongoDB stores.
MAX_DEPTH: Final = 100

# From here on a float may be an integer that orjson could not hold.
_INEXACT = 2.0**63

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

Default = Callable[[Any], Any]


def write_datetime(value: datetime) -> str:
    """Write ISO 8601 in UTC with a Z; a naive datetime is taken as UTC."""
    if value.tzinfo is UTC:
        return value.isoformat()[:-6] + "Z"
    if value.utcoffset() is None:
        return value.replace(tzinfo=None).isoformat() + "Z"
    try:
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    except OverflowError:
        return value.isoformat()


def _write_set(value: Any) -> list[Any]:
    try:
        return sorted(value)
    except TypeError:
        return sorted(value, key=lambda item: (type(item).__name__, str(item)))


def _write_bytes(value: Any) -> str:
    return base64.b64encode(value).decode("ascii")


def _write_page(value: Any) -> dict[str, Any]:
    return {
        "items": value.items,
        "page": value.page,
        "per_page": value.per_page,
        "pages": value.pages,
        "total": value.total,
    }


# The first line that fits decides: a datetime is a date, too.
WRITERS: tuple[tuple[Any, Default], ...] = (
    ((models.Model, models.EmbeddedModel), lambda value: value.dump()),
    (models.Query, list),
    (models.Page, _write_page),
    (datetime, write_datetime),
    ((date, time), lambda value: value.isoformat()),
    (Enum, lambda value: value.value),
    ((ObjectId, UUID, Decimal, Decimal128), str),
    ((bytes, bytearray, memoryview), _write_bytes),
    ((set, frozenset), _write_set),
    ((re.Pattern, Regex), lambda value: value.pattern),
    (Mapping, dict),
    (tuple, list),
    (float, float),
)


def write(value: Any) -> Any:
    """Give what JSON has for a value that it does not know, one level deep.

    :raises TypeError: JSON has nothing for it.
    """
    for types, writer in WRITERS:
        if isinstance(value, types):
            return writer(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if (html := getattr(value, "__html__", None)) is not None:
        return str(html())
    raise TypeError(f"JSON has nothing for a {type(value).__name__}. Give a value that it has, or a model.")


def _plain(value: Any, default: Default) -> Any:
    """Rebuild a value from what JSON has: keys become text, NaN and the infinities null."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {_key(key, default): _plain(item, default) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, default) for item in value]
    return _plain(default(value), default)


def _key(key: Any, default: Default) -> str:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, (int, float)):
        return json.dumps(key)
    text = default(key)
    if not isinstance(text, str):
        raise TypeError(f"A {type(key).__name__} can't be a key in JSON.")
    return text


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def check(value: Any) -> bool:
    """Go through parsed JSON, and tell whether a float in it may stand for an integer that was too large.

    :raises ValueError: it is nested too deep, or a number in it is too large for a float.
    """
    inexact = False
    depth = 0
    level = [value]
    while level:
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is dict or kind is list:
                if depth == MAX_DEPTH:
                    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
                below += item.values() if kind is dict else item
            elif kind is float and not -_INEXACT < item < _INEXACT:
                if math.isinf(item):
                    raise ValueError("a number is too large")
                inexact = True
        level = below
        depth += 1
    return inexact


class JSONProvider(DefaultJSONProvider):
    """Write every type that a model's field can have, and read JSON as RFC 8259 has it.

    Flask's attributes (`sort_keys`, `ensure_ascii`, `compact`, `mimetype`, `default`) work as they do in Flask; keys
    keep their order and text is not escaped unless they say so.
    """

    default: Default = staticmethod(write)
    ensure_ascii = False
    sort_keys = False

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Write JSON. Keyword arguments are those of `json.dumps`."""
        kwargs = {
            "default": self.default,
            "ensure_ascii": self.ensure_ascii,
            "sort_keys": self.sort_keys,
            "allow_nan": False,
            **kwargs,
        }
        try:
            text = json.dumps(obj, **kwargs)
        except (TypeError, ValueError):
            text = json.dumps(_plain(obj, kwargs["default"]), **kwargs)
        try:
            text.encode()
        except UnicodeEncodeError:
            return self.dumps(obj, **{**kwargs, "ensure_ascii": True})
        return text

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read JSON. Keyword arguments are those of `json.loads`.

        :raises ValueError: it is not JSON, not UTF-8, holds half of a surrogate pair, or is nested too deep.
        """
        text = s if isinstance(s, str) else str(s, "utf-8")
        text.encode()
        try:
            value = json.loads(text, **{"parse_constant": _refuse_constant, **kwargs})
        except RecursionError:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from None
        check(value)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False, default=str).encode()
        return value


def init_app(app: Flask, provider: type[JSONProvider]) -> None:
    """Give an app a provider, unless it brought one of its own. What it set on Flask's stays as it was set."""
    if type(app.json) is not DefaultJSONProvider:
        return
    chosen = {name: value for name, value in vars(app.json).items() if not name.startswith("_")}
    app.json = provider(app)
    vars(app.json).update(chosen)
    # Made before, it still holds the old provider's method for `tojson`.
    if "jinja_env" in vars(app):
        app.jinja_env.policies["json.dumps_function"] = app.json.dumps
