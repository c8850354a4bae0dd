"""What is valid: the generated checker and marshmallow agree, and every message is marshmallow's."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal

import marshmallow
import marshmallow.fields as mf
import pytest
from bson import Code, ObjectId
from commands import Commands
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import validate
from values import CASES, Case, Color, Node, Part, model

import quorum
from quorum.errors import ValidationError
from quorum.models.documents import same
from quorum.models.marshal import strict

QUARTER = settings(max_examples=max(settings().max_examples // 4, 10))

short_texts = st.text("ab-1. @", max_size=6)
small = st.integers(-5, 9)


def even(value: int) -> None:
    if value % 2:
        raise ValidationError("Not even.")


FORMATS: dict[str, tuple[list[str], list[str]]] = {
    "email": (["a@example.com", "ä@example.com"], ["", "a", "a@", "@b.c", "a@b.c\n", "a@example.com\0", "a b@c.de"]),
    "url": (
        ["http://example.com", "https://example.com/a?b=c#d", "http://192.168.0.1:80/"],
        ["", "example.com", "javascript:alert(1)", "ftp://example.com", "http://", "http://a b.com", "//example.com",
         "https://example.com\n", "data:text/html,x"],
    ),
    "slug": (["a", "a-b-1", "2024"], ["", "-a", "a-", "a--b", "A", "a_b", "ä", "a\n", "a b", "\u0663"]),
    "uuid": (["00000000-0000-0000-0000-00000000000a"], ["", "0" * 32, "{00000000-0000-0000-0000-000000000000}"]),
    "ipv4": (["127.0.0.1"], ["", "127.0.0", "::1", "127.0.0.1/8", "1.2.3.256", "\u0661.1.1.1", "1.1.1.1\n"]),
    "ipv6": (["::1", "2001:db8::1"], ["", "127.0.0.1", ":::", "::1/64", "::1\n"]),
    "color": (["#00ff00", "#ABCDEF"], ["", "red", "#fff", "#00ff0g", "#00ff00\n"]),
}  # fmt: skip


#: Each option of a field: the type that it is set on, its value, and values on both sides of it.
OPTIONS: dict[str, tuple[Any, dict[str, Any], st.SearchStrategy[Any]]] = {
    "max_length of str": (str, {"max_length": 3}, short_texts),
    "min_length of str": (str, {"min_length": 2}, short_texts),
    "both lengths of bytes": (bytes, {"min_length": 1, "max_length": 2}, st.binary(max_size=4)),
    "max_length of optional str": (str | None, {"max_length": 3}, st.none() | short_texts),
    "max_length of list": (list[str], {"max_length": 2}, st.lists(short_texts, max_size=4)),
    "min_length of set": (set[int], {"min_length": 2}, st.sets(small, max_size=4)),
    "max_length of dict": (dict[str, int], {"max_length": 1}, st.dictionaries(st.sampled_from("abc"), small)),
    "max_length of tuple": (tuple[int, ...], {"max_length": 2}, st.lists(small, max_size=4).map(tuple)),
    "max_length of list of embedded": (list[Part], {"max_length": 1}, st.lists(st.builds(Part, text=short_texts))),
    "min of int": (int, {"min": 3}, small),
    "min and max of int": (int, {"min": 0, "max": 3}, small),
    "max of optional int": (int | None, {"max": 3}, st.none() | small),
    "min of float": (float, {"min": 0}, st.floats()),
    "allow_nan": (float, {"allow_nan": True}, st.floats()),
    "max of Decimal": (Decimal, {"max": Decimal("1.5")}, st.decimals(-3, 3)),
    "min of datetime": (datetime, {"min": datetime(2020, 1, 1)}, st.datetimes() | st.datetimes(timezones=st.just(UTC))),
    "max of date": (date, {"max": date(2020, 1, 1)}, st.dates()),
    "min of time": (time, {"min": time(12)}, st.times() | st.times(timezones=st.just(UTC))),
    "min of str": (str, {"min": "b"}, short_texts),
    "min of ObjectId": (ObjectId, {"min": ObjectId("8" * 24)}, st.binary(min_size=12, max_size=12).map(ObjectId)),
    "max of a union of numbers": (int | float, {"max": 3}, small | st.floats()),
    "regex": (str, {"regex": "[ab]+$"}, short_texts),
    "compiled regex": (str | None, {"regex": re.compile("A", re.IGNORECASE)}, st.none() | short_texts),
    "regex of Literal": (Literal["a", "b"], {"regex": "a"}, st.sampled_from("abc")),
    "choices of str": (str, {"choices": ["a", "b"]}, short_texts | st.sampled_from("ab")),
    "choices of int": (int, {"choices": range(3)}, small | st.booleans()),
    "choices of optional": (int | None, {"choices": (1, None)}, st.none() | small),
    "choices of datetime": (
        datetime, {"choices": [datetime(2020, 1, 1)]}, st.just(datetime(2020, 1, 1)) | st.datetimes(),
    ),
    "choices of Enum": (Color, {"choices": [Color.RED]}, st.sampled_from(Color)),
    "choices of list": (list[str], {"choices": [[], ["a"]]}, st.lists(st.sampled_from("ab"), max_size=1)),
    "validate": (int, {"validate": even}, small),
    "validate of optional": (int | None, {"validate": even}, st.none() | small),
    "several validators": (int, {"validate": [even, validate.NoneOf([4]), validate.Equal(2)], "max": 8}, small),
    "validator of lists": (list[str], {"validate": validate.ContainsOnly(["a"])}, st.lists(st.sampled_from("ab"))),
    "required": (int | None, {"required": True}, st.none() | small),
    "required Any": (Any, {"required": True}, st.none() | small),
    "not required": (int, {"required": False}, st.none() | small),
    **{f"format {name}": (str, {"format": name}, short_texts) for name in FORMATS},
}  # fmt: skip


def verdict(cls: Any, value: Any) -> tuple[Any, Any]:
    """marshmallow's: (messages, None), or (None, the normal form)."""
    try:
        with strict():
            return None, cls.__fields__["value"].judge.deserialize(value)
    except marshmallow.ValidationError as error:
        return error.messages, None


def assert_they_agree(cls: Any, value: Any) -> None:
    codec = cls.__codec__
    messages, normal = verdict(cls, copy.deepcopy(value))
    checked = copy.deepcopy(value)
    if codec.checks["value"](checked):
        assert messages is None
        assert same(normal, checked) or normal == checked
    if messages is None:
        # No right value goes the slow way, but for those that only marshmallow may judge.
        assert codec.checks["value"](normal) or (isinstance(normal, time) and normal.tzinfo)
        assert codec.check({"value": normal, "id": ObjectId()}, {}) == codec.checks["value"](normal)
        assert codec.take({"value": normal, "id": ObjectId()}, {}) >= codec.checks["value"](normal)


MODELS = {name: model(name, case) for name, case in CASES.items()}


@pytest.mark.promise("D10")
@pytest.mark.parametrize("name", CASES)
@QUARTER
@given(data=st.data())
def test_checker_and_marshmallow_agree_on_every_type(name: str, data: st.DataObject) -> None:
    case = CASES[name]
    others = st.sampled_from([value for other in CASES.values() for value in (*other.edges, *other.wrong)])
    assert_they_agree(MODELS[name], data.draw(case.values | st.sampled_from([*case.edges, *case.wrong]) | others))


def holder(name: str, annotation: Any) -> tuple[Any, Any]:
    """Make an embedded model with the fields `value` and `note`, and a model of one such and a list of them."""
    inner = type(f"{name}Inner", (quorum.EmbeddedModel,), {
        "__annotations__": {"value": annotation, "note": str | None}, "__module__": __name__, "note": None,
    })  # fmt: skip
    outer = {"__annotations__": {"one": inner | None, "many": list[inner]}, "__module__": __name__, "one": None}  # type: ignore[valid-type]
    return inner, type(f"{name}Holder", (quorum.Model,), {**outer, "many": []})


HOLDERS = {name: holder("".join(map(str.title, name.split())), case.annotation) for name, case in CASES.items()}


def outcome(make: Callable[[], Any]) -> Any:
    """Give the messages about a document, or what would be stored and shown of it."""
    try:
        document = make()
        document.validate()
    except ValidationError as error:
        return error.messages
    shown = document.dump()
    stored = document.changes()["$set"]
    document.one.note = "changed"
    document.validate()
    return stored, shown, document.changes()["$set"]["one"]


@pytest.mark.parametrize("name", CASES)
@QUARTER
@given(data=st.data())
def test_a_dict_is_stored_and_shown_as_its_embedded_document_would_be(name: str, data: st.DataObject) -> None:
    case = CASES[name]
    value = data.draw(case.values | st.sampled_from([*case.edges, *case.wrong]))
    inner, outer = HOLDERS[name]
    identifier = ObjectId()

    def of_dicts() -> Any:
        given = {"value": copy.deepcopy(value)}
        return outer(id=identifier, one=given, many=[dict(given)])

    def of_objects() -> Any:
        try:
            made = [inner(value=copy.deepcopy(value)) for _ in range(2)]
        except ValidationError as error:
            raise ValidationError({"one": error.messages, "many": {0: error.messages}}) from None
        return outer(id=identifier, one=made[0], many=made[1:])

    assert same(outcome(of_dicts), outcome(of_objects))


WITH_OPTIONS = {
    name: model(name, Case(annotation, st.none(), [], []), **options)
    for name, (annotation, options, _) in OPTIONS.items()
}


@pytest.mark.parametrize("name", OPTIONS)
@QUARTER
@given(data=st.data())
def test_checker_and_marshmallow_agree_on_every_option(name: str, data: st.DataObject) -> None:
    others = st.sampled_from([None, 3, True, "a", 1.5, b"a", [], {}, "a@example.com", "http://example.com"])
    assert_they_agree(WITH_OPTIONS[name], data.draw(OPTIONS[name][2] | others))


#: A type and its options; a value; marshmallow's own field, whose messages hold.
MESSAGES: dict[str, tuple[Any, dict[str, Any], Any, mf.Field[Any]]] = {
    "str": (str, {}, 3, mf.String()),
    "str not utf-8": (str, {}, b"\xff", mf.String()),
    "int": (int, {}, "a", mf.Integer()),
    "int from float": (int, {}, 3.7, mf.Integer(strict=True)),
    "float": (float, {}, "a", mf.Float()),
    "float nan": (float, {}, float("nan"), mf.Float()),
    "bool": (bool, {}, "maybe", mf.Boolean()),
    "Decimal": (Decimal, {}, "a", mf.Decimal()),
    "Decimal nan": (Decimal, {}, Decimal("NaN"), mf.Decimal()),
    "datetime": (datetime, {}, 3.5, mf.DateTime()),
    "date": (date, {}, "a", mf.Date()),
    "time": (time, {}, "a", mf.Time()),
    "None": (str, {}, None, mf.String()),
    "None in a list": (list[str], {}, ["a", None], mf.List(mf.String())),
    "None of a required": (str | None, {"required": True}, None, mf.String()),
    "list": (list[str], {}, "a", mf.List(mf.String())),
    "items": (list[str], {}, ["a", 1, b"\xff"], mf.List(mf.String())),
    "dict": (dict[str, int], {}, [], mf.Dict(values=mf.Integer())),
    "max_length": (str, {"max_length": 3}, "abcd", mf.String(validate=validate.Length(max=3))),
    "min_length": (list[int], {"min_length": 1}, [], mf.List(mf.Integer(), validate=validate.Length(min=1))),
    "both lengths": (str, {"min_length": 1, "max_length": 2}, "", mf.String(validate=validate.Length(1, 2))),
    "min": (int, {"min": 3}, 2, mf.Integer(validate=validate.Range(min=3))),
    "min and max": (int, {"min": 3, "max": 4}, 5, mf.Integer(validate=validate.Range(3, 4))),
    "regex": (str, {"regex": "a"}, "b", mf.String(validate=validate.Regexp("a"))),
    "choices": (str, {"choices": ["a", "b"]}, "c", mf.String(validate=validate.OneOf(["a", "b"]))),
    "email": (str, {"format": "email"}, "a", mf.Email()),
    "url": (str, {"format": "url"}, "a", mf.Url()),
    "ipv4": (str, {"format": "ipv4"}, "a", mf.IPv4()),
    "ipv6": (str, {"format": "ipv6"}, "a", mf.IPv6()),
    "validator": (int, {"validate": validate.Equal(2)}, 3, mf.Integer(validate=validate.Equal(2))),
    "several": (
        str, {"max_length": 1, "regex": "b", "validate": validate.Equal("b")}, "aa",
        mf.String(validate=[validate.Length(max=1), validate.Regexp("b"), validate.Equal("b")]),
    ),
}  # fmt: skip


@pytest.mark.promise("D10")
@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_is_marshmallows(name: str) -> None:
    annotation, options, value, field = MESSAGES[name]
    cls = model("subject", Case(annotation, st.none(), [], []), **options)
    with pytest.raises(marshmallow.ValidationError) as theirs:
        field.deserialize(value)
    if name == "str not utf-8":
        value = "\ud800"
    elif name == "items":
        value = ["a", 1, "\ud800"]
    with pytest.raises(ValidationError) as ours:
        cls(value=value).validate()
    assert ours.value.messages == {"value": theirs.value.messages}
    assert isinstance(ours.value, marshmallow.ValidationError)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_tells_right_text_from_wrong(name: str) -> None:
    right, wrong = FORMATS[name]
    cls = model("subject", Case(str, st.none(), [], []), format=name)
    for value in right:
        cls(value=value).validate()
    accepted = []
    for value in wrong:
        try:
            cls(value=value).validate()
            accepted.append(value)
        except ValidationError as error:
            assert len(error.messages["value"]) == 1  # noqa: PT017
    assert accepted == []


class Line(quorum.EmbeddedModel):
    text: str = quorum.field(max_length=3)
    amount: int = quorum.field(default=0, min=0)

    @quorum.validates("text")
    def _no_x(self, value: str) -> None:
        if "x" in value:
            raise ValidationError("No x.")


class Order(quorum.Model):
    name: str = quorum.field(max_length=5)
    note: str | None = None
    nick: str = quorum.field(required=False)
    must: str | None = quorum.field(required=True)
    code: str | None = quorum.field(unique=True, default=None)
    head: Line | None = None
    lines: list[Line] = []
    named: dict[str, list[Line]] = {}
    tree: Node | None = None
    loose: Any = 0
    scores: dict[str, list[int]] = {}

    @quorum.validates("name", "note")
    def _no_q(self, value: str) -> str:
        if "q" in value:
            raise marshmallow.ValidationError("No q.")
        return value.upper()

    @quorum.validates("name")
    def _no_capital(self, value: str) -> None:
        if value[:1].isupper():
            raise ValidationError(["No capital.", "Really."])


def problems_of(call: Callable[[], Any]) -> Any:
    with pytest.raises(ValidationError) as caught:
        call()
    assert caught.value.model == "Order"
    return caught.value.messages


PATHS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "embedded": (
        {"head": {"text": "long"}}, {"head": {"text": ["Longer than maximum length 3."]}}, "head.text: Longer",
    ),
    "embedded, missing": (
        {"head": {"amount": 1}}, {"head": {"text": ["Missing data for required field."]}}, "head.text: Missing",
    ),
    "embedded, type": ({"head": {"text": 1}}, {"head": {"text": ["Not a valid string."]}}, "head.text: Not"),
    "list": (
        {"lines": [{"text": "a"}, {"text": "long", "amount": -1}]},
        {"lines": {1: {
            "text": ["Longer than maximum length 3."], "amount": ["Must be greater than or equal to 0."]
        }}},
        "lines.1.text: Longer than maximum length 3.; lines.1.amount: Must",
    ),
    "dict of lists": (
        {"named": {"a": [{"text": "a"}], "b": [{"text": "ax"}]}}, {"named": {"b": {0: {"text": ["No x."]}}}},
        "named.b.0.text: No x.",
    ),
    "tree": (
        {"tree": {"name": "a", "children": [{"name": "b"}, {"name": "c", "children": [{"name": 3}]}]}},
        {"tree": {"children": {1: {"children": {0: {"name": ["Not a valid string."]}}}}}},
        "tree.children.1.children.0.name: Not",
    ),
    "any": (
        {"loose": {"a": [1, {"b": float("nan")}]}},
        {"loose": {"a": {1: {"b": ["Special numeric values (nan or infinity) are not permitted."]}}}},
        "loose.a.1.b: Special",
    ),
    "numbers": ({"scores": {"a": [1, "2", True]}},
        {"scores": {"a": {1: ["Not a valid integer."], 2: ["Not a valid integer."]}}}, "scores.a.1: Not"),
}  # fmt: skip


@pytest.mark.parametrize("name", PATHS)
def test_an_error_carries_the_path_to_it(name: str) -> None:
    given, messages, text = PATHS[name]
    with pytest.raises(ValidationError) as caught:
        Order(name="a", must="a", **copy.deepcopy(given)).validate()
    assert caught.value.messages == messages
    assert str(caught.value).startswith(f"Order: {text}")
    order = Order(name="a", must="a")

    def assign() -> None:
        for field, value in copy.deepcopy(given).items():
            setattr(order, field, value)
        order.validate()

    assert problems_of(assign) == messages


def test_all_problems_are_told_at_once() -> None:
    order = Order(name="longer", note="q", head=Line(text="long"), lines=[Line(text="x")])
    assert problems_of(order.validate) == {
        "name": ["Longer than maximum length 5."],
        "must": ["Missing data for required field."],
        "note": ["No q."],
        "head": {"text": ["Longer than maximum length 3."]},
        "lines": {0: {"text": ["No x."]}},
    }
    assert problems_of(lambda: Order(name=1, note=2, lines=3)) == {  # type: ignore[arg-type]
        "name": ["Not a valid string."],
        "note": ["Not a valid string."],
        "lines": ["Not a valid list."],
    }


def test_validators_of_a_field_run_in_turn_and_what_they_return_is_ignored() -> None:
    assert problems_of(Order(name="Aq", must="a").validate) == {"name": ["No capital.", "Really.", "No q."]}
    order = Order(name="ab", must="a")
    order.validate()
    assert order.name == "ab"


def test_a_validator_sees_no_none_and_no_wrong_value(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(Order, "_no_q", lambda order, value: seen.append(value))
    Order(name="a", note=None, must="a").validate()
    problems_of(Order(name="longer", note="b", must="a").validate)
    assert seen == ["a", "b"]


def test_a_validator_runs_for_what_changed_only(
    load: Callable[..., None], any_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(any_url, Order)
    order = Order(name="a", note="b", must="a").save()
    found = Order.get(order.id)
    seen: list[Any] = []
    monkeypatch.setattr(Order, "_no_q", lambda order, value: seen.append(value))
    assert (found.name, found.note) == ("a", "b")
    found.note = "c"
    found.save()
    assert seen == ["c"]


class Span(quorum.Model):
    name: str = quorum.field(max_length=3)
    start: int
    end: int

    @quorum.validates("start", "end")
    def _in_order(self, value: int) -> None:
        if self.end < self.start:
            raise ValidationError("Ends before it starts.")


REQUIRED = ["Missing data for required field."]
ORDER = ["Ends before it starts."]


@pytest.mark.promise("I5")
@pytest.mark.parametrize(
    ("data", "problems"),
    [
        ({"name": "a", "end": 1}, {"start": REQUIRED}),
        (
            {"name": "long", "start": 2, "end": 1},
            {"name": ["Longer than maximum length 3."], "start": ORDER, "end": ORDER},
        ),
        ({"start": 2, "end": 1}, {"name": REQUIRED, "start": ORDER, "end": ORDER}),
        ({"start": "x", "end": 1}, {"name": REQUIRED, "start": ["Not a valid integer."]}),
        ({}, {"name": REQUIRED, "start": REQUIRED, "end": REQUIRED}),
    ],
)
def test_what_rules_say_is_told_together_with_all_else(data: dict[str, Any], problems: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        Span.new(data).validate()
    assert caught.value.messages == problems


def test_a_rule_is_asked_beside_an_embedded_document_that_is_wrong() -> None:
    data = {"must": "a", "name": "q", "lines": [{"text": "ok"}, {"text": "ax"}]}
    assert problems_of(lambda: Order.new(data)) == {"name": ["No q."], "lines": {1: {"text": ["No x."]}}}


def test_a_rule_on_two_fields_is_asked_whichever_of_them_changes(any_url: str, load: Callable[..., None]) -> None:
    load(any_url, Span)
    span = Span(name="a", start=1, end=2).save()
    for data in ({"start": 3}, {"end": 0}):
        with pytest.raises(ValidationError) as caught:
            span.apply(data)
        assert caught.value.messages == dict.fromkeys(data, ORDER)
    assert (span.start, span.end, span.changes()) == (1, 2, {})


def test_a_rule_that_asks_for_what_does_not_exist_is_not_swallowed() -> None:
    class Odd(quorum.Model):
        name: str

        @quorum.validates("name")
        def _ask(self, value: str) -> Any:
            return self.nothing if value == "own" else Span().start

    for value in ("own", "another's"):
        with pytest.raises(AttributeError):
            Odd(name=value).validate()


def test_a_rule_that_asks_for_a_moment_which_saving_fills_in_is_not_passed_over() -> None:
    class Offer(quorum.Model, quorum.Timestamped):
        ends: datetime

        @quorum.validates("ends")
        def _after(self, value: datetime) -> None:
            if value < self.created_at:
                raise ValidationError("Is over.")

    with pytest.raises(AttributeError, match=r"Offer\.created_at has not been set"):
        Offer(ends=datetime(2020, 1, 1)).validate()


def test_a_validator_is_inherited_and_can_be_replaced() -> None:
    class Base(quorum.Model):
        name: str

        class Meta:
            abstract = True

        @quorum.validates("name")
        def check(self, value: str) -> None:
            raise ValidationError("Base.")

    class Kept(Base):
        pass

    class Replaced(Base):
        @quorum.validates("name")
        def check(self, value: str) -> None:
            raise ValidationError("Replaced.")

    for cls, message in ((Kept, "Base."), (Replaced, "Replaced.")):
        with pytest.raises(ValidationError) as caught:
            cls(name="a").validate()
        assert caught.value.messages == {"name": [message]}


def test_another_error_in_a_validator_is_not_swallowed() -> None:
    def broken(value: Any) -> None:
        raise ZeroDivisionError

    cls = model("subject", Case(int, st.none(), [], []), validate=broken)
    with pytest.raises(ZeroDivisionError):
        cls(value=1).validate()


@pytest.mark.promise("D12")
def test_none_and_missing_are_told_apart() -> None:
    order = Order(must="a")
    assert problems_of(order.validate) == {"name": ["Missing data for required field."]}
    assert problems_of(lambda: Order(name=None, must="a")) == {"name": ["Field may not be null."]}  # type: ignore[arg-type]
    assert problems_of(Order(name="a", must=None).validate) == {"must": ["Field may not be null."]}
    assert problems_of(Order(name="a").validate) == {"must": ["Missing data for required field."]}
    assert problems_of(lambda: setattr(order, "nick", None)) == {"nick": ["Field may not be null."]}
    Order(name="a", must="a", note=None).validate()
    with pytest.raises(AttributeError, match=r"Order\.name has not been set"):
        order.name  # noqa: B018


@pytest.mark.promise("D12")
def test_what_is_stored_of_none_and_missing(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Order)
    order = Order(name="a", must="a").save()
    stored = Order.collection.find_one()
    assert stored is not None
    assert stored["note"] is None
    assert "nick" not in stored
    assert order.nick is None
    order.note = "b"
    order.save()
    order.note = None
    order.save()
    assert Order.collection.find_one() == stored


@pytest.mark.promise("D12")
def test_a_missing_stored_field_reads_as_its_default_and_is_left_missing(
    load: Callable[..., None], any_url: str
) -> None:
    load(any_url, Order)
    Order.collection.insert_one({"name": "a", "must": "b"})
    order = Order.find()[0]
    assert (order.note, order.lines, order.loose, order.nick) == (None, [], 0, None)
    assert order.changes() == {}
    order.name = "c"
    order.save()
    assert set(Order.collection.find_one() or {}) == {"_id", "name", "must"}
    order.note = None
    assert order.changes() == {"$set": {"note": None}}


@pytest.mark.promise("D12")
def test_two_documents_without_an_optional_unique_value_both_save(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Order)
    Order.collection.insert_one({"name": "missing"})
    for name in ("a", "b"):
        Order(name=name, must="a").save()
    assert Order.count(code=None) == 3
    Order(name="c", must="a", code="1").save()
    assert problems_of(Order(name="d", must="a", code="1").save) == {"code": ["Already exists."]}


def test_an_invalid_document_is_not_sent(load: Callable[..., None], mongo_url: str, commands: Commands) -> None:
    load(mongo_url, Order)
    order = Order(name="a", must="a").save()
    commands.clear()
    order.name = "longer"
    assert problems_of(order.save) == {"name": ["Longer than maximum length 5."]}
    assert problems_of(Order(name="longer", must="a").save) == {"name": ["Longer than maximum length 5."]}
    assert commands.names == []


def test_a_private_value_is_in_no_message() -> None:
    class Account(quorum.Model):
        token: str = quorum.field(private=True, max_length=5, regex="[a-z]+$", choices=["abc"])
        number: int = quorum.field(private=True, default=1)
        pairs: dict[str, int] = quorum.field(private=True, default={})

    for make in (
        lambda: Account(token="SECRET123").validate(),
        lambda: Account(token="abc", number="SECRET123"),  # type: ignore[arg-type]
        lambda: Account(token="abc", pairs={"SECRET123\0": 1}),
        lambda: Account(token="abc", pairs={"a": "SECRET123"}),  # type: ignore[dict-item]
    ):
        with pytest.raises(ValidationError) as caught:
            make()
        assert "SECRET" not in str(caught.value) + repr(caught.value) + repr(caught.value.messages)


@pytest.mark.promise("D10")
def test_what_bson_cannot_hold_is_refused_without_showing_it(
    load: Callable[..., None], mongo_url: str, commands: Commands
) -> None:
    class Vault(quorum.Model):
        text: str = quorum.field(private=True, default="")
        loose: Any = quorum.field(private=True, default=None)

    load(mongo_url, Vault)
    vault = Vault().save()
    commands.clear()
    for values, problem in (
        ({"text": "SECRET" * 3_000_000}, "too large"),
        ({"loose": Code("x", {"a": {"SECRET"}})}, "it holds a value that BSON has no type for"),
    ):
        for document in (Vault(**values), vault):
            vars(document).update(values)
            with pytest.raises(ValidationError, match=problem) as caught:
                document.save()
            assert "SECRET" not in str(caught.value)
        vault.reload()
    assert {"insert", "update"} & set(commands.names) == set()


class Odd(quorum.Model):
    number: int = quorum.field(validate=lambda value: value % 2 == 1)


def test_a_validator_that_gives_false_refuses() -> None:
    Odd(number=3).validate()
    with pytest.raises(quorum.ValidationError) as caught:
        Odd(number=4).validate()
    assert caught.value.messages == {"number": ["Invalid value."]}


class Entry(quorum.Model, quorum.Timestamped):
    number: int = quorum.field(increment=True)


@pytest.mark.promise("D11")
def test_a_moment_that_is_given_is_the_same_one_when_it_is_read(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Entry)
    noon = datetime(2020, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    entry = Entry(created_at=noon).save()
    assert Entry.get(entry.id).created_at == noon == entry.created_at
    assert entry.created_at.tzinfo is UTC


@pytest.mark.promise("D10")
@pytest.mark.parametrize("values", [{"number": "7"}, {"number": 7.5}, {"created_at": "2020-01-01"}, {"updated_at": 5}])
def test_a_wrong_value_for_what_is_filled_in_is_refused(values: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Entry(**values)
    assert list(caught.value.messages) == list(values)


class Name(quorum.EmbeddedModel):
    text: str = ""
    slug: str = ""

    @quorum.validates("text")
    def _make_slug(self, text: str) -> None:
        self.slug = text.lower()


class Page(quorum.Model):
    name: Name = Name()
    names: list[Name] = []


def test_what_a_method_of_an_embedded_model_sets_is_saved_with_it(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Page)
    page = Page.get(Page(names=[Name()]).save().id)
    page.name.text = page.names[0].text = "A"
    page.save()
    found = Page.get(page.id)
    assert (found.name.slug, found.names[0].slug, page.changes()) == ("a", "a", {})


def found_by(call: Callable[[], Any]) -> Any:
    try:
        call()
    except ValidationError as error:
        return error.messages
    return {}


class Talk(quorum.Model):
    title: str = ""
    slug: str = quorum.field(max_length=8, default="")
    seats: int = quorum.field(min=0, default=0)

    @quorum.validates("title")
    def _fill_in(self, title: str) -> None:
        self.slug = title.lower()
        self.seats = 10 - len(title)

    @quorum.validates("slug")
    def _no_space(self, slug: str) -> None:
        if " " in slug:
            raise ValidationError("No space.")


@pytest.mark.parametrize("is_stored", [False, True])
@pytest.mark.parametrize(
    ("title", "problems"),
    [
        ("Mongo", {}),
        ("Mongo DB", {"slug": ["No space."]}),
        ("MongoDBase", {"slug": ["Longer than maximum length 8."]}),
        ("Mongo DBase", {"slug": ["Longer than maximum length 8."], "seats": ["Must be greater than or equal to 0."]}),
    ],
)
def test_what_a_method_sets_is_checked_as_what_is_given(
    load: Callable[..., None], mock_url: str, is_stored: bool, title: str, problems: dict[str, Any]
) -> None:
    load(mock_url, Talk)
    talk = Talk(title="A").save() if is_stored else Talk()
    talk.title = title
    assert (found_by(talk.validate), found_by(talk.save)) == (problems, problems)


def test_what_a_method_of_an_embedded_model_sets_is_checked_too() -> None:
    class Short(quorum.EmbeddedModel):
        text: str = ""
        slug: str = quorum.field(max_length=3, default="")

        @quorum.validates("text")
        def _make_slug(self, text: str) -> None:
            self.slug = text.lower()

    class Book(quorum.Model):
        name: Short = Short()

    problems = {"name": {"slug": ["Longer than maximum length 3."]}}
    assert found_by(Book(name=Short(text="Long")).validate) == problems


def test_methods_that_contradict_each_other_come_to_an_end() -> None:
    class Swing(quorum.Model):
        one: int = quorum.field(max=5, default=0)
        other: int = 0

        @quorum.validates("one")
        def _change_other(self, one: int) -> None:
            self.other += 1

        @quorum.validates("other")
        def _change_one(self, other: int) -> None:
            self.one += 1

    swing = Swing()
    swing.validate()
    assert swing.one <= 5
    assert found_by(Swing(one=4).validate) == {"one": ["Must be less than or equal to 5."]}
