"""`dump()`: what a document shows of itself, ready for JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from bson import Int64, ObjectId, Regex, Timestamp
from bson.decimal128 import Decimal128
from flask import Flask
from library import MODELS, Author, Book, Color, Details, Film, Review

import quorum
from quorum.web import fastjson

UID = UUID("12345678-1234-5678-1234-567812345678")
OID = ObjectId("507f1f77bcf86cd799439011")
HUSH = "a private value"


class Place(quorum.EmbeddedModel):
    city: str
    since: datetime | None = None


class Loud(quorum.EmbeddedModel):
    word: str

    def dump(self) -> dict[str, Any]:
        return {"word": self.word.upper()}


class Entry(quorum.Model):
    title: str
    tags: list[str] | None = None
    at: datetime | None = None
    place: Place | None = None
    writer: Author | None = quorum.reference()
    secret: str | None = quorum.field(private=True)


class Noise(quorum.Model):
    loud: Loud


@pytest.fixture(autouse=True)
def _loaded(any_url: str, load: Callable[..., None]) -> None:
    load(any_url, *MODELS, Entry, Noise)


SHOWN: list[tuple[str, Any, Any]] = [
    ("title", "é\u2028<", "é\u2028<"),
    ("number", 2**63 - 1, 2**63 - 1),
    ("number", None, None),
    ("rating", 2.5, 2.5),
    ("price", Decimal("1.10"), "1.10"),
    ("good", True, True),
    ("blob", b"\x00\xff", "AP8="),
    ("at", datetime(2024, 2, 29, 12, tzinfo=UTC), "2024-02-29T12:00:00Z"),
    ("at", datetime(1, 1, 1, 0, 0, 0, 1000, tzinfo=UTC), "0001-01-01T00:00:00.001000Z"),
    ("day", date(9999, 12, 31), "9999-12-31"),
    ("hour", time(12, 30), "12:30:00"),
    ("uid", UID, str(UID)),
    ("oid", OID, str(OID)),
    ("pattern", re.compile("a.c"), "a.c"),
    ("color", Color.RED, "red"),
    ("kind", "novel", "novel"),
    ("year", 1999, 1999),
    ("year", "1999?", "1999?"),
    ("tags", ["a", "b"], ["a", "b"]),
    ("scores", {3, 1, 2}, [1, 2, 3]),
    ("size", (5, "cm"), [5, "cm"]),
    ("meta", {"$a": {"b.c": [OID]}}, {"$a": {"b.c": [str(OID)]}}),
    ("counts", {"a": 1}, {"a": 1}),
    ("items", [{"a": None}], [{"a": None}]),
    ("details", Details(pages=5, code="c"), {"pages": 5, "code": "c"}),
    ("made_into", Film(minutes=5), {"_type": "Film", "minutes": 5}),
    (
        "anything",
        [None, True, 1, 1.5, "x", b"x", OID, UID, Decimal("1.0"), datetime(2024, 1, 1, tzinfo=UTC), re.compile("a")],
        [None, True, 1, 1.5, "x", "eA==", str(OID), str(UID), "1.0", "2024-01-01T00:00:00Z", "a"],
    ),
]


@pytest.mark.parametrize(("name", "value", "shown"), SHOWN, ids=lambda value: repr(value)[:20])
def test_each_type_is_shown_as_json(name: str, value: Any, shown: Any) -> None:
    book = Book(**{name: value}).save()
    for document in (book, Book.get(book.id)):
        dumped = document.dump()
        assert json.loads(json.dumps(dumped, allow_nan=False))[name] == shown
        assert dumped[name] == shown


def test_every_public_field_is_shown_by_its_name() -> None:
    book = Book(isbn="978", details=Details(code="c")).save()
    wanted = [name for name in Book.__fields__ if name != "token"]
    assert list(Book.get(book.id).dump()) == wanted
    assert book.dump()["isbn"] == "978"
    assert book.dump()["id"] == str(book.id)
    assert book.dump()["details"] == {"pages": 0, "code": "c"}


@pytest.mark.promise("D7")
def test_nothing_private_is_shown() -> None:
    ann = Author(name="Ann", password=HUSH).save()
    book = Book(
        token=HUSH,
        author=ann,
        details=Details(secret=HUSH),
        reviews=[Review(text="t", replies=[Review(text="r")], by=ann)],
    )
    for document in (book, book.save(), Book.get(book.id), ann, Author.get(ann.id)):
        assert HUSH not in json.dumps(document.dump())
        assert HUSH not in repr(document)
        assert not {"token", "secret", "password"} & set(document.dump())
    assert HUSH not in repr([book.details, book.reviews])
    for value in Book.find().values("details", "reviews"):
        assert HUSH not in repr(value)
    assert HUSH not in json.dumps([found.dump() for found in Book.find()])


def test_a_reference_is_shown_as_an_id_without_a_query(commands: Any) -> None:
    ann = Author(name="Ann").save()
    Book(author=ann, others=[ann], reviews=[Review(text="t", by=ann)]).save()
    book = Book.find()[0]
    commands.clear()
    dumped = book.dump()
    assert (dumped["author"], dumped["others"], dumped["reviews"][0]["by"]) == (str(ann.id), [str(ann.id)], str(ann.id))
    assert commands.names == []


def test_only_what_was_loaded_is_shown() -> None:
    Book(title="a", details=Details(pages=5, code="c"), reviews=[Review(text="t", stars=3)]).save()
    assert Book.find().only("title")[0].dump() == {"id": str(Book.find()[0].id), "title": "a"}
    partial = Book.find().only("details.code", "reviews.text")[0].dump()
    del partial["id"]
    assert partial == {"details": {"code": "c"}, "reviews": [{"text": "t"}]}


def test_a_new_document_shows_what_it_has() -> None:
    ann = Author(name="Ann")
    assert ann.dump() == {"id": str(ann.id), "name": "Ann", "born": None}
    assert Author().dump() | {"id": ""} == {"id": "", "born": None}


def test_a_change_is_shown() -> None:
    book = Book(tags=["a"]).save()
    book.tags.append("b")
    book.title = "new"
    assert (book.dump()["tags"], book.dump()["title"]) == (["a", "b"], "new")


ENTRY = {
    "title": "a", "tags": ["x", "y"], "at": datetime(2024, 1, 1, tzinfo=UTC), "secret": HUSH,
    "place": Place(city="Rome", since=datetime(2020, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)),
}  # fmt: skip
ACTIONS: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda entry: None,
    "reads": lambda entry: [getattr(entry, name) for name in Entry.__fields__],
    "assigns": lambda entry: setattr(entry, "title", "b"),
    "appends": lambda entry: entry.tags.append("z"),
    "clears": lambda entry: setattr(entry, "tags", None),
    "moves": lambda entry: setattr(entry, "at", datetime(2025, 1, 1, tzinfo=UTC)),
    "changes inside": lambda entry: setattr(entry.place, "city", "Oslo"),
    "replaces": lambda entry: setattr(entry, "place", Place(city="Bonn")),
    "removes": lambda entry: setattr(entry, "place", None),
    "refers": lambda entry: setattr(entry, "writer", Author(name="Bea").save()),
    "hides": lambda entry: setattr(entry, "secret", "other"),
    "saves": lambda entry: entry.save(),
    "adds what is no field": lambda entry: entry.__dict__.update(_note=1, other=2),
}


@pytest.mark.parametrize("first", ACTIONS)
def test_a_stored_document_shows_what_a_new_one_with_its_values_does(first: str) -> None:
    write = fastjson.OrjsonProvider(Flask("a")).dumps
    ann = Author(name="Ann").save()
    for second in ACTIONS:
        entry = Entry.get(Entry(**ENTRY, writer=ann).save().id)
        for action in (first, second):
            if action not in ("appends", "changes inside") or None not in (entry.tags, entry.place):
                ACTIONS[action](entry)
        values = {name: getattr(entry, name) for name in Entry.__fields__}
        assert entry.dump() == Entry(**values).dump() == json.loads(write(entry)), second
        assert HUSH not in write(entry)


def test_an_embedded_document_is_shown_by_a_dump_of_its_own() -> None:
    noise = Noise(loud=Loud(word="hush")).save()
    for document in (noise, Noise.get(noise.id)):
        assert document.dump()["loud"] == {"word": "HUSH"}
        assert '"loud":{"word":"HUSH"}' in fastjson.OrjsonProvider(Flask("a")).dumps(document)


def test_what_is_shown_is_no_part_of_the_document() -> None:
    entry = Entry.get(Entry(**ENTRY).save().id)
    shown = entry.dump()
    shown["tags"].append("z")
    shown["place"]["city"] = "Oslo"
    assert (entry.changes(), entry.tags, entry.place.city) == ({}, ["x", "y"], "Rome")  # type: ignore[union-attr]
    book = Book(tags=["a"], meta={"a": {"b": 1}}, anything=[1], details=Details()).save()
    dumped = book.dump()
    dumped["tags"].append("x")
    dumped["meta"]["a"]["b"] = 2
    dumped["anything"].append(2)
    dumped["details"]["pages"] = 7
    assert book.changes() == {}


def test_a_missing_field_is_shown_as_its_default() -> None:
    identifier = Book.collection.insert_one({"title": "a"}).inserted_id
    dumped = Book.get(identifier).dump()
    assert (dumped["tags"], dumped["number"], dumped["locked"], dumped["details"]) == ([], None, 0, None)
    assert Book.get(identifier).changes() == {}


def test_what_other_programs_store_is_shown_as_text() -> None:
    values = [Int64(5), Decimal128("1.5"), Regex("[", 0), Timestamp(1, 2), float("nan"), float("inf")]
    identifier = Book.collection.insert_one({"anything": values}).inserted_id
    shown = Book.get(identifier).dump()["anything"]
    json.dumps(shown, allow_nan=False)
    assert shown[:2] == [5, "1.5"]
    assert shown[4:] == [None, None]


@pytest.mark.promise("D9")
def test_a_value_of_the_wrong_type_is_told() -> None:
    identifier = Book.collection.insert_one({"title": "a", "number": "five"}).inserted_id
    with pytest.raises(quorum.errors.StoredValueError) as caught:
        Book.get(identifier).dump()
    assert (caught.value.model, caught.value.field, caught.value.id) == ("Book", "number", identifier)


@pytest.mark.promise("D9")
@pytest.mark.parametrize("wrong", [{"tags": ["a", 5]}, {"tags": "ab"}, {"at": "2024"}, {"place": {"city": 5}}])
def test_a_wrong_value_is_told_by_a_response_too(wrong: dict[str, Any]) -> None:
    identifier = Entry.collection.insert_one({"title": "a", **wrong}).inserted_id
    app = Flask("a")
    for show in (Entry.dump, fastjson.OrjsonProvider(app).response):
        with pytest.raises(quorum.errors.StoredValueError, match="Place.city" if "place" in wrong else "Entry."):
            show(Entry.get(identifier))


def test_what_is_shown_can_be_applied_again() -> None:
    ann = Author(name="Ann").save()
    book = Book(
        title="a", number=5, rating=1.5, price=Decimal("1.10"), good=True, blob=b"x", year="x", kind="essay",
        at=datetime(2024, 1, 1, tzinfo=UTC), day=date(2024, 1, 1), hour=time(1), uid=UID, oid=OID, color=Color.RED,
        tags=["a"], scores={1}, size=(1, "x"), meta={"a": 1}, counts={"a": 1}, details=Details(pages=1),
        made_into=Film(minutes=1), reviews=[Review(text="t", by=ann)], author=ann, others=[ann],
    ).save()  # fmt: skip
    data = json.loads(json.dumps(book.dump()))
    for name in ("id", "locked", "pattern"):
        del data[name]
    assert Book.get(book.id).apply(data).changes() == {}
    copied = Book.new(data).save()
    again = {**Book.get(copied.id).dump(), "id": None}
    assert again == {**book.dump(), "id": None}
