"""Every type, with every value: equal after it was stored and read, or refused before anything is sent."""

from __future__ import annotations

import copy
import enum
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import bson
import marshmallow
import pytest
from bson.datetime_ms import DatetimeMS
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from commands import Commands
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from values import CASES, Part, model

import quorum
from quorum.errors import StoredValueError, ValidationError
from quorum.models.documents import same

FIELDS = {name.replace(" ", "_").lower(): case for name, case in CASES.items()}

Everything: Any = type(
    "Everything",
    (quorum.Model,),
    {"__annotations__": {name: case.annotation for name, case in FIELDS.items()}, "__module__": __name__},
)

everythings = st.fixed_dictionaries({name: case.values for name, case in FIELDS.items()})


class Holder(quorum.Model):
    texts: list[str] = []
    numbers: set[int] = set()
    prices: dict[str, Decimal] = {}
    parts: list[Part] = []
    loose: Any = None
    real: float = 0.0
    whole: int = 0
    moment: datetime | None = None
    day: date | None = None
    special: float = quorum.field(default=0.0, allow_nan=True)


def fields_of(document: Any) -> dict[str, Any]:
    return {name: getattr(document, name) for name in FIELDS}


def differing(one: Any, other: Any) -> list[str]:
    """The fields whose values differ in value or, at any depth, in type."""
    found, wanted = fields_of(one), fields_of(other)
    return [name for name in FIELDS if not alike(found[name], wanted[name])]


def alike(one: Any, other: Any) -> bool:
    if isinstance(one, (set, frozenset)):
        return type(one) is type(other) and one == other and sorted(map(repr, one)) == sorted(map(repr, other))
    return same(one, other)


def assigned_to(document: Any, value: Any) -> Any:
    changed = copy.copy(document)
    changed.value = value
    return changed


@pytest.mark.promise("D10")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(values=everythings)
def test_any_values_are_equal_after_save_and_load(
    load: Callable[..., None], monkeypatch: pytest.MonkeyPatch, any_url: str, values: dict[str, Any]
) -> None:
    if quorum.APP is None:
        load(any_url, Everything)
    document = Everything(**values).save()
    found = Everything.get(document.id)
    assert differing(document, found) == []
    assert found.changes() == {}


@pytest.mark.promise("D10")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(values=everythings)
def test_any_values_are_equal_after_an_update(
    load: Callable[..., None], monkeypatch: pytest.MonkeyPatch, mongo_url: str, values: dict[str, Any]
) -> None:
    if quorum.APP is None:
        load(mongo_url, Everything)
        Everything(**{name: case.edges[0] for name, case in FIELDS.items()}).save()
    document = Everything.first()
    for name, value in values.items():
        setattr(document, name, value)
    document.save()
    assert differing(document, Everything.first()) == []
    assert document.changes() == {}


@pytest.mark.promise("D10")
@pytest.mark.promise("D11")
@pytest.mark.parametrize("name", CASES)
def test_the_edges_of_a_type_are_equal_after_save_and_load(load: Callable[..., None], any_url: str, name: str) -> None:
    cls = model(name, CASES[name])
    load(any_url, cls)
    for value in CASES[name].edges:
        document = cls(value=copy.deepcopy(value)).save()
        found = cls.get(document.id)
        assert alike(found.value, document.value), value
        assert found.changes() == {}, value


@pytest.mark.promise("D10")
@pytest.mark.parametrize("name", CASES)
def test_a_wrong_value_is_refused_before_anything_is_sent(
    load: Callable[..., None], mongo_url: str, commands: Commands, name: str
) -> None:
    case = CASES[name]
    cls = model(name, case)
    load(mongo_url, cls)
    document = cls(value=copy.deepcopy(case.edges[0])).save()
    commands.clear()
    for value in case.wrong:
        with pytest.raises(ValidationError) as made:
            cls(value=value).save()
        with pytest.raises(ValidationError) as assigned:
            assigned_to(document, value).save()
        assert made.value.messages == assigned.value.messages
        assert list(made.value.messages) == ["value"]
        assert made.value.model == cls.__name__
        assert str(made.value).startswith(f"{cls.__name__}: value")
    assert commands.names == []


CHANGES: dict[str, Callable[[Holder], Any]] = {
    "list": lambda holder: holder.texts.append(3),  # type: ignore[arg-type]
    "list by slice": lambda holder: holder.texts.__setitem__(slice(None), ["\ud800"]),
    "set": lambda holder: holder.numbers.add(2**63),
    "dict": lambda holder: holder.prices.update(a=Decimal("NaN")),
    "dict's key": lambda holder: holder.prices.update({"a\0": Decimal(1)}),
    "any": lambda holder: holder.loose.append({"a": {1, 2}}),
    "any, deep": lambda holder: holder.loose[0].update({"": 1}),
    "embedded": lambda holder: holder.parts[0].marks.append(None),  # type: ignore[arg-type]
    "list of embedded": lambda holder: holder.parts.append("part"),  # type: ignore[arg-type]
}


@pytest.mark.promise("D10")
@pytest.mark.parametrize("change", CHANGES)
def test_a_wrong_value_put_in_a_container_is_refused_at_save(
    load: Callable[..., None], mongo_url: str, commands: Commands, change: str
) -> None:
    load(mongo_url, Holder)
    holder = Holder(loose=[{}], parts=[Part(text="a")]).save()
    for document in (holder, Holder.get(holder.id)):
        CHANGES[change](document)
        commands.clear()
        with pytest.raises(ValidationError):
            document.save()
        assert commands.names == []


def test_a_right_value_put_in_a_container_is_stored_in_its_normal_form(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Holder)
    holder = Holder(loose=[]).save()
    holder.loose.append(datetime(2020, 1, 1, 12))
    holder.prices["a"] = 3  # type: ignore[assignment]
    holder.parts.append({"text": "a"})  # type: ignore[arg-type]
    holder.save()
    found = Holder.get(holder.id)
    assert found.loose == [datetime(2020, 1, 1, 12, tzinfo=UTC)] == holder.loose
    assert found.prices == {"a": Decimal(3)} == holder.prices
    assert found.parts == [Part(text="a")] == holder.parts


@pytest.mark.promise("D11")
def test_a_datetime_is_kept_in_utc_and_whole_milliseconds(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Holder)
    given = datetime(2020, 6, 1, 12, 0, 0, 123456, timezone(timedelta(hours=2)))
    holder = Holder(moment=given)
    assert holder.moment == datetime(2020, 6, 1, 10, 0, 0, 123000, UTC)
    assert holder.moment.tzinfo is UTC
    assert Holder.get(holder.save().id).moment == holder.moment
    assert Holder(moment=datetime(2020, 6, 1)).moment == datetime(2020, 6, 1, tzinfo=UTC)


@pytest.mark.promise("D11")
def test_a_date_is_stored_as_midnight_utc(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Holder)
    Holder(day=date(2020, 2, 29)).save()
    stored = Holder.collection.find_one()
    assert stored is not None
    assert stored["day"] == datetime(2020, 2, 29, tzinfo=UTC)


@pytest.mark.promise("D11")
def test_a_decimal_keeps_its_digits(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Holder)
    Holder(prices={"a": Decimal("1.10")}).save()
    stored = Holder.collection.find_one()
    assert stored is not None
    assert stored["prices"] == {"a": Decimal128("1.10")}
    assert str(Holder.get(stored["_id"]).prices["a"]) == "1.10"


@pytest.mark.promise("D11")
@pytest.mark.promise("D9")
@pytest.mark.parametrize("stored", [2**60, -(2**60), 253402300800000, -62135596800001])
def test_a_stored_date_out_of_range_breaks_only_itself(load: Callable[..., None], mock_url: str, stored: int) -> None:
    load(mock_url, Holder)
    Holder.collection.insert_one({"_id": (good := bson.ObjectId()), "texts": ["a"], "loose": 1})
    Holder.collection.insert_one({"_id": (bad := bson.ObjectId()), "moment": DatetimeMS(stored), "texts": ["b"]})
    first, second = Holder.find().sort("id")
    assert (first.id, first.moment) == (good, None)
    assert second.texts == ["b"]
    with pytest.raises(StoredValueError, match=rf"Holder\.moment of document .*{bad}.*DatetimeMS") as caught:
        second.moment  # noqa: B018
    assert (caught.value.model, caught.value.field, caught.value.id) == ("Holder", "moment", bad)
    second.texts.append("c")
    second.save()
    assert Holder.collection.find_one(bad) == {"_id": bad, "moment": DatetimeMS(stored), "texts": ["b", "c"]}
    second.moment = datetime(2020, 1, 1)
    second.save()
    assert Holder.get(bad).moment == datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.promise("D11")
def test_the_driver_decodes_a_date_out_of_range(load: Callable[..., None], mongo_url: str) -> None:
    """The server of these tests stores no such date, so the bytes are made here."""
    load(mongo_url, Holder)
    found = bson.decode(bson.encode({"at": DatetimeMS(2**60)}), quorum.get_mongo_db().codec_options)
    assert found == {"at": DatetimeMS(2**60)}


@pytest.mark.promise("D11")
@pytest.mark.parametrize("stored", [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999000)])
def test_the_first_and_the_last_moment_are_read(load: Callable[..., None], any_url: str, stored: datetime) -> None:
    load(any_url, Holder)
    Holder.collection.insert_one({"moment": stored, "day": stored})
    found = Holder.get(moment=stored)
    assert found.moment == stored.replace(tzinfo=UTC)
    assert found.day == stored.date()


@pytest.mark.promise("D10")
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_allow_nan_lets_special_numbers_pass(load: Callable[..., None], any_url: str, value: float) -> None:
    load(any_url, Holder)
    holder = Holder(special=value).save()
    found = Holder.get(holder.id)
    assert str(found.special) == str(value)
    assert found.changes() == {}
    assert found.dump()["special"] is None


@pytest.mark.promise("D10")
@pytest.mark.parametrize(("stored", "read"), [(3, 3.0), (Int64(2**53), float(2**53)), (-0.0, -0.0)])
def test_a_stored_int_is_read_as_a_float_and_left_as_it_is(
    load: Callable[..., None], any_url: str, stored: Any, read: float
) -> None:
    load(any_url, Holder)
    Holder.collection.insert_one({"real": stored})
    found = Holder.find()[0]
    assert same(found.real, read)
    assert found.changes() == {}


@pytest.mark.promise("D10")
@pytest.mark.parametrize(
    "wrong", [{"whole": 3.7}, {"whole": True}, {"whole": "3"}, {"texts": "a"}, {"texts": [1]}, {"numbers": {"a": 1}}]
)
def test_a_stored_value_of_another_type_is_not_read_as_its_own(
    load: Callable[..., None], any_url: str, wrong: dict[str, Any]
) -> None:
    load(any_url, Holder)
    Holder.collection.insert_one(dict(wrong))
    (name,) = wrong
    with pytest.raises(StoredValueError, match=rf"Holder\.{name}"):
        getattr(Holder.find()[0], name)


@pytest.mark.promise("D10")
@pytest.mark.parametrize("id", [None, "", "0" * 23, "g" * 24, b"0" * 12, 0, "\u0661" * 24])
def test_get_of_what_is_no_id_finds_nothing(load: Callable[..., None], any_url: str, id: Any) -> None:
    load(any_url, Holder)
    Holder().save()
    with pytest.raises(quorum.NotFoundError, match="There is no such Holder"):
        Holder.get(id)


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


class Shirt(quorum.Model):
    size: Size
    others: list[Size] = []


def test_an_enum_names_its_members_to_code_and_its_values_to_clients() -> None:
    members = ["Must be one of: Size.SMALL, Size.LARGE."]
    with pytest.raises(marshmallow.ValidationError) as theirs:
        marshmallow.fields.Enum(Size, by_value=True).deserialize("m")
    values = theirs.value.messages
    assert values == ["Must be one of: s, l."]
    with pytest.raises(ValidationError) as caught:
        Shirt(size="s", others=[Size.SMALL, "l"])  # type: ignore[arg-type, list-item]
    assert caught.value.messages == {"size": members, "others": {1: members}}
    with pytest.raises(ValidationError) as caught:
        Shirt.new({"size": "m", "others": ["l", "SMALL"]})
    assert caught.value.messages == {"size": values, "others": {1: values}}
    with pytest.raises(ValidationError) as caught:
        Shirt.find(size="m")
    assert caught.value.messages == {"size": values}
    assert Shirt.new({"size": "s"}).size is Size.SMALL
