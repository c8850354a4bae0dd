"""The JSON provider on orjson, for apps that have it installed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, cast

import orjson
from bson import ObjectId
from flask import Flask, Response

from quorum import models

from . import json

# orjson would leave moments in the time zones that they are in.
_OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_IN_UTC: Final = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
_MODELS: Final = (models.Model, models.EmbeddedModel)
_OWN: Final = frozenset({models.Model.dump, models.EmbeddedModel.dump})


def write(value: Any) -> Any:
    """Give what `json.write` does, but leave to orjson the moments that it writes the same, at a third of the cost.

    :raises TypeError: as `json.write`.
    """
    kind = type(value)
    if kind is ObjectId:
        return str(value)
    if kind is datetime and (value.tzinfo is UTC or value.tzinfo is None):
        return orjson.Fragment(orjson.dumps(value, None, _IN_UTC))
    if issubclass(kind, _MODELS) and kind.dump in _OWN:
        shown = value.__shown__(kind.__codec__.lend)
        if shown is not None:
            return orjson.Fragment(orjson.dumps(shown, None, _IN_UTC))
    return json.write(value)


class OrjsonProvider(json.JSONProvider):
    """Write and read as `JSONProvider` does, faster.

    What orjson refuses, or would read as something else, goes to the standard library: numbers past 64 bits, keys that
    are no text, halves of surrogate pairs, and any keyword argument.
    """

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Write JSON. Keyword arguments are those of `json.dumps`."""
        if not kwargs:
            written = self._encode(obj)
            if written is not None:
                return written.decode()
        return super().dumps(obj, **kwargs)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read JSON. Keyword arguments are those of `json.loads`.

        :raises ValueError: it is not JSON, not UTF-8, holds half of a surrogate pair, or is nested too deep.
        """
        if not kwargs:
            try:
                value = orjson.loads(s)
            except orjson.JSONDecodeError:
                return super().loads(s)
            if not json.check(value):
                return value
        return super().loads(s, **kwargs)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Give a response of the arguments, as `flask.jsonify` takes them."""
        app = cast("Flask", self._app)
        if self.compact or (self.compact is None and not app.debug):
            written = self._encode(self._prepare_response_obj(args, kwargs))
            if written is not None:
                return app.response_class(written + b"\n", mimetype=self.mimetype)
        return cast("Response", super().response(*args, **kwargs))

    def _encode(self, obj: Any) -> bytes | None:
        if self.ensure_ascii or self.sort_keys:
            return None
        try:
            return orjson.dumps(obj, write if self.default is json.write else self.default, _OPTIONS)
        except orjson.JSONEncodeError as error:
            cause = error.__cause__
        # What went wrong while a query was read is its own error, and no reason to run it again.
        if cause is not None and not isinstance(cause, TypeError):
            raise cause
        return None
