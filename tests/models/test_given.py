"""Outside values that mean themselves: taking them as they are gives what casting them would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any
from unittest import mock

import hypothesis.strategies as st
import pytest
from bson import Int64
from hypothesis import HealthCheck, given, settings

import quorum
from quorum.models import inputs
from quorum.models.documents import encoded

pytestmark = pytest.mark.promise("I3")


class Size(quorum.EmbeddedModel):
    width: int
    height: int = 1
    unit: str | None = None


class Label(quorum.EmbeddedModel):
    text: str = quorum.field(max_length=3)
    number: int | str = 0
    size: Size | None = None


class Secret(quorum.EmbeddedModel):
    text: str = ""
    key: str = quorum.field(private=True, default="hush")


class Tree(quorum.EmbeddedModel):
    text: str = ""
    child: Tree | None = None


class Branch(quorum.EmbeddedModel):
    label: Label | None = None
    branch: Branch | None = None


class Judged(quorum.EmbeddedModel):
    text: str = ""

    @quorum.validates("text")
    def _is_not_b(self, text: str) -> None:
        if text == "b":
            raise quorum.ValidationError("Not b.")


class Thing(quorum.Model):
    text: str = quorum.field(max_length=3, default="")
    number: int | None = quorum.field(min=0, default=None)
    ratio: float = 0.0
    ready: bool = False
    mixed: int | float | str | None = None
    words: list[str] = quorum.field(max_length=2, default=[])
    moment: datetime | None = None
    hidden: str = quorum.field(private=True, default="")
    fixed: str = quorum.field(readonly=True, default="")
    size: Size | None = None
    label: Label | None = None
    secret: Secret | None = None
    tree: Tree | None = None
    judged: Judged | None = None
    branch: Branch | None = None
    labels: list[Label] = []


TEXTS = st.sampled_from(["", "a", "b", "7", "long text", "1.5", "true", "\ud800", "2020-01-01"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.sampled_from([-1, 0, 7, 2**70, Int64(7), 0.0, 7.0, 1.5, float("nan")]), TEXTS
)
NAMES = ["text", "number", "size", "width", "height", "unit", "key", "child", "other", ""]
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=6,
)
SIZES = st.fixed_dictionaries({"width": st.just(1)}, optional={"height": st.just(2), "unit": TEXTS})
LABELS = st.fixed_dictionaries(
    {"text": st.sampled_from(["a", "7"])},
    optional={"number": st.sampled_from([7, "7", "a"]), "size": st.none() | SIZES},
)
WORDS = st.fixed_dictionaries({}, optional={"text": TEXTS, "key": TEXTS, "child": st.just({"text": "a"})})
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["text", "number", "ratio", "ready", "mixed", "moment", "hidden", "fixed", "other"], SCALARS),
    "words": st.lists(TEXTS, max_size=3) | ANYTHING,
    "size": SIZES | SIZES | ANYTHING,
    "label": LABELS | LABELS | ANYTHING,
    **dict.fromkeys(["secret", "tree", "judged"], WORDS),
    "labels": st.lists(LABELS, max_size=2),
}
# Of few fields, as one wrong value hides what becomes of the others.
DATA = st.lists(st.sampled_from(list(FIELDS)), max_size=2, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in names})
)


@pytest.fixture(autouse=True)
def _loaded(mock_url: str, load: Callable[..., None]) -> None:
    load(mock_url, Thing)


@contextmanager
def _all_cast() -> Iterator[None]:
    """Let each value be cast, whatever it means."""
    with ExitStack() as patches:
        for model in (Thing, Size, Label, Secret, Tree, Branch, Judged):
            for name in ("means_itself", "scalar_means_itself"):
                patches.enter_context(mock.patch.object(model.__codec__, name, {}))
        yield


def _plain(value: Any) -> Any:
    """Give a value with the types in it, whatever the order of its keys."""
    if isinstance(value, dict):
        return sorted((str(key), _plain(inner)) for key, inner in value.items())
    return [_plain(inner) for inner in value] if isinstance(value, list) else f"{type(value).__name__} {value!r}"


def _made(make: Callable[[], Any]) -> Any:
    try:
        return _plain(encoded(make()))
    except quorum.ValidationError as error:
        return _plain(error.messages)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(data=DATA, names=st.none() | st.sets(st.sampled_from(["text", "size", "label", "mixed"])))
def test_a_document_is_the_same_as_where_each_value_is_cast(data: dict[str, Any], names: set[str] | None) -> None:
    before = repr(data)
    taken = _made(lambda: Thing.new(data, names, moment=None))
    assert repr(data) == before
    with _all_cast():
        assert _made(lambda: Thing.new(data, names, moment=None)) == taken


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(data=DATA)
def test_a_stored_document_gets_the_same_as_where_each_value_is_cast(data: dict[str, Any]) -> None:
    thing = Thing(text="a", size={"width": 1}, label={"text": "a"}, secret={"key": "mine"}).save()
    Thing.collection.update_one({"_id": thing.id}, {"$set": {"size.legacy": 1}})
    taken = _made(lambda: Thing.get(thing.id).apply(data))
    with _all_cast():
        assert _made(lambda: Thing.get(thing.id).apply(data)) == taken


def _taken(**data: Any) -> list[str]:
    """Name the fields whose values are not cast."""
    with mock.patch.object(inputs, "_cast", side_effect=lambda field, *_: cast.append(field.name)):
        cast: list[str] = []
        inputs.read(Thing, data, {}, whole=True)
    return [name for name in data if name not in cast]


def test_what_means_itself_is_not_cast() -> None:
    label = {"text": "a", "number": 7, "size": {"width": 1, "unit": None}}
    data: dict[str, Any] = {"text": "a", "number": 7, "ratio": 1.5, "ready": True, "words": ["a"], "mixed": 7}
    assert _taken(**data, size={"width": 1}, label=label) == [*data, "size", "label"]


@pytest.mark.parametrize(
    "data",
    [
        {"text": "long text"},
        {"ratio": 7},
        {"mixed": "7"},
        {"label": {"text": "a", "number": "7"}},
        {"label": {"text": "a", "size": {"width": "1"}}},
        {"secret": {"text": "a"}},
        {"tree": {"text": "a"}},
        {"judged": {"text": "a"}},
    ],
    ids=repr,
)
def test_what_may_mean_something_else_is_cast(data: dict[str, Any]) -> None:
    assert _taken(**data) == []


def test_a_list_that_means_itself_stays_the_callers_own() -> None:
    words = ["a"]
    thing = Thing.new({"words": words})
    words.append("b")
    assert thing.words == ["a"]


@pytest.mark.parametrize("branches", [inputs.MAX_DEPTH - 2, inputs.MAX_DEPTH - 1, inputs.MAX_DEPTH])
def test_what_means_itself_is_nested_as_deep_as_what_is_cast(branches: int) -> None:
    data: dict[str, Any] = {"label": {"text": "a", "size": {"width": 1}}}
    for _ in range(branches):
        data = {"branch": data}
    taken = _made(lambda: Thing.new(data))
    with _all_cast():
        assert _made(lambda: Thing.new(data)) == taken
