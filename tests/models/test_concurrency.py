"""Threads and forked processes that use the same models at the same time."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pymongo
import pytest

import quorum
from quorum import mongodb, runtime
from quorum.errors import ConflictError, NotFoundError, ValidationError
from quorum.models import documents

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 120.0  # seconds
Load = Callable[..., None]


class Owner(quorum.Model):
    name: str = quorum.field(unique=True)


class Note(quorum.Model, quorum.Timestamped):
    owner: str = quorum.field(index=True)
    text: str = ""
    tags: list[str] = []
    views: int = 0
    by: Owner | None = quorum.reference(default=None)
    number: int = quorum.field(increment=True)


def at_once(call: Callable[[int], Any], threads: int = 16) -> list[Any]:
    """Call a function with 0, 1, 2, ... from as many threads, all at the same moment; give the results."""
    barrier = threading.Barrier(threads)

    def start(number: int) -> Any:
        barrier.wait(LIMIT)
        return call(number)

    with ThreadPoolExecutor(threads) as pool:
        return [call.result(LIMIT) for call in [pool.submit(start, number) for number in range(threads)]]


@pytest.fixture
def switching() -> Iterator[None]:
    """Switch between threads as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def mixed(owner: str, operations: int) -> dict[Any, tuple[str, list[str], int]]:
    """Do random operations on documents of one owner; give what should be stored of them."""
    chance = random.Random(owner)
    known: dict[Any, tuple[str, list[str], int]] = {}
    for step in range(operations):
        verb = chance.choice(["create", "change", "append", "inc", "push", "read", "list", "delete"])
        if not known or verb == "create":
            note = Note(owner=owner, text=f"{owner} {step}").save()
            known[note.id] = (note.text, [], 0)
            continue
        identifier = chance.choice(list(known))
        text, tags, count = known[identifier]
        note = Note.get(identifier)
        assert (note.owner, note.text, note.tags, note.views) == (owner, text, tags, count)
        if verb == "change":
            note.text = text = f"{owner} {step}"
            note.save()
        elif verb == "append":
            note.tags.append(f"{step}")
            note.save()
            tags = [*tags, f"{step}"]
        elif verb == "inc":
            count = note.inc("views")
        elif verb == "push":
            tags = list(note.push("tags", f"{step}"))
        elif verb == "list":
            assert {found.id for found in Note.find(owner=owner)} == set(known)
        elif verb == "delete":
            note.delete()
            del known[identifier]
            with pytest.raises(NotFoundError):
                Note.get(identifier)
            continue
        known[identifier] = (text, tags, count)
    return known


@pytest.mark.promise("D17")
def test_sixteen_threads_with_mixed_operations_do_not_meet(mongo_url: str, load: Load) -> None:
    load(mongo_url, Owner, Note)
    expected = at_once(lambda number: mixed(f"owner {number}", 200))
    stored = {found["_id"]: (found["text"], found["tags"], found["views"]) for found in Note.collection.find()}
    assert stored == {identifier: values for known in expected for identifier, values in known.items()}
    numbers = [note.number for note in Note.find()]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.promise("D17")
def test_the_first_use_from_sixteen_threads_makes_one_client(
    mongo_url: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(mongo_url, Owner, Note)
    context = runtime.last()
    assert context is not None
    context.close()
    made = []
    real = pymongo.MongoClient

    def first_use(number: int) -> Any:
        Note(owner=f"{number}").save()
        return mongodb.get_connection()

    with monkeypatch.context() as patch:
        patch.setattr(pymongo, "MongoClient", lambda *args, **kwargs: made.append(1) or real(*args, **kwargs))
        assert len({id(client) for client in at_once(first_use)}) == 1
    assert len(made) == 1
    assert Note.count() == 16


@pytest.mark.promise("D17")
def test_a_class_that_sixteen_threads_use_first_works_in_all_of_them(switching: None) -> None:
    class Fresh(quorum.Model):
        name: str = quorum.field(max_length=8)
        tags: list[str] = []

    def first_use(number: int) -> Any:
        fresh = Fresh(name=f"{number}")
        fresh.validate()
        fresh.name = "too long a name"
        with pytest.raises(ValidationError, match="Longer than maximum length 8"):
            fresh.validate()
        return Fresh(name=f"{number}").dump()["name"], Fresh.Schema

    found = at_once(first_use)
    assert [name for name, _ in found] == [f"{number}" for number in range(16)]
    assert len({schema for _, schema in found}) == 1


class Spot(quorum.EmbeddedModel):
    x: int = 0
    y: int = 0


class Chart(quorum.Model):
    spot: Spot = Spot()


def _loaded_chart(mock_url: str, load: Load) -> Chart:
    load(mock_url, Chart)
    return Chart.get(Chart(spot=Spot(x=1, y=1)).save().id)


@pytest.mark.promise("D17")
def test_two_threads_that_assign_at_once_lose_nothing(
    mock_url: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = _loaded_chart(mock_url, load)
    spot = chart.spot
    other = threading.Thread(target=setattr, args=(spot, "y", 3))
    real = documents.set_values

    def in_between(document: Any, values: Any) -> None:
        if other.ident is None:
            other.start()
            other.join(0.1)
        real(document, values)

    monkeypatch.setattr(documents, "set_values", in_between)
    spot.x = 2
    other.join()
    assert chart.changes() == {"$set": {"spot.x": 2, "spot.y": 3}}


@pytest.mark.promise("D17")
def test_a_thread_that_assigns_while_another_looks_for_changes_breaks_nothing(
    mock_url: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = _loaded_chart(mock_url, load)
    real = documents.same

    def in_between(one: Any, other: Any) -> bool:
        chart.spot.y = 3
        return real(one, other)

    monkeypatch.setattr(documents, "same", in_between)
    chart.spot.x = 2
    assert chart.changes() == {"$set": {"spot.x": 2}}
    assert chart.changes() == {"$set": {"spot.x": 2, "spot.y": 3}}


class Sheet(quorum.Model):
    marks: list[str] = []


def _meanwhile(monkeypatch: pytest.MonkeyPatch, call: Callable[[], Any]) -> None:
    """Let a call come in between once, while the marks of a sheet are being read."""
    field = Sheet.__fields__["marks"]
    real, calls = field._decode, [call]

    def decode(stored: Any, part: Any) -> Any:
        if calls:
            calls.pop()()
        return real(stored, part)

    monkeypatch.setattr(field, "_decode", decode)


def _stored_sheet(mock_url: str, load: Load) -> Sheet:
    load(mock_url, Sheet)
    return Sheet.get(Sheet(marks=["a"]).save().id)


@pytest.mark.promise("D17")
def test_what_is_assigned_while_another_thread_reads_is_stored(
    mock_url: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = _stored_sheet(mock_url, load)
    _meanwhile(monkeypatch, lambda: setattr(sheet, "marks", ["b"]))
    assert sheet.marks == ["b"]
    assert Sheet.get(sheet.save().id).marks == ["b"]


@pytest.mark.promise("D17")
def test_a_list_that_is_changed_while_another_thread_reads_it_first_is_stored(
    mock_url: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = _stored_sheet(mock_url, load)
    _meanwhile(monkeypatch, lambda: sheet.marks.append("b"))
    assert sheet.marks == ["a", "b"]
    assert Sheet.get(sheet.save().id).marks == ["a", "b"]


@pytest.mark.promise("D17")
def test_what_is_assigned_while_another_thread_reads_a_default_is_stored(
    mock_url: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = _stored_sheet(mock_url, load)
    Sheet.collection.update_one({}, {"$unset": {"marks": ""}})
    sheet.reload()
    field = Sheet.__fields__["marks"]
    real = field.default

    def default() -> Any:
        sheet.marks = ["b"]
        return real()

    monkeypatch.setattr(field, "default", default)
    assert sheet.marks == ["b"]
    assert Sheet.get(sheet.save().id).marks == ["b"]


@pytest.mark.promise("D17")
@pytest.mark.parametrize(
    "change",
    [
        lambda sheet: sheet.push("marks", "b"),
        lambda sheet: Sheet.get(sheet.id).push("marks", "b") and sheet.reload(),
    ],
    ids=["push", "reload"],
)
def test_a_list_that_another_thread_was_reading_is_no_change(
    mock_url: str, load: Load, monkeypatch: pytest.MonkeyPatch, change: Callable[[Sheet], Any]
) -> None:
    sheet = _stored_sheet(mock_url, load)
    _meanwhile(monkeypatch, lambda: change(sheet))
    assert sheet.marks
    assert sheet.changes() == {}
    assert sheet.marks == ["a", "b"]


@pytest.mark.promise("D17")
def test_documents_that_threads_share_load_their_references(mongo_url: str, load: Load, switching: None) -> None:
    load(mongo_url, Owner, Note)
    owners = [Owner(name=f"{number}").save() for number in range(40)]
    for number, owner in enumerate(owners):
        Note(owner=f"{number}", by=owner).save()
    for _ in range(5):
        notes = list(Note.find())

        def read(number: int, notes: list[Note] = notes) -> list[bool]:
            turned = notes[number:] + notes[:number]
            return [note.by is not None and note.by.name == note.owner for note in turned]

        assert all(all(right) for right in at_once(read))


@pytest.mark.promise("D4")
@pytest.mark.promise("D17")
def test_increments_on_the_server_from_threads_are_all_counted(mongo_url: str, load: Load) -> None:
    load(mongo_url, Owner, Note)
    identifier = Note(owner="all").save().id

    def count(number: int) -> list[int]:
        note = Note.get(identifier)
        return [note.inc("views") for _ in range(25)]

    found = [value for values in at_once(count, 4) for value in values]
    assert sorted(found) == list(range(1, 101))
    assert Note.get(identifier).views == 100


@pytest.mark.promise("D3")
@pytest.mark.promise("D17")
@pytest.mark.parametrize("how", ["save", "push"])
def test_what_threads_append_to_one_list_is_all_there(mongo_url: str, load: Load, how: str) -> None:
    load(mongo_url, Owner, Note)
    identifier = Note(owner="all").save().id

    def append(number: int) -> None:
        for step in range(10):
            note = Note.get(identifier)
            if how == "push":
                note.push("tags", f"{number} {step}")
            else:
                note.tags.append(f"{number} {step}")
                note.save()

    at_once(append, 8)
    tags = Note.get(identifier).tags
    assert sorted(tags) == sorted(f"{number} {step}" for number in range(8) for step in range(10))
    assert [tag for tag in tags if tag.startswith("3 ")] == [f"3 {step}" for step in range(10)]


@pytest.mark.promise("D3")
@pytest.mark.promise("D17")
def test_what_threads_rewrite_in_one_list_is_there_or_a_conflict(mongo_url: str, load: Load) -> None:
    load(mongo_url, Owner, Note)
    identifier = Note(owner="all", tags=[]).save().id

    def insert(number: int) -> int:
        kept = 0
        for step in range(10):
            note = Note.get(identifier)
            note.tags.insert(0, f"{number} {step}")
            try:
                note.save()
                kept += 1
            except ConflictError:
                pass
        return kept

    kept = at_once(insert, 8)
    assert len(Note.get(identifier).tags) == sum(kept)


@pytest.mark.promise("D14")
@pytest.mark.promise("D17")
def test_one_of_sixteen_threads_gets_a_unique_value(mongo_url: str, load: Load) -> None:
    load(mongo_url, Owner, Note)

    def take(number: int) -> bool:
        try:
            Owner(name="the one").save()
        except ValidationError:
            return False
        return True

    assert sorted(at_once(take)) == [False] * 15 + [True]
    assert Owner.count() == 1


@pytest.mark.promise("D19")
def test_the_first_numbers_of_a_counter_are_taken_by_sixteen_threads_at_once(mongo_url: str, load: Load) -> None:
    load(mongo_url, Owner, Note)
    Note.collection.insert_one({"owner": "before", "number": 41})
    numbers = at_once(lambda number: Note(owner="a").save().number)
    assert sorted(numbers) == list(range(42, 58))


CHILDREN = """
import os, sys, traceback
import quorum

class Entry(quorum.Model):
    child: int
    tags: list[str] = []
    number: int = quorum.field(increment=True, unique=True)

quorum.load(name="children", models=[Entry], MONGOHQ_URL=sys.argv[1])
Entry(child=-1).save()

children = []
for child in range(8):
    pid = os.fork()
    if not pid:
        status = 1
        try:
            for _ in range(25):
                entry = Entry(child=child).save()
                entry.tags.append("more")
                entry.save()
            assert Entry.count(child=child) == 25
            quorum.unload()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    children.append(pid)
print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children])
Entry(child=-1).save()
print(Entry.count())
quorum.unload()
"""


@pytest.mark.promise("D17")
@pytest.mark.promise("D19")
def test_eight_forked_children_write_fifty_times_each(mongo_url: str) -> None:
    # From Python 3.12 on, every fork of a process with threads is warned of.
    options = ["-W", "error", "-W", "ignore:This process:DeprecationWarning"]
    command = [sys.executable, *options, "-c", CHILDREN, mongo_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=LIMIT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str([0] * 8), "202"]
    with pymongo.MongoClient[dict[str, Any]](mongo_url) as client:
        found = list(client.get_default_database()["entries"].find())
    assert sorted(entry["number"] for entry in found) == list(range(1, 203))
    assert [entry["tags"] for entry in found if entry["child"] >= 0] == [["more"]] * 200


FIRST_ERROR = """
import os, signal, sys, threading
import quorum

class Note(quorum.EmbeddedModel):
    views: int = 0

def go_wrong():
    try:
        Note(views="many")
    except quorum.ValidationError:
        return 0
    return 1

class Finder:
    def find_spec(self, name, *rest):
        if name == "marshmallow":
            sys.meta_path.remove(self)
            begun.set()
            forked.wait(0.3)

begun, forked = threading.Event(), threading.Event()
sys.meta_path.insert(0, Finder())
thread = threading.Thread(target=go_wrong)
thread.start()
begun.wait()
pid = os.fork()
if not pid:
    signal.alarm(10)
    os._exit(go_wrong())
forked.set()
thread.join()
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.promise("D17")
def test_a_process_that_is_forked_during_the_first_error_of_a_thread_has_errors_too() -> None:
    command = [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", FIRST_ERROR]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=LIMIT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
