"""Every storage does the same: the tests run in memory, in a folder, and on two S3 servers."""

import hashlib
import io
import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from quorum import errors
from quorum.storage import MemoryStorage
from quorum.storage.base import Reader

LARGE = random.Random(1).randbytes(20 * 1024 * 1024 + 17)


def put(storage, key, data):
    storage.put(key, io.BytesIO(data), len(data), "application/octet-stream")


def test_what_was_put_is_read_as_it_was(storage):
    for number, data in enumerate((b"", b"a", LARGE)):
        put(storage, f"a/{number}", data)
        with storage.open(f"a/{number}", len(data)) as reader:
            assert hashlib.sha256(reader.read()).digest() == hashlib.sha256(data).digest()
        assert storage.head(f"a/{number}").size == len(data)


def test_a_source_that_can_only_be_read_is_enough(storage):
    class Plain:
        def __init__(self, data):
            self.rest = io.BytesIO(data)

        def read(self, size=-1):
            return self.rest.read(size)

    storage.put("a/b", Plain(LARGE), len(LARGE), "text/plain")
    assert storage.open("a/b", len(LARGE)).read() == LARGE


def test_a_reader_seeks_and_reads_from_there(storage):
    put(storage, "a/b", LARGE)
    with storage.open("a/b", len(LARGE)) as reader:
        assert reader.seek(-5, io.SEEK_END) == len(LARGE) - 5
        assert reader.read() == LARGE[-5:]
        assert reader.read(1) == b""
        reader.seek(1_000_000)
        assert reader.read(10) == LARGE[1_000_000:1_000_010]
        reader.seek(5, io.SEEK_CUR)
        assert reader.read(3) == LARGE[1_000_015:1_000_018]


def test_an_object_that_is_not_there_is_not_found(storage):
    with pytest.raises(errors.NotFoundError, match="'a/b'"):
        storage.head("a/b")
    with pytest.raises(errors.NotFoundError, match="'a/b'"):
        storage.open("a/b", 10).read()


def test_what_is_deleted_is_gone_and_may_be_deleted_again(storage):
    for key in ("a/1", "a/2", "a/3"):
        put(storage, key, b"x")
    storage.delete(["a/1", "a/3"])
    storage.delete(["a/1"])
    storage.delete([])
    assert [entry.key for entry in storage.entries("a/")] == ["a/2"]


def test_entries_are_those_whose_keys_begin_so(storage):
    for key in ("a/b/1", "a/b/2", "a/bc/3", "z/4"):
        put(storage, key, b"xyz")
    found = sorted(storage.entries("a/b/"), key=lambda entry: entry.key)
    assert [(entry.key, entry.size) for entry in found] == [("a/b/1", 3), ("a/b/2", 3)]
    assert all(abs(entry.modified - datetime.now(UTC)) < timedelta(minutes=5) for entry in found)
    assert list(storage.entries("nothing/")) == []


def test_a_source_that_fails_leaves_nothing(storage):
    class Failing:
        def __init__(self):
            self.calls = itertools.count()

        def read(self, size=-1):
            if next(self.calls) > 1:
                raise RuntimeError("the source failed")
            return b"x" * (size if size > 0 else 100)

    failing = Failing()
    if isinstance(storage, MemoryStorage):
        failing.calls = itertools.count(5)
    with pytest.raises(RuntimeError, match="the source failed"):
        storage.put("a/b", failing, 30_000_000, "text/plain")
    assert list(storage.entries("a/")) == []
    assert list(storage.leftovers("a/")) == []


def test_two_storages_are_of_one_id_only_where_they_are_one_place(storage):
    assert storage.id == storage.id
    assert storage.id != MemoryStorage().id


def test_a_reader_goes_on_where_the_stream_was_cut():
    starts = []

    class Cut(io.BytesIO):
        def read(self, size=-1):
            if self.tell() >= 4:
                raise errors.OperationalError("cut")
            return super().read(min(size, 2))

    def fetch(start):
        starts.append(start)
        return Cut(b"0123456789"[start:])

    with io.BufferedReader(Reader(fetch, 10, "x")) as reader:
        assert reader.read() == b"0123456789"
    assert starts == [0, 4, 8]


@pytest.mark.parametrize("stream", [b"", None])
def test_a_stream_that_stays_cut_is_an_error_after_three_attempts(stream):
    starts = []

    def fetch(start):
        starts.append(start)
        if stream is None:
            raise errors.OperationalError("no answer")
        return io.BytesIO(stream)

    with pytest.raises(
        errors.OperationalError, match="ended after 0 of its 10 bytes" if stream == b"" else "no answer"
    ):
        Reader(fetch, 10, "x").read(5)
    assert starts == [0, 0, 0]
