"""One table of hostile input against every way in (I1, I2, I4).

What comes out is a right answer, or `ValidationError` or `NotFoundError`; a `TypeError` only where a developer passed
something in a place that no input belongs to. On the server, every command that was sent is read: the input is in none
of them but as a literal value.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from bson import Code, DBRef, Int64, ObjectId, Regex
from bson.son import SON
from commands import Commands
from library import MODELS, Author, Book, Color, Details, Film, Review
from werkzeug.datastructures import ImmutableMultiDict, MultiDict

import quorum
from quorum import mongodb
from quorum.models.expressions import Condition

REFUSED = (quorum.ValidationError, quorum.NotFoundError)


def nested(depth: int, wrap: Callable[[Any], Any]) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = wrap(value)
    return value


#: Made anew for each use, as casting may change a dict in place.
VALUES: dict[str, Callable[[], Any]] = {
    "operator": lambda: {"$gt": ""},
    "not equal": lambda: {"$ne": None},
    "where": lambda: {"$where": "sleep(1) || true"},
    "regex": lambda: {"$regex": ".*", "$options": "i"},
    "in": lambda: {"$in": [None, ""]},
    "not": lambda: {"$not": {"$eq": 1}},
    "exists": lambda: {"$exists": True},
    "type": lambda: {"$type": "string"},
    "expr": lambda: {"$expr": {"$function": {"body": "function() {}", "args": [], "lang": "js"}}},
    "or": lambda: {"$or": [{}]},
    "eq": lambda: {"$eq": "x"},
    "each": lambda: {"$each": [], "$slice": 0},
    "set": lambda: {"$set": {"token": "stolen"}},
    "inc": lambda: {"$inc": 1},
    "list of operator": lambda: [{"$gt": ""}],
    "list of none": lambda: [None],
    "deep operator": lambda: {"a": {"$gt": ""}},
    "dotted key": lambda: {"a.b": 1, "details.secret": 1},
    "empty key": lambda: {"": 1},
    "NUL key": lambda: {"a\0b": 1},
    "surrogate key": lambda: {"\ud800": 1},
    "number key": lambda: {1: 1},
    "None key": lambda: {None: 1},
    "type key": lambda: {"_type": "Film", "minutes": "x"},
    "other type": lambda: {"_type": "Book", "title": "x"},
    "type of a dict": lambda: {"_type": {"$ne": ""}, "minutes": 1},
    "class": lambda: {"__class__": "Book", "__init__": 1, "__dict__": {}},
    "id": lambda: {"_id": "x", "id": "y"},
    "private": lambda: {"secret": "stolen", "text": "x", "pages": 1},
    "state": lambda: {"_doc": {}, "_state": None},
    "list": lambda: ["x"],
    "empty list": list,
    "empty dict": dict,
    "tuple": lambda: ("x", 1, 2),
    "set of text": lambda: {"x", "y"},
    "empty text": lambda: "",
    "space": lambda: "   ",
    "dollar": lambda: "$title",
    "code": lambda: "'; return true; //",
    "json": lambda: '{"$gt": ""}',
    "path": lambda: "../../etc/passwd",
    "long": lambda: "a" * 100_000,
    "long digits": lambda: "9" * 10_000,
    "NUL": lambda: "a\0b",
    "surrogate": lambda: "\ud800",
    "arabic digits": lambda: "\u0661\u0660",
    "wide digits": lambda: "\uff11\uff10",
    "superscript": lambda: "\u00b2",
    "hex": lambda: "0x10",
    "underscore": lambda: "1_000",
    "exponent": lambda: "1e999",
    "infinity": lambda: "Infinity",
    "nan text": lambda: "nan",
    "almost an id": lambda: "507f1f77bcf86cd79943901g",
    "id text": lambda: "507f1f77bcf86cd799439011",
    "bytes of an id": lambda: b"123456789012",
    "bytes": lambda: b"\xff\xfe",
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "minus inf": lambda: float("-inf"),
    "2**63": lambda: 2**63,
    "-2**63-1": lambda: -(2**63) - 1,
    "huge": lambda: 10**5000,
    "Decimal nan": lambda: Decimal("NaN"),
    "Decimal huge": lambda: Decimal("1e7000"),
    "float for int": lambda: 3.7,
    "True": lambda: True,
    "late date": lambda: "9999-12-31T23:59:59-23:59",
    "month 13": lambda: "2024-13-01",
    "deep list": lambda: nested(5000, lambda value: [value]),
    "deep dict": lambda: nested(5000, lambda value: {"a": value}),
    "deep document": lambda: nested(500, lambda value: {"text": "x", "replies": [value]}),
    "deep operator list": lambda: nested(200, lambda value: {"$and": [value]}),
    "form": lambda: MultiDict({"$gt": ""}),
    "frozen form": lambda: ImmutableMultiDict([("$ne", "1"), ("$ne", "2")]),
    "SON": lambda: SON([("$gt", "")]),
    "pattern": lambda: re.compile(".*"),
    "bytes pattern": lambda: re.compile(b".*"),
    "Regex": lambda: Regex(".*"),
    "Code": lambda: Code("function() { return true }"),
    "DBRef": lambda: DBRef("authors", 1),
    "Int64": lambda: Int64(7),
    "object": object,
    "function": lambda: print,
    "model": lambda: Book,
    "expression": lambda: Book.title,
    "condition": lambda: Book.title == "x",
    "query": Book.find,
    "document": lambda: Book(title="x"),
    "author": lambda: Author(name="x"),
    "ellipsis": lambda: ...,
    "range": lambda: range(3),
    "generator": lambda: (value for value in "x"),
}

#: Names that no request may use for anything.
NAMES: list[str] = [
    "", ".", "..", "$", "$where", "$or", "$expr", "$comment", "$$ROOT", "$title", "title.", ".title", "title.$gt",
    "title.0", "title.x", "title\0", "\ud800", "Title", "TITLE", " title", "a" * 10_000, "x." * 3_000,
    "_id", "_type", "_revision", "_doc", "_state", "__class__", "__dict__", "__init__", "save", "collection", "cls",
    "self", "filters", "names", "i", "cd", "details.cd", "token", "details.secret", "reviews.secret",
    "reviews.0.secret", "reviews.0.replies.1.secret", "reviews.by.password", "author.password", "author.name",
    "author._id", "others.0.name", "meta.$where", "meta.", "meta..x", "meta.a\0", "meta.\ud800", "anything.$gt",
    "counts.$x", "items.0.$x", "tags.-1", "tags.$", "tags.$[]", "tags.99999999999", "tags.\u0661",
    "made_into.password", "id.x", "id.$oid", "details.__class__", "details.pages.x", "-", "--title", "+title",
]  # fmt: skip
#: What is no name at all.
NO_NAMES: list[Any] = [None, 5, True, 1.5, b"title", {}, {"$gt": ""}, [], ["title"], ("title",), object(), Book.title]

FIELDS = [*Book.__fields__, "details.pages", "reviews.text", "meta.k", "counts.k", "items.k", "anything.k", "tags.0"]
PUBLIC = [name for name in FIELDS if name != "token"]


@pytest.fixture(params=["mongomock", "server"])
def library(request: pytest.FixtureRequest, load: Callable[..., None], commands: Commands) -> Iterator[Book]:
    """A book; after the test it must be as it was, and every command that was sent must be free of the input."""
    load(request.getfixturevalue("mock_url" if request.param == "mongomock" else "mongo_url"), *MODELS)
    author = Author(name="Ann").save()
    book = Book(
        title="stored", isbn="1", number=41, rating=1.25, price=Decimal("1.25"), good=False, blob=b"b", year=1900,
        at=datetime(2000, 1, 1, tzinfo=UTC), oid=ObjectId(), pattern=re.compile("stored"), color=Color.RED,
        kind="novel", anything={"stored": 1}, tags=["stored"], scores={41}, size=(41, "stored"), meta={"stored": 1},
        counts={"stored": 41}, items=[{"stored": 1}], details=Details(pages=41), reviews=[Review(text="stored")],
        made_into=Film(minutes=41), author=author, others=[author],
    ).save()  # fmt: skip
    stored = Book.collection.find_one({"_id": book.id})
    commands.clear()
    yield book
    sent = list(commands.all)
    assert Book.collection.find_one({"_id": book.id}) == stored
    for command in sent:
        check_command(command)


def refuses(call: Callable[[], Any], *kinds: type[Exception]) -> None:
    with pytest.raises(kinds or REFUSED):
        call()


# What a command may hold. A path is given as stored; whatever is below an operator's own place is a literal.

COMPARISONS = {"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$all", "$size"}
PATHS = {field.key for field in Book.__fields__.values()} | {"_id", "_type", "_revision", "name"}
FREE = {"anything", "meta", "counts", "items"}  # the keys in these are data
PRIVATE = {"token", "secret", "password"}


def check_path(path: str) -> None:
    first, *rest = path.split(".")
    assert first in PATHS, path
    assert first in FREE or not PRIVATE.intersection([first, *rest]), path
    assert all(part and not part.startswith("$") and "\0" not in part for part in rest), path


def check_filter(filter: Mapping[str, Any]) -> None:
    for key, value in filter.items():
        if key in ("$and", "$or", "$nor"):
            for part in value:
                check_filter(part)
            continue
        check_path(key)
        if isinstance(value, Mapping):
            check_comparison(value)
        else:
            assert not isinstance(value, (re.Pattern, Regex, Code, DBRef)), filter


def check_comparison(comparison: Mapping[str, Any]) -> None:
    assert comparison, "an empty document would be a literal without $eq"
    for operator, operand in comparison.items():
        if operator == "$not":
            assert list(operand) == ["$eq"]
        elif operator == "$regex":
            assert is_escaped(operand), operand
        else:
            assert operator in COMPARISONS, comparison
        if operator in ("$in", "$nin", "$all"):
            assert not any(isinstance(item, (Mapping, re.Pattern, Regex)) for item in operand), comparison


def is_escaped(pattern: str) -> bool:
    bare = pattern.removeprefix("^").removesuffix("$(?!\\n)")
    return re.search(r"(?<!\\)[.^$*+?{}\[\]|()]", re.sub(r"\\.", "", bare, flags=re.DOTALL)) is None


def check_update(update: Mapping[str, Any]) -> None:
    assert isinstance(update, Mapping), "a pipeline would run what is in it"
    for operator, paths in update.items():
        assert operator in ("$set", "$unset", "$inc", "$push", "$addToSet", "$pullAll"), update
        for path, value in paths.items():
            check_path(path)
            if operator in ("$push", "$addToSet"):
                assert list(value) == ["$each"], update


def check_command(command: Mapping[str, Any]) -> None:
    name = next(iter(command))
    if name == "find":
        check_filter(command.get("filter", {}))
        for path in (*command.get("projection", {}), *command.get("sort", {})):
            check_path(path)
    elif name == "aggregate":
        match, *others = command["pipeline"]
        check_filter(match["$match"])
        assert all(set(stage) <= {"$group", "$skip", "$limit"} for stage in others), command
    elif name == "distinct":
        check_path(command["key"])
        check_filter(command.get("query", {}))
    elif name == "delete":
        for part in command["deletes"]:
            check_filter(part["q"])
    elif name == "update":
        for part in command["updates"]:
            check_filter(part["q"])
            check_update(part["u"])
            assert not part.get("arrayFilters")
            assert not part.get("upsert")
    elif name == "findAndModify":
        check_filter(command["query"])
        check_update(command["update"])
    else:
        assert name in ("insert", "getMore", "endSessions"), command


def each_value() -> Iterator[Any]:
    for make in VALUES.values():
        yield make()


# Reading: a value that is accepted is compared, and equals nothing that is stored.

READS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "find": lambda equals: list(Book.find(**equals)),
    "first": lambda equals: Book.first(**equals),
    "count": lambda equals: Book.count(**equals),
    "exists": lambda equals: Book.exists(**equals),
    "Query.find": lambda equals: list(Book.find(title="stored").find(**equals)),
    "Query.first": lambda equals: Book.find(**equals).first(),
    "Query.count": lambda equals: Book.find(**equals).count(),
    "Query.exists": lambda equals: Book.find(**equals).exists(),
    "Query.index": lambda equals: list(Book.find(**equals)[0:1]),
    "Query.values": lambda equals: Book.find(**equals).values("title"),
    "Query.distinct": lambda equals: Book.find(**equals).distinct("title"),
    "Query.paginate": lambda equals: Book.find(**equals).paginate().items,
    "Query.stream": lambda equals: list(Book.find(**equals).stream()),
    "Query.delete": lambda equals: Book.find(**equals).delete(),
}


#: Sent as a pipeline with $match, where SecantusDB takes a literal document below $eq for an expression of its own.
COUNTED = {"count", "Query.count", "Query.paginate"}


@pytest.mark.promise("I1")
@pytest.mark.promise("I4")
@pytest.mark.parametrize("read", READS)
def test_no_value_finds_what_it_does_not_equal(library: Book, read: str) -> None:
    names = PUBLIC if read in ("find", "count", "Query.delete") else ["title", "number", "anything", "meta", "author"]
    accepted = 0
    for name in names:
        for value in each_value():
            if read in COUNTED and name.split(".")[0] in FREE and isinstance(value, Mapping) and not mongodb.is_mock():
                continue
            try:
                found = READS[read]({name: value})
            except REFUSED:
                continue
            assert not found, (name, value)
            accepted += 1
    assert accepted > 50


@pytest.mark.promise("I4")
def test_get_gives_nothing_for_any_value(library: Book) -> None:
    for name in PUBLIC:
        for value in each_value():
            refuses(lambda: Book.get(**{name: value}))  # noqa: B023
    for value in (*each_value(), None, 0, "stored"):
        refuses(lambda: Book.get(value))  # noqa: B023
        refuses(lambda: Author.get(value))  # noqa: B023


@pytest.mark.promise("I1")
@pytest.mark.parametrize("method", ["__eq__", "__gt__", "__le__", "in_", "contains", "startswith", "endswith"])
def test_no_operand_of_an_expression_becomes_an_operator(library: Book, method: str) -> None:
    for field in (Book.title, Book.number, Book.tags, Book.meta, Book.anything, Book.items, Book.author, Book.meta.k):
        for value in each_value():
            try:
                condition = getattr(field, method)([value] if method == "in_" else value)
            except REFUSED:
                continue
            assert list(Book.find(condition)) is not None
            if method in ("__eq__", "in_"):
                assert not Book.exists(condition), value
                assert Book.exists(~condition), value


@pytest.mark.promise("I1")
@pytest.mark.parametrize("read", READS)
def test_no_name_is_taken_but_a_public_fields(library: Book, read: str) -> None:
    for name in NAMES:
        refuses(lambda: READS[read]({name: "x"}))  # noqa: B023


NAMED: dict[str, Callable[[Any], Any]] = {
    "sort": lambda name: list(Book.find().sort(name)),
    "sort down": lambda name: list(Book.find().sort(f"-{name}" if isinstance(name, str) else name)),
    "only": lambda name: list(Book.find().only(name)),
    "values": lambda name: Book.find().values(name),
    "distinct": lambda name: Book.find().distinct(name),
    "prefetch": lambda name: list(Book.find().prefetch(name)),
}


@pytest.mark.promise("I1")
@pytest.mark.promise("D7")
@pytest.mark.parametrize("method", NAMED)
def test_no_method_takes_a_name_but_a_public_fields(library: Book, method: str) -> None:
    for name in [*NAMES, *NO_NAMES]:
        refuses(lambda: NAMED[method](name))  # noqa: B023


@pytest.mark.promise("I1")
@pytest.mark.parametrize("method", ["sort", "only", "values", "distinct"])
def test_public_names_can_come_from_a_request(library: Book, method: str) -> None:
    for name in PUBLIC:
        if name == "tags.0" and method in ("only", "values"):
            continue  # a projection cannot give one item of a list
        if name in ("price", "pattern") and method == "distinct" and mongodb.is_mock():
            continue  # mongomock wants values with a hash
        NAMED[method](name)


#: What is no number of documents.
NO_NUMBERS: list[Any] = [
    "", " ", "1 ", " 1", "-1", "+1", "1.0", "1e3", "0x1", "1_0", "\u0661", "\uff11", "\u00b2", "9" * 10, "9" * 5000,
    "nan", "$gt", "\0", "\ud800", -1, 2**31, 2**63, 10**5000, 1.0, float("nan"), True, None, b"1", {}, {"$gt": 0}, [],
    [1], object(), Decimal(1),
]  # fmt: skip
NUMBERED: dict[str, Callable[[Any], Any]] = {
    "skip": lambda number: Book.find().skip(number),
    "limit": lambda number: Book.find().limit(number),
    "page": lambda number: Book.find().paginate(number),
    "per_page": lambda number: Book.find().paginate(1, number),
    "stream": lambda number: list(Book.find().stream(number)),
}


@pytest.mark.promise("I2")
@pytest.mark.parametrize("method", NUMBERED)
def test_a_number_of_documents_is_ascii_digits_and_not_negative(library: Book, method: str) -> None:
    for number in NO_NUMBERS if method == "skip" else [*NO_NUMBERS, 0, "0"]:
        refuses(lambda: NUMBERED[method](number))  # noqa: B023


@pytest.mark.promise("I2")
def test_a_page_has_a_default_size_and_a_cap(library: Book) -> None:
    assert Book.find().paginate().per_page == 20
    assert Book.find().paginate("1", "999999999").per_page == 100
    assert Book.find().paginate("999999999", "1").items == []
    assert Book.find().skip("0").limit("999999999").count() == 1


@pytest.mark.promise("I1")
def test_a_value_in_the_place_of_a_filter_is_a_developers_error(library: Book) -> None:
    for find in (Book.find, Book.first, Book.count, Book.exists, Book.find().find):
        for value in each_value():
            if type(value) is not dict and not isinstance(value, Condition):
                refuses(lambda: find(value), TypeError)  # noqa: B023


# Writing.


@pytest.mark.promise("I3")
@pytest.mark.promise("I4")
def test_new_takes_any_data_or_refuses_it(library: Book) -> None:
    made = 0
    for name in PUBLIC:
        for value in each_value():
            try:
                book = Book.new({name: value}).save()
            except REFUSED:
                continue
            made += 1
            again = Book.get(book.id)
            assert getattr(again, name) == getattr(book, name)
            assert (again.token, again.locked) == ("a private value", 0)
            book.delete()
    assert made > 50
    for value in (*each_value(), None):
        try:
            book = Book.new(value)
        except REFUSED:
            continue
        assert isinstance(value, Mapping)
        assert book.changes() == {**Book().changes(), "$set": {**Book().changes()["$set"], "_id": book.id}}


@pytest.mark.promise("I3")
def test_apply_takes_any_data_or_refuses_it(library: Book) -> None:
    book = Book(title="other").save()
    for name in PUBLIC:
        for value in each_value():
            before = book.dump()
            try:
                book.apply({name: value, "title": "applied"})
            except REFUSED:
                assert book.dump() == before
                continue
            if name in ("author", "others") and isinstance(value, Author):
                refuses(book.save)  # as it was not saved itself
                book.reload()
                continue
            book.save()
            again = Book.get(book.id)
            assert getattr(again, name) == getattr(book, name)
            assert (again.token, again.locked) == ("a private value", 0)
    book.delete()


@pytest.mark.promise("I3")
def test_no_name_is_written_but_a_writable_fields(library: Book) -> None:
    for name in [*NAMES, "id", "locked", "details.pages", "tags.0", "tags[]", "meta[$gt]", None, 5, ("title",)]:
        refuses(lambda: Book.new({name: "x"}))  # noqa: B023
        refuses(lambda: library.apply({name: "x"}))  # noqa: B023
        refuses(lambda: library.apply({"title": "x", "details": {name: "x"}}))  # noqa: B023
        refuses(lambda: library.apply({"reviews": [{"text": "x", "replies": [{"text": "x", name: "x"}]}]}))  # noqa: B023
    for name in ("id", "_id", "locked", "token"):
        refuses(lambda: Book.new(MultiDict({name: "x"})))  # noqa: B023
    assert library.changes() == {}


def atomics(book: Book) -> Iterator[tuple[str, str, Callable[[Any], Any]]]:
    for name in ("tags", "items", "scores"):
        yield "push", name, lambda value, name=name: book.push(name, value)
        yield "pull", name, lambda value, name=name: book.pull(name, value)
    for name in ("number", "rating"):
        yield "inc", name, lambda value, name=name: book.inc(name, value)


@pytest.mark.promise("I4")
def test_atomic_operators_take_any_value_as_a_literal(library: Book) -> None:
    book = Book(title="other", number=0, rating=0.0).save()
    for method, name, call in atomics(book):
        for value in each_value():
            before = copy.copy(getattr(book, name))
            try:
                found = call(value)
            except REFUSED:
                assert getattr(Book.get(book.id), name) == before, value
                continue
            if method == "push" and name != "scores":
                assert len(found) == len(before) + 1, value
                assert found[-1] == (str(value) if isinstance(value, str) else dict(value))
            if method == "pull":
                assert value not in found
    book.delete()


@pytest.mark.promise("I4")
def test_atomic_operators_take_no_name_but_a_fields(library: Book) -> None:
    for name in NAMES:
        if name != "token":
            for call in (library.push, library.pull, library.inc):
                refuses(lambda: call(name, 1))  # noqa: B023
    for name in NO_NAMES:
        for call in (library.push, library.pull, library.inc):
            refuses(lambda: call(name, 1), quorum.ValidationError, TypeError)  # noqa: B023


# Names that mean several things, and data that are large.


class Safe(quorum.EmbeddedModel):
    pin: str = quorum.field(private=True, default="none", alias="p")
    note: str = ""


class Open(quorum.EmbeddedModel):
    pin: str = ""
    p: str = ""


class Kept(quorum.Model):
    part: Safe | Open | None = None
    safes: list[Safe] = []
    numbers: set[int] = set()
    notes: list[Open] = []
    words: dict[str, int] = {}
    rows: list[list[str]] = []
    note: str = ""
    rate: float = 0.0


class Closed(Kept):
    note: str = quorum.field(private=True, default="")


@pytest.fixture
def kept(any_url: str, load: Callable[..., None]) -> Any:
    load(any_url, Kept, Closed)
    Closed(note="s3cret").save()
    return Kept(part=Safe(pin="s3cret"), safes=[Safe(pin="s3cret", note="a")]).save()


@pytest.mark.promise("D7")
@pytest.mark.parametrize("name", ["part.pin", "part.p", "safes.pin", "note"])
def test_a_name_that_is_private_anywhere_is_no_name(kept: Any, name: str) -> None:
    for call in (Kept.find().distinct, Kept.find().values, Kept.find().sort, Kept.find().only):
        with pytest.raises(quorum.ValidationError):
            call(name)
    with pytest.raises(quorum.ValidationError):
        Kept.count(**{name: "s3cret"})


def test_a_client_cannot_push_what_it_cannot_set_nor_pull_by_it(kept: Any) -> None:
    for verb in (kept.push, kept.pull):
        with pytest.raises(quorum.ValidationError) as caught:
            verb("safes", {"note": "a", "pin": "s3cret"})
        assert caught.value.messages == {"safes": {"pin": ["Unknown field."]}}
    assert [safe.note for safe in kept.push("safes", {"note": "b"})] == ["a", "b"]
    assert kept.push("safes", Safe(note="c", pin="mine"))[2].pin == "mine"


def test_changes_of_large_values_are_small_work(kept: Any) -> None:
    kept.numbers, kept.words = set(range(3000)), {f"k{n}": n for n in range(3000)}
    kept.notes = [Open(p=str(n)) for n in range(3000)]
    kept.save()
    kept.numbers, kept.words = set(range(1500, 4500)), {f"k{n}": n for n in range(1500, 4500)}
    kept.notes = [Open(p=str(-n)) for n in range(3000)]
    changes = kept.changes()
    assert list(changes) == ["$set"]
    assert sorted(changes["$set"]) == ["notes", "numbers", "words"]
    kept.save()
    again = Kept.get(kept.id)
    assert (again.numbers, again.words, again.notes) == (kept.numbers, kept.words, kept.notes)


@pytest.mark.parametrize("name", ["part" + ".x" * 3000, "words" + ".x" * 3000])
def test_a_name_of_very_many_parts_is_refused(kept: Any, name: str) -> None:
    for call in (Kept.find().only, Kept.find().sort, Kept.find().prefetch, Kept.find().values):
        with pytest.raises(quorum.ValidationError) as caught:
            call(name)
        assert len(str(caught.value)) < 1000


def test_a_filter_that_is_too_large_to_be_sent_is_refused(mongo_url: str, load: Callable[..., None]) -> None:
    load(mongo_url, Kept, Closed)
    with pytest.raises(quorum.ValidationError, match="too large"):
        list(Kept.find(rows=[["x" * 49_000_000]]))


def test_distinct_of_lists_in_lists_gives_the_inner_lists(mongo_url: str, load: Callable[..., None]) -> None:
    load(mongo_url, Kept, Closed)
    Kept(rows=[["a"], ["b", "c"]]).save()
    assert sorted(Kept.find().distinct("rows")) == [["a"], ["b", "c"]]


def test_an_increment_leaves_a_number_finite(kept: Any) -> None:
    kept.inc("rate", 1e308)
    with pytest.raises(quorum.ValidationError, match="out of its range"):
        kept.inc("rate", 1.7e308)
    assert Kept.get(kept.id).rate == 1e308


def test_of_very_many_problems_the_first_are_told() -> None:
    with pytest.raises(quorum.ValidationError) as caught:
        Kept.new({"numbers": ["x"] * 5000})
    assert len(caught.value.messages["numbers"]) == 100
