"""What goes out and comes in is the same on both providers."""

import dataclasses
import json
import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any
from uuid import UUID

import flask
import pytest
from bson import Decimal128, Int64, ObjectId
from bson.tz_util import FixedOffset, utc
from hypothesis import given
from hypothesis.strategies import datetimes, integers, just, none, timezones
from markupsafe import Markup

from quorum.web.fastjson import OrjsonProvider
from quorum.web.json import MAX_DEPTH, JSONProvider, init_app

ID = ObjectId("65a1b2c3d4e5f60718293a4b")
UID = UUID("12345678-1234-5678-1234-567812345678")


class Color(Enum):
    RED = "red"


class Size(IntEnum):
    BIG = 3


class Word(StrEnum):
    YES = "yes"


class When(Enum):
    NEVER = date(2020, 1, 2)


@dataclasses.dataclass
class Point:
    x: int
    _y: Decimal


class Fraction(float):
    pass


class Pair(tuple[int, int]):
    __slots__ = ()


@pytest.fixture(params=[JSONProvider, OrjsonProvider])
def provider(request: pytest.FixtureRequest) -> JSONProvider:
    return request.param(flask.Flask("speech"))


WRITTEN: list[tuple[Any, str]] = [
    (None, "null"),
    ("é\u2028<", '"é\u2028<"'),
    (Word.YES, '"yes"'),
    (Size.BIG, "3"),
    (Color.RED, '"red"'),
    (When.NEVER, '"2020-01-02"'),
    (True, "true"),
    (2**63, "9223372036854775808"),
    (2**64, "18446744073709551616"),
    (-(2**70), "-1180591620717411303424"),
    (Int64(5), "5"),
    (1.5, "1.5"),
    (Fraction(0.5), "0.5"),
    (float("nan"), "null"),
    ([float("inf"), {"a": float("-inf")}], '[null,{"a":null}]'),
    (ID, '"65a1b2c3d4e5f60718293a4b"'),
    (UID, '"12345678-1234-5678-1234-567812345678"'),
    (Decimal("1.10"), '"1.10"'),
    (Decimal("NaN"), '"NaN"'),
    (Decimal128("1.10"), '"1.10"'),
    (datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC), '"2020-01-02T03:04:05Z"'),
    (datetime(2020, 1, 2, 3, 4, 5, 6000, tzinfo=utc), '"2020-01-02T03:04:05.006000Z"'),
    (datetime(2020, 1, 2, 3, 4, 5), '"2020-01-02T03:04:05Z"'),
    (datetime(2020, 1, 2, 3, tzinfo=FixedOffset(60, "")), '"2020-01-02T02:00:00Z"'),
    (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), '"0001-01-01T00:00:00+02:00"'),
    (datetime(9999, 12, 31, tzinfo=UTC), '"9999-12-31T00:00:00Z"'),
    (date(2020, 1, 2), '"2020-01-02"'),
    (time(3, 4, 5, 6), '"03:04:05.000006"'),
    ({3, 1, 2}, "[1,2,3]"),
    (frozenset({"b", 1}), '[1,"b"]'),
    (b"\x00\xff", '"AP8="'),
    (bytearray(b"a"), '"YQ=="'),
    (re.compile("a+"), '"a+"'),
    ((1, (2,)), "[1,[2]]"),
    (Pair((1, 2)), "[1,2]"),
    (Point(1, Decimal(2)), '{"x":1,"_y":"2"}'),
    (Markup("<b>"), '"<b>"'),
    ({"b": 1, "a": 2}, '{"b":1,"a":2}'),
    (
        {7: 0, None: 0, True: 0, 0.5: 0, ID: 0, UID: 0, date(2020, 1, 2): 0, Color.RED: 0},
        f'{{"7":0,"null":0,"true":0,"0.5":0,"{ID}":0,"{UID}":0,"2020-01-02":0,"red":0}}',
    ),
    ("half \ud800", '"half \\ud800"'),
]


@pytest.mark.parametrize(("value", "text"), WRITTEN)
def test_a_value_is_written_the_same_by_both(provider: JSONProvider, value: Any, text: str) -> None:
    written = provider.dumps(value)
    assert json.dumps(json.loads(written), separators=(",", ":"), ensure_ascii="\\u" in text) == text


@given(moment=datetimes(timezones=none() | just(UTC) | timezones()), fold=integers(0, 1))
def test_a_moment_is_written_the_same_by_both(moment: datetime, fold: int) -> None:
    moment = moment.replace(fold=fold)
    app = flask.Flask("speech")
    assert OrjsonProvider(app).dumps(moment) == JSONProvider(app).dumps(moment)


@pytest.mark.parametrize("value", [object(), [object()], {object(): 1}, {(1, 2): 1}, int, 1j, timedelta(1)])
def test_a_value_that_json_has_nothing_for_is_refused(provider: JSONProvider, value: Any) -> None:
    with pytest.raises(TypeError, match="JSON"):
        provider.dumps(value)


def test_an_error_while_writing_is_raised_as_it_is(provider: JSONProvider) -> None:
    asked = []

    def fail(value: Any) -> Any:
        asked.append(value)
        raise ConnectionError("lost")

    provider.default = fail
    with pytest.raises(ConnectionError, match="lost"):
        provider.dumps([object()])
    assert len(asked) == 1


READ: list[tuple[str | bytes, Any]] = [
    ('{"a": [1, 2.5, null, true, "\\u00e9"]}', {"a": [1, 2.5, None, True, "é"]}),
    (b'"\xc3\xa9"', "é"),
    ('"\\ud83d\\ude00"', "😀"),
    ('"\\\\ud800"', "\\ud800"),
    ('"\\u0000"', "\x00"),
    ('{"a": 1, "a": 2}', {"a": 2}),
    ("18446744073709551615", 2**64 - 1),
    ("18446744073709551616", 2**64),
    ("[-9223372036854775809]", [-(2**63) - 1]),
    ("1" + "0" * 400, 10**400),
    ('{"a": 1e300}', {"a": 1e300}),
    ("-0", 0),
    ("[" * MAX_DEPTH + "]" * MAX_DEPTH, None),
]


@pytest.mark.parametrize(("text", "value"), READ)
def test_a_text_is_read_the_same_by_both(provider: JSONProvider, text: str | bytes, value: Any) -> None:
    found = provider.loads(text)
    if value is not None:
        assert found == value
        assert type(found) is type(value)


REFUSED: list[str | bytes] = [
    "",
    "{",
    "[1,]",
    "{'a': 1}",
    "1 2",
    "NaN",
    "[Infinity]",
    '{"a": -Infinity}',
    "1e400",
    "[1.7976931348623159e308]",
    "1" * 5000,
    '"\\ud800"',
    '{"\\udfff": 1}',
    '"\ud800"',
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b"\xef\xbb\xbf1",
    "\ufeff1",
    "1".encode("utf-16"),
    '"\n"',
    "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
    '{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1),
    "[" * 100_000,
    "[" * 100_000 + "]" * 100_000,
]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: repr(text)[:30])
def test_what_is_not_json_is_a_value_error_in_the_same_words(text: str | bytes) -> None:
    said = set()
    for provider in (JSONProvider, OrjsonProvider):
        with pytest.raises(ValueError) as caught:
            provider(flask.Flask("speech")).loads(text)
        said.add(str(caught.value))
    assert len(said) == 1


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: repr(text)[:30])
def test_a_body_that_is_not_json_is_a_400(provider: JSONProvider, text: str | bytes) -> None:
    app = flask.Flask("speech")
    init_app(app, type(provider))
    app.add_url_rule("/", view_func=lambda: {"got": flask.request.get_json()}, methods=["POST"])
    body = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    assert app.test_client().post("/", data=body, content_type="application/json").status_code == 400


def test_a_response_is_the_same_from_both() -> None:
    answers = set()
    for kind in (JSONProvider, OrjsonProvider):
        app = flask.Flask("speech")
        init_app(app, kind)
        with app.app_context():
            answers.add(flask.jsonify({"b": ID, "a": 2**70, "é": [1.5]}).data)
            answers.add(flask.jsonify(b=ID, a=2**70, é=[1.5]).data)
    assert answers == {'{"b":"65a1b2c3d4e5f60718293a4b","a":1180591620717411303424,"é":[1.5]}\n'.encode()}


def test_what_an_app_chose_on_flasks_provider_stays_chosen(provider: JSONProvider) -> None:
    app = flask.Flask("speech")
    app.json.sort_keys = True
    app.json.ensure_ascii = True
    init_app(app, type(provider))
    assert app.json.dumps({"b": "é", "a": ID}) == '{"a": "65a1b2c3d4e5f60718293a4b", "b": "\\u00e9"}'


def test_a_provider_that_the_app_brought_stays() -> None:
    class Own(JSONProvider):
        pass

    app = flask.Flask("speech")
    own = app.json = Own(app)
    init_app(app, OrjsonProvider)
    assert app.json is own


def test_tojson_in_a_template_writes_our_types_and_is_safe_in_html(provider: JSONProvider) -> None:
    app = flask.Flask("speech")
    assert app.jinja_env.globals
    init_app(app, type(provider))
    with app.app_context():
        shown = flask.render_template_string("{{ value|tojson }}", value={"id": ID, "text": "</script>"})
    assert shown == '{"id": "65a1b2c3d4e5f60718293a4b", "text": "\\u003c/script\\u003e"}'


def test_in_debug_a_response_is_indented(provider: JSONProvider) -> None:
    app = flask.Flask("speech")
    app.config["DEBUG"] = True
    init_app(app, type(provider))
    with app.app_context():
        assert flask.jsonify(a=ID).get_data(as_text=True) == '{\n  "a": "65a1b2c3d4e5f60718293a4b"\n}\n'
