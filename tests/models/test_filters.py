"""Filters in their three forms: keywords, expressions, and MongoDB's own dict (I1)."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import hypothesis
import pytest
from bson import ObjectId
from hypothesis import strategies as st
from library import MODELS, Author, Book, Color, Details, Play, Review
from werkzeug.datastructures import ImmutableMultiDict, MultiDict

import quorum
from quorum.models.expressions import MAX_TEXT, SAFE, Condition

UID = UUID("12345678-1234-5678-1234-567812345678")
OID = ObjectId("507f1f77bcf86cd799439011")
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)

pytestmark = pytest.mark.promise("I1")


@pytest.fixture
def books(any_url: str, load: Callable[..., None]) -> None:
    load(any_url, *MODELS)


def titles(*filters: Any, **equals: Any) -> list[str]:
    return [book.title for book in Book.find(*filters, **equals).sort("title")]


# Equality by keyword.

#: A field, the value that it stores, and the texts of a request that mean the same value.
EQUALS: list[tuple[str, Any, list[Any]]] = [
    ("title", "x $where", []),
    ("isbn", "978", []),
    ("number", 5, ["5", " 5 ", "+5", "05"]),
    ("number", -(2**63), ["-9223372036854775808"]),
    ("rating", 2.5, ["2.5", "25e-1"]),
    ("rating", 3.0, [3, "3"]),
    ("price", Decimal("9.90"), ["9.90"]),
    ("good", True, ["true", "on", "1"]),
    ("good", False, ["false", "off", "0"]),
    ("blob", b"\x00\xff", ["AP8="]),
    ("at", NOON, ["2024-02-29T12:00:00Z", "2024-02-29T13:00:00+01:00", "2024-02-29T12:00", NOON.replace(tzinfo=None)]),
    ("day", date(2024, 2, 29), ["2024-02-29"]),
    ("hour", time(12, 30), ["12:30"]),
    ("uid", UID, [str(UID), UID.hex]),
    ("oid", OID, [str(OID), str(OID).upper()]),
    ("color", Color.BLUE, ["blue"]),
    ("kind", "essay", []),
    ("year", 1999, ["1999"]),
    ("year", "1999-2000", []),
    ("anything", {"$gt": 1, "a": [1, {"b": None}]}, []),
    ("anything", [1, "two"], []),
    ("anything", re.compile("a+", re.IGNORECASE), []),
    ("tags", ["a", "b"], []),
    ("scores", {1, 2}, [["2", "1"]]),
    ("size", (5, "cm"), [["5", "cm"]]),
    ("meta", {"$where": "1"}, []),
    ("counts", {"a": 1}, [{"a": "1"}]),
    ("pattern", re.compile("a.c"), []),
    ("details", Details(pages=5, code="x"), [{"pages": "5", "code": "x"}]),
    ("made_into", Play(acts=5), [{"_type": "Play", "acts": "5"}]),
]


@pytest.mark.parametrize(("name", "value", "texts"), EQUALS, ids=lambda value: repr(value)[:30])
def test_a_keyword_finds_the_equal_value(books: None, name: str, value: Any, texts: list[Any]) -> None:
    Book(title="other", number=6, anything="abc").save()
    wanted = Book(**{"title": "wanted", name: copy.copy(value)}).save()
    for given in [value, *texts]:
        assert list(Book.find(**{name: given})) == [wanted]
        assert Book.get(**{name: given}) == wanted


def test_keywords_all_have_to_hold(books: None) -> None:
    Book(title="a", number=1, tags=["x"]).save()
    Book(title="b", number=1).save()
    assert titles(number=1, tags="x") == ["a"]
    assert [book.title for book in Book.find(number=1).find(title="b")] == ["b"]


def test_conditions_on_one_field_all_have_to_hold(books: None) -> None:
    for number in range(5):
        Book(title=str(number), number=number).save()
    assert titles(Book.number > 0, Book.number < 4, Book.number != 2) == ["1", "3"]
    assert [book.title for book in Book.find(Book.number > 0).find(Book.number < 2)] == ["1"]
    assert titles(Book.number > 1, number=3) == ["3"]
    assert titles(Book.number > 3, number=3) == []


def test_a_list_is_found_by_an_item_and_by_the_whole(books: None) -> None:
    Book(title="a", tags=["x", "y"], scores={1, 2}, size=(1, "cm")).save()
    Book(title="b", tags=["y", "x"], scores={3}, size=(2, "m")).save()
    assert titles(tags="x") == ["a", "b"]
    assert titles(tags=["x", "y"]) == ["a"]
    assert titles(scores=3) == ["b"]
    assert titles(scores={2, 1}) == ["a"]
    assert titles(**{"tags.0": "y"}) == ["b"]
    assert titles(**{"size.1": "m"}) == ["b"]
    assert titles(size="cm") == ["a"]
    assert titles(size=2) == ["b"]


def test_a_field_inside_of_another_is_named_with_dots(books: None) -> None:
    Book(
        title="a",
        details=Details(pages=5, code="c1"),
        meta={"k": {"n": 1}},
        counts={"x": 1},
        reviews=[Review(text="t1", replies=[Review(text="r1")]), Review(text="t2", stars=3)],
    ).save()
    Book(title="b", details=Details(pages=6), reviews=[Review(text="t3")]).save()
    assert titles(**{"details.pages": "5"}) == ["a"]
    assert titles(**{"details.code": "c1"}) == ["a"]
    assert titles(**{"meta.k.n": 1}) == ["a"]
    assert titles(**{"meta.k": {"n": 1}}) == ["a"]
    assert titles(**{"counts.x": "1"}) == ["a"]
    assert titles(**{"reviews.text": "t2"}) == ["a"]
    assert titles(**{"reviews.0.text": "t2"}) == []
    assert titles(**{"reviews.1.text": "t2"}) == ["a"]
    assert titles(**{"reviews.replies.text": "r1"}) == ["a"]
    assert titles(Book.details.pages > 5) == ["b"]
    assert titles(Book.details.code == "c1") == ["a"]
    assert titles(Book.reviews.stars >= 3) == ["a"]
    assert titles(Book.reviews[1].text == "t2") == ["a"]
    assert titles(Book.meta["k"]["n"] == 1) == ["a"]
    assert titles(Book.meta.k.n.exists()) == ["a"]


def test_a_reference_is_found_by_document_id_and_text(books: None) -> None:
    ann, bob = Author(name="Ann").save(), Author(name="Bob").save()
    Book(title="a", author=ann, others=[ann, bob]).save()
    Book(title="b", author=bob, reviews=[Review(text="t", by=ann)]).save()
    for given in (ann, ann.id, str(ann.id)):
        assert titles(author=given) == ["a"]
        assert titles(others=given) == ["a"]
        assert titles(**{"reviews.by": given}) == ["b"]
        assert titles(Book.author == given) == ["a"]
        assert titles(Book.author.in_([given])) == ["a"]
        assert titles(Book.others.contains(given)) == ["a"]
    assert titles(others=[ann, bob]) == ["a"]
    assert titles(others=[str(ann.id), bob.id]) == ["a"]
    assert titles(Book.author != ann) == ["b"]


def test_a_reference_is_not_found_by_what_is_none(books: None) -> None:
    for wrong in ("x", 5, {"$ne": None}, Author(name="new"), Book(title="b").save(), ["x"]):
        with pytest.raises(quorum.ValidationError):
            Book.find(author=wrong)


def test_none_finds_none_and_missing(books: None) -> None:
    Book(title="a", number=1).save()
    Book(title="b", number=None).save()
    Book.collection.insert_one({"title": "c"})
    assert titles(number=None) == ["b", "c"]
    assert titles(Book.number == None) == ["b", "c"]  # noqa: E711
    assert titles(Book.number != None) == ["a"]  # noqa: E711
    assert titles(Book.number.in_([None, 1])) == ["a", "b", "c"]
    assert titles(Book.number.exists()) == ["a", "b"]
    assert titles(Book.number.exists(False)) == ["c"]


# Expressions.


def test_every_operator(books: None) -> None:
    for number in range(4):
        Book(title=str(number), number=number).save()
    assert titles(Book.number == 1) == ["1"]
    assert titles(Book.number != 1) == ["0", "2", "3"]
    assert titles(Book.number < 1) == ["0"]
    assert titles(Book.number <= 1) == ["0", "1"]
    assert titles(Book.number > 2) == ["3"]
    assert titles(Book.number >= 2) == ["2", "3"]
    assert titles(Book.number.in_([1, "2", 9])) == ["1", "2"]
    assert titles(Book.number.not_in((1, 2))) == ["0", "3"]
    assert titles(Book.number.in_([])) == []
    assert titles(Book.number.not_in([])) == ["0", "1", "2", "3"]


def test_decimals_are_equal_as_numbers(mongo_url: str, load: Callable[..., None]) -> None:
    load(mongo_url, *MODELS)
    book = Book(price=Decimal("9.90")).save()
    for value in (Decimal("9.9"), "9.900", 9.9):
        assert list(Book.find(price=value)) == [book]


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("title", "a", "b"),
        ("rating", 1.5, 2.5),
        ("price", Decimal("1.1"), Decimal("1.11")),
        ("at", NOON, NOON.replace(hour=13)),
        ("day", date(1, 1, 1), date(9999, 12, 31)),
        ("hour", time(1), time(2)),
        ("oid", OID, ObjectId("f" * 24)),
    ],
)
def test_every_ordered_type_compares(mongo_url: str, load: Callable[..., None], name: str, low: Any, high: Any) -> None:
    load(mongo_url, *MODELS)
    lower, higher = Book(**{name: low}).save(), Book(**{name: high}).save()
    field = getattr(Book, name)
    assert list(Book.find(field < high)) == [lower]
    assert list(Book.find(field >= high)) == [higher]
    assert set(Book.find(field <= high)) == {lower, higher}


def test_conditions_combine(books: None) -> None:
    for number in range(4):
        Book(title=str(number), number=number).save()
    one, two = Book.number == 1, Book.number == 2
    assert titles(one | two) == ["1", "2"]
    assert titles(one & two) == []
    assert titles(~one) == ["0", "2", "3"]
    assert titles(~(one | two)) == ["0", "3"]
    assert titles((Book.number > 0) & ~two) == ["1", "3"]
    assert titles(one | two | (Book.title == "3"), ~two) == ["1", "3"]


def test_combining_leaves_the_parts_as_they_were(books: None) -> None:
    one = Book.number == 1
    before = dict(one.filter)
    _ = ~(one | (Book.number == 2)) & one
    assert one.filter == before


def test_a_condition_has_no_truth() -> None:
    with pytest.raises(TypeError, match=r"Combine conditions with & \| ~"):
        bool(Book.number == 1)
    with pytest.raises(TypeError, match="write two comparisons"):
        1 < Book.number < 3  # noqa: B015
    with pytest.raises(TypeError, match="Combine conditions"):
        _ = (Book.number == 1) and (Book.number == 2)
    with pytest.raises(TypeError, match="Combine conditions"):
        _ = not (Book.number > 1)


@pytest.mark.parametrize("other", [True, None, {"number": 1}, 1])
def test_a_condition_combines_with_conditions_only(other: Any) -> None:
    for combine in (lambda one: one & other, lambda one: one | other):
        with pytest.raises(TypeError, match="can only be combined with another one"):
            combine(Book.number == 1)


def test_an_expression_cannot_be_iterated() -> None:
    with pytest.raises(TypeError, match="an expression, not a value"):
        list(Book.tags)


def test_what_is_shown_of_a_condition_holds_no_value() -> None:
    assert repr((Book.title == "hush") & ~(Book.number > 5)) == "<Condition on number, title>"
    assert "hush" not in repr(Book.find(Book.title == "hush"))


def test_text_is_searched_literally(books: None) -> None:
    texts = ["a.c", "abc", "a.cd", "xa.c", "a.c\n", "(", "\\", "é[", "^a", "a$", "A.C", "a b", "a#b", "\n", "a\nb"]
    for text in texts:
        Book(title=text).save()
    for text in texts:
        assert titles(Book.title.startswith(text)) == sorted(t for t in texts if t.startswith(text))
        assert titles(Book.title.endswith(text)) == sorted(t for t in texts if t.endswith(text))
        assert titles(Book.title.contains(text)) == sorted(t for t in texts if text in t)


@pytest.mark.parametrize("method", ["startswith", "endswith", "contains"])
def test_text_that_is_searched_is_bounded(books: None, method: str) -> None:
    Book(title="a" * 200).save()
    search = getattr(Book.title, method)
    assert titles(search("a" * 200)) == ["a" * 200]
    assert titles(search("(" * MAX_TEXT)) == []
    with pytest.raises(quorum.ValidationError, match=f"Longer than maximum length {MAX_TEXT}"):
        search("a" * (MAX_TEXT + 1))
    for wrong in (None, 5, ["a"], {"$gt": ""}, b"a", "a\0", "\ud800", re.compile("a")):
        with pytest.raises(quorum.ValidationError):
            search(wrong)


def test_only_text_is_searched(books: None) -> None:
    for field in (Book.number, Book.good, Book.oid, Book.author, Book.scores, Book.details, Book.counts):
        for method in ("startswith", "endswith"):
            with pytest.raises(quorum.ValidationError, match="Only text is searched"):
                getattr(field, method)("a")


def test_text_is_searched_in_lists_unions_and_anything(books: None) -> None:
    Book(title="a", tags=["xy", "z"], year="xy", anything="xy", meta={"k": "xy"}).save()
    Book(title="b", tags=["y"], year=2000, anything=5).save()
    assert titles(Book.tags.startswith("x")) == ["a"]
    assert titles(Book.year.endswith("y")) == ["a"]
    assert titles(Book.anything.contains("x")) == ["a"]
    assert titles(Book.meta["k"].contains("x")) == ["a"]


def test_contains_takes_an_item_of_a_list(books: None) -> None:
    Book(title="a", tags=["xy", "z"], scores={1}).save()
    assert titles(Book.tags.contains("xy")) == ["a"]
    assert titles(Book.tags.contains("x")) == []
    assert titles(Book.scores.contains("1")) == ["a"]
    with pytest.raises(quorum.ValidationError):
        Book.tags.contains(["xy", "z"])


@pytest.mark.parametrize("values", ["ab", b"ab", {"a": 1}, 5, None])
def test_in_takes_a_list_of_values(values: Any) -> None:
    for method in (Book.title.in_, Book.title.not_in):
        with pytest.raises(quorum.ValidationError, match="Not a list of values"):
            method(values)


def test_values_that_look_like_operators_are_compared_as_they_are(books: None) -> None:
    odd, code = {"$gt": 1}, re.compile("a.c")
    Book(title="a", anything=odd, pattern=code, meta={"$gt": ""}, items=[{"$ne": 1}]).save()
    Book(title="b", anything=5, pattern=re.compile("abc"), meta={"x": 1}).save()
    Book(title="c", anything="abc").save()
    assert titles(anything=odd) == ["a"]
    assert titles(meta={"$gt": ""}) == ["a"]
    assert titles(items={"$ne": 1}) == ["a"]
    assert titles(items=[{"$ne": 1}]) == ["a"]
    assert titles(pattern=code) == ["a"]
    assert titles(anything=code) == []
    assert titles(Book.anything != odd) == ["b", "c"]
    assert titles(Book.pattern != code) == ["b", "c"]
    assert titles(Book.anything.in_([odd, 5])) == ["a", "b"]
    assert titles(Book.anything.in_([odd])) == ["a"]
    assert titles(Book.anything.in_([code])) == []
    assert titles(Book.anything.not_in([odd, 5])) == ["c"]
    assert titles(Book.pattern.not_in([code])) == ["b", "c"]
    assert titles(Book.items.contains({"$ne": 1})) == ["a"]


def test_equality_is_sent_bare_only_where_a_server_can_take_it_for_nothing_else(books: None) -> None:
    for name, value, texts in EQUALS:
        for given in [value, *texts]:
            ((_, sent),) = Book.find(**{name: given})._filter().items()
            if isinstance(value, set) and not isinstance(given, (int, str)):
                assert sent == {"$size": len(value), "$all": sorted(value)}
            else:
                assert type(sent) in SAFE or list(sent) == ["$eq"]


def test_a_set_is_found_in_any_order(books: None) -> None:
    book = Book(title="sets", scores={2})
    book.save()
    book.scores.add(1)
    book.save()
    assert Book.collection.find_one({"_id": book.id}, {"scores": 1}) == {"_id": book.id, "scores": [2, 1]}
    assert titles(Book.scores == {1, 2}) == titles(scores={1, 2}) == ["sets"]
    assert "sets" not in titles(Book.scores != {1, 2})
    assert titles(title="sets", scores={1}) == []


# Names.


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("titel", "Did you mean 'title'"),
        ("token", "has no field"),
        ("number__gte", r"Operators are written Book\.number >= 3 or \{\"number\": \{\"\$gte\": 3\}\}, a part"),
        ("isbn__in", r"Operators are written Book\.isbn >= 3 or \{\"i\": "),
        ("token__gte", r"has no field 'token__gte'\.$"),
        ("details.secret", "Unknown field"),
        ("reviews.secret", "Unknown field"),
        ("reviews.0.secret", "Unknown field"),
        ("reviews.replies.secret", "Unknown field"),
        ("author.name", "Unknown field"),
        ("title.x", "Unknown field"),
        ("details.cd", "Unknown field"),
        ("i", "has no field"),
        ("_id", "has no field"),
        ("_type", "has no field"),
        ("$where", "has no field"),
        ("$or", "has no field"),
        ("", "has no field"),
        ("title.", "Unknown field"),
        ("meta.", "Not a key"),
        ("meta.$where", "Not a key"),
        ("meta.a\0", "Not a key"),
        ("anything.$gt", "Not a key"),
        ("cls", "has no field"),
        ("self", "has no field"),
        ("id.x", "Unknown field"),
        ("tags.-1", "Unknown field"),
        ("tags.$", "Unknown field"),
        ("tags.\u0661", "Unknown field"),
        ("__class__", "has no field"),
    ],
)
def test_only_public_fields_have_names(mock_url: str, load: Callable[..., None], name: str, message: str) -> None:
    load(mock_url, *MODELS)
    for find in (Book.find, Book.get, Book.first, Book.count, Book.exists, Book.find().find):
        with pytest.raises(quorum.ValidationError, match=message):
            find(**{name: "1"})


@pytest.mark.promise("D7")
def test_no_private_name_is_suggested(books: None) -> None:
    with pytest.raises(quorum.ValidationError) as caught:
        Book.find(tokn="x")
    assert "token" not in str(caught.value)


def test_an_expression_may_name_a_private_field(books: None) -> None:
    Book(title="a", token="x", details=Details(secret="y")).save()
    assert titles(Book.token == "x") == ["a"]
    assert titles(Book.details.secret == "y") == ["a"]
    assert titles(Book.token == "z") == []


def test_an_expression_of_an_unknown_field_is_refused() -> None:
    with pytest.raises(AttributeError):
        Book.titel  # noqa: B018
    for make in (
        lambda: Book.details.page,
        lambda: Book.title.x,
        lambda: Book.author.name,
        lambda: Book.meta["$where"],
        lambda: Book.meta["a.b"],
    ):
        with pytest.raises(quorum.ValidationError):
            make()


def test_the_stored_name_is_sent(books: None) -> None:
    assert Book.find(isbn="1")._filter() == {"i": "1"}
    assert Book.find(id=str(OID))._filter() == {"_id": OID}
    assert Book.find(**{"details.code": "1"})._filter() == {"details.cd": "1"}
    assert (Book.details.code == "1").filter == {"details.cd": "1"}


# MongoDB's own dict.


def test_a_dict_is_taken_as_mongodb_takes_it(books: None) -> None:
    for number in range(4):
        Book(title=str(number), number=number).save()
    assert titles({"number": {"$gt": 2}}) == ["3"]
    assert titles({"$or": [{"number": 0}, {"i": None, "number": 3}]}) == ["0", "3"]
    assert titles({"number": {"$lt": 3}}, Book.number > 1) == ["2"]
    assert titles({"number": {"$lt": 3}}, number=1) == ["1"]
    assert titles({}) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("filter", "told"),
    [
        ({"price": {"$gte": Decimal(2)}}, "Decimal, .* Write a bson.Decimal128, or an expression, .*: Book.price >="),
        ({"$or": [{"title": "a"}, {"color": Color.RED}]}, "Color, .* Write its .value, or .*: Book.color >="),
        ({"day": date(2024, 2, 29)}, "date, .* Write a datetime, or"),
        ({"author": Author(name="a")}, "Author, .* Write its .id, or"),
        ({"i": {"$in": {"1", "2"}}}, "set, .* Write a list, or .*: Book.isbn >="),
        ({"details.cd": Details()}, "Details, .* Write an expression, .*: Book.details.cd >="),
        ({"meta": {1: 2}}, "Its keys are text"),
    ],
    ids=["Decimal", "enum", "date", "model", "set", "embedded", "key"],
)
def test_a_value_in_a_dict_that_bson_has_no_type_for_is_told(books: None, filter: dict[str, Any], told: str) -> None:
    asked = Book.find(filter)
    for ask in (asked.first, asked.count, asked.exists, asked.delete, lambda: list(asked), lambda: [*asked.stream()],
                lambda: asked.distinct("title"), asked.prefetch("author").first,
                asked.options(comment="c").first):  # fmt: skip
        with pytest.raises(TypeError, match=f"^Book: .*{told}"):
            ask()


def test_a_number_in_a_dict_that_is_too_large_is_a_wrong_value(books: None) -> None:
    with pytest.raises(quorum.ValidationError, match=r"^Book: Number too large\.$"):
        Book.find({"number": 2**64}).first()


@pytest.mark.parametrize(
    "given",
    [
        MultiDict({"title": "a"}),
        ImmutableMultiDict({"title": "a"}),
        MultiDict(),
        [("title", "a")],
        [{"title": "a"}],
        "title",
        b"",
        None,
        5,
        True,
        object(),
        Book,
        Book.title,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_filter_is_a_developers_error(mock_url: str, load: Callable[..., None], given: Any) -> None:
    load(mock_url, *MODELS)
    for find in (Book.find, Book.first, Book.count, Book.exists, Book.find().find):
        with pytest.raises(TypeError, match="Outside input goes into keywords"):
            find(given)


SAFE_FILTERS: list[dict[str, Any]] = [
    {"title": "a"},
    {"_id": OID},
    {"i": "1", "details.cd": "x"},
    {"meta.anything.at.all": {"$exists": True}},
    {"$and": [{"title": "a"}, {"$or": [{"number": 1}]}, {"$nor": [{"number": 2}]}]},
    {"$expr": {"$gt": ["$number", {"$let": {"vars": {"low": 1}, "in": "$$low"}}]}},
    {"$jsonSchema": {"required": ["title"], "properties": {"title": {"bsonType": "string"}}}},
    {"reviews": {"$elemMatch": {"text": "t", "stars": {"$gt": 1}}}},
    {"anything": {"$eq": {"unknown": 1}}},
]
UNSAFE_FILTERS: list[dict[Any, Any]] = [
    {"$where": "1"},
    {"titel": "a"},
    {"isbn": "1"},
    {"$and": [{"title": "a"}, {"$or": [{"titel": "a"}]}]},
    {"$or": [{"$where": "1"}]},
    {"$nor": [{"$and": [{"$where": "1"}]}]},
    {"$expr": {"$function": {"body": "", "args": [], "lang": "js"}}},
    {"$expr": {"$eq": [1, {"$add": [{"$function": {}}]}]}},
    {"$expr": {"$accumulator": {}}},
    {"title": {"$not": {"$where": "1"}}},
    {"reviews": {"$elemMatch": {"$where": "1"}}},
    {"titel.x": 1},
    {1: 1},
]


@pytest.mark.parametrize("filter", SAFE_FILTERS + UNSAFE_FILTERS, ids=repr)
def test_a_dict_is_trusted_unless_told_otherwise(mock_url: str, load: Callable[..., None], filter: Any) -> None:
    load(mock_url, *MODELS)
    assert Book.find(filter)._filter() == filter


@pytest.mark.parametrize("filter", SAFE_FILTERS, ids=repr)
def test_safe_lets_ordinary_filters_pass(mock_url: str, load: Callable[..., None], filter: Any) -> None:
    load(mock_url, *MODELS, safe=True)
    assert Book.find(filter)._filter() == filter


@pytest.mark.parametrize("filter", UNSAFE_FILTERS, ids=repr)
def test_safe_refuses_code_and_unknown_fields(mock_url: str, load: Callable[..., None], filter: Any) -> None:
    load(mock_url, *MODELS, safe=True)
    for find in (Book.find, Book.first, Book.count, Book.exists, Book.find().find):
        with pytest.raises(quorum.ValidationError):
            find(filter)


# Compared with what Python finds.


class Item(quorum.Model):
    name: str
    number: int | None = None
    text: str | None = None
    numbers: list[int] = []


_TEXTS = st.sampled_from(["", "a", "b", "ab", "a.", "A", "é"])
Matches = Callable[[dict[str, Any]], bool]


def _candidates(stored: dict[str, Any], name: str) -> list[Any]:
    value = stored.get(name)
    return value if isinstance(value, list) else [value]


def _equals(name: str, value: Any) -> Matches:
    return lambda stored: value in _candidates(stored, name)


def _compares(name: str, operator: str, value: Any) -> Matches:
    def matches(stored: dict[str, Any]) -> bool:
        return any(type(one) is type(value) and getattr(one, operator)(value) for one in _candidates(stored, name))

    return matches


@st.composite
def _leaves(draw: st.DrawFn) -> tuple[Condition, Matches]:
    name = draw(st.sampled_from(["number", "text", "numbers"]))
    field = getattr(Item, name)
    values = _TEXTS if name == "text" else st.integers(-2, 2)
    kind = draw(st.sampled_from(["==", "!=", "order", "in", "not in", "exists", "search" if name == "text" else "=="]))
    if kind == "exists":
        wanted = draw(st.booleans())
        return field.exists(wanted), lambda stored: (name in stored) is wanted
    if kind in ("in", "not in"):
        among = draw(st.lists(values if name == "numbers" else st.one_of(st.none(), values), max_size=3))
        any_of: Matches = lambda stored: any(_equals(name, value)(stored) for value in among)  # noqa: E731
        return (field.in_(among), any_of) if kind == "in" else (field.not_in(among), lambda stored: not any_of(stored))
    value = draw(values)
    if kind == "order":
        operator = draw(st.sampled_from(["__lt__", "__le__", "__gt__", "__ge__"]))
        return getattr(field, operator)(value), _compares(name, operator, value)
    if kind == "search":
        method = draw(st.sampled_from(["startswith", "endswith", "contains"]))
        python = {"contains": "__contains__"}.get(method, method)
        return getattr(field, method)(value), lambda s: isinstance(s.get(name), str) and getattr(s[name], python)(value)
    if kind == "==":
        return field == value, _equals(name, value)
    return field != value, lambda stored: not _equals(name, value)(stored)


def _combined(parts: st.SearchStrategy[tuple[Condition, Matches]]) -> st.SearchStrategy[tuple[Condition, Matches]]:
    pairs = st.tuples(parts, parts)
    return st.one_of(
        pairs.map(lambda p: (p[0][0] & p[1][0], lambda s: p[0][1](s) and p[1][1](s))),
        pairs.map(lambda p: (p[0][0] | p[1][0], lambda s: p[0][1](s) or p[1][1](s))),
        parts.map(lambda p: (~p[0], lambda s: not p[1](s))),
    )


_CONDITIONS = st.recursive(_leaves(), _combined, max_leaves=5)


def test_conditions_find_what_python_finds(any_url: str, load: Callable[..., None]) -> None:
    load(any_url, Item)
    documents = [
        {name: value for name, value in zip(("number", "text", "numbers"), values, strict=True) if value != "missing"}
        for values in itertools.product(
            ["missing", None, -1, 0, 2], ["missing", None, "", "ab", "A", "a."], ["missing", [], [0], [-2, 1]]
        )
    ]
    Item.collection.insert_many([{**stored, "name": str(index)} for index, stored in enumerate(documents)])

    @hypothesis.given(condition=_CONDITIONS)
    @hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.too_slow])
    def compare(condition: tuple[Condition, Matches]) -> None:
        found_by, matches = condition
        wanted = [str(index) for index, stored in enumerate(documents) if matches(stored)]
        assert sorted(item.name for item in Item.find(found_by)) == sorted(wanted)

    compare()


@hypothesis.given(text=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))
@hypothesis.example("\n")
@hypothesis.example("$")
@hypothesis.settings(max_examples=300)
def test_a_search_is_a_literal_pattern(text: str) -> None:
    ((_, sent),) = Book.title.contains(text).filter.items()
    assert list(sent) == ["$regex"]
    assert re.fullmatch(sent["$regex"], text)
