"""Dates and times of day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from .kinds import Scalar, Scope, WrongValue


def in_utc(naive: datetime) -> datetime:
    """Give the moment that a naive datetime in UTC means: as `replace` does, in a sixth of its time."""
    return datetime.combine(naive, naive.time(), UTC)


class DateTime(Scalar):
    """An aware UTC datetime in whole milliseconds, as MongoDB keeps it; a naive one is taken as UTC."""

    python, stored, marshmallow_field = datetime, frozenset({datetime}), "DateTime"

    def coerce(self, value: Any) -> Any:
        if not isinstance(value, datetime):
            raise self.error(value)
        try:
            value = in_utc(value) if value.tzinfo is None else value.astimezone(UTC)
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
        return datetime.combine(value, value.time())

    def encoding(self, name: str, scope: Scope, field: str) -> str:
        return f"{scope.name(datetime, 'datetime')}.combine({name}, {name}.time())"

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if type(stored) is datetime:
            return in_utc(stored)
        raise WrongValue(stored, self.describe())

    def source(self, name: str, scope: Scope) -> str:
        utc = scope.name(UTC, "UTC")
        return (
            f"type({name}) is {scope.name(datetime, 'datetime')} and {name}.tzinfo is {utc}"
            f" and not {name}.microsecond % 1000"
        )

    def showing(self, name: str, scope: Scope, field: str, verb: str) -> tuple[str, str] | None:
        form = name if verb == "lend" else f"{name}.isoformat() + 'Z'"
        return f"type({name}) is {scope.name(datetime, 'datetime')}", form

    def dump(self, value: Any) -> Any:
        return value.isoformat().replace("+00:00", "Z")


class Date(Scalar):
    """A date, stored as midnight UTC."""

    python, stored, marshmallow_field = date, frozenset({datetime}), "Date"

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

    python, stored, marshmallow_field = time, frozenset({str}), "Time"

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
