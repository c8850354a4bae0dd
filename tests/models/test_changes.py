"""The update that a save sends: applied to what was stored, it gives what is in memory, whatever the edits were."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pytest
from bson import ObjectId
from hypothesis import HealthCheck, assume, given, settings

import quorum
from quorum.errors import ConflictError
from quorum.models.changes import Update, arranged

# ---------------------------------------------------------------------------------------------------------------------
# Sequences of edits of a document.


class Inner(quorum.EmbeddedModel):
    text: str = ""
    number: int | None = None
    tags: list[str] = []
    kinds: set[int] = set()
    meta: dict[str, Any] = {}
    child: Inner | None = None
    children: list[Inner] = []


class Other(quorum.EmbeddedModel):
    size: float = 0.0
    prices: list[Decimal] = []


class Document(quorum.Model):
    text: str = ""
    number: int | None = None
    ratio: float = 0.0
    tags: list[str] = []
    kinds: set[int] = set()
    moments: list[datetime] = []
    meta: dict[str, Any] = quorum.field(alias="m", default={})
    numbers: dict[str, int] = {}
    grid: list[list[int]] = []
    maybe: list[int] | None = None
    inner: Inner | None = None
    items: list[Inner] = []
    named: dict[str, Inner] = {}
    either: Inner | Other | None = None
    mixed: str | Inner = ""


class Counted(Document):
    class Meta:
        revision = True


TEXTS = st.sampled_from(["", "a", "b", "é", "$a", "a.b"])
NUMBERS = st.integers(-2, 3)
KEYS = st.sampled_from(["a", "b", "z", "c.d", "$e", "0", "10", "9", "é", "a$", "_type"])
SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    st.sampled_from([0.0, -0.0, 1.0, 0.5]),
    TEXTS,
    st.sampled_from(
        [b"", b"\0", Decimal("1.10"), Decimal("1.1"), datetime(2020, 1, 1, tzinfo=UTC), ObjectId("0" * 24)]
    ),
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=5
)
MOMENTS = st.sampled_from([datetime(2020, 1, day, tzinfo=UTC) for day in (1, 2, 3)])


def inners(depth: int = 1) -> st.SearchStrategy[Inner]:
    fields: dict[str, Any] = {
        "text": TEXTS,
        "number": st.none() | NUMBERS,
        "tags": st.lists(TEXTS, max_size=2),
        "kinds": st.sets(NUMBERS, max_size=2),
        "meta": st.dictionaries(KEYS, ANYTHING, max_size=2),
    }
    if depth:
        fields["child"] = st.none() | inners(depth - 1)
        fields["children"] = st.lists(inners(depth - 1), max_size=2)
    return st.fixed_dictionaries({}, optional=fields).map(lambda values: Inner(**values))


OTHERS = st.builds(Other, size=st.sampled_from([0.0, 1.5]), prices=st.lists(st.just(Decimal("2.50")), max_size=2))

#: For each field the strategy of its values, and of the items of one that is a container.
FIELDS: dict[str, tuple[st.SearchStrategy[Any], st.SearchStrategy[Any] | None]] = {
    "text": (TEXTS, None),
    "number": (st.none() | NUMBERS, None),
    "ratio": (st.sampled_from([0.0, -0.0, 1.0]), None),
    "tags": (st.lists(TEXTS, max_size=3), TEXTS),
    "kinds": (st.sets(NUMBERS, max_size=3), NUMBERS),
    "moments": (st.lists(MOMENTS, max_size=2), MOMENTS),
    "meta": (st.dictionaries(KEYS, ANYTHING, max_size=3), ANYTHING),
    "numbers": (st.dictionaries(KEYS, NUMBERS, max_size=3), NUMBERS),
    "grid": (st.lists(st.lists(NUMBERS, max_size=2), max_size=3), st.lists(NUMBERS, max_size=2)),
    "maybe": (st.none() | st.lists(NUMBERS, max_size=2), NUMBERS),
    "inner": (st.none() | inners(), None),
    "items": (st.lists(inners(), max_size=3), inners()),
    "named": (st.dictionaries(KEYS, inners(0), max_size=2), inners(0)),
    "either": (st.none() | inners(0) | OTHERS, None),
    "mixed": (TEXTS | inners(0), None),
    "size": (st.sampled_from([0.0, 2.5]), None),
    "prices": (st.lists(st.just(Decimal("2.50")), max_size=2), st.sampled_from([Decimal("2.5"), Decimal(3)])),
    "child": (st.none() | inners(0), None),
    "children": (st.lists(inners(0), max_size=2), inners(0)),
}
DOCUMENTS = st.fixed_dictionaries(
    {}, optional={name: FIELDS[name][0] for name in Document.__annotations__ if name in FIELDS}
)

LIST_EDITS: list[Callable[[Any, list[Any], st.SearchStrategy[Any]], Any]] = [
    lambda draw, value, items: value.append(draw(items)),
    lambda draw, value, items: value.append(draw(items)),
    lambda draw, value, items: value.extend(draw(st.lists(items, max_size=2))),
    lambda draw, value, items: value.__iadd__(draw(st.lists(items, max_size=2))),
    lambda draw, value, items: value.insert(draw(st.integers(-2, 3)), draw(items)),
    lambda draw, value, items: value.__delitem__(slice(draw(st.integers(0, 3)), draw(st.integers(0, 3)))),
    lambda draw, value, items: value.__setitem__(
        slice(draw(st.integers(0, 3)), draw(st.integers(0, 3))), draw(st.lists(items, max_size=2))
    ),
    lambda draw, value, items: value and value.pop(draw(st.integers(0, len(value) - 1))),
    lambda draw, value, items: value and value.__setitem__(draw(st.integers(0, len(value) - 1)), draw(items)),
    lambda draw, value, items: value.sort(key=repr),
    lambda draw, value, items: value.reverse(),
    lambda draw, value, items: value.clear(),
    lambda draw, value, items: value.__imul__(draw(st.sampled_from([0, 1]))),
]
DICT_EDITS: list[Callable[[Any, dict[str, Any], st.SearchStrategy[Any]], Any]] = [
    lambda draw, value, items: value.__setitem__(draw(KEYS), draw(items)),
    lambda draw, value, items: value.__setitem__(draw(KEYS), draw(items)),
    lambda draw, value, items: value.update(draw(st.dictionaries(KEYS, items, max_size=3))),
    lambda draw, value, items: value.pop(draw(KEYS), None),
    lambda draw, value, items: value and value.popitem(),
    lambda draw, value, items: value.setdefault(draw(KEYS), draw(items)),
    lambda draw, value, items: value.clear(),
    # The same keys in another order: no change that anybody could see.
    lambda draw, value, items: [value.update({key: value.pop(key)}) for key in sorted(value)],
]
SET_EDITS: list[Callable[[Any, set[Any], st.SearchStrategy[Any]], Any]] = [
    lambda draw, value, items: value.add(draw(items)),
    lambda draw, value, items: value.discard(draw(items)),
    lambda draw, value, items: value.__ixor__(draw(st.sets(items, max_size=2))),
    lambda draw, value, items: value.clear(),
]
EDITS: dict[type, Any] = {list: LIST_EDITS, dict: DICT_EDITS, set: SET_EDITS}


def places(value: Any, items: Any) -> Iterator[tuple[Any, Any]]:
    """Give every thing inside of a value that can be edited, with the strategy of its items."""
    if isinstance(value, (Document, Inner, Other)):
        yield value, None
        for name in type(value).__fields__:
            if name in FIELDS:
                yield from places(getattr(value, name), FIELDS[name][1])
    elif type(value) in EDITS:
        yield value, items
        of_items = NUMBERS if items is not None and value and type(next(iter(value))) is list else ANYTHING
        for inner in value.values() if isinstance(value, dict) else value:
            yield from places(inner, ANYTHING if items is ANYTHING else of_items)


def edit(draw: Any, document: Document) -> None:
    """Make one edit, anywhere in the document."""
    found = list(places(document, None))
    place, items = found[draw(st.integers(0, len(found) - 1))]
    if type(place) in EDITS:
        edits = EDITS[type(place)]
        edits[draw(st.integers(0, len(edits) - 1))](draw, place, items)
    else:
        name = draw(st.sampled_from([name for name in type(place).__fields__ if name in FIELDS]))
        setattr(place, name, draw(FIELDS[name][0]))


def plain(value: Any) -> Any:
    """Give a value with the type of everything in it, so that 1, 1.0 and True differ; sets and keys have no order."""
    if isinstance(value, (Document, Inner, Other)):
        return type(value).__name__, {n: plain(getattr(value, n)) for n in type(value).__fields__ if n in FIELDS}
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, set):
        return {plain(inner) for inner in value}
    return type(value).__name__, str(value)


@pytest.fixture
def app(any_url: str) -> Iterator[Any]:
    yield quorum.load(name="changes", models=[Document, Counted], MONGOHQ_URL=any_url)
    quorum.unload()


def _follow(model: type[Document], data: st.DataObject, commands: Any) -> None:
    document = model(**copy.deepcopy(data.draw(DOCUMENTS))).save()
    if data.draw(st.booleans()):
        document = model.get(document.id)
    for _ in range(data.draw(st.integers(1, 3))):
        for _ in range(data.draw(st.integers(1, 4))):
            edit(data.draw, document)
        document.save()
        assert plain(model.get(document.id)) == plain(document)
        assert document.changes() == {}
        commands.clear()
        document.save()
        assert "update" not in commands.names


@pytest.mark.promise("D13")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=100)
@given(data=st.data())
def test_any_edits_are_stored_as_they_are_in_memory(app: Any, commands: Any, data: st.DataObject) -> None:
    """And are not sent twice, and are no conflict with the document's own earlier saves."""
    _follow(Document, data, commands)


@pytest.mark.promise("D4")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=25)
@given(data=st.data())
def test_any_edits_are_stored_with_a_revision(app: Any, commands: Any, data: st.DataObject) -> None:
    _follow(Counted, data, commands)


@pytest.mark.promise("D8")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40)
@given(data=st.data())
def test_any_edits_leave_unknown_and_wrong_values_alone(app: Any, data: st.DataObject) -> None:
    document = Document(inner=Inner(), items=[Inner(), Inner()]).save()
    unknown = {
        "legacy": {"x": 1},
        "ratio": "wrong",
        "inner.legacy": [1],
        "inner.number": "wrong",
    }
    Document.collection.update_one({"_id": document.id}, {"$set": unknown})
    document = Document.get(document.id)
    for _ in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(["text", "tags", "kinds", "meta", "items", "named"]))
        setattr(document, name, data.draw(FIELDS[name][0]))
        if document.inner is not None:
            name = data.draw(st.sampled_from(["text", "tags", "meta", "children"]))
            setattr(document.inner, name, data.draw(FIELDS[name][0]))
        document.save()
    stored: Any = Document.collection.find_one({"_id": document.id})
    kept = {path: _at(stored, path) for path in unknown}
    assert kept == unknown


@pytest.mark.soak
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=3000)
@given(data=st.data())
def test_any_edits_are_stored_as_they_are_in_memory_in_the_long_run(
    app: Any, commands: Any, data: st.DataObject
) -> None:
    _follow(Document, data, commands)


# ---------------------------------------------------------------------------------------------------------------------
# The update alone, against a small interpreter of MongoDB's operators.

LEAVES = st.none() | st.booleans() | NUMBERS | st.sampled_from([0.0, 1.0]) | TEXTS
STORED = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=10
)
ABSENT: Any = object()


@st.composite
def varied(draw: Any, old: Any) -> Any:
    """Give a stored value that is near to another one."""
    if draw(st.integers(0, 9)) == 0:
        return draw(STORED)
    if isinstance(old, dict):
        new = {key: draw(varied(value)) for key, value in old.items() if draw(st.integers(0, 5))}
        if draw(st.booleans()):
            new.update(draw(st.dictionaries(KEYS, STORED, max_size=2)))
        return new
    if isinstance(old, list):
        new_list = [draw(varied(value)) if draw(st.booleans()) else value for value in old]
        change = draw(st.sampled_from(["", "", "append", "insert", "remove"]))
        if change == "append":
            new_list += draw(st.lists(STORED, min_size=1, max_size=2))
        elif change == "insert":
            new_list.insert(0, draw(STORED))
        elif new_list and change == "remove":
            new_list.pop(draw(st.integers(0, len(new_list) - 1)))
        return new_list
    return draw(LEAVES) if draw(st.booleans()) else old


def _at(stored: Any, path: str) -> Any:
    for key in path.split("."):
        if isinstance(stored, list):
            stored = stored[int(key)] if key.isdigit() and int(key) < len(stored) else ABSENT
        else:
            stored = stored.get(key, ABSENT) if isinstance(stored, dict) else ABSENT
    return stored


class CannotError(Exception):
    """A path leads through something that is no document, as the server would say."""


def _owner(stored: Any, path: str) -> tuple[Any, Any]:
    *parents, last = path.split(".")
    for key in parents:
        if isinstance(stored, list) and key.isdigit() and int(key) < len(stored):
            stored = stored[int(key)]
        elif isinstance(stored, dict):
            stored = stored.setdefault(key, {})
        else:
            raise CannotError(path)
    if isinstance(stored, list):
        if not last.isdigit() or int(last) >= len(stored):
            raise CannotError(path)
        return stored, int(last)
    if not isinstance(stored, dict):
        raise CannotError(path)
    return stored, last


def _list_at(stored: Any, path: str) -> list[Any]:
    owner, key = _owner(stored, path)
    value = owner.setdefault(key, []) if isinstance(owner, dict) else owner[key]
    if not isinstance(value, list):
        raise CannotError(path)
    return value


def apply(update: Update, stored: Any) -> Any:
    """Do what a server does with the operators of an update."""
    stored = copy.deepcopy(stored)
    operators = update.operators()
    assert operators.keys() <= {"$set", "$unset", "$push", "$addToSet", "$pullAll"}
    for path, value in operators.get("$set", {}).items():
        owner, key = _owner(stored, path)
        owner[key] = copy.deepcopy(value)
    for path in operators.get("$unset", {}):
        owner, key = _owner(stored, path)
        if isinstance(owner, list):
            raise CannotError  # a writer made a list of a dict, which only a field of any type lets it do
        owner.pop(key, None)
    for path, each in operators.get("$push", {}).items():
        _list_at(stored, path).extend(copy.deepcopy(each["$each"]))
    for path, each in operators.get("$addToSet", {}).items():
        items = _list_at(stored, path)
        items.extend(item for item in each["$each"] if item not in items)
    for path, removed in operators.get("$pullAll", {}).items():
        items = _list_at(stored, path)
        items[:] = [item for item in items if item not in removed]
    return stored


def matches(update: Update, stored: Any) -> bool:
    """Say whether the filter with an update's guards finds a document; equal documents have one order of keys."""
    for path, guard in update.guards.items():
        value = _at(stored, path)
        ((operator, wanted),) = guard.items()
        if operator == "$eq":
            right = exactly(value) == exactly(wanted) or (wanted is None and value is ABSENT)
        elif operator == "$exists":
            right = value is ABSENT
        else:
            assert guard == {"$ne": None}
            right = value is not None and value is not ABSENT
        if not right:
            return False
    return True


def exactly(value: Any) -> Any:
    """Give a value in a form that tells types and the order of keys."""
    if isinstance(value, dict):
        return "dict", [(key, exactly(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return "list", [exactly(inner) for inner in value]
    return type(value).__name__, str(value)


def update_of(old: Any, new: Any, **options: Any) -> Update:
    update = Update()
    update.change("f", new, old, **options)
    return update


@pytest.mark.promise("D1")
@settings(max_examples=300)
@given(data=st.data())
def test_an_update_makes_the_new_value_of_the_old_one(data: st.DataObject) -> None:
    old = data.draw(STORED)
    new = data.draw(varied(old))
    update = update_of(old, new)
    assert matches(update, {"f": old})
    result = apply(update, {"f": old})["f"]
    assert plain(result) == plain(new)
    assert exactly(result) == exactly(arranged(new, old))
    assert bool(update) == (plain(old) != plain(new))


@pytest.mark.promise("D1")
@settings(max_examples=100)
@given(old=st.lists(NUMBERS, unique=True), new=st.lists(NUMBERS, unique=True))
def test_an_update_of_a_set_makes_the_new_one_of_the_old_one(old: list[int], new: list[int]) -> None:
    update = update_of(old, new, unordered=True)
    result = apply(update, {"f": old})["f"]
    assert matches(update, {"f": old})
    assert sorted(result) == sorted(new)
    assert result == arranged(new, old, unordered=True)


@pytest.mark.promise("D3")
@settings(max_examples=500)
@given(data=st.data())
def test_of_two_independent_writers_none_is_lost_in_silence(data: st.DataObject) -> None:
    """Both changes are there afterwards, or the second writer's filter finds nothing; one scalar can be set by both."""
    old = {"f": data.draw(STORED)}
    mine = update_of(old["f"], data.draw(varied(old["f"])))
    yours = update_of(old["f"], data.draw(varied(old["f"])))
    assume(mine and yours)
    between = apply(mine, old)
    if not matches(yours, between):
        return
    try:
        after = apply(yours, between)
    except CannotError:
        return
    for path, value in mine.set.items():
        if path in yours.set or path in yours.unset:
            # Of two writers of one scalar the last wins.
            assert not isinstance(_at(old, path), (list, dict))
            assert not isinstance(yours.set.get(path), (list, dict))
        else:
            assert _holds(_at(after, path), value)
    for path in mine.unset:
        assert path in yours.set or path in yours.push or _at(after, path) is ABSENT
    for path, items in mine.push.items():
        found = _at(after, path)
        assert all(item in found for item in items)
    for path, value in yours.set.items():
        assert exactly(_at(after, path)) == exactly(value)
    for path in yours.unset:
        assert _at(after, path) is ABSENT
    for path, items in yours.push.items():
        assert exactly(_at(after, path)[-len(items) :]) == exactly(items)


def _holds(found: Any, value: Any) -> bool:
    """Say whether a value is still there; a container may have got more in it, and changes that met it as it is."""
    return type(found) is type(value) and (isinstance(value, (list, dict)) or found == value)


@pytest.mark.parametrize(
    ("old", "new", "operators"),
    [
        (1, 2, {"$set": {"f": 2}}),
        (1, 1.0, {"$set": {"f": 1.0}}),
        (1, True, {"$set": {"f": True}}),
        (0.0, -0.0, {"$set": {"f": -0.0}}),
        ([1], [1, 2], {"$push": {"f": {"$each": [2]}}}),
        ([1, 2], [2], {"$set": {"f": [2]}}),
        ([], [], {}),
        ({"a": 1}, {"a": 1, "b": {"c": 2}}, {"$set": {"f.b": {"c": 2}}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 2}}, {"$set": {"f.a.b": 3}}),
        ({"a": 1, "b": 2}, {"b": 2}, {"$unset": {"f.a": ""}}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {}),
        ({"a.b": 1}, {"a.b": 2}, {"$set": {"f": {"a.b": 2}}}),
        ({"a.b": 1, "c": 1}, {"a.b": 1, "c": 2}, {"$set": {"f.c": 2}}),
        ({"$a": 1}, {}, {"$set": {"f": {}}}),
        ({"a": [1]}, {"a": [1, 2]}, {"$push": {"f.a": {"$each": [2]}}}),
        ([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 3}], {"$set": {"f.1.a": 3}}),
        ([{"a": [1]}], [{"a": [1, 2]}], {"$push": {"f.0.a": {"$each": [2]}}}),
        ([[1], [2]], [[1], [3]], {"$set": {"f": [[1], [3]]}}),
    ],
)
def test_as_little_as_possible_is_sent(old: Any, new: Any, operators: Any) -> None:
    assert exactly(update_of(old, new).operators()) == exactly(operators)


@pytest.mark.promise("D3")
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40)
def test_two_copies_edited_at_random_are_both_kept_or_one_is_told(app: Any, data: st.DataObject) -> None:
    """What each writer appended is there, or its save raised."""
    document = Document(**copy.deepcopy(data.draw(DOCUMENTS))).save()
    copies = [Document.get(document.id), Document.get(document.id)]
    added: dict[str, list[Any]] = {"tags": [], "items": []}
    for number, one in enumerate(copies):
        tag, item = f"tag {number}", Inner(text=f"item {number}")
        edit(data.draw, one)
        one.tags.append(tag)
        one.items.append(item)
        one.number = number
        try:
            one.save()
        except ConflictError:
            continue
        added["tags"].append(tag)
        added["items"].append(item.text)
    found = Document.get(document.id)
    assert set(added["tags"]) <= set(found.tags)
    assert set(added["items"]) <= {item.text for item in found.items}
    assert len(added["tags"]) >= 1
