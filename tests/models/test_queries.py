"""Queries: lazy, immutable, one command each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pymongo
import pytest
from commands import Commands
from library import MODELS, Author, Book, Color, Details, Film, Play, Review
from pymongo.collation import Collation

import quorum
from quorum.models import Query


@pytest.fixture
def books(any_url: str, load: Callable[..., None]) -> list[Book]:
    """Nine books, `number` 0 to 8."""
    load(any_url, *MODELS)
    return fill()


@pytest.fixture
def sent(mongo_url: str, load: Callable[..., None], commands: Commands) -> Commands:
    """The commands sent since nine books were stored."""
    load(mongo_url, *MODELS)
    fill()
    commands.clear()
    return commands


def fill() -> list[Book]:
    return [Book(title="abc"[number % 3], number=number).save() for number in range(9)]


def numbers(query: Any) -> list[int | None]:
    return [book.number for book in query]


# Lazy: nothing is sent before it is needed, and then one command.


def test_making_a_query_sends_nothing(sent: Commands) -> None:
    query = Book.find(title="a").sort("-number").skip(1).limit(5).only("title").prefetch("author").options(comment="x")
    _ = query.find(number=3)[2:4]
    _ = repr(query)
    query.stream()
    assert sent.names == []


@pytest.mark.parametrize(
    ("use", "command"),
    [
        (list, "find"),
        (len, "find"),
        (bool, "find"),
        (lambda query: query[3], "find"),
        (lambda query: list(query[3:5]), "find"),
        (lambda query: query.first(), "find"),
        (lambda query: query.exists(), "find"),
        (lambda query: query.values("title"), "find"),
        (lambda query: list(query.stream()), "find"),
        (lambda query: query.count(), "aggregate"),
        (lambda query: query.distinct("title"), "distinct"),
        (lambda query: query.delete(), "delete"),
        (lambda query: query.explain(), "explain"),
    ],
)
def test_each_use_is_one_command(sent: Commands, use: Callable[[Query[Book]], Any], command: str) -> None:
    use(Book.find())
    assert sent.names == [command]


def test_documents_are_loaded_once(sent: Commands) -> None:
    query = Book.find().sort("number")
    first = list(query)
    assert all(one is other for one, other in zip(query, first, strict=True))
    assert (len(query), bool(query), query.exists()) == (9, True, True)
    assert query.first() is first[0]
    assert query[4] is first[4]
    assert sent.names == ["find"]


def test_an_empty_result_is_kept_too(sent: Commands) -> None:
    query = Book.find(title="none")
    assert (list(query), len(query), bool(query), query.first(), query.exists()) == ([], 0, False, None, False)
    assert sent.names == ["find"]


def test_a_query_made_from_a_loaded_one_loads_anew(sent: Commands) -> None:
    query = Book.find().sort("number")
    list(query)
    assert len(query.find(title="a")) == 3
    assert numbers(query[2:4]) == [2, 3]
    assert sent.names == ["find"] * 3


def test_only_one_document_is_asked_for_where_one_is_wanted(sent: Commands) -> None:
    query = Book.find().sort("number")
    assert query.first().number == 0  # type: ignore[union-attr]
    assert query[3].number == 3
    assert query.exists()
    limits = [(command.get("skip", 0), command["limit"]) for command in sent.of("find")]
    assert limits == [(0, 1), (3, 1), (0, 1)]
    assert sent.of("find")[2]["projection"] == {"_id": 1}


# Immutable.


def test_each_method_gives_a_new_query(books: list[Book]) -> None:
    query = Book.find()
    others: list[Any] = [
        query.find(title="a"),
        query.sort("-number"),
        query.skip(3),
        query.limit(2),
        query.only("title"),
        query.prefetch("author"),
        query.options(comment="x"),
        query[1:2],
    ]
    assert all(other is not query for other in others)
    assert len(query) == 9
    assert query[0].number == 0


def test_a_query_keeps_what_it_had(books: list[Book]) -> None:
    query = Book.find(Book.number > 1).sort("-number").skip(1).limit(4).only("number")
    assert numbers(query) == [7, 6, 5, 4]
    assert numbers(query.find(title="b")) == [4]
    assert numbers(query.sort("number")) == [3, 4, 5, 6]
    assert numbers(query.limit(2)) == [7, 6]
    with pytest.raises(quorum.NotLoadedError):
        _ = query.first().title  # type: ignore[union-attr]


# Order, places and slices.


def test_names_sort_in_their_order(books: list[Book]) -> None:
    assert numbers(Book.find().sort("title", "-number")) == [6, 3, 0, 7, 4, 1, 8, 5, 2]
    assert numbers(Book.find().sort("-title", "number")) == [2, 5, 8, 1, 4, 7, 0, 3, 6]


def test_a_later_sort_replaces_an_earlier_one(books: list[Book]) -> None:
    assert numbers(Book.find().sort("-number").sort("number").limit(2)) == [0, 1]
    assert Book.find().sort("-number").sort()._sort == ()


def test_a_part_of_a_field_sorts(books: list[Book]) -> None:
    for book, code in zip(books[:3], "bca", strict=True):
        book.details = Details(code=code)
        book.save()
    assert numbers(Book.find(Book.number < 3).sort("details.code")) == [2, 0, 1]


PARTS = [
    slice(None), slice(2, 5), slice(2), slice(7, None), slice(7, 100), slice(100, 200), slice(3, 3), slice(5, 2),
    slice(0, 0), slice(None, 0), slice(0, 2**40), slice(2**40, None), slice(10**30, 10**31), slice(1, 4, 1),
]  # fmt: skip


@pytest.mark.parametrize("base", [slice(None), slice(2, 7), slice(0, 3), slice(4, None)], ids=str)
def test_slices_are_those_of_a_list(books: list[Book], base: slice) -> None:
    for part in PARTS:
        wanted = list(range(9))[base][part]
        query = Book.find().sort("number")[base][part]
        assert query.count() == len(wanted)
        assert numbers(query.stream()) == wanted
        assert numbers(query) == wanted
        assert numbers(query.find()) == wanted
        assert numbers(query.only("number")) == wanted
        assert query.exists() is bool(wanted)


def test_an_empty_slice_deletes_nothing(books: list[Book]) -> None:
    assert Book.find()[0:0].delete() == 0
    assert Book.find()[0:0].find(number=3).delete() == 0
    assert Book.count() == 9


@pytest.mark.parametrize("loaded", [False, True])
def test_a_place_outside_is_an_index_error(books: list[Book], loaded: bool) -> None:
    query = Book.find().sort("number")
    if loaded:
        list(query)
    assert query[8].number == 8
    for place in (9, 2**31, 10**30):
        with pytest.raises(IndexError):
            query[place]
    for wrong in (-1, slice(-1, None), slice(0, -1), slice(0, 9, 2), slice(9, 0, -1)):
        with pytest.raises(IndexError, match=r"negative|from its start"):
            query[wrong]


@pytest.mark.parametrize("place", ["1", None, 1.5])
def test_a_place_is_a_number(books: list[Book], place: Any) -> None:
    with pytest.raises(TypeError):
        Book.find()[place]


def test_skip_and_limit(books: list[Book]) -> None:
    query = Book.find().sort("number")
    assert numbers(query.skip(7)) == [7, 8]
    assert numbers(query.skip("7").limit("1")) == [7]
    assert numbers(query.skip(0).limit(2)) == [0, 1]
    assert numbers(query.skip(3).limit(4).skip(0)) == [0, 1, 2, 3]
    assert query.skip(7).count() == 2
    assert query.limit(4).count() == 4


# Single answers.


def test_first_gives_a_document_or_none(books: list[Book]) -> None:
    assert Book.find(number=3).first() == books[3]
    assert Book.first(number=3) == books[3]
    assert Book.first(Book.number > 3, title="c") == books[5]
    assert Book.find(number=30).first() is None
    assert Book.first(number=30) is None


def test_count_and_exists(books: list[Book]) -> None:
    assert (Book.count(), Book.count(title="a"), Book.count(Book.number > 5), Book.count(number=30)) == (9, 3, 3, 0)
    assert (Book.exists(), Book.exists(title="a"), Book.exists(number=30)) == (True, True, False)
    assert Book.find(title="a").exists()


def test_count_asks_the_server_each_time(books: list[Book]) -> None:
    query = Book.find()
    assert len(query) == 9
    Book(title="new").save()
    assert (query.count(), len(query)) == (10, 9)


@pytest.mark.promise("D10")
def test_get_gives_the_document_or_raises(books: list[Book]) -> None:
    book = books[3]
    assert Book.get(book.id) == Book.get(str(book.id)) == Book.get(number=3) == Book.get(title="a", number="3") == book
    for missing in (None, "", "x", str(book.id)[:-1], 5, b"1" * 12, Author(name="a").id):
        with pytest.raises(quorum.NotFoundError) as caught:
            Book.get(missing)
        assert caught.value.model == "Book"
    with pytest.raises(quorum.NotFoundError):
        Book.get(number=30)
    with pytest.raises(quorum.NotFoundError):
        Book.get(id=None)


def test_get_takes_an_id_or_fields() -> None:
    with pytest.raises(TypeError, match="needs an id, or fields"):
        Book.get()
    with pytest.raises(TypeError, match="not both"):
        Book.get("x", title="a")


# Values.


def test_values_gives_plain_dicts(books: list[Book]) -> None:
    ann = Author(name="Ann").save()
    Book(
        title="z", author=ann, color=Color.RED, details=Details(pages=3), meta={"k": {"n": 1}, "items": 2},
        reviews=[Review(text="r1", replies=[Review(text="r2"), Review(text="r3")]), Review(text="r4")],
        made_into=Film(minutes=5),
    ).save()  # fmt: skip
    (found,) = Book.find(title="z").values(
        "id", "title", "color", "author", "details.pages", "meta.k.n", "meta.items", "meta.none", "reviews.text",
        "reviews.replies.text", "made_into.minutes",
    )  # fmt: skip
    assert found.pop("id")
    assert found.pop("author").name == "Ann"
    assert found == {
        "title": "z", "color": Color.RED, "details.pages": 3, "meta.k.n": 1, "meta.items": 2, "meta.none": None,
        "reviews.text": ["r1", "r4"], "reviews.replies.text": [["r2", "r3"], []], "made_into.minutes": 5,
    }  # fmt: skip
    assert Book.find(Book.number < 2).sort("number").values("title") == [{"title": "a"}, {"title": "b"}]
    assert Book.find(number=1).values("details.pages") == [{"details.pages": None}]
    assert Book.find(number=30).values("title") == []


def test_values_of_no_field_is_a_developers_error(books: list[Book]) -> None:
    with pytest.raises(TypeError, match=r'^Book: values\(\) takes the names of fields: values\("id", "author'):
        Book.find().values()


def test_values_loads_only_what_is_named(sent: Commands) -> None:
    Book.find(number=3).values("title", "details.code")
    loaded = set(sent.of("find")[0]["projection"])
    assert {name for name in loaded if not name.endswith(("_id", "_type", "_revision"))} == {"title", "details.cd"}


def test_distinct_gives_the_values_of_a_field(any_url: str, load: Callable[..., None]) -> None:
    load(any_url, *MODELS)
    Book(title="a", tags=["x", "y"], year=1999, color=Color.RED, size=(5, "cm"), reviews=[Review(text="r1")]).save()
    Book(title="b", tags=["y", "z"], year="1999", scores={1}, color=Color.RED, size=(6, "cm")).save()
    assert sorted(Book.find().distinct("title")) == ["a", "b"]
    assert sorted(Book.find().distinct("tags")) == ["x", "y", "z"]
    assert Book.find(title="a").distinct("year") == [1999]
    assert Book.find().distinct("color") == [Color.RED]
    assert Book.find().distinct("scores") == [1]
    assert set(Book.find().distinct("size")) == {5, 6, "cm"}
    assert Book.find().distinct("number") == [None]
    assert Book.find(title="none").distinct("title") == []


def test_distinct_looks_into_lists_of_documents(mock_url: str, load: Callable[..., None]) -> None:
    # MongoDB does so too; SecantusDB gives nothing for a path through a list.
    load(mock_url, *MODELS)
    Book(reviews=[Review(text="r1"), Review(text="r2")]).save()
    assert sorted(Book.find().distinct("reviews.text")) == ["r1", "r2"]


def test_distinct_documents_are_loaded_together(sent: Commands) -> None:
    authors = [Author(name=name).save() for name in "abc"]
    for author in authors:
        Book(author=author).save()
    sent.clear()
    found = Book.find(Book.author != None).distinct("author")  # noqa: E711
    assert sorted(author.name for author in found) == ["a", "b", "c"]
    assert sent.names == ["distinct", "find"]


@pytest.mark.promise("D9")
def test_distinct_tells_of_a_stored_value_of_the_wrong_type(books: list[Book]) -> None:
    Book.collection.insert_one({"title": 5})
    with pytest.raises(quorum.errors.StoredValueError) as caught:
        Book.find().distinct("title")
    assert (caught.value.model, caught.value.field) == ("Book", "title")


@pytest.mark.parametrize("use", [lambda q: q.distinct("title"), lambda q: q.paginate()])
@pytest.mark.parametrize("limit", [lambda q: q.limit(2), lambda q: q.skip(2), lambda q: q[2:4]])
def test_what_would_forget_a_limit_is_an_error(books: list[Book], use: Any, limit: Any) -> None:
    with pytest.raises(TypeError, match="skip or limit"):
        use(limit(Book.find()))


# Only.


def test_only_loads_the_named_fields(books: list[Book]) -> None:
    book = Book.find(number=3).only("title").first()
    assert book is not None
    assert (book.title, book.id) == ("a", books[3].id)
    with pytest.raises(quorum.NotLoadedError) as caught:
        _ = book.number
    assert (caught.value.model, caught.value.field, caught.value.id) == ("Book", "number", book.id)


@pytest.mark.parametrize("name", ["tags.0", "reviews.0.text", "scores.1", "size.0"])
def test_only_takes_no_place_in_a_list(books: list[Book], name: str) -> None:
    with pytest.raises(quorum.ValidationError):
        Book.find().only(name)
    with pytest.raises(quorum.ValidationError):
        Book.find().values(name)


def test_only_takes_a_number_that_is_a_key(books: list[Book]) -> None:
    Book(title="z", meta={"0": "zero", "1": "one"}).save()
    assert Book.find(title="z").values("meta.0") == [{"meta.0": "zero"}]


# Pages.


def test_pages_hold_every_document_once(books: list[Book]) -> None:
    query = Book.find().sort("title")
    pages = [query.paginate(number, 4) for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [4, 4, 1]
    assert sorted(numbers(book for page in pages for book in page)) == list(range(9))
    assert [(page.page, page.per_page, page.total, page.pages) for page in pages] == [
        (number, 4, 9, 3) for number in (1, 2, 3)
    ]
    assert [(page.has_prev, page.has_next) for page in pages] == [(False, True), (True, True), (True, False)]
    assert [(page.prev_page, page.next_page) for page in pages] == [(None, 2), (1, 3), (2, None)]


def test_ties_are_broken_by_the_id(sent: Commands) -> None:
    Book.find().sort("-title").paginate(2, 3)
    assert sent.names == ["aggregate", "find"]
    assert list(sent.of("find")[0]["sort"].items()) == [("title", -1), ("_id", 1)]
    sent.clear()
    Book.find().sort("-id").paginate(2, 3)
    assert list(sent.of("find")[0]["sort"].items()) == [("_id", -1)]


def test_a_page_past_the_end_is_empty(books: list[Book]) -> None:
    page = Book.find().paginate(10, 4)
    assert (page.items, page.total, page.pages, page.has_prev, page.has_next) == ([], 9, 3, True, False)
    nothing = Book.find(number=30).paginate()
    assert (nothing.items, nothing.total, nothing.pages, nothing.has_prev, nothing.has_next) == ([], 0, 0, False, False)


def test_a_page_is_at_most_as_large_as_the_cap(books: list[Book]) -> None:
    assert Book.find().paginate("2", "3").per_page == 3
    assert Book.find().paginate(1, 1000).per_page == 100
    assert Book.find().paginate(1, 1000, max_per_page=5).per_page == 5
    assert len(Book.find().paginate(1, 1000, max_per_page=5)) == 5


# Options.


def test_options_are_sent(sent: Commands) -> None:
    query = Book.find(title="A").options(
        comment="why", hint="_id_", max_time_ms=2000, collation=Collation("en", strength=2)
    )
    assert len(query) == 3
    assert query.count() == 3
    assert sorted(query.options(hint=None).distinct("number")) == [0, 3, 6]
    assert query.delete() == 3
    find, count, distinct, delete = sent.all
    assert (find["comment"], find["hint"], find["maxTimeMS"]) == ("why", "_id_", 2000)
    assert (count["comment"], count["hint"], count["maxTimeMS"]) == ("why", "_id_", 2000)
    assert (distinct["comment"], distinct["maxTimeMS"]) == ("why", 2000)
    assert (delete["comment"], delete["deletes"][0]["hint"]) == ("why", "_id_")
    for collation in (find, count, distinct, delete["deletes"][0]):
        assert collation["collation"]["strength"] == 2


def test_a_read_preference_is_followed(sent: Commands) -> None:
    query = Book.find().options(read_preference=pymongo.ReadPreference.SECONDARY_PREFERRED)
    assert query._collection().read_preference == pymongo.ReadPreference.SECONDARY_PREFERRED
    assert len(query) == 9


def test_options_add_up(books: list[Book]) -> None:
    assert Book.find().options(comment="a").options(max_time_ms=5)._options == {"comment": "a", "max_time_ms": 5}


def test_an_unknown_option_is_an_error(books: list[Book]) -> None:
    with pytest.raises(TypeError, match="hint, max_time_ms, read_preference, not maxTimeMS"):
        Book.find().options(maxTimeMS=5)


def test_explain_gives_the_servers_plan(mongo_url: str, load: Callable[..., None]) -> None:
    load(mongo_url, *MODELS)
    assert "queryPlanner" in Book.find(title="a").explain()


def test_explain_needs_a_server(mock_url: str, load: Callable[..., None]) -> None:
    load(mock_url, *MODELS)
    with pytest.raises(quorum.OperationalError, match="mongomock plans no queries"):
        Book.find().explain()


# Deleting.


def test_delete_gives_the_number_of_the_deleted(books: list[Book]) -> None:
    assert Book.find(title="a").delete() == 3
    assert Book.find(title="a").delete() == 0
    assert numbers(Book.find().sort("number")) == [1, 2, 4, 5, 7, 8]
    assert Book.find().delete() == 6


@pytest.mark.parametrize(
    "limit", [lambda q: q.sort("title"), lambda q: q.skip(1), lambda q: q.limit(1), lambda q: q[1:]]
)
def test_a_part_of_a_query_is_not_deleted(books: list[Book], limit: Any) -> None:
    with pytest.raises(TypeError, match="sort, skip or limit"):
        limit(Book.find()).delete()
    assert Book.count() == 9


# Prefetch.


def test_prefetch_is_one_query_a_level(sent: Commands) -> None:
    authors = [Author(name=name).save() for name in "ab"]
    for author in authors:
        Book(title="p", author=author, reviews=[Review(text="r", by=other) for other in authors]).save()
    sent.clear()
    found = list(Book.find(title="p").prefetch("author", "reviews.by"))
    assert sent.names == ["find", "find", "find"]
    assert [(b.author.name, [r.by.name for r in b.reviews]) for b in found] == [("a", ["a", "b"]), ("b", ["a", "b"])]  # type: ignore[union-attr]
    assert sent.names == ["find", "find", "find"]


@pytest.mark.parametrize("path", ["title", "details", "author.name", "reviews", "reviews.text", "meta.k", "author.id"])
def test_prefetch_follows_references_only(books: list[Book], path: str) -> None:
    with pytest.raises(quorum.ValidationError):
        Book.find().prefetch(path)


class Slugged(quorum.Model):
    slug: str = quorum.field(primary=True)


def test_the_id_of_a_model_with_a_primary_field_is_a_name_too(any_url: str, load: Callable[..., None]) -> None:
    load(any_url, Slugged)
    Slugged(slug="a").save()
    assert Slugged.find(id="a").first() == Slugged.find(slug="a").first() == Slugged.get("a")
    assert Slugged.find(Slugged.id == "a").first() == Slugged.get("a")
    assert Slugged.find().values("id", "slug") == [{"id": "a", "slug": "a"}]
    with pytest.raises(quorum.ValidationError):
        Slugged.find().prefetch("id")


# Errors.


@pytest.mark.promise("D18")
def test_a_failing_server_is_an_operational_error(mongo_url: str, load: Callable[..., None]) -> None:
    load(mongo_url, *MODELS)
    fill()
    query = Book.find({"$nonsense": 1})
    for use in (list, len, lambda q: q[0], lambda q: q.first(), lambda q: q.count(), lambda q: q.exists()):
        with pytest.raises(quorum.OperationalError, match=r"Book: MongoDB at 127\.0\.0\.1"):
            use(query)
    for use in (lambda q: q.distinct("title"), lambda q: q.delete(), lambda q: list(q.stream()), lambda q: q.explain()):
        with pytest.raises(quorum.OperationalError) as caught:
            use(query)
        assert isinstance(caught.value.__cause__, pymongo.errors.PyMongoError)


def test_a_union_of_documents_is_read_as_it_was_stored(books: list[Book]) -> None:
    Book(title="z", made_into=Play(acts=5)).save()
    assert [type(book.made_into) for book in Book.find(title="z")] == [Play]
