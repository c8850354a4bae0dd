"""Jobs in the process: what is called, when, and what becomes of it."""

from __future__ import annotations

import functools
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import flask
import pytest

import quorum
from quorum import errors

ROOT = Path(__file__).resolve().parent.parent.parent


def test_a_job_is_called_with_its_arguments_and_gives_its_result():
    quorum.load(name="shop")
    handle = quorum.run_background(lambda a, b: a + b, [1], {"b": 2})
    assert handle.result(10) == 3
    assert handle.state == "done"


def test_run_back_is_run_background():
    assert quorum.run_back is quorum.run_background


def test_a_job_runs_in_a_context_of_the_app_that_was_current_at_the_call():
    first, second = quorum.load(name="first"), quorum.load(name="second")
    with first.app_context():
        inner = quorum.run_background(lambda: flask.current_app.name)
    assert (inner.result(10), quorum.run_background(lambda: flask.current_app.name).result(10)) == ("first", "second")
    assert second.name == "second"


def test_what_a_job_raises_is_raised_by_its_handle_and_logged_with_the_name_and_no_arguments(caplog):
    quorum.load(name="shop")

    def divide(by, secret):
        return 1 / by

    handle = quorum.run_background(divide, [0, "c4n4ry"])
    with pytest.raises(ZeroDivisionError):
        handle.result(10)
    assert handle.state == "failed"
    assert "divide failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "c4n4ry" not in caplog.text


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt()])
def test_the_pool_goes_on_after_whatever_a_job_raises(error, monkeypatch):
    monkeypatch.setenv("EXECUTION_THREADS", "1")
    quorum.load(name="shop")

    def fail():
        raise error

    failed = quorum.run_background(fail)
    assert quorum.run_background(lambda: 1).result(10) == 1
    assert failed.state == "failed"


def test_the_callback_is_told_the_result(until):
    quorum.load(name="shop")
    told = []
    quorum.run_background(lambda: 7, callback=lambda error, result: told.append((error, result)))
    until(lambda: told)
    assert told == [(None, 7)]


def test_the_callback_is_told_the_error(until):
    quorum.load(name="shop")
    told = []
    quorum.run_background(lambda: 1 / 0, callback=lambda error, result: told.append((type(error), result)))
    until(lambda: told)
    assert told == [(ZeroDivisionError, None)]


def test_a_callback_that_fails_is_logged_and_the_job_stays_done(caplog, until):
    quorum.load(name="shop")
    handle = quorum.run_background(int, callback=lambda error, result: 1 / 0)
    until(lambda: "The callback of the job builtins.int failed." in caplog.text)
    assert handle.state == "done"


def test_a_slow_job_does_not_hold_up_the_others():
    quorum.load(name="shop")
    go = threading.Event()
    slow = quorum.run_background(go.wait, [10])
    assert quorum.run_background(lambda: 1).result(10) == 1
    assert slow.state == "running"
    go.set()


def test_as_many_jobs_run_at_once_as_there_are_threads(monkeypatch, until):
    monkeypatch.setenv("EXECUTION_THREADS", "3")
    quorum.load(name="shop")
    go = threading.Event()
    handles = [quorum.run_background(go.wait, [10]) for _ in range(7)]
    until(lambda: [handle.state for handle in handles].count("running") == 3)
    go.set()
    assert [handle.result(10) for handle in handles] == [True] * 7


@pytest.mark.parametrize("as_datetime", [True, False])
def test_a_job_with_a_time_starts_at_it_and_not_before(as_datetime):
    quorum.load(name="shop")
    due = datetime.now(UTC) + timedelta(seconds=0.2)
    handle = quorum.run_background(time.time, target_time=due if as_datetime else due.timestamp())
    assert handle.state == "waiting"
    assert handle.result(10) >= due.timestamp()


def test_a_job_whose_time_is_nearer_starts_before_one_that_came_first():
    quorum.load(name="shop")
    now = time.time()
    order = []
    last = quorum.run_background(order.append, ["far"], target_time=now + 0.3)
    quorum.run_background(order.append, ["near"], target_time=now + 0.1)
    last.result(10)
    assert order == ["near", "far"]


@pytest.mark.promise("J1")
def test_ten_thousand_jobs_of_one_time_start_in_the_order_of_their_calls(monkeypatch):
    monkeypatch.setenv("EXECUTION_THREADS", "1")
    quorum.load(name="shop")
    due = time.time() + 0.5
    order = []
    for number in range(10_000):
        last = quorum.run_background(order.append, [number], target_time=due)
    last.result(30)
    assert order == list(range(10_000))


def test_a_job_whose_time_has_come_goes_before_those_without_one(monkeypatch, until):
    monkeypatch.setenv("EXECUTION_THREADS", "1")
    quorum.load(name="shop")
    go = threading.Event()
    order = []
    blocking = quorum.run_background(go.wait, [10])
    until(lambda: blocking.state == "running")
    last = quorum.run_background(order.append, ["now"])
    quorum.run_background(order.append, ["due"], target_time=time.time() - 1)
    go.set()
    last.result(10)
    assert order == ["due", "now"]


def test_a_job_that_was_cancelled_never_starts():
    quorum.load(name="shop")
    handle = quorum.run_background(int, target_time=time.time() + 60)
    assert handle.cancel()
    assert (handle.state, handle.cancel()) == ("cancelled", False)
    with pytest.raises(errors.JobError, match="was cancelled"):
        handle.result(1)


def test_a_job_that_runs_is_not_cancelled(until):
    quorum.load(name="shop")
    go = threading.Event()
    handle = quorum.run_background(go.wait, [10])
    until(lambda: handle.state == "running")
    assert not handle.cancel()
    with pytest.raises(TimeoutError, match=r"is running after 0\.01 seconds"):
        handle.result(0.01)
    go.set()
    assert handle.result(10) is True


def test_progress_is_read_from_the_handle():
    quorum.load(name="shop")
    handle = quorum.run_background(quorum.progress, [3, 10])
    handle.result(10)
    assert handle.progress == (3, 10)


def test_progress_outside_of_a_job_is_an_error():
    with pytest.raises(errors.ConfigurationError, match="is called by a job"):
        quorum.progress(1, 2)


@pytest.mark.promise("J1")
def test_unload_waits_for_the_running_job_and_names_what_it_dropped(caplog, until):
    quorum.load(name="shop")
    go, connected = threading.Event(), []

    def work():
        go.wait(10)
        connected.append(quorum.get_mongo_db().list_collection_names())

    running = quorum.run_background(work)
    until(lambda: running.state == "running")
    dropped = quorum.run_background(functools.partial(print, "never"), target_time=time.time() + 60)
    threading.Timer(0.1, go.set).start()
    quorum.unload()
    assert (running.state, connected) == ("done", [[]])
    assert dropped.state == "dropped"
    assert "1 jobs were dropped before they started: builtins.print." in caplog.text
    with pytest.raises(errors.JobError, match="was dropped"):
        dropped.result(1)


def test_unload_does_not_wait_for_longer_than_the_grace(caplog, monkeypatch, until):
    monkeypatch.setenv("EXECUTION_GRACE", "0.05")
    quorum.load(name="shop")
    go = threading.Event()
    running = quorum.run_background(go.wait, [10])
    until(lambda: running.state == "running")
    quorum.unload()
    assert "1 jobs still run after 0.05 s: threading.Event.wait." in caplog.text
    go.set()


def test_a_job_may_unload_its_own_app():
    quorum.load(name="shop")
    quorum.run_background(quorum.unload).result(10)
    assert quorum.APP is None
    # Only the main thread can do this.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_unloading_the_last_app_leaves_sigterm_as_it_was():
    first = quorum.load(name="first")
    quorum.load(name="second")
    quorum.unload(first)
    assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
    quorum.unload()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_counts_and_durations_are_logged_at_the_end(caplog):
    caplog.set_level(logging.INFO, "quorum.jobs")
    quorum.load(name="shop")
    quorum.run_background(int).result(10)
    quorum.unload()
    assert "Jobs of builtins.int: 1 done, 0 failed" in caplog.text


def test_with_execution_off_a_job_is_refused():
    quorum.load(name="shop", execution=False)
    with pytest.raises(errors.ConfigurationError, match="execution=False"):
        quorum.run_background(int)


@pytest.mark.parametrize(
    "wrong",
    [
        {"callable": "int"},
        {"callable": int, "callback": 1},
        {"callable": int, "target_time": "tomorrow"},
        {"callable": int, "target_time": float("nan")},
        {"callable": int, "target_time": True},
        {"callable": int, "target_time": datetime(2030, 1, 1)},
    ],
)
def test_wrong_arguments_are_refused_at_the_call(wrong):
    quorum.load(name="shop")
    with pytest.raises(errors.ConfigurationError):
        quorum.run_background(**wrong)


_SCRIPT = """
import os, sys, time, threading
os.environ["MONGOHQ_URL"] = "mongomock://"
import quorum
app = quorum.load(name="shop")
"""


def _script(code, **more):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", _SCRIPT + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **more,
    )


@pytest.mark.promise("J1")
def test_sigterm_waits_for_the_running_job_and_names_what_it_dropped():
    process = _script(
        "def work():\n"
        "    print('started', flush=True); time.sleep(0.3); print('done', flush=True)\n"
        "quorum.run_background(work)\n"
        "quorum.run_background(work, target_time=time.time() + 60)\n"
        "time.sleep(30)\n"
    )
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert out == "done\n"
    assert process.returncode == 143
    assert "1 jobs were dropped before they started: __main__.work." in err


def test_sigterm_without_a_job_ends_the_process_as_ever():
    process = _script("print('ready', flush=True); time.sleep(30)")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGTERM


def test_a_handler_of_the_application_for_sigterm_is_kept(monkeypatch):
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        quorum.load(name="shop")
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.promise("J1")
def test_a_process_that_ends_waits_for_the_running_job():
    process = _script(
        "def work():\n    started.set(); time.sleep(0.3); print('done', flush=True)\n"
        "started = threading.Event()\n"
        "quorum.run_background(work)\n"
        "started.wait(10)\n"
    )
    out, err = process.communicate(timeout=20)
    assert (out, err, process.returncode) == ("done\n", "", 0)


@pytest.mark.promise("D17")
def test_a_forked_child_has_its_own_pool():
    process = _script(
        "parent = quorum.run_background(os.getpid).result(10)\n"
        "waiting = quorum.run_background(os.getpid, target_time=time.time() + 1)\n"
        "if os.fork() == 0:\n"
        "    print(quorum.run_background(os.getpid).result(10) == os.getpid() != parent, flush=True)\n"
        "    quorum.unload()\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "print(waiting.result(10) == os.getpid())\n"
    )
    out, err = process.communicate(timeout=20)
    assert (out, err, process.returncode) == ("True\nTrue\n", "", 0)


@pytest.mark.promise("D17")
def test_a_forked_child_repeats_from_its_first_request_on():
    process = _script(
        "calls = []\n"
        "@quorum.background(timeout=0.05)\n"
        "def tick(): calls.append(os.getpid())\n"
        "app.add_url_rule('/', view_func=lambda: 'ok')\n"
        "if os.fork() == 0:\n"
        "    calls.clear(); app.test_client().get('/')\n"
        "    while os.getpid() not in calls: time.sleep(0.01)\n"
        "    print('repeats', flush=True); quorum.unload(); os._exit(0)\n"
        "os.wait()\n"
    )
    out, _ = process.communicate(timeout=20)
    assert (out, process.returncode) == ("repeats\n", 0)


def test_jobs_from_many_threads_are_all_done():
    quorum.load(name="shop")
    done, handles = [], []

    def hand_over():
        for number in range(500):
            due = None if number % 2 else time.time() + number % 7 / 1000
            handles.append(quorum.run_background(done.append, [number], target_time=due))

    threads = [threading.Thread(target=hand_over) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for handle in handles:
        handle.result(30)
    assert sorted(done) == sorted(list(range(500)) * 8)
    assert os.getpid()
