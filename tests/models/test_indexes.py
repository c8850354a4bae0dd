"""Indexes: there before the first write, compared with what is declared; a unique violation names its fields."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pymongo
import pytest
from bson import ObjectId
from pymongo.collection import Collection

import quorum
from quorum.errors import ConfigurationError, ValidationError

ROOT = Path(__file__).resolve().parents[2]
Load = Callable[..., None]


class Address(quorum.EmbeddedModel):
    city: str = quorum.field(index=True, alias="c")
    number: str | None = quorum.field(unique=True, default=None, alias="n")


class Person(quorum.Model, quorum.Timestamped):
    name: str = quorum.field(unique=True)
    email: str | None = quorum.field(unique=True, default=None, alias="e")
    pin: str | None = quorum.field(unique=True, private=True, default=None)
    nick: str | None = quorum.field(index=True, sparse=True, default=None)
    address: Address | None = None
    given: str = ""
    rank: int = 0

    class Meta:
        collection = "people"
        indexes = [("given", "-rank"), {"fields": ["rank", "given"], "unique": True, "name": "by_rank"}, "address.city"]


class Key(quorum.Model):
    slug: str = quorum.field(primary=True)
    text: str = ""


class Animal(quorum.Model):
    name: str = quorum.field(unique=True, default="")


class Dog(Animal):
    chip: int = quorum.field(unique=True)


def keys(model: Any) -> dict[str, Any]:
    return {name: found["key"] for name, found in model.collection.index_information().items()}


def person(number: int, **values: Any) -> Person:
    return Person(**{"name": f"name {number}", "rank": number, **values})


@pytest.mark.promise("D14")
def test_indexes_are_made_by_load_with_nested_compound_and_named_ones(any_url: str, load: Load) -> None:
    load(any_url, Person)
    assert keys(Person) == {
        "_id_": [("_id", 1)],
        "name_1": [("name", 1)],
        "e_1": [("e", 1)],
        "pin_1": [("pin", 1)],
        "nick_1": [("nick", 1)],
        "address.c_1": [("address.c", 1)],
        "address.n_1": [("address.n", 1)],
        "given_1_rank_-1": [("given", 1), ("rank", -1)],
        "by_rank": [("rank", 1), ("given", 1)],
    }


@pytest.mark.promise("D14")
def test_indexes_that_are_there_are_not_made_again(mongo_url: str, load: Load, commands: Any) -> None:
    load(mongo_url, Person)
    assert commands.names.count("createIndexes") == 1
    quorum.unload()
    commands.clear()
    load(mongo_url, Person)
    assert "createIndexes" not in commands.names


@pytest.mark.promise("D14")
def test_the_conditions_of_optional_unique_indexes_are_known_again(mongo_url: str, load: Load) -> None:
    load(mongo_url, Typed, Key)
    before = Typed.collection.index_information()
    quorum.unload()
    load(mongo_url, Typed, Key)
    assert Typed.collection.index_information() == before


@pytest.mark.promise("D14")
def test_a_subclass_adds_its_indexes_to_the_shared_collection(
    any_url: str, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    load(any_url, Animal, Dog)
    assert set(keys(Animal)) == {"_id_", "name_1", "chip_1", "_type_1"}
    quorum.unload()
    load(any_url, Animal, Dog)
    assert [record.message for record in caplog.records if record.name == "quorum"] == []


@pytest.mark.promise("D14")
def test_documents_of_a_base_class_are_not_compared_by_the_unique_field_of_a_subclass(any_url: str, load: Load) -> None:
    load(any_url, Animal, Dog)
    for number in range(2):
        Animal(name=f"a{number}").save()
    Dog(name="d", chip=1).save()
    with pytest.raises(ValidationError, match="chip"):
        Dog(name="e", chip=1).save()
    assert Animal.count() == 3


class Typed(quorum.Model):
    """An optional unique field of each type."""

    text: str | None = quorum.field(unique=True, default=None)
    whole: int | None = quorum.field(unique=True, default=None)
    real: float | None = quorum.field(unique=True, default=None)
    price: Decimal | None = quorum.field(unique=True, default=None)
    moment: datetime | None = quorum.field(unique=True, default=None)
    data: bytes | None = quorum.field(unique=True, default=None)
    key: UUID | None = quorum.field(unique=True, default=None)
    other: ObjectId | None = quorum.field(unique=True, default=None)
    mixed: str | int | None = quorum.field(unique=True, default=None)
    rest: dict[str, int] | None = quorum.field(unique=True, default=None)
    items: list[str] | None = quorum.field(unique=True, default=None)
    friend: Key | None = quorum.reference(unique=True, default=None)
    whatever: Any = quorum.field(unique=True, default=None)


VALUES = {
    "text": "",
    "whole": -(2**63),
    "real": -1e308,
    "price": Decimal("-9e100"),
    "moment": datetime(1, 1, 1, tzinfo=UTC),
    "data": b"",
    "key": uuid4(),
    "other": ObjectId("0" * 24),
    "mixed": "a",
    "rest": {"a": 1},
    "items": ["a"],
    "friend": "a key",
    "whatever": 1.5,
}


@pytest.mark.promise("D12")
@pytest.mark.promise("D14")
@pytest.mark.parametrize("name", VALUES)
def test_an_optional_unique_value_is_unique_and_its_absence_is_not(any_url: str, load: Load, name: str) -> None:
    load(any_url, Typed, Key)
    Typed.collection.insert_one({})
    for _ in range(2):
        Typed().save()
    Typed(**{name: VALUES[name]}).save()
    with pytest.raises(ValidationError) as caught:
        Typed(**{name: VALUES[name]}).save()
    assert caught.value.messages == {name: ["Already exists."]}


class Part(quorum.EmbeddedModel):
    serial: str = quorum.field(unique=True)


class Machine(quorum.Model):
    engine: Part | None = None
    wheels: list[Part] = []


@pytest.mark.promise("D12")
@pytest.mark.promise("D14")
def test_a_unique_value_inside_of_what_is_absent_is_not_compared(any_url: str, load: Load) -> None:
    load(any_url, Machine)
    for _ in range(2):
        Machine().save()
    Machine(engine=Part(serial="1"), wheels=[Part(serial="2"), Part(serial="3")]).save()
    with pytest.raises(ValidationError) as caught:
        Machine(engine=Part(serial="1")).save()
    assert caught.value.messages == {"engine": {"serial": ["Already exists."]}}


@pytest.mark.promise("D14")
def test_a_unique_value_of_an_item_is_unique_among_documents(mongo_url: str, load: Load) -> None:
    load(mongo_url, Machine)
    Machine(wheels=[Part(serial="2"), Part(serial="3")]).save()
    with pytest.raises(ValidationError) as caught:
        Machine(wheels=[Part(serial="4"), Part(serial="3")]).save()
    assert caught.value.messages == {"wheels": {"serial": ["Already exists."]}}


@pytest.mark.promise("D12")
def test_two_documents_without_an_optional_unique_value_both_save(any_url: str, load: Load) -> None:
    load(any_url, Person)
    for number in range(2):
        person(number, address=Address(city="Porto")).save()
    assert Person.count(email=None) == 2


@pytest.mark.promise("D12")
def test_an_optional_unique_value_can_be_given_up(any_url: str, load: Load) -> None:
    load(any_url, Person)
    first, second = person(1, email="a@b.c").save(), person(2).save()
    first.email = None
    first.save()
    second.email = "a@b.c"
    second.save()
    assert Person.get(email="a@b.c") == second


@pytest.mark.promise("D14")
def test_an_optional_unique_index_is_partial(mongo_url: str, load: Load) -> None:
    load(mongo_url, Person)
    found = Person.collection.index_information()
    assert found["e_1"]["partialFilterExpression"] == {"e": {"$gte": ""}}
    assert found["e_1"]["unique"] is True
    assert "partialFilterExpression" not in found["name_1"]


@pytest.mark.promise("D14")
def test_a_partial_index_serves_an_equality(mongo_url: str, load: Load) -> None:
    load(mongo_url, Person)
    assert "IXSCAN" in str(Person.find(email="a@b.c").explain()["queryPlanner"]["winningPlan"])


@pytest.mark.promise("D14")
def test_a_sparse_index_leaves_out_documents_without_the_field(any_url: str, load: Load) -> None:
    load(any_url, Person)
    assert Person.collection.index_information()["nick_1"]["sparse"] is True
    Person.collection.insert_one({"name": "bare", "rank": 1})
    assert Person.count() == 1


# What is stored already, and what differs.


@pytest.mark.promise("D14")
@pytest.mark.parametrize(
    ("documents", "field"),
    [
        ([{"name": "ann", "rank": 1}, {"name": "ann", "rank": 2}], "Person.name"),
        ([{"name": "a", "rank": 1, "e": "x"}, {"name": "b", "rank": 2, "e": "x"}], "Person.email"),
        ([{"name": "a", "rank": 1, "given": ""}, {"name": "b", "rank": 1, "given": ""}], "Person.rank, given"),
        (
            [{"name": "a", "rank": 1, "address": {"n": "1"}}, {"name": "b", "rank": 2, "address": {"n": "1"}}],
            "Person.address.number",
        ),
    ],
)
def test_duplicates_stored_already_are_an_error_that_names_the_field(
    mongo_url: str, load: Load, documents: list[dict[str, Any]], field: str
) -> None:
    with pymongo.MongoClient[dict[str, Any]](mongo_url) as client:
        client.get_default_database()["people"].insert_many(documents)
    with pytest.raises(ConfigurationError) as caught:
        load(mongo_url, Person)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{field} is declared unique, and documents with the same value are stored already")
    assert quorum.APP is None


@pytest.mark.promise("D14")
def test_private_duplicates_stored_already_are_not_shown(mongo_url: str, load: Load) -> None:
    with pymongo.MongoClient[dict[str, Any]](mongo_url) as client:
        people = client.get_default_database()["people"]
        people.insert_many([{"name": f"{number}", "rank": number, "pin": "hush"} for number in range(2)])
    with pytest.raises(ConfigurationError, match=r"Person\.pin") as caught:
        load(mongo_url, Person)
    assert "hush" not in str(caught.value)


@pytest.mark.promise("D14")
@pytest.mark.promise("D7")
def test_a_violation_of_a_private_field_is_logged_without_its_value(mongo_url: str, load: Load) -> None:
    load(mongo_url, Person)
    secret = str(1234567890 * 3)  # no traceback shows it as source
    Person(name="a", rank=1, pin=secret).save()
    with pytest.raises(ValidationError) as caught:
        Person(name="b", rank=2, pin=secret).save()
    assert caught.value.messages == {"pin": ["Already exists."]}
    assert secret not in "".join(traceback.format_exception(caught.value))


@pytest.mark.promise("D14")
def test_duplicates_on_mongomock_are_an_error_too(mock_url: str, load: Load) -> None:
    load(mock_url, Person)
    Person.collection.drop_index("name_1")
    Person.collection.insert_many([{"name": "ann", "rank": 1}, {"name": "ann", "rank": 2}])
    with pytest.raises(ConfigurationError, match=r"^Person\.a unique field is declared unique"):
        Person.ensure_indexes()


@pytest.mark.promise("D14")
@pytest.mark.parametrize(
    ("key", "options", "differing"),
    [
        ([("name", 1)], {}, "unique"),
        ([("name", 1)], {"unique": True, "sparse": True}, "sparse"),
        ([("e", 1)], {"unique": True, "name": "e_1"}, "partialFilterExpression"),
        ([("name", -1)], {"unique": True, "name": "name_1"}, "key"),
        ([("name", 1)], {"unique": True, "name": "another_name"}, "another_name"),
        ([("nick", 1)], {"sparse": True, "expireAfterSeconds": 5}, "expireAfterSeconds"),
    ],
)
def test_an_index_that_exists_with_other_options_is_an_error_that_says_what_to_do(
    mongo_url: str, load: Load, key: Any, options: dict[str, Any], differing: str
) -> None:
    with pymongo.MongoClient[dict[str, Any]](mongo_url) as client:
        client.get_default_database()["people"].create_index(key, **options)
        with pytest.raises(ConfigurationError, match=differing) as caught:
            load(mongo_url, Person)
        assert "Person.collection.drop_index(" in str(caught.value)
        client.get_default_database()["people"].drop_indexes()
        load(mongo_url, Person)
    assert len(keys(Person)) == 9


class Event(quorum.Model):
    title: str = ""
    body: str = ""
    by: str = ""
    at: datetime | None = None


def with_indexes(*entries: Any) -> Any:
    """Make the model `Event` with other indexes."""
    return type("Event", (quorum.Model,), {"__annotations__": dict(Event.__annotations__), "__module__": __name__,
        "at": None, "Meta": type("Meta", (), {"indexes": list(entries)})})  # fmt: skip


@pytest.mark.promise("D14")
@pytest.mark.parametrize(
    ("given", "wanted", "differing"),
    [
        ({"expireAfterSeconds": 0}, {}, "expireAfterSeconds"),
        ({}, {"expireAfterSeconds": 0}, "expireAfterSeconds"),
        ({"hidden": True}, {}, "hidden"),
        ({}, {"hidden": True}, "hidden"),
        ({"collation": {"locale": "en"}}, {}, "collation"),
        ({"collation": {"locale": "en", "strength": 1}}, {"collation": {"locale": "en", "strength": 2}}, "collation"),
        ({}, {"collation": {"locale": "en"}}, "collation"),
    ],
)
def test_an_option_that_differs_from_none_at_all_is_seen(
    mongo_url: str, load: Load, given: dict[str, Any], wanted: dict[str, Any], differing: str
) -> None:
    load(mongo_url, with_indexes({"fields": ["at"], **given}))
    quorum.unload()
    with pytest.raises(ConfigurationError, match=f"'at_1' of 'events' exists with another {differing} than"):
        load(mongo_url, with_indexes({"fields": ["at"], **wanted}))
    load(mongo_url, with_indexes({"fields": ["at"], **given}))


def index(*keys: tuple[str, Any], **options: Any) -> pymongo.IndexModel:
    return pymongo.IndexModel(list(keys), name="it", **options)


#: What is declared, and what MongoDB says of the index that it made.
TOLD: dict[str, tuple[Any, dict[str, Any]]] = {
    "collation": (
        index(("by", 1), collation={"locale": "en", "strength": 2}),
        {
            "key": [("by", 1)],
            "collation": {
                "locale": "en",
                "caseLevel": False,
                "caseFirst": "off",
                "strength": 2,
                "numericOrdering": False,
                "alternate": "non-ignorable",
                "maxVariable": "punct",
                "normalization": False,
                "backwards": False,
                "version": "57.1",
            },
        },
    ),
    "no collation": (index(("by", 1), collation={"locale": "simple"}), {"key": [("by", 1)]}),
    "text": (
        index(("title", "text"), ("body", "text"), weights={"title": 3}),
        {"key": [("_fts", "text"), ("_ftsx", 1)], "weights": {"body": 1, "title": 3}},
    ),
    "text between": (
        index(("by", 1), ("title", "text"), ("at", -1)),
        {"key": [("by", 1), ("_fts", "text"), ("_ftsx", 1), ("at", -1)], "weights": {"title": 1}},
    ),
}


@pytest.mark.promise("D14")
@pytest.mark.parametrize("name", TOLD)
def test_an_index_is_known_by_what_a_server_says_of_it(
    mongo_url: str, load: Load, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    declared, told = TOLD[name]
    monkeypatch.setattr(Collection, "index_information", lambda *_: {"it": told})
    load(mongo_url, with_indexes(declared))
    assert quorum.APP is not None


@pytest.mark.promise("D14")
@pytest.mark.parametrize(
    "declared",
    [
        index(("title", "text")),
        index(("title", "text"), ("body", "text")),
        index(("title", "text"), ("by", 1), weights={"title": 3}),
        index(("title", "text"), ("by", "text"), weights={"title": 3}),
        index(("title", 1)),
    ],
)
def test_another_text_index_is_seen(
    mongo_url: str, load: Load, monkeypatch: pytest.MonkeyPatch, declared: pymongo.IndexModel
) -> None:
    monkeypatch.setattr(Collection, "index_information", lambda *_: {"it": TOLD["text"][1]})
    with pytest.raises(ConfigurationError, match="another key"):
        load(mongo_url, with_indexes(declared))


class Lock(quorum.EmbeddedModel):
    turns: int = 1


class Badge(quorum.EmbeddedModel):
    code: str | None = quorum.field(unique=True, private=True, default=None, alias="c")
    label: str | None = quorum.field(unique=True, default=None, alias="l")


class Door(quorum.Model):
    opens: Lock | Badge | None = None


@pytest.mark.promise("D14")
@pytest.mark.parametrize(("name", "shown"), [("code", False), ("label", True)])
def test_a_violation_inside_of_any_member_of_a_union_names_its_field(
    any_url: str, load: Load, name: str, shown: bool
) -> None:
    load(any_url, Door)
    secret = str(1234567890 * 3)
    Door(opens=Badge(**{name: secret})).save()
    with pytest.raises(ValidationError) as caught:
        Door(opens=Badge(**{name: secret})).save()
    assert caught.value.messages == {"opens": {name: ["Already exists."]}}
    told = "".join(traceback.format_exception(caught.value))
    assert shown or secret not in told


@pytest.mark.promise("D14")
def test_an_index_that_nothing_declares_is_reported_and_kept(
    any_url: str, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    load(any_url, Key)
    Key.collection.create_index("text", name="by_hand")
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        Key.ensure_indexes()
    (record,) = [record for record in caplog.records if record.name == "quorum"]
    assert record.levelname == "WARNING"
    assert "'by_hand'" in record.getMessage()
    assert "'keys'" in record.getMessage()
    assert "by_hand" in keys(Key)


# Unique violations.


@pytest.mark.promise("D14")
@pytest.mark.parametrize(
    ("values", "messages"),
    [
        ({"name": "x"}, {"name": ["Already exists."]}),
        ({"email": "x@y.z"}, {"email": ["Already exists."]}),
        ({"pin": "hush hush"}, {"pin": ["Already exists."]}),
        ({"given": "Ann", "rank": 7}, {"given": ["Already exists."], "rank": ["Already exists."]}),
        ({"address": Address(city="A", number="12")}, {"address": {"number": ["Already exists."]}}),
    ],
)
def test_a_unique_violation_names_its_fields_and_no_value(
    any_url: str, load: Load, values: dict[str, Any], messages: dict[str, Any]
) -> None:
    load(any_url, Person)
    person(1, **values).save()
    second = person(2, **values)
    with pytest.raises(ValidationError) as caught:
        second.save()
    assert caught.value.messages == messages
    assert caught.value.model == "Person"
    assert "hush" not in f"{caught.value}{caught.value.args}{caught.value.messages}"
    third = person(3).save()
    for name, value in values.items():
        setattr(third, name, value)
    with pytest.raises(ValidationError) as caught:
        third.save()
    assert caught.value.messages == messages
    third.reload()
    third.given = "still usable"
    third.save()
    assert Person.count() == 2


@pytest.mark.promise("D14")
def test_a_violation_of_the_primary_field_names_it(any_url: str, load: Load) -> None:
    load(any_url, Key)
    Key(slug="a").save()
    with pytest.raises(ValidationError) as caught:
        Key(slug="a", text="more").save()
    assert caught.value.messages == {"slug": ["Already exists."]}
    assert Key.get("a").text == ""


@pytest.mark.promise("D14")
def test_a_violation_of_the_id_names_it(any_url: str, load: Load) -> None:
    load(any_url, Person)
    first = person(1).save()
    with pytest.raises(ValidationError) as caught:
        person(2, id=first.id).save()
    assert caught.value.messages == {"id": ["Already exists."]}


@pytest.mark.promise("D14")
def test_an_atomic_verb_that_meets_a_taken_value_names_the_field(any_url: str, load: Load) -> None:
    load(any_url, Person)
    person(1).save()
    second = person(2).save()
    with pytest.raises(ValidationError) as caught:
        second.inc("rank", -1)
    assert set(caught.value.messages) == ({"rank", "given"} if any_url.startswith("mongodb") else {"rank"})


@pytest.mark.promise("D14")
def test_a_document_that_was_refused_can_be_corrected_and_saved(any_url: str, load: Load) -> None:
    load(any_url, Person)
    person(1, name="ann").save()
    second = person(2, name="ann")
    with pytest.raises(ValidationError):
        second.save()
    second.name = "bob"
    second.save()
    assert sorted(found.name for found in Person.find()) == ["ann", "bob"]


EIGHT = """
import multiprocessing, sys, traceback
import quorum

class Account(quorum.Model):
    name: str = quorum.field(unique=True)
    email: str | None = quorum.field(unique=True, default=None)
    number: int = quorum.field(increment=True, unique=True)

    class Meta:
        indexes = [("name", "-number")]

def start(barrier, results):
    try:
        barrier.wait(60)
        quorum.load(name="eight", models=[Account], MONGOHQ_URL=sys.argv[1])
        try:
            Account(name="the one").save()
            result = "saved"
        except quorum.ValidationError as error:
            result = str(error.messages)
        quorum.unload()
    except BaseException:
        result = traceback.format_exc()
    results.put(result)

fork = multiprocessing.get_context("fork")
barrier, results = fork.Barrier(8), fork.Queue()
children = [fork.Process(target=start, args=(barrier, results)) for _ in range(8)]
for child in children: child.start()
for _ in children: print(results.get(timeout=60))
for child in children: child.join(60)
"""


@pytest.mark.promise("D14")
def test_eight_processes_make_the_indexes_at_once_before_the_first_write(mongo_url: str, load: Load) -> None:
    command = [sys.executable, "-W", "error", "-c", EIGHT, mongo_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == ["saved"] + ["{'name': ['Already exists.']}"] * 7
    with pymongo.MongoClient[dict[str, Any]](mongo_url) as client:
        accounts = client.get_default_database()["accounts"]
        assert accounts.count_documents({}) == 1
        assert set(accounts.index_information()) == {"_id_", "name_1", "email_1", "number_1", "name_1_number_-1"}
