"""What a session can keep: every value comes back equal, or is refused with a reason."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any
from uuid import UUID

import pytest
from bson import Int64
from hypothesis import given
from hypothesis import strategies as st
from values import SESSION_VALUES
from werkzeug.datastructures import MultiDict

from quorum.web import session_values


class Size(IntEnum):
    SMALL = 1


class Colour(StrEnum):
    RED = "red"


def _types(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _types(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [_types(item) for item in value]
    return type(value)


@pytest.mark.promise("S9")
@given(SESSION_VALUES)
def test_every_value_is_equal_and_of_its_type_after_a_round_trip(value: Any) -> None:
    written = session_values.write(value)
    found = session_values.read(written)
    assert found == value
    assert _types(found) == _types(value)
    assert session_values.write(found) == written


def test_a_datetime_of_another_zone_comes_back_as_the_same_moment() -> None:
    given = datetime(2026, 3, 7, 12, 0, 0, 123456, timezone(timedelta(hours=5, minutes=30)))
    found = session_values.read(session_values.write(given))
    assert found == given
    assert found.utcoffset() == timedelta(0)


def test_an_integer_of_bson_is_an_int() -> None:
    found = session_values.read(session_values.write({"n": Int64(2**40)}))
    assert found == {"n": 2**40}
    assert type(found["n"]) is int


@pytest.mark.promise("S9")
@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({1, 2}, "can't keep a set"),
        (Decimal("1.5"), "can't keep a Decimal"),
        (date(2026, 1, 1), "can't keep a date"),
        (datetime(2026, 1, 1), "naive datetime"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))), "this datetime"),
        (object(), "can't keep a object"),
        (Size.SMALL, "can't keep a Size"),
        (Colour.RED, "can't keep a Colour"),
        (MultiDict({"a": "b"}), "can't keep a MultiDict"),
        ({1: 2}, "can't have a int as a key"),
        (float("nan"), "not JSON compliant"),
        (float("inf"), "not JSON compliant"),
        ([[[object()]]], "can't keep a object"),
    ],
)
def test_what_json_cannot_say_is_refused_with_a_reason(value: Any, told: str) -> None:
    with pytest.raises((TypeError, ValueError), match=told):
        session_values.write({"a": [value]})


def test_what_contains_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ValueError, match="nested deeper"):
        session_values.write(value)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"NaN",
        b'{"$x":1}',
        b'{"$oid":"z"}',
        b'{"$oid":"z","a":1}',
        b'{"$dict":3}',
        b'{"$tuple":5}',
        b'{"$date":5}',
        b'{"$bytes":"*"}',
        b'{"$uuid":[]}',
        b"[" * 100_000,
        b"\xff",
        b"\x80\x04K\x01.",
    ],
)
def test_what_was_not_written_here_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError):
        session_values.read(text)


@given(st.binary())
def test_reading_any_bytes_gives_a_value_or_a_value_error(text: bytes) -> None:
    with suppress(ValueError):
        session_values.read(text)


def test_uuids_are_read_as_such() -> None:
    assert session_values.read(b'{"$uuid":"00000000-0000-0000-0000-000000000001"}') == UUID(int=1)
