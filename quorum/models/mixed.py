"""Kinds whose values are of several types: unions of scalars, and anything at all."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from bson import ObjectId
from bson.binary import BINARY_SUBTYPE, UUID_SUBTYPE, Binary
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.errors import InvalidBSON
from bson.int64 import Int64
from bson.regex import Regex

from ..late import marshmallow
from .containers import check_key, each
from .dates import in_utc
from .kinds import Kind, Scope, WrongValue
from .marshal import field_class
from .scalars import Bytes, DateTime, DecimalKind, Integer, Pattern, String

MAX_DEPTH = 90  # BSON documents nest at most 100 levels deep on a server.


class UnionKind(Kind):
    """One of several scalars, told apart by the type that is stored."""

    def __init__(self, members: tuple[Kind, ...]) -> None:
        self.members = members
        self.plain = all(member.plain for member in members)
        self.mutable = any(member.mutable for member in members)
        self.nested = any(member.nested for member in members)
        self._by_type: dict[type, Kind] = {}
        # An int is a float's value only where no member is for ints.
        for member in sorted(members, key=lambda member: member.describe() == "float"):
            for stored in member.stored:
                self._by_type.setdefault(stored, member)
        self.stored = frozenset(self._by_type)

    def showing(self, name: str, scope: Scope, field: str, verb: str) -> tuple[str, str] | None:
        members = [member.showing(name, scope, field, verb) for member in self.members]
        if any(member is None or member[1] != name for member in members):
            return None
        return f"({' or '.join(f'({member[0]})' for member in members if member)})", name

    def _try(self, verb: str, value: Any) -> tuple[Kind, Any]:
        problems: list[Any] = []
        for member in self.members:
            try:
                return member, getattr(member, verb)(value)
            except marshmallow.ValidationError as error:
                told = error.messages if isinstance(error.messages, list) else [error.messages]
                if any(message not in problems for message in told):
                    problems.extend(told)
        raise marshmallow.ValidationError(problems)

    def _member(self, value: Any) -> Kind:
        for member in self.members:
            if type(value) is getattr(member, "python", None):
                return member
        return self._try("coerce", value)[0]

    def coerce(self, value: Any) -> Any:
        for member in self.members:
            if type(value) is getattr(member, "python", None):
                return member.coerce(value)
        return self._try("coerce", value)[1]

    def cast(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._cast_text(value)
        for member in self.members:
            if type(value) is getattr(member, "python", None):
                try:
                    return member.cast(value)
                except marshmallow.ValidationError:
                    break
        ordered = sorted(self.members, key=lambda member: type(value) is not getattr(member, "python", None))
        return UnionKind._try(UnionKind(tuple(ordered)), "cast", value)[1]

    def _cast_text(self, value: str) -> Any:
        """Text means what another member writes just so, "7" an int; where text is a member, "007" stays text."""
        text = next((member for member in self.members if type(member) is String), None)
        others = tuple(member for member in self.members if member is not text)
        try:
            member, found = UnionKind._try(UnionKind(others), "cast", value)
        except marshmallow.ValidationError:
            if text is None:
                raise
        else:
            if text is None or str(member.dump(found)) == value:
                return found
        return text.cast(value)

    def encode(self, value: Any) -> Any:
        return value if self.plain else self._member(value).encode(value)

    def decode(self, stored: Any, batch: Any = None) -> Any:
        member = self._by_type.get(type(stored))
        if member is None:
            raise WrongValue(stored, self.describe())
        return member.decode(stored, batch)

    def judge(self, value: Any) -> None:
        if self.nested:
            self._member(value).judge(value)

    def settle(self, value: Any, stored: Any, batch: Any) -> None:
        self._member(value).settle(value, stored, batch)

    def subdocuments(self, stored: Any) -> Iterable[dict[str, Any]]:
        member = self._by_type.get(type(stored))
        return () if member is None else member.subdocuments(stored)

    def dump(self, value: Any) -> Any:
        return self._member(value).dump(value)

    def source(self, name: str, scope: Scope) -> str:
        return "(" + " or ".join(f"({member.source(name, scope)})" for member in self.members) + ")"

    def schema_field(self, **options: Any) -> marshmallow.fields.Field[Any]:
        return field_class("Raw")(kind=self, **options)

    def describe(self) -> str:
        return " | ".join(member.describe() for member in self.members)


class Anything(Kind):
    """Whatever BSON can hold: scalars, and lists and dicts of them."""

    mutable = True

    _encoders: Mapping[type, Callable[[Any], Any]] = {
        datetime: lambda value: DateTime().encode(DateTime().coerce(value)),
        Decimal: lambda value: DecimalKind().encode(DecimalKind().coerce(value)),
        re.Pattern: lambda value: Pattern().encode(Pattern().coerce(value)),
        str: String().coerce,
        int: Integer().coerce,
    }
    _same = frozenset({type(None), bool, bytes, ObjectId, uuid.UUID, Int64})

    def coerce(self, value: Any) -> Any:
        return self._normal(value, 0)

    cast = coerce

    def _normal(self, value: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise marshmallow.ValidationError(f"Nested more than {MAX_DEPTH} levels deep.")
        kind = type(value)
        if kind is dict:
            for key in value:
                check_key(key)
            items = list(each(value.items(), lambda item: self._normal(item, depth + 1)))
            value.update(zip(value, items, strict=True))
            return value
        if kind is list:
            value[:] = list(each(enumerate(value), lambda item: self._normal(item, depth + 1)))
            return value
        if kind is float:
            if not math.isfinite(value):
                raise marshmallow.ValidationError(marshmallow.fields.Float.default_error_messages["special"])
            return value
        if kind is datetime:
            return DateTime().coerce(value)
        if kind in self._encoders:
            self._encoders[kind](value)
            return value
        if isinstance(value, Mapping):
            return self._normal(dict(value), depth)
        if kind in self._same:
            return value
        if kind.__module__.startswith("bson."):
            read = _as_read(value)
            return value if read is value else self._normal(read, depth)
        raise marshmallow.ValidationError(f"Not a value that can be stored as it is: {kind.__name__}.")

    def encode(self, value: Any) -> Any:
        kind = type(value)
        if kind is dict:
            return {key: self.encode(item) for key, item in value.items()}
        if kind is list:
            return [self.encode(item) for item in value]
        encoder = self._encoders.get(kind)
        return value if encoder is None else encoder(value)

    def decode(self, stored: Any, batch: Any = None) -> Any:
        kind = type(stored)
        if kind is dict:
            return {key: self.decode(item) for key, item in stored.items()}
        if kind is list:
            return [self.decode(item) for item in stored]
        if kind is datetime:
            return in_utc(stored)
        if kind is Decimal128:
            return stored.to_decimal()
        if kind is Regex:
            try:
                return stored.try_compile()
            except re.error:
                return stored
        return stored

    def dump(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): self.dump(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.dump(item) for item in value]
        if isinstance(value, datetime):
            return DateTime().dump(value)
        if value is None or isinstance(value, (str, bool, int)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if isinstance(value, bytes):
            return Bytes().dump(value)
        if isinstance(value, re.Pattern):
            return value.pattern
        return str(value)

    def source(self, name: str, scope: Scope) -> str:
        return f"{scope.name(self._is_right, 'is_storable')}({name})"

    def _is_right(self, value: Any) -> bool:
        try:
            return self.coerce(value) is value
        except marshmallow.ValidationError:
            return False

    def schema_field(self, **options: Any) -> marshmallow.fields.Field[Any]:
        return field_class("Raw")(kind=self, **options)

    def describe(self) -> str:
        return "Any"


def _as_read(value: Any) -> Any:
    """Give what a value of BSON's own types comes back as: itself, or Python's type for the same."""
    if isinstance(value, Decimal128):
        return value.to_decimal()
    try:
        if type(value) is Binary and value.subtype == UUID_SUBTYPE:
            return value.as_uuid()
        if isinstance(value, DatetimeMS):
            return value.as_datetime()
        if isinstance(value, Regex):
            return value.try_compile()
    except (re.error, InvalidBSON, OverflowError, ValueError):
        # A date outside of Python's range, or another language's pattern: it stays what it is.
        if not isinstance(value, Binary):
            return value
        raise marshmallow.ValidationError("Not a valid UUID.") from None
    return bytes(value) if type(value) is Binary and value.subtype == BINARY_SUBTYPE else value
