"""Defaults are never shared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bson import ObjectId
from declaring import declare, problems_of

from quorum import EmbeddedModel, Model, Timestamped, field
from quorum.errors import StoredValueError


class Line(EmbeddedModel):
    text: str


class Tree(EmbeddedModel):
    name: str
    children: list[Tree] = []
    parent: Tree | None = None


DEFAULTS: dict[str, tuple[Any, Any, Callable[[Any], Any]]] = {
    "list": (list[int], [1], lambda value: value.append(2)),
    "list of lists": (list[list[int]], [[1]], lambda value: value[0].append(2)),
    "dict": (dict[str, list[int]], {"a": [1]}, lambda value: value["a"].append(2)),
    "set": (set[int], {1}, lambda value: value.add(2)),
    "embedded": (Line, Line(text="a"), lambda value: setattr(value, "text", "b")),
    "dict for embedded": (Line, {"text": "a"}, lambda value: setattr(value, "text", "b")),
    "list of embedded": (list[Line], [Line(text="a")], lambda value: setattr(value[0], "text", "b")),
    "tree": (
        Tree,
        Tree(name="a", children=[Tree(name="b")]),
        lambda value: value.children[0].children.append(Tree(name="c")),
    ),
    "Any": (Any, {"a": [{}]}, lambda value: value["a"][0].update(b=1)),
    "tuple of lists": (tuple[list[int], ...], ([1],), lambda value: value[0].append(2)),
    "callable": (list[int], lambda: [1], lambda value: value.append(2)),
    "type": (dict[str, Any], dict, lambda value: value.update(a=1)),
}


@pytest.mark.promise("D13")
@pytest.mark.parametrize("name", DEFAULTS)
@pytest.mark.parametrize("embedded", [False, True])
def test_a_default_is_never_shared(name: str, embedded: bool) -> None:
    annotation, default, change = DEFAULTS[name]
    cls = declare(annotation, default, base=EmbeddedModel if embedded else Model)
    first = cls()
    before = repr(encoded(cls()))
    change(first.x)
    assert repr(encoded(cls())) == before != repr(encoded(first))
    given = cls.__fields__["x"].options.default
    assert callable(given) or first.x is not given


def encoded(document: Any) -> Any:
    return document.__fields__["x"].kind.encode(document.x)


@pytest.mark.promise("D13")
def test_the_default_of_a_document_that_lacks_the_field_is_never_shared(
    load: Callable[..., None], any_url: str
) -> None:
    cls = declare(dict[str, list[int]], {"a": [1]})
    load(any_url, cls)
    cls.collection.insert_many([{}, {}])
    first, second = cls.find()
    first.x["a"].append(2)
    assert second.x == {"a": [1]} == cls().x
    assert second.changes() == {}
    assert first.changes() == {"$set": {"x": {"a": [1, 2]}}}


@pytest.mark.promise("D13")
def test_a_callable_default_is_called_for_each_document_and_checked() -> None:
    numbers: Iterator[int] = iter(range(10))
    cls = declare(int, field(default=lambda: next(numbers)))
    assert [cls().x, cls().x, cls(x=7).x, cls().x] == [0, 1, 7, 2]
    wrong = declare(int, field(default=lambda: "a"))
    assert problems_of(wrong) == ("The default of M.x gives a value that does not fit: ['Not a valid integer.'].",)


class Old(Model, Timestamped):
    title: str


def test_a_document_older_than_its_moments_reads_as_made_with_its_id(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Old)
    identifier = ObjectId("65a1b2c30000000000000000")
    Old.collection.insert_many([{"_id": identifier, "title": "a"}, {"_id": "text", "title": "b"}])
    old = Old.get(identifier)
    assert old.created_at == old.updated_at == identifier.generation_time
    assert old.dump()["created_at"] == identifier.generation_time.isoformat().replace("+00:00", "Z")
    old.title = "c"
    old.save()
    stored = Old.collection.find_one({"_id": identifier})
    assert stored is not None
    assert set(stored) == {"_id", "title", "updated_at"}
    with pytest.raises(StoredValueError, match=r"Old\.created_at"):
        _ = Old.find(Old.title == "b")[0].created_at
