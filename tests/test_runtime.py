"""Contexts: which one holds, and how long its clients live."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from quorum import config, errors, runtime

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def context():
    context = runtime.Context(config.Settings.load())
    runtime.start(context)
    yield context
    runtime.stop(context)


class Thing:
    def __init__(self):
        self.closed = False

    def close(self):
        self.closed = True


def test_the_context_loaded_last_is_current(context):
    other = runtime.Context(config.Settings.load())
    runtime.start(other)
    assert runtime.current() is runtime.last() is other
    runtime.stop(other)
    assert runtime.current() is context


def test_nothing_loaded_is_an_error_that_says_what_to_call():
    assert runtime.last() is None
    with pytest.raises(errors.ConfigurationError, match=r"quorum\.load"):
        runtime.current()


def test_a_client_is_made_once_by_sixteen_threads(context):
    barrier = threading.Barrier(16)
    made = []

    def make():
        made.append(Thing())
        return made[-1]

    got = []

    def use():
        barrier.wait()
        got.append(context.client("thing", make, Thing.close))

    threads = [threading.Thread(target=use) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert got == made * 16


def test_stop_closes_the_clients_and_makes_no_more(context):
    thing = context.client("thing", Thing, Thing.close)
    context.cache["name"] = "value"
    runtime.stop(context)
    assert thing.closed
    assert context.cache == {}
    with pytest.raises(errors.ConfigurationError, match="was unloaded"):
        context.client("thing", Thing, Thing.close)


def test_a_closed_context_that_is_not_stopped_makes_the_client_anew(context):
    thing = context.client("thing", Thing, Thing.close)
    context.close()
    assert thing.closed
    assert context.client("thing", Thing, Thing.close) is not thing


def test_a_client_that_cannot_be_closed_keeps_nothing_else_open(context):
    done = []

    def fail(client):
        done.append(client)
        raise OSError(client)

    for key in ("first", "second"):
        context.client(key, lambda key=key: key, fail)
    context.client("third", lambda: "third", done.append)
    context.at_stop(lambda: done.append("undone"))
    with pytest.raises(OSError, match="second"):
        runtime.stop(context)
    assert done == ["first", "second", "third", "undone"]
    assert runtime.last() is None


def test_a_client_that_fails_to_open_is_tried_again(context):
    with pytest.raises(ZeroDivisionError):
        context.client("thing", lambda: 1 / 0, lambda _: None)
    assert context.client("thing", Thing, Thing.close).closed is False


def test_discard_closes_the_client_and_clears_what_came_from_it(context):
    thing = context.client("thing", Thing, Thing.close)
    context.cache["collection"] = thing
    context.discard("thing", thing)
    assert thing.closed
    assert context.cache == {}
    other = context.client("thing", Thing, Thing.close)
    context.discard("thing", thing)
    assert other.closed is False


def test_once_is_true_once(context):
    assert [context.once("a"), context.once("a"), context.once("b")] == [True, False, True]


def _run(code: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("ended", ["second", "first"])
def test_the_first_app_of_a_process_holds_everywhere_until_there_is_another_or_it_ends(ended):
    code = f"""
import flask, quorum
from quorum import errors, runtime
def holds(app):
    with app.app_context():
        try:
            return runtime.current().app.name
        except errors.ConfigurationError as error:
            return str(error)
plain, first = flask.Flask("plain"), quorum.load(name="first", MONGOHQ_URL="mongomock://")
print(runtime.current().app.name, holds(first), holds(plain))
second = quorum.load(name="second", MONGOHQ_URL="mongomock://")
print(runtime.current().app.name, holds(first), holds(second), holds(plain))
quorum.unload({ended})
for app in (first, second, plain):
    print(holds(app))
"""
    gone = f"The app '{ended}' was unloaded: load it again."
    last = ["first", gone, "first"] if ended == "second" else [gone, "second", "second"]
    assert _run(code).splitlines() == ["first first first", "second first second second", *last]


@pytest.mark.promise("D17")
def test_a_forked_child_makes_its_own_client_and_forgets_its_copy():
    code = """
import os
from quorum import config, runtime
context = runtime.Context(config.Settings.load())
runtime.start(context)
make, close, forget = lambda: [os.getpid()], lambda client: print("closed", flush=True), lambda client: print("forgot")
parent = context.client("thing", make, close, forget=forget)
if os.fork() == 0:
    child = context.client("thing", make, close, forget=forget)
    print(child == [os.getpid()], parent == [os.getppid()], flush=True)
    os._exit(0)
os.wait()
print(context.client("thing", make, close, forget=forget) is parent, flush=True)
"""
    assert _run(code) == "forgot\nTrue True\nTrue\nclosed\n"


def test_clients_are_closed_when_the_process_ends_without_unload():
    code = """
from quorum import config, runtime
context = runtime.Context(config.Settings.load())
runtime.start(context)
context.client("thing", object, lambda _: print("closed"))
"""
    assert _run(code) == "closed\n"


def test_what_is_said_at_stop_is_undone_once_and_last_first():
    context = runtime.Context(config.Settings.load())
    undone = []
    runtime.start(context)
    context.client("x", object, lambda client: undone.append("client"))
    context.at_stop(lambda: undone.append(1))
    context.at_stop(lambda: undone.append(2))
    runtime.stop(context)
    runtime.stop(context)
    assert undone == ["client", 2, 1]
