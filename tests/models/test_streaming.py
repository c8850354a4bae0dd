"""`stream()`: any number of documents in constant memory, their references loaded batch by batch."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable

import pytest
from commands import Commands
from library import MODELS, Author, Book
from proxy import Proxy

import quorum

TEXT = "x" * 2000


class Note(quorum.Model):
    text: str


def peak_of(find: Callable[[], Iterable[Book]]) -> tuple[int, int]:
    """Read the books to the end; give their number and the most bytes that were held meanwhile."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    count = sum(book.isbn == TEXT and book.tags == [] for book in find())
    return count, tracemalloc.get_traced_memory()[1] - before


def test_memory_does_not_grow_with_the_number_of_documents(mongo_url: str, load: Callable[..., None]) -> None:
    load(mongo_url, *MODELS)
    for _ in range(4):
        Book.collection.insert_many([{"title": "t", "i": TEXT, "tags": []} for _ in range(500)])
    tracemalloc.start()
    try:
        count, streamed = peak_of(lambda: Book.find().stream(batch_size=50))
        counted, listed = peak_of(Book.find)
    finally:
        tracemalloc.stop()
    assert count == counted == 2000
    assert listed > 2000 * len(TEXT)
    assert streamed < listed / 4


def test_a_batch_is_gone_when_the_next_one_comes(mongo_url: str, load: Callable[..., None]) -> None:
    load(mongo_url, Note)
    Note.collection.insert_many([{"text": "x" * 100_000} for _ in range(40)])
    tracemalloc.start()
    try:
        peaks = []
        for count in (10, 40):
            tracemalloc.reset_peak()
            assert sum(len(note.text) for note in Note.find().limit(count).stream(10)) == count * 100_000
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 500_000


def test_a_document_that_is_kept_keeps_no_other_of_its_list(mongo_url: str, load: Callable[..., None]) -> None:
    load(mongo_url, Note)
    Note.collection.insert_many([{"text": "x" * 100_000} for _ in range(10)])
    tracemalloc.start()
    try:
        kept = next(iter(Note.find()))
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(kept.text) == 100_000
    assert held < 200_000


def test_a_stream_gives_what_a_list_gives(any_url: str, load: Callable[..., None]) -> None:
    load(any_url, *MODELS)
    for number in range(10):
        Book(title=str(number), number=number).save()
    query = Book.find(Book.number > 1).sort("-number").skip(1).limit(5).only("number")
    for size in (1, 2, 5, 7, "3"):
        assert [book.number for book in query.stream(size)] == [8, 7, 6, 5, 4]  # type: ignore[arg-type]
    assert list(Book.find(number=30).stream()) == []
    with pytest.raises(quorum.NotLoadedError):
        _ = next(query.stream()).title


def test_a_batch_is_one_command(mongo_url: str, load: Callable[..., None], commands: Commands) -> None:
    load(mongo_url, *MODELS)
    Book.collection.insert_many([{"title": str(number)} for number in range(10)])
    commands.clear()
    assert len(list(Book.find().stream(4))) == 10
    assert commands.names == ["find", "getMore", "getMore"]
    assert [command["batchSize"] for command in commands.all] == [4, 4, 4]


def test_the_references_of_a_batch_are_loaded_together(
    mongo_url: str, load: Callable[..., None], commands: Commands
) -> None:
    load(mongo_url, *MODELS)
    authors = [Author(name=str(number)).save() for number in range(10)]
    Book.collection.insert_many([{"title": author.name, "author": author.id} for author in authors])
    commands.clear()
    books = Book.find().stream(4)
    assert all(book.author is not None and book.author.name == book.title for book in books)
    assert [command[next(iter(command))] for command in commands.of("find")] == ["books", *["authors"] * 3]
    commands.clear()
    assert all(book.author is not None and book.author.name for book in Book.find().prefetch("author").stream(4))
    assert len(commands.of("find")) == 4


def test_a_stream_that_is_left_early_closes_its_cursor(
    mongo_url: str, load: Callable[..., None], commands: Commands
) -> None:
    load(mongo_url, *MODELS)
    Book.collection.insert_many([{"title": str(number)} for number in range(10)])
    commands.clear()
    books = Book.find().stream(2)
    assert next(books).title == "0"
    books.close()  # type: ignore[attr-defined]
    assert commands.names == ["find", "killCursors"]


def test_a_stream_keeps_nothing_and_reads_anew(any_url: str, load: Callable[..., None]) -> None:
    load(any_url, *MODELS)
    Book(title="a").save()
    query = Book.find()
    assert len(list(query.stream())) == 1
    Book(title="b").save()
    assert len(list(query.stream())) == 2


@pytest.mark.promise("D18")
def test_a_connection_lost_on_the_way_raises(mongo_url: str, load: Callable[..., None], proxy: Proxy) -> None:
    load(proxy.url, *MODELS)
    Book.collection.insert_many([{"title": str(number)} for number in range(10)])
    books = Book.find().stream(2)
    assert [next(books).title, next(books).title] == ["0", "1"]
    proxy.drop_reply("getMore", times=5)
    with pytest.raises(quorum.OperationalError):
        list(books)
    assert len(list(Book.find())) == 10
