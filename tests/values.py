"""Every type that a field can have: its annotation, a strategy of values that fit, values at its edges, wrong ones."""

from __future__ import annotations

import dataclasses
import enum
import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from bson import Code, DBRef, MaxKey, MinKey, ObjectId, Timestamp
from bson.binary import Binary
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.regex import Regex
from bson.son import SON
from hypothesis import strategies as st
from markupsafe import Markup

import quorum


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"
    NONE = ""


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2**62


class Mixed(enum.Enum):
    TEXT = "1"
    NUMBER = 1


class Word(str):
    __slots__ = ()


class Number(int):
    pass


class Moment(datetime):
    pass


class Part(quorum.EmbeddedModel):
    text: str
    number: int = 0
    at: datetime | None = None
    price: Decimal | None = None
    marks: list[str] = []


class Circle(quorum.EmbeddedModel):
    radius: float


class Square(quorum.EmbeddedModel):
    side: int
    parts: list[Part] = []


class Node(quorum.EmbeddedModel):
    name: str
    children: list[Node] = []


@dataclasses.dataclass(frozen=True)
class Case:
    """One type. `edges` fit it, as those of `values` do; `wrong` do not."""

    annotation: Any
    values: st.SearchStrategy[Any]
    edges: list[Any]
    wrong: list[Any]


ZONES = [
    UTC,
    timezone(timedelta(hours=14)),
    timezone(-timedelta(hours=12)),
    timezone(timedelta(hours=5, minutes=30, seconds=7)),
    ZoneInfo("Europe/Berlin"),
    ZoneInfo("America/St_Johns"),
]
HOUR_AHEAD = timezone(timedelta(hours=1))
HOUR_BEHIND = timezone(-timedelta(hours=1))

texts = st.text(st.characters(codec="utf-8"), max_size=12)
keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6)
integers = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
naive_moments = st.datetimes()
aware_moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.sampled_from(ZONES))
moments = naive_moments | aware_moments | st.datetimes(timezones=st.just(UTC))
decimals = st.builds(
    lambda sign, digits, exponent: Decimal((sign, digits, exponent)),
    st.integers(0, 1),
    st.lists(st.integers(0, 9), min_size=1, max_size=34).map(tuple),
    st.integers(-6176, 6111),
)
FLAGS = re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE
object_ids = st.binary(min_size=12, max_size=12).map(ObjectId)
patterns = st.builds(
    lambda text, flags: re.compile(re.escape(text), flags),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    st.sampled_from([0, re.IGNORECASE, re.MULTILINE, re.DOTALL, re.VERBOSE, FLAGS]),
)
hours = st.times() | st.builds(
    lambda hour, minutes: hour.replace(tzinfo=timezone(timedelta(minutes=minutes))),
    st.times(),
    st.integers(-1439, 1439),
)
anything = st.recursive(
    st.none()
    | st.booleans()
    | integers
    | floats
    | texts
    | st.binary(max_size=8)
    | moments
    | decimals
    | object_ids
    | st.uuids()
    | patterns,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
parts = st.builds(
    Part,
    text=texts,
    number=integers,
    at=st.none() | moments,
    price=st.none() | decimals,
    marks=st.lists(texts, max_size=2),
)
circles = st.builds(lambda radius: Circle(radius=radius), floats)
squares = st.builds(lambda side, inner: Square(side=side, parts=inner), integers, st.lists(parts, max_size=2))
nodes = st.recursive(
    texts.map(lambda name: Node(name=name)),
    lambda inner: st.builds(lambda name, inner: Node(name=name, children=inner), texts, st.lists(inner, max_size=2)),
    max_leaves=3,
)


def lists(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(items, max_size=4)


def dicts(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(keys, items, max_size=3)


NAN, INFINITY = float("nan"), float("inf")
WRONG_KEYS = [{"": 1}, {"a\0": 1}, {"\ud800": 1}, {1: 1}, {None: 1}]

CASES: dict[str, Case] = {
    "str": Case(
        str,
        texts,
        ["", "a\0b", "\U0001f600", "$where", Word("word")],
        [3, b"x", "\ud800", "a\udfff", None, Color.RED, ["a"], {"$ne": 1}],
    ),
    "int": Case(
        int,
        integers,
        [2**63 - 1, -(2**63), 0, 2**31, Int64(5), Number(7)],
        [2**63, -(2**63) - 1, 3.7, 3.0, True, "3", None, Decimal(3), NAN],
    ),
    "float": Case(
        float,
        floats,
        [-0.0, 5e-324, 1.7976931348623157e308, 3, 2**60],
        [NAN, INFINITY, -INFINITY, True, "1.5", None, Decimal("1.5"), 2**53 + 1, 10**400, 1j],
    ),
    "bool": Case(bool, st.booleans(), [True, False], [0, 1, "true", None, 1.0]),
    "bytes": Case(
        bytes,
        st.binary(max_size=12),
        [b"", b"\0", bytearray(b"x")],
        ["x", None, Binary(b"x"), Binary(b"x", 5), [1], 3],
    ),
    "datetime": Case(
        datetime,
        moments,
        [
            datetime(1, 1, 1),
            datetime(9999, 12, 31, 23, 59, 59, 999999),
            datetime(1969, 12, 31, 23, 59, 59, 999000),
            datetime(1, 1, 1, tzinfo=HOUR_BEHIND),
            datetime(9999, 12, 31, 23, tzinfo=HOUR_AHEAD),
            datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
            Moment(2020, 1, 1),
        ],
        [
            datetime(1, 1, 1, tzinfo=HOUR_AHEAD),
            datetime(9999, 12, 31, 23, 59, tzinfo=HOUR_BEHIND),
            date(2020, 1, 1),
            "2020-01-01T00:00:00",
            0,
            None,
            DatetimeMS(0),
        ],
    ),
    "date": Case(date, st.dates(), [date.min, date.max], [datetime(2020, 1, 1), "2020-01-01", 0, None]),
    "time": Case(
        time,
        hours,
        [time.min, time.max, time(1, fold=1), time(1, tzinfo=UTC), time(2, tzinfo=ZONES[3])],
        ["10:00", 0, None, time(1, tzinfo=ZoneInfo("Europe/Berlin")), datetime(2020, 1, 1)],
    ),
    "Decimal": Case(
        Decimal,
        decimals,
        [Decimal("1" * 34), Decimal("1E-6176"), Decimal("1E+6111"), Decimal("-0"), Decimal("1.10"), 5, 2**63],
        [
            Decimal("1" * 35),
            Decimal("1E-6177"),
            Decimal("1E+6144"),
            Decimal("NaN"),
            Decimal("sNaN"),
            Decimal("Infinity"),
            1.5,
            "1.5",
            True,
            None,
        ],
    ),
    "UUID": Case(UUID, st.uuids(), [UUID(int=0)], [str(UUID(int=0)), b"0" * 16, 0, None]),
    "ObjectId": Case(ObjectId, object_ids, [ObjectId("0" * 24)], ["0" * 24, b"0" * 12, 0, None]),
    "Pattern": Case(
        re.Pattern,
        patterns,
        [re.compile("(?i)a"), re.compile("(?a)b"), re.compile("", re.VERBOSE)],
        [re.compile(b"a"), re.compile("a", re.ASCII), re.compile("a\0"), re.compile("\ud800"), "a", None, Regex("a")],
    ),
    "Enum of text": Case(Color, st.sampled_from(Color), list(Color), ["red", "RED", None, Mixed.TEXT]),
    "Enum of int": Case(Level, st.sampled_from(Level), list(Level), [1, True, None]),
    "Enum of both": Case(Mixed, st.sampled_from(Mixed), list(Mixed), [1, "1", None]),
    "Literal": Case(
        Literal["a", 1, True],
        st.sampled_from(["a", 1, True]),
        ["a", 1, True, Int64(1), Word("a")],
        ["b", 0, False, 1.0, None, "1"],
    ),
    "Literal with None": Case(Literal["a", None], st.sampled_from(["a", None]), ["a", None], ["b", 0]),
    "Any": Case(
        Any,
        anything,
        [
            None,
            True,
            {"a.b": {"$c": [1, {"d": datetime(2020, 1, 1)}]}},
            datetime(2020, 1, 1),
            Int64(5),
            {"a": []},
            Binary(b"x"),
            Binary(b"x", 5),
            Binary(b"x" * 16, 4),
            Regex("a"),
            Regex("(?<n>a)"),
            DatetimeMS(0),
            Decimal128("1.50"),
            SON([("a", SON(b=1))]),
            MinKey(),
            MaxKey(),
            Timestamp(1, 2),
            Code("x"),
            DBRef("c", 1),
        ],
        [
            NAN,
            INFINITY,
            2**63,
            "\ud800",
            (1, 2),
            {1},
            date(2020, 1, 1),
            time(1),
            object(),
            Color.RED,
            Word("x"),
            1j,
            [NAN],
            {"a": [{"b": NAN}]},
            {"a": {"": 1}},
            Decimal("NaN"),
            Decimal128("Infinity"),
            re.compile(b"a"),
            Binary(b"x", 4),
            SON([("a", NAN)]),
            *WRONG_KEYS,
        ],
    ),
    "optional": Case(int | None, st.none() | integers, [None, 0], ["1", True, 2**63]),
    "list of str": Case(
        list[str], lists(texts), [[], ["a", ""], ("a", "b")], ["a", None, [1], ["\ud800"], [None], {"a"}]
    ),
    "list of int": Case(list[int], lists(integers), [[2**63 - 1]], [[True], [2**63], [1.0], ["1"]]),
    "list of optional": Case(list[int | None], lists(st.none() | integers), [[None]], [["1"]]),
    "list of lists": Case(list[list[float]], lists(lists(floats)), [[[]], [[1]]], [[1.0], [[NAN]], [["1"]]]),
    "list of datetimes": Case(list[datetime], lists(moments), [[datetime(2020, 1, 1)]], [[date(2020, 1, 1)]]),
    "list of Any": Case(list, lists(anything), [[1, "a", None]], [[NAN], "a", [{"": 1}]]),
    "set of int": Case(
        set[int], st.sets(integers, max_size=4), [set(), frozenset({1})], [[1], {True}, {1.5}, {"1"}, None]
    ),
    "set of str": Case(set[str], st.sets(texts, max_size=4), [{"a", ""}], [{"\ud800"}, {1}, "a"]),
    "set of Decimal": Case(set[Decimal], st.sets(decimals, max_size=3), [{Decimal(1)}, {1}], [{Decimal("NaN")}, {1.5}]),
    "set of Enum": Case(set[Mixed], st.sets(st.sampled_from(Mixed)), [set(Mixed)], [{"1"}, {Color.RED}]),
    "set of a union": Case(
        set[int | str | None], st.sets(integers | texts | st.none(), max_size=3), [{1, "1", None}], [{1.5}, {b"x"}]
    ),
    "set of datetimes": Case(
        set[datetime], st.sets(moments, max_size=3), [{datetime(2020, 1, 1)}], [{date(2020, 1, 1)}]
    ),
    "set of tuples": Case(
        set[tuple[int, ...]], st.sets(lists(integers).map(tuple), max_size=3), [{(1, 2), ()}], [{1}, {("a",)}]
    ),
    "set of patterns": Case(set[re.Pattern], st.sets(patterns, max_size=3), [{re.compile("a")}], [{re.compile(b"a")}]),
    "frozenset": Case(frozenset[int], st.frozensets(integers, max_size=3), [{1}], [[1]]),
    "tuple of places": Case(
        tuple[int, str, Decimal],
        st.tuples(integers, texts, decimals),
        [[1, "a", Decimal(1)]],
        [(1, "a"), (1, "a", Decimal(1), 4), ("a", 1, Decimal(1)), None, "1aD"],
    ),
    "tuple of any length": Case(
        tuple[date, ...], lists(st.dates()).map(tuple), [(), [date.min]], [(1,), date.min, (datetime(2020, 1, 1),)]
    ),
    "dict of int": Case(
        dict[str, int], dicts(integers), [{"a.b": 1, "$c": 2}, SON(a=1)], [*WRONG_KEYS, {"a": "1"}, [], None]
    ),
    "dict of lists": Case(dict[str, list[datetime]], dicts(lists(moments)), [{"a": []}], [{"a": [1]}, {"a": None}]),
    "dict of dicts": Case(dict[str, dict[str, Any]], dicts(dicts(anything)), [{"a": {"b": [1]}}], [{"a": {"": 1}}]),
    "dict of Decimal": Case(dict[str, Decimal | None], dicts(st.none() | decimals), [{"a": None}], [{"a": 1.5}]),
    "dict of Any": Case(
        dict[str, Any], dicts(anything), [{"a": {"b": datetime(2020, 1, 1)}}], [*WRONG_KEYS, {"a": NAN}]
    ),
    "union of scalars": Case(
        int | str | datetime | UUID,
        integers | texts | moments | st.uuids(),
        [0, "0", datetime(2020, 1, 1)],
        [True, 1.5, None, b"x", [1]],
    ),
    "union of numbers": Case(
        int | float | Decimal, integers | floats | decimals, [1, 1.0, Decimal(1)], [True, NAN, "1"]
    ),
    "union of bool and bytes": Case(
        bool | bytes | None, st.none() | st.booleans() | st.binary(max_size=3), [True], [1]
    ),
    "embedded": Case(
        Part,
        parts,
        [{"text": "a"}],
        [{"text": 1}, {"number": 1}, {"text": "a", "x": 1}, {"text": "a", "marks": [1]}, Circle(radius=1.0), "a", None],
    ),
    "optional embedded": Case(Part | None, st.none() | parts, [None], [{"text": 1}, 0]),
    "list of embedded": Case(list[Part], lists(parts), [[{"text": "a"}]], [[{"text": 1}], [None], {"text": "a"}, [3]]),
    "dict of embedded": Case(
        dict[str, Part], dicts(parts), [{"a": {"text": "a"}}], [{"a": {"text": 1}}, {"": {"text": "a"}}]
    ),
    "embedded in itself": Case(
        Node, nodes, [{"name": "a", "children": [{"name": "b"}]}], [{"name": "a", "children": [{"name": 1}]}]
    ),
    "union of embedded": Case(
        Circle | Square,
        circles | squares,
        [{"_type": "Circle", "radius": 1.0}],
        [{"radius": 1.0}, {"_type": "Part", "text": "a"}, {"_type": "Square", "side": "1"}, Part(text="a")],
    ),
    "list of a union of embedded": Case(
        list[Circle | Square | None],
        lists(st.none() | circles | squares),
        [[Circle(radius=1.0), None]],
        [[Part(text="a")]],
    ),
    "union of embedded and scalar": Case(
        Part | int | None, st.none() | integers | parts, [1, {"text": "a"}], ["a", {"x": 1}]
    ),
}


def model(name: str, case: Case, **options: Any) -> Any:
    """Make a model with the field `value` of a type."""
    body: dict[str, Any] = {"__annotations__": {"value": case.annotation}, "__module__": __name__}
    if options:
        body["value"] = quorum.field(**options)
    return type("".join(word.title() for word in name.split()), (quorum.Model,), body)


#: What a session can keep.
SESSION_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary()
    | st.uuids()
    | st.binary(min_size=12, max_size=12).map(ObjectId)
    | st.text().map(Markup)
    | st.datetimes(timezones=st.just(UTC))
)
SESSION_KEYS = st.text() | st.sampled_from(["$oid", "$dict", "$tuple", "$", "$x"])
SESSION_VALUES = st.recursive(
    SESSION_SCALARS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(SESSION_KEYS, inner),
    max_leaves=20,
)
