"""Text, bytes and patterns."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from bson.binary import Binary
from bson.regex import Regex

from ..late import marshmallow
from .kinds import Scalar, Scope, WrongValue, is_utf8

# What BSON keeps of a pattern's flags.
_STORED_FLAGS = re.IGNORECASE | re.MULTILINE | re.DOTALL | re.UNICODE | re.VERBOSE


class String(Scalar):
    python, stored, marshmallow_field, plain = str, frozenset({str}), "String", True

    def coerce(self, value: Any) -> Any:
        if type(value) is not str:
            if not isinstance(value, str):
                raise self.error(value)
            value = str.__str__(value)
        if value.isascii() or is_utf8(value):
            return value
        raise marshmallow.ValidationError(marshmallow.fields.String.default_error_messages["invalid_utf8"])

    def cast(self, value: Any) -> Any:
        return self.coerce(value)

    def source(self, name: str, scope: Scope) -> str:
        return f"type({name}) is str and ({name}.isascii() or {scope.name(is_utf8, 'is_utf8')}({name}))"


class Bytes(Scalar):
    python, stored, plain = bytes, frozenset({bytes}), True
    marshmallow_field = "Raw"

    def coerce(self, value: Any) -> Any:
        if type(value) is bytes:
            return value
        # A Binary of another subtype would come back as something else.
        if isinstance(value, (bytes, bytearray, memoryview)) and not isinstance(value, Binary):
            return bytes(value)
        raise self.error(value)

    def error(self, value: Any) -> marshmallow.ValidationError:
        return marshmallow.ValidationError("Not valid bytes.")

    def cast(self, value: Any) -> Any:
        if not isinstance(value, str):
            return self.coerce(value)
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise marshmallow.ValidationError("Not valid base64.") from None

    def dump(self, value: Any) -> Any:
        return base64.b64encode(value).decode("ascii")


class Pattern(Scalar):
    """A compiled regular expression over text, stored as BSON's."""

    python, stored, marshmallow_field = re.Pattern, frozenset({Regex, re.Pattern}), "Field"

    def coerce(self, value: Any) -> Any:
        if (
            isinstance(value, re.Pattern)
            and isinstance(value.pattern, str)
            and "\0" not in value.pattern
            and is_utf8(value.pattern)
            and re.compile(value.pattern, value.flags & _STORED_FLAGS) == value
        ):
            return value
        raise self.error(value)

    def cast(self, value: Any) -> Any:
        # A pattern from outside could be made to run for ever.
        if isinstance(value, str):
            raise self.error(value)
        return self.coerce(value)

    def error(self, value: Any) -> marshmallow.ValidationError:
        return marshmallow.ValidationError("Not a valid regular expression.")

    def encode(self, value: Any) -> Any:
        return Regex.from_native(value)

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if isinstance(stored, re.Pattern):
            return stored
        if type(stored) is Regex:
            try:
                return stored.try_compile()
            except re.error:
                pass
        raise WrongValue(stored, self.describe())

    def source(self, name: str, scope: Scope) -> str:
        return f"{scope.name(self._is_right, 'is_pattern')}({name})"

    def _is_right(self, value: Any) -> bool:
        try:
            self.coerce(value)
        except marshmallow.ValidationError:
            return False
        return True

    def dump(self, value: Any) -> Any:
        return value.pattern

    def describe(self) -> str:
        return "re.Pattern"
