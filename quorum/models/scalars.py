"""The scalar types, one kind each: text, numbers, moments, ids, patterns, members of enumerations, constants."""

from __future__ import annotations

import base64
import binascii
import enum
import math
import re
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import marshmallow.fields as mf
from bson import ObjectId
from bson.binary import Binary
from bson.decimal128 import Decimal128
from bson.errors import InvalidId
from bson.int64 import Int64
from bson.regex import Regex
from marshmallow import ValidationError as Invalid

from .kinds import Scalar, Scope, WrongValue, is_utf8
from .marshal import field_class

MIN_INT64, MAX_INT64 = -(2**63), 2**63 - 1

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}\Z")
_NUMBER = re.compile(r"[+-]?([0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})([eE][+-]?[0-9]{1,4})?\Z")
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}\Z")

# What BSON keeps of a pattern's flags.
_STORED_FLAGS = re.IGNORECASE | re.MULTILINE | re.DOTALL | re.UNICODE | re.VERBOSE


class String(Scalar):
    python, stored, marshmallow_field, plain = str, frozenset({str}), mf.String, True

    def coerce(self, value: Any) -> Any:
        if type(value) is not str:
            if not isinstance(value, str):
                raise self.error(value)
            value = str.__str__(value)
        if value.isascii() or is_utf8(value):
            return value
        raise Invalid(mf.String.default_error_messages["invalid_utf8"])

    def cast(self, value: Any) -> Any:
        return self.coerce(value)

    def source(self, name: str, scope: Scope) -> str:
        return f"type({name}) is str and ({name}.isascii() or {scope.name(is_utf8, 'is_utf8')}({name}))"


class Integer(Scalar):
    python, stored, marshmallow_field, plain = int, frozenset({int, Int64}), mf.Integer, True

    def coerce(self, value: Any) -> Any:
        if type(value) is not int:
            if isinstance(value, bool) or not isinstance(value, int):
                raise self.error(value)
            value = value if type(value) is Int64 else int(value)
        if MIN_INT64 <= value <= MAX_INT64:
            return value
        raise Invalid("Number too large.")

    def parse(self, text: str) -> Any:
        if not _INTEGER.match(text):
            raise self.error(text)
        return int(text)

    def source(self, name: str, scope: Scope) -> str:
        integers = scope.name(self.stored, "INTEGERS")
        return f"type({name}) in {integers} and {MIN_INT64} <= {name} <= {MAX_INT64}"


class Float(Scalar):
    python, marshmallow_field = float, mf.Float
    stored = frozenset({float, int, Int64})

    def __init__(self, allow_nan: bool = False) -> None:
        self.allow_nan = allow_nan

    def coerce(self, value: Any) -> Any:
        if type(value) is not float:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise Invalid("Not a valid number.")
            given = value
            try:
                value = float(given)
            except OverflowError:
                raise Invalid("Number too large.") from None
            if value != given and not math.isnan(value):
                raise Invalid("Number too large.")
        if self.allow_nan or math.isfinite(value):
            return value
        raise Invalid(mf.Float.default_error_messages["special"])

    def parse(self, text: str) -> Any:
        if not _NUMBER.match(text) and not (self.allow_nan and text.lower() in ("nan", "inf", "-inf")):
            raise Invalid("Not a valid number.")
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

    def dump(self, value: Any) -> Any:
        return value if math.isfinite(value) else None


class Boolean(Scalar):
    python, stored, marshmallow_field, plain = bool, frozenset({bool}), mf.Boolean, True

    def parse(self, text: str) -> Any:
        if text in mf.Boolean.truthy:
            return True
        if text in mf.Boolean.falsy:
            return False
        raise self.error(text)


class Bytes(Scalar):
    python, stored, plain = bytes, frozenset({bytes}), True
    marshmallow_field = mf.Raw

    def coerce(self, value: Any) -> Any:
        if type(value) is bytes:
            return value
        # A Binary of another subtype would come back as something else.
        if isinstance(value, (bytes, bytearray, memoryview)) and not isinstance(value, Binary):
            return bytes(value)
        raise self.error(value)

    def error(self, value: Any) -> Invalid:
        return Invalid("Not valid bytes.")

    def cast(self, value: Any) -> Any:
        if not isinstance(value, str):
            return self.coerce(value)
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise Invalid("Not valid base64.") from None

    def dump(self, value: Any) -> Any:
        return base64.b64encode(value).decode("ascii")


class DateTime(Scalar):
    """An aware UTC datetime in whole milliseconds, as MongoDB keeps it; a naive one is taken as UTC."""

    python, stored, marshmallow_field = datetime, frozenset({datetime}), mf.DateTime

    def coerce(self, value: Any) -> Any:
        if not isinstance(value, datetime):
            raise self.error(value)
        try:
            value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except OverflowError:
            raise self.error(value) from None
        if value.microsecond % 1000 or type(value) is not datetime or value.fold:
            value = datetime(
                value.year, value.month, value.day, value.hour, value.minute, value.second,
                value.microsecond // 1000 * 1000, UTC,
            )  # fmt: skip
        return value

    def parse(self, text: str) -> Any:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise self.error(text) from None

    def encode(self, value: Any) -> Any:
        return value.replace(tzinfo=None)

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if type(stored) is datetime:
            return stored.replace(tzinfo=UTC)
        raise WrongValue(stored, self.describe())

    def source(self, name: str, scope: Scope) -> str:
        utc = scope.name(UTC, "UTC")
        return (
            f"type({name}) is {scope.name(datetime, 'datetime')} and {name}.tzinfo is {utc}"
            f" and not {name}.microsecond % 1000"
        )

    def dump(self, value: Any) -> Any:
        return value.isoformat().replace("+00:00", "Z")


class Date(Scalar):
    """A date, stored as midnight UTC."""

    python, stored, marshmallow_field = date, frozenset({datetime}), mf.Date

    def coerce(self, value: Any) -> Any:
        if type(value) is date:
            return value
        if isinstance(value, date) and not isinstance(value, datetime):
            return date(value.year, value.month, value.day)
        raise self.error(value)

    def parse(self, text: str) -> Any:
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise self.error(text) from None

    def encode(self, value: Any) -> Any:
        return datetime.combine(value, time.min)

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if type(stored) is datetime:
            return stored.date()
        raise WrongValue(stored, self.describe())

    def dump(self, value: Any) -> Any:
        return value.isoformat()


class Time(Scalar):
    """A time of day, stored as ISO 8601 text."""

    python, stored, marshmallow_field = time, frozenset({str}), mf.Time

    def coerce(self, value: Any) -> Any:
        if isinstance(value, time):
            try:
                if (same := time.fromisoformat(value.isoformat())) == value and same.tzinfo == value.tzinfo:
                    return same
            except ValueError:
                pass
        raise self.error(value)

    def parse(self, text: str) -> Any:
        try:
            return time.fromisoformat(text)
        except ValueError:
            raise self.error(text) from None

    def encode(self, value: Any) -> Any:
        return value.isoformat()

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if type(stored) is str:
            try:
                return time.fromisoformat(stored)
            except ValueError:
                pass
        raise WrongValue(stored, self.describe())

    def source(self, name: str, scope: Scope) -> str:
        return f"type({name}) is {scope.name(time, 'time')} and {name}.tzinfo is None and not {name}.fold"

    def dump(self, value: Any) -> Any:
        return value.isoformat()


class DecimalKind(Scalar):
    """An exact decimal number of up to 34 digits, stored as Decimal128."""

    python, stored, marshmallow_field = Decimal, frozenset({Decimal128}), mf.Decimal

    def coerce(self, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            value = Decimal(value)
        if not isinstance(value, Decimal):
            raise Invalid("Not a valid number.")
        if not value.is_finite():
            raise Invalid(mf.Decimal.default_error_messages["special"])
        if not _fits_decimal128(value):
            raise Invalid("Number too large.")
        return value if type(value) is Decimal else Decimal(value)

    def cast(self, value: Any) -> Any:
        if type(value) is float and math.isfinite(value):
            return self.coerce(Decimal(repr(value)))
        return super().cast(value)

    def parse(self, text: str) -> Any:
        if not _NUMBER.match(text):
            raise Invalid("Not a valid number.")
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


class UUIDKind(Scalar):
    python, stored, marshmallow_field, plain = uuid.UUID, frozenset({uuid.UUID}), mf.UUID, True
    message = "invalid_uuid"

    def parse(self, text: str) -> Any:
        try:
            return uuid.UUID(text)
        except ValueError:
            raise self.error(text) from None

    def dump(self, value: Any) -> Any:
        return str(value)


class ObjectIdKind(Scalar):
    python, stored, marshmallow_field, plain = ObjectId, frozenset({ObjectId}), mf.Field, True

    def coerce(self, value: Any) -> Any:
        if type(value) is ObjectId:
            return value
        if isinstance(value, ObjectId):
            return ObjectId(value.binary)
        raise self.error(value)

    def parse(self, text: str) -> Any:
        if not _OBJECT_ID.match(text):
            raise self.error(text)
        try:
            return ObjectId(text)
        except InvalidId:
            raise self.error(text) from None

    def error(self, value: Any) -> Invalid:
        return Invalid("Not a valid ObjectId.")

    def dump(self, value: Any) -> Any:
        return str(value)


class Pattern(Scalar):
    """A compiled regular expression over text, stored as BSON's."""

    python, stored, marshmallow_field = re.Pattern, frozenset({Regex, re.Pattern}), mf.Field

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

    def error(self, value: Any) -> Invalid:
        return Invalid("Not a valid regular expression.")

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
        except Invalid:
            return False
        return True

    def dump(self, value: Any) -> Any:
        return value.pattern

    def describe(self) -> str:
        return "re.Pattern"


def _check_constants(values: Iterable[Any]) -> None:
    for value in values:
        kind: Scalar = String() if isinstance(value, str) else Integer()
        try:
            kind.coerce(int(value) if isinstance(value, bool) else value)
        except Invalid as error:
            raise TypeError(f"{ascii(value)[:100]} cannot be stored: {error}") from None


class EnumKind(Scalar):
    """A member of an enumeration, stored by its value."""

    marshmallow_field, message = mf.Enum, "unknown"

    def __init__(self, python: type[enum.Enum]) -> None:
        self.python = python
        self._members: dict[tuple[type, Any], enum.Enum] = {(type(m.value), m.value): m for m in python}
        wrong = [m.name for m in python if type(m.value) not in (str, int)]
        if wrong:
            raise TypeError(f"the values of {python.__name__} must be str or int; {', '.join(wrong)} is not")
        if issubclass(python, enum.Flag):
            raise TypeError(f"{python.__name__} is a Flag, whose members can be combined; store an int")
        _check_constants(m.value for m in python)
        self.stored = frozenset(
            {t for t, _ in self._members} | ({Int64} if any(isinstance(m.value, int) for m in python) else set())
        )

    def coerce(self, value: Any) -> Any:
        if type(value) is self.python or isinstance(value, self.python):
            return value
        raise self.error(value)

    def cast(self, value: Any) -> Any:
        if isinstance(value, self.python):
            return value
        value = str.__str__(value) if isinstance(value, str) else value
        member = self._members.get((type(value), value)) if isinstance(value, (str, int)) else None
        if member is None and isinstance(value, str) and _INTEGER.match(value):
            member = self._members.get((int, int(value)))
        if member is None:
            raise self.error(value)
        return member

    def error(self, value: Any) -> Invalid:
        choices = ", ".join(str(member.value) for member in self.python)  # type: ignore[attr-defined]
        return Invalid(str(mf.Enum.default_error_messages["unknown"]).format(choices=choices))

    def encode(self, value: Any) -> Any:
        return value.value

    def decode(self, stored: Any, batch: Any = None) -> Any:
        kind = int if type(stored) is Int64 else type(stored)
        try:
            member = self._members.get((kind, stored))
        except TypeError:
            member = None
        if member is None:
            raise WrongValue(stored, self.describe())
        return member

    def dump(self, value: Any) -> Any:
        return value.value

    def schema_field(self, **options: Any) -> mf.Field[Any]:
        field: mf.Field[Any] = field_class(mf.Enum)(self.python, by_value=True, kind=self, **options)
        return field


class LiteralKind(Scalar):
    """One of some constants."""

    plain, marshmallow_field = True, mf.Raw

    def __init__(self, values: tuple[Any, ...]) -> None:
        wrong = [value for value in values if type(value) not in (str, int, bool)]
        if wrong:
            raise TypeError(f"a Literal's values must be str, int or bool; {wrong[0]!r} is not")
        _check_constants(values)
        self.values = values
        self._right = frozenset((type(value), value) for value in values)
        self.stored = frozenset({type(value) for value in values} | ({Int64} if int in map(type, values) else set()))

    def _has(self, value: Any) -> bool:
        kind = int if type(value) is Int64 else type(value)
        return kind in (str, int, bool) and (kind, value) in self._right

    def coerce(self, value: Any) -> Any:
        if self._has(value):
            return value
        if isinstance(value, str) and self._has(plain := str.__str__(value)):
            return plain
        raise self.error(value)

    def cast(self, value: Any) -> Any:
        value = str.__str__(value) if isinstance(value, str) else value
        if isinstance(value, str) and not self._has(value):
            for constant in self.values:
                if type(constant) is int and value == str(constant):
                    return constant
                if type(constant) is bool and value in (mf.Boolean.truthy if constant else mf.Boolean.falsy):
                    return constant
        return self.coerce(value)

    def error(self, value: Any) -> Invalid:
        choices = ", ".join(str(constant) for constant in self.values)
        return Invalid(f"Must be one of: {choices}.")

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if self._has(stored):
            return stored
        raise WrongValue(stored, self.describe())

    def source(self, name: str, scope: Scope) -> str:
        return f"{scope.name(self._has, 'is_literal')}({name})"

    def describe(self) -> str:
        return f"Literal[{', '.join(map(repr, self.values))}]"


#: The kinds that need no argument, by the annotation that means them.
SCALARS: dict[Any, Callable[[], Scalar]] = {
    str: String,
    int: Integer,
    float: Float,
    bool: Boolean,
    bytes: Bytes,
    datetime: DateTime,
    date: Date,
    time: Time,
    Decimal: DecimalKind,
    uuid.UUID: UUIDKind,
    ObjectId: ObjectIdKind,
    re.Pattern: Pattern,
}
