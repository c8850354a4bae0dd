"""Scalars in place of scalars: found in one pass, and the same as what the code for all changes finds."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import hypothesis.strategies as st
import pytest
from bson import Int64, ObjectId
from hypothesis import given

import quorum
from quorum.models import query
from quorum.models.changes import MAX_PATHS
from quorum.models.documents import Change, touched
from quorum.models.scalar_changes import ScalarChanges
from quorum.models.updates import update_of
from quorum.models.validation import validated
from quorum.models.writes import _settle_changes

ID = ObjectId()


class Part(quorum.EmbeddedModel):
    text: str = quorum.field(default="", max_length=3)
    number: int | None = quorum.field(alias="n", default=None)
    ratio: float = 0.0
    moment: datetime | None = None
    digit: str = quorum.field(alias="٣", default="")  # a name that is no part of a path
    part: Part | None = None
    branch: Part | None = quorum.field(alias="٤", default=None)


class Stamped(quorum.Timestamped, quorum.Model):
    text: str = ""


class Sheet(quorum.Model):
    text: str = quorum.field(default="", max_length=3)
    number: int | None = quorum.field(alias="n", default=None)
    ratio: float = 0.0
    moment: datetime | None = None
    tags: list[str] = []
    marks: list[str] | None = None
    author: Stamped | None = quorum.reference(default=None)
    part: Part | None = None
    other: Part | None = None


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.sampled_from(["", "a", "é", "long"]),
    "number": st.sampled_from([None, 0, 1, -1]),
    "ratio": st.sampled_from([0.0, -0.0, 1.0]),
    "moment": st.sampled_from([None, datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)]),
    "digit": st.sampled_from(["", "a"]),
}
STORED: dict[str, st.SearchStrategy[Any]] = {
    "text": VALUES["text"] | st.just(["wrong"]),
    "n": VALUES["number"] | st.sampled_from(["wrong", True]),
    "ratio": VALUES["ratio"] | st.sampled_from([math.nan, 1]),
    "moment": st.sampled_from([None, datetime(2020, 1, 1), "wrong"]),
    "unknown": st.just({"x": 1}),
}
RIGHT = {"text": st.just("a"), "n": st.just(1), "ratio": st.just(0.0)}


def _documents(**parts: Any) -> st.SearchStrategy[dict[str, Any]]:
    right = st.fixed_dictionaries({**RIGHT, **parts})
    return right | right | st.fixed_dictionaries(parts, optional=STORED)


PARTS = _documents(**{"٣": st.just(""), "part": st.none() | _documents(), "٤": st.none() | _documents()})
SHEETS = _documents(_id=st.just(1), tags=st.just(["a"]), part=PARTS, other=st.none() | PARTS)


def _edit(draw: Any, document: Any) -> None:
    """Set or read a field, anywhere in a document."""
    name = draw(st.sampled_from([name for name in type(document).__fields__ if name != "id"]))
    try:
        value = getattr(document, name)
    except quorum.errors.StoredValueError:
        value = None
    if isinstance(value, Part):
        _edit(draw, value)
    elif name in VALUES and draw(st.integers(0, 3)):
        setattr(document, name, draw(VALUES[name]))


def _parts(document: Any) -> Iterator[Any]:
    yield document
    for name in ("part", "other", "branch"):
        if isinstance(vars(document).get(name), Part):
            yield from _parts(vars(document)[name])


def _exactly(value: Any) -> str:
    return repr(value)  # which tells -0.0 from 0.0, and takes nan for nan


@pytest.mark.promise("D1")
@given(data=st.data())
def test_what_is_found_and_settled_is_what_the_code_for_all_changes_finds_and_settles(data: st.DataObject) -> None:
    stored = data.draw(SHEETS)
    (document,) = query.hydrate(Sheet, [stored])
    for _ in range(data.draw(st.integers(1, 5))):
        _edit(data.draw, document)
    other = copy.deepcopy(document)
    found = ScalarChanges()
    if not found.collect(document):
        return
    changes = validated(other)
    update = update_of(other, changes)
    assert _exactly(update.operators()) == _exactly({"$set": found.set} if found.set else {})
    assert update.guards == found.guards
    assert _told(found.changes(document)) == _told(changes)
    found.settle(document)
    _settle_changes(other, update, changes)
    assert [_exactly(one._doc) for one in _parts(document)] == [_exactly(one._doc) for one in _parts(other)]
    assert list(touched(document)) == []


def _told(changes: list[Change]) -> list[str]:
    return sorted(_exactly((field.name, new, old)) for field, _, new, old, _ in changes)


def _load(**stored: Any) -> Any:
    return query.hydrate(Sheet, [{"_id": 1, **stored}])[0]


def test_scalars_at_every_depth_are_found() -> None:
    sheet = _load(text="a", part={"text": "a", "n": 1, "part": {"text": "a"}}, other={"text": "a"})
    sheet.text, sheet.part.number, sheet.part.part.text = "b", None, "b"
    assert sheet.other.text == "a"
    found = ScalarChanges()
    assert found.collect(sheet)
    assert found.set == {"text": "b", "part.n": None, "part.part.text": "b"}
    assert found.guards == {"part": {"$ne": None}, "part.part": {"$ne": None}}


@pytest.mark.parametrize(
    ("name", "key", "stored", "value", "sent"),
    [
        ("ratio", "ratio", 0.0, -0.0, "{'ratio': -0.0}"),
        ("number", "n", True, 1, "{'n': 1}"),
        ("number", "n", Int64(1), 1, "{}"),
        ("ratio", "ratio", 1, 1.0, "{}"),
    ],
    ids=["a zero of the other sign", "a number for a bool", "the same number", "a number that reads as this one"],
)
def test_a_value_is_a_change_only_where_another_one_would_be_read(
    name: str, key: str, stored: Any, value: Any, sent: str
) -> None:
    sheet = _load(**{key: stored})
    setattr(sheet, name, value)
    found = ScalarChanges()
    assert found.collect(sheet)
    assert str(found.set) == sent


def test_a_scalar_where_nothing_was_stored_is_found() -> None:
    sheet = _load()
    sheet.text = "b"
    found = ScalarChanges()
    assert found.collect(sheet)
    assert found.set == {"text": "b"}


def test_an_embedded_document_under_a_name_that_is_no_part_of_a_path_is_left_to_the_code_for_all_changes() -> None:
    sheet = _load(part={"text": "a", "٤": {"text": "a"}})
    sheet.part.branch.text = "b"
    assert not ScalarChanges().collect(sheet)


def test_an_embedded_document_is_one_of_the_changes_that_may_be_sent_by_path() -> None:
    names = [f"n{number}" for number in range(MAX_PATHS)]
    types: dict[str, Any] = {**dict.fromkeys(names, int), "part": Part}
    many: Any = type("Many", (quorum.EmbeddedModel,), {"__annotations__": types})
    wide: Any = type("Wide", (quorum.Model,), {"__annotations__": {"many": many}})
    (document,) = query.hydrate(wide, [{"_id": 1, "many": {**dict.fromkeys(names, 0), "part": {"text": "a"}}}])
    for name in names[1:]:
        setattr(document.many, name, 1)
    document.many.part.text = "b"
    assert ScalarChanges().collect(document)
    document.many.n0 = 1
    assert not ScalarChanges().collect(document)


def test_a_validator_may_read_the_document_that_is_saved() -> None:
    def is_after(value: str) -> bool:
        return document.moment < datetime.now(UTC)

    class Dated(quorum.Model):
        text: str = quorum.field(validate=is_after)
        moment: datetime

    (document,) = query.hydrate(Dated, [{"_id": 1, "text": "a", "moment": datetime(2020, 1, 1)}])
    document.text = "b"
    assert ScalarChanges().collect(document)


def test_what_was_only_read_is_no_change() -> None:
    sheet = _load(text="a", tags=["a"], moment=datetime(2020, 1, 1), part={"text": "a"})
    assert (sheet.tags, sheet.moment, sheet.part.text) == (["a"], datetime(2020, 1, 1, tzinfo=UTC), "a")
    found = ScalarChanges()
    assert found.collect(sheet)
    assert found.set == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [("text", "long"), ("tags", ["b"]), ("marks", ["b"]), ("part", Part(text="b")), ("part", None), ("author", ID)],
    ids=["a wrong value", "a list", "a new list", "another embedded document", "none in place of one", "a reference"],
)
def test_anything_else_is_left_to_the_code_for_all_changes(name: str, value: Any) -> None:
    sheet = _load(text="a", tags=["a"], part={"text": "a"})
    setattr(sheet, name, value)
    assert not ScalarChanges().collect(sheet)


def test_an_embedded_document_that_two_documents_share_stays_a_change_of_the_other() -> None:
    one, two = _load(part={"text": "a"}), _load(part={"text": "z"})
    two.part = one.part
    two._doc["part"] = one._doc["part"]  # as saving it leaves it
    one.part.text = "b"
    found = ScalarChanges()
    assert found.collect(one)
    found.settle(one)
    assert [(field.name, new) for field, _, new, _, _ in touched(two)] == [("part", {"text": "b"})]


def test_a_save_of_scalars_notes_the_moment(any_url: str) -> None:
    quorum.load(name="scalars", models=[Stamped], MONGOHQ_URL=any_url)
    document = Stamped(text="a").save()
    before = document.updated_at
    Stamped.collection.update_one({"_id": document.id}, {"$set": {"updated_at": datetime(2000, 1, 1)}})
    document.text = "b"
    document.save()
    found = Stamped.get(document.id)
    assert (found.text, found.updated_at) == ("b", document.updated_at)
    assert document.updated_at >= before
    quorum.unload()
