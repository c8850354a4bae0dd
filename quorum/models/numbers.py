"""Numbers: whole, floating and exact decimal ones."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from bson.decimal128 import Decimal128
from bson.int64 import Int64

from ..late import marshmallow
from .kinds import Scalar, Scope, WrongValue

MIN_INT64, MAX_INT64 = -(2**63), 2**63 - 1

INTEGER = re.compile(r"[+-]?[0-9]{1,40}\Z")
_NUMBER = re.compile(r"[+-]?([0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})([eE][+-]?[0-9]{1,4})?\Z")


class Integer(Scalar):
    python, stored, marshmallow_field, plain = int, frozenset({int, Int64}), "Integer", True

    def coerce(self, value: Any) -> Any:
        if type(value) is not int:
            if isinstance(value, bool) or not isinstance(value, int):
                raise self.error(value)
            value = value if type(value) is Int64 else int(value)
        if MIN_INT64 <= value <= MAX_INT64:
            return value
        raise marshmallow.ValidationError("Number too large.")

    def parse(self, text: str) -> Any:
        if not INTEGER.match(text):
            raise self.error(text)
        return int(text)

    def source(self, name: str, scope: Scope) -> str:
        # Nearly all are int; looking up two names costs less than a set of them.
        int64 = scope.name(Int64, "Int64")
        return f"(type({name}) is int or type({name}) is {int64}) and {MIN_INT64} <= {name} <= {MAX_INT64}"


class Float(Scalar):
    python, marshmallow_field = float, "Float"
    stored = frozenset({float, int, Int64})

    def __init__(self, allow_nan: bool = False) -> None:
        self.allow_nan = allow_nan

    def coerce(self, value: Any) -> Any:
        if type(value) is not float:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise marshmallow.ValidationError("Not a valid number.")
            given = value
            try:
                value = float(given)
            except OverflowError:
                raise marshmallow.ValidationError("Number too large.") from None
            if value != given and not math.isnan(value):
                raise marshmallow.ValidationError("Number too large.")
        if self.allow_nan or math.isfinite(value):
            return value
        raise marshmallow.ValidationError(marshmallow.fields.Float.default_error_messages["special"])

    def parse(self, text: str) -> Any:
        if not _NUMBER.match(text) and not (self.allow_nan and text.lower() in ("nan", "inf", "-inf")):
            raise marshmallow.ValidationError("Not a valid number.")
        return float(text)

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if type(stored) is float:
            return stored
        if type(stored) in self.stored:
            return float(stored)
        raise WrongValue(stored, self.describe())

    def source(self, name: str, scope: Scope) -> str:
        if self.allow_nan:
            return f"type({name}) is float"
        return f"type({name}) is float and {scope.name(math.isfinite, 'isfinite')}({name})"

    def showing(self, name: str, scope: Scope, field: str, verb: str) -> tuple[str, str] | None:
        return f"type({name}) is float and {scope.name(math.isfinite, 'isfinite')}({name})", name

    def dump(self, value: Any) -> Any:
        return value if math.isfinite(value) else None


class DecimalKind(Scalar):
    """An exact decimal number of up to 34 digits, stored as Decimal128."""

    python, stored, marshmallow_field = Decimal, frozenset({Decimal128}), "Decimal"

    def coerce(self, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            value = Decimal(value)
        if not isinstance(value, Decimal):
            raise marshmallow.ValidationError("Not a valid number.")
        if not value.is_finite():
            raise marshmallow.ValidationError(marshmallow.fields.Decimal.default_error_messages["special"])
        if not _fits_decimal128(value):
            raise marshmallow.ValidationError("Number too large.")
        return value if type(value) is Decimal else Decimal(value)

    def cast(self, value: Any) -> Any:
        if type(value) is float and math.isfinite(value):
            return self.coerce(Decimal(repr(value)))
        return super().cast(value)

    def parse(self, text: str) -> Any:
        if not _NUMBER.match(text):
            raise marshmallow.ValidationError("Not a valid number.")
        return Decimal(text)

    def encode(self, value: Any) -> Any:
        return Decimal128(value)

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if type(stored) is Decimal128:
            return stored.to_decimal()
        raise WrongValue(stored, self.describe())

    def source(self, name: str, scope: Scope) -> str:
        fits = scope.name(_fits_decimal128, "fits_decimal128")
        return f"type({name}) is {scope.name(Decimal, 'Decimal')} and {name}.is_finite() and {fits}({name})"

    def dump(self, value: Any) -> Any:
        return str(value)


def _fits_decimal128(value: Decimal) -> bool:
    try:
        stored = Decimal128(value).to_decimal()
    except (InvalidOperation, ArithmeticError, ValueError):
        return False
    return stored.as_tuple() == value.as_tuple()
