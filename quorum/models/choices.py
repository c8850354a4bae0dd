"""Values out of a few: true and false, members of enumerations, constants."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any

from bson.int64 import Int64

from ..late import marshmallow
from .kinds import Scalar, Scope, WrongValue
from .marshal import field_class
from .numbers import INTEGER, Integer
from .texts import String


class Boolean(Scalar):
    python, stored, marshmallow_field, plain = bool, frozenset({bool}), "Boolean", True

    def parse(self, text: str) -> Any:
        if text in marshmallow.fields.Boolean.truthy:
            return True
        if text in marshmallow.fields.Boolean.falsy:
            return False
        raise self.error(text)


class EnumKind(Scalar):
    """A member of an enumeration, stored by its value."""

    marshmallow_field, message = "Enum", "unknown"

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
        raise _none_of(f"{self.python.__name__}.{member.name}" for member in self._members.values())

    def cast(self, value: Any) -> Any:
        if isinstance(value, self.python):
            return value
        value = str.__str__(value) if isinstance(value, str) else value
        member = self._members.get((type(value), value)) if isinstance(value, (str, int)) else None
        if member is None and isinstance(value, str) and INTEGER.match(value):
            member = self._members.get((int, int(value)))
        if member is None:
            raise self.error(value)
        return member

    def error(self, value: Any) -> marshmallow.ValidationError:
        return _none_of(str(member.value) for member in self._members.values())

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

    def schema_field(self, **options: Any) -> marshmallow.fields.Field[Any]:
        return field_class("Enum")(self.python, by_value=True, kind=self, **options)


def _none_of(choices: Iterable[str]) -> marshmallow.ValidationError:
    return marshmallow.ValidationError(
        str(marshmallow.fields.Enum.default_error_messages["unknown"]).format(choices=", ".join(choices))
    )


class LiteralKind(Scalar):
    """One of some constants."""

    plain, marshmallow_field = True, "Raw"

    def showing(self, name: str, scope: Scope, field: str, verb: str) -> tuple[str, str] | None:
        return None  # not every value of these types is one of them

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
                if type(constant) is bool and value in (
                    marshmallow.fields.Boolean.truthy if constant else marshmallow.fields.Boolean.falsy
                ):
                    return constant
        return self.coerce(value)

    def error(self, value: Any) -> marshmallow.ValidationError:
        choices = ", ".join(str(constant) for constant in self.values)
        return marshmallow.ValidationError(f"Must be one of: {choices}.")

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if self._has(stored):
            return stored
        raise WrongValue(stored, self.describe())

    def source(self, name: str, scope: Scope) -> str:
        return f"{scope.name(self._has, 'is_literal')}({name})"

    def describe(self) -> str:
        return f"Literal[{', '.join(map(repr, self.values))}]"


def _check_constants(values: Iterable[Any]) -> None:
    for value in values:
        kind: Scalar = String() if isinstance(value, str) else Integer()
        try:
            kind.coerce(int(value) if isinstance(value, bool) else value)
        except marshmallow.ValidationError as error:
            raise TypeError(f"{ascii(value)[:100]} cannot be stored: {error}") from None
