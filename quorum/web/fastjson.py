"""The JSON provider on orjson, for apps that have it installed."""

from __future__ import annotations

from typing import Any, Final, cast

import orjson
from flask import Flask, Response

from . import json

_OPTIONS: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


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
            return orjson.dumps(obj, self.default, _OPTIONS)
        except orjson.JSONEncodeError as error:
            cause = error.__cause__
        # What went wrong while a query was read is its own error, and no reason to run it again.
        if cause is not None and not isinstance(cause, TypeError):
            raise cause
        return None
