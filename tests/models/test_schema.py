"""`Model.Schema`: a marshmallow schema like any other, which agrees with `new()` and `dump()`."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import marshmallow
import marshmallow.fields as mf
import pytest
from bson import ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st
from values import CASES, model

import quorum
from quorum.errors import ValidationError

MODELS = {name: model(name, case) for name, case in CASES.items()}
QUARTER = settings(max_examples=max(settings().max_examples // 4, 10))

#: Types of which JSON text can mean several values, or none.
LOSSY = {
    "Pattern", "Any", "list of Any", "dict of Any", "dict of dicts", "set of patterns", "union of scalars",
    "set of a union", "union of numbers", "union of bool and bytes",
}  # fmt: skip


class Author(quorum.Model):
    name: str


class Line(quorum.EmbeddedModel):
    text: str = quorum.field(max_length=5)
    secret: str = quorum.field(private=True, default="hidden")
    count: int = 0


class Post(quorum.Model, quorum.Timestamped):
    title: str = quorum.field(max_length=5)
    price: Decimal | None = None
    day: date = date(2020, 1, 1)
    tags: list[str] = []
    lines: list[Line] = []
    author: Author | None = quorum.reference(default=None)
    note: str = quorum.field(alias="n", default="none")
    number: int = quorum.field(increment=True)
    state: str = quorum.field(readonly=True, default="draft")
    token: str = quorum.field(private=True, default="secret")


def test_it_is_a_schema_class_of_marshmallow_made_once() -> None:
    assert issubclass(Post.Schema, marshmallow.Schema)
    assert Post.Schema is Post.Schema
    assert Post.Schema is not Author.Schema
    assert Post.Schema.__name__ == "PostSchema"
    assert Post.Schema.__module__ == __name__


def test_its_fields_are_the_public_ones_with_marshmallows_own_classes() -> None:
    fields = Post.Schema().fields
    assert set(fields) == set(Post.__fields__) - {"token"}
    kinds: dict[str, type[mf.Field[Any]]] = {
        "title": mf.String, "price": mf.Decimal, "day": mf.Date, "tags": mf.List, "created_at": mf.DateTime,
        "number": mf.Integer,
    }  # fmt: skip
    assert {name for name, kind in kinds.items() if not isinstance(fields[name], kind)} == set()
    assert {name for name, one in fields.items() if one.dump_only} == {
        "id", "number", "state", "created_at", "updated_at",
    }  # fmt: skip
    assert {name for name, one in fields.items() if one.required} == {"title"}


def test_it_loads_what_outside_data_mean() -> None:
    identifier = ObjectId()
    loaded = Post.Schema().load(
        {"title": "a", "price": "1.10", "day": "2024-02-29", "lines": [{"text": "x"}], "author": str(identifier)}
    )
    assert isinstance(loaded, dict)
    author = loaded.pop("author")
    assert (type(author), author.id) == (Author, identifier)
    assert loaded == {
        "title": "a", "price": Decimal("1.10"), "day": date(2024, 2, 29), "tags": [], "lines": [Line(text="x")],
        "note": "none",
    }  # fmt: skip


def test_what_it_loads_makes_a_document(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Post, Author)
    post = Post(**Post.Schema().load({"title": "a", "tags": ["b"]})).save()
    assert Post.get(post.id).tags == ["b"]


def test_its_defaults_are_not_shared() -> None:
    schema = Post.Schema()
    schema.load({"title": "a"})["tags"].append("b")
    assert schema.load({"title": "a"})["tags"] == []


def test_it_loads_in_part_and_many() -> None:
    assert Post.Schema(partial=True).load({"note": "b"})["note"] == "b"
    assert [one["title"] for one in Post.Schema(many=True).load([{"title": "a"}, {"title": "b"}])] == ["a", "b"]
    assert Post.Schema(only=["title"]).load({"title": "a"}) == {"title": "a"}
    assert Post.Schema(unknown=marshmallow.EXCLUDE).load({"title": "a", "x": 1})["title"] == "a"


def test_it_can_be_subclassed() -> None:
    class Shouting(Post.Schema):  # type: ignore[name-defined,misc]
        extra = mf.Integer(required=True)

        @marshmallow.post_load
        def shout(self, data: dict[str, Any], **options: Any) -> dict[str, Any]:
            return {**data, "title": data["title"].upper()}

    loaded = Shouting().load({"title": "a", "extra": "3"})
    assert (loaded["title"], loaded["extra"]) == ("A", 3)


#: Data that are refused, by `Schema().load` and by `new()` alike.
REFUSED: dict[str, tuple[Any, dict[str, Any]]] = {
    "too long": ({"title": "longer"}, {"title": ["Longer than maximum length 5."]}),
    "wrong type": ({"title": 3}, {"title": ["Not a valid string."]}),
    "null": ({"title": None}, {"title": ["Field may not be null."]}),
    "missing and wrong": (
        {"price": "x"}, {"title": ["Missing data for required field."], "price": ["Not a valid number."]},
    ),
    "unknown": ({"title": "a", "x": 1}, {"x": ["Unknown field."]}),
    "private": ({"title": "a", "token": "x"}, {"token": ["Unknown field."]}),
    "alias": ({"title": "a", "n": "x"}, {"n": ["Unknown field."]}),
    "items": ({"title": "a", "tags": ["a", 1]}, {"tags": {1: ["Not a valid string."]}}),
    "embedded": (
        {"title": "a", "lines": [{"text": "a"}, {"text": "longer", "count": "x", "y": 1}]},
        {"lines": {1: {
            "text": ["Longer than maximum length 5."], "count": ["Not a valid integer."], "y": ["Unknown field."],
        }}},
    ),
    "private in embedded": (
        {"title": "a", "lines": [{"text": "a", "secret": "x"}]}, {"lines": {0: {"secret": ["Unknown field."]}}},
    ),
    "missing in embedded": (
        {"title": "a", "lines": [{}]}, {"lines": {0: {"text": ["Missing data for required field."]}}},
    ),
    "reference": ({"title": "a", "author": "x"}, {"author": ["Not a valid ObjectId."]}),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_with_the_messages_of_new(name: str) -> None:
    data, messages = REFUSED[name]
    with pytest.raises(marshmallow.ValidationError) as loaded:
        Post.Schema().load(copy.deepcopy(data))
    with pytest.raises(ValidationError) as made:
        Post.new(copy.deepcopy(data))
    assert loaded.value.messages == made.value.messages == messages


@pytest.mark.parametrize("name", ["id", "number", "state", "created_at", "updated_at"])
def test_what_is_not_written_from_outside_is_refused(name: str) -> None:
    data = {"title": "a", name: "1"}
    with pytest.raises(marshmallow.ValidationError) as loaded:
        Post.Schema().load(data)
    with pytest.raises(ValidationError) as made:
        Post.new(data)
    assert loaded.value.messages == {name: ["Unknown field."]}
    assert made.value.messages == {name: ["Read-only field."]}


def test_it_dumps_what_dump_does(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Post, Author)
    author = Author(name="Ada").save()
    post = Post(title="a", price=Decimal("1.10"), lines=[Line(text="x")], author=author).save()
    for document in (post, Post.get(post.id)):
        dumped = Post.Schema().dump(document)
        assert dumped == document.dump()
        assert json.loads(json.dumps(dumped)) == dumped
        assert "secret" not in str(dumped)
        assert "hidden" not in str(dumped)
    assert Post.Schema(many=True).dump(Post.find()) == [post.dump()]
    assert Post.Schema(only=["title", "author"]).dump(post) == {"title": "a", "author": str(author.id)}


@pytest.mark.parametrize("name", CASES)
@QUARTER
@given(data=st.data())
def test_dump_and_schema_agree_on_every_type(name: str, data: st.DataObject) -> None:
    cls = MODELS[name]
    document = cls(value=data.draw(CASES[name].values))
    dumped = document.dump()
    assert cls.Schema().dump(document) == dumped
    assert json.loads(json.dumps(dumped)) == dumped
    if name not in LOSSY:
        del dumped["id"]
        assert cls.new(dumped).value == cls.Schema().load(dumped)["value"] == document.value


garbage = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("name", CASES)
@QUARTER
@given(value=garbage)
def test_new_and_schema_agree_on_any_json(name: str, value: Any) -> None:
    cls = MODELS[name]
    try:
        loaded, refused = cls.Schema().load({"value": copy.deepcopy(value)}), None
    except marshmallow.ValidationError as error:
        loaded, refused = None, error.messages
    if refused is None:
        assert repr(cls.new({"value": value}).dump()["value"]) == repr(cls(**loaded).dump()["value"])
    else:
        with pytest.raises(ValidationError) as caught:
            cls.new({"value": value})
        assert caught.value.messages == refused
