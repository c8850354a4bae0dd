"""Functions that repeat: their times, and whose they are."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

import quorum
from quorum import errors
from quorum.jobs import repeating


@pytest.fixture(autouse=True)
def _declared(monkeypatch):
    monkeypatch.setattr(repeating, "_declared", {})


def test_a_function_is_called_again_and_again(until):
    calls = []
    quorum.background(timeout=0.02)(lambda: calls.append(time.time()))
    quorum.load(name="shop")
    until(lambda: len(calls) >= 3)


def test_a_function_that_is_declared_after_the_load_is_called_too(until):
    quorum.load(name="shop")
    calls = []
    quorum.background(timeout=0.02)(lambda: calls.append(1))
    until(lambda: len(calls) >= 2)


@pytest.mark.parametrize("first", [True, False])
def test_in_debug_mode_the_process_that_watches_the_sources_calls_nothing(until, monkeypatch, first):
    calls = []
    monkeypatch.delenv("WERKZEUG_RUN_MAIN", raising=False)
    if first:
        quorum.background(timeout=0.01)(lambda: calls.append(1))
    app = quorum.load(name="shop", DEBUG=True)
    if not first:
        quorum.background(timeout=0.01)(lambda: calls.append(1))
    assert app.extensions["quorum"].opened("jobs") is None
    app.test_client().get("/")
    until(lambda: len(calls) >= 2)


def test_a_function_that_fails_is_called_again(until, caplog):
    calls = []

    @quorum.background(timeout=0.02)
    def fail():
        calls.append(1)
        raise ValueError

    quorum.load(name="shop")
    until(lambda: len(calls) >= 2)
    assert "fail failed" in caplog.text


def test_a_call_that_takes_longer_is_not_met_by_the_next(until):
    at_once, most, calls = [], [], []

    @quorum.background(timeout=0.01)
    def slow():
        at_once.append(1)
        most.append(len(at_once))
        time.sleep(0.05)
        at_once.pop()
        calls.append(1)

    quorum.load(name="shop")
    until(lambda: len(calls) >= 3)
    quorum.unload()
    assert max(most) == 1


def test_with_execution_off_nothing_is_called():
    called = threading.Event()
    quorum.background(timeout=0.01)(called.set)
    quorum.load(name="shop", execution=False)
    assert not called.wait(0.1)


def test_after_unload_nothing_is_called(until, caplog):
    calls = []
    quorum.background(timeout=0.01)(lambda: calls.append(1))
    quorum.load(name="shop")
    until(lambda: calls)
    quorum.unload()
    before = len(calls)
    assert not threading.Event().wait(0.05)
    assert len(calls) == before
    assert "dropped" not in caplog.text


def test_the_function_stays_what_it_was():
    def clean():
        return 1

    assert quorum.background(timeout=60)(clean) is clean


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "takes timeout"),
        ({"timeout": print}, "takes timeout"),
        ({"timeout": 1, "cron": "* * * * *"}, "takes timeout"),
        ({"timeout": 0}, "0.01 or more"),
        ({"timeout": True}, "0.01 or more"),
        ({"timeout": float("nan")}, "0.01 or more"),
        ({"cron": "61 * * * *"}, "not cron's"),
        ({"cron": "* * * * * *"}, "five fields"),
        ({"cron": "0 0 30 2 *"}, "not cron's|never comes"),
        ({"cron": "* * * * *", "timezone": "Mars/Olympus"}, "time zone"),
    ],
)
def test_times_that_make_no_sense_are_refused_at_the_declaration(given, says):
    with pytest.raises(errors.ConfigurationError, match=says):
        quorum.background(**given)


def _following(cron, zone, *moments):
    times = repeating.times(None, cron, zone)
    here = ZoneInfo(zone)
    return [datetime.fromtimestamp(times.after(moment.replace(tzinfo=here).timestamp()), here) for moment in moments]


def test_cron_is_by_the_clock_of_the_zone():
    assert _following("0 3 * * *", "Europe/Lisbon", datetime(2026, 7, 1, 12)) == [
        datetime(2026, 7, 2, 3, tzinfo=ZoneInfo("Europe/Lisbon"))
    ]


def test_where_the_clock_is_put_forward_cron_calls_after_the_gap():
    # On 2026-03-29 there is no 01:30 in Lisbon: 01:00 is 02:00.
    assert _following("30 1 * * *", "Europe/Lisbon", datetime(2026, 3, 28, 12)) == [
        datetime(2026, 3, 29, 2, tzinfo=ZoneInfo("Europe/Lisbon"))
    ]


def test_where_the_clock_is_put_back_cron_calls_once():
    # On 2026-10-25 01:30 comes twice in Lisbon.
    times = repeating.times(None, "30 1 * * *", "Europe/Lisbon")
    first = times.after(datetime(2026, 10, 24, 12, tzinfo=ZoneInfo("Europe/Lisbon")).timestamp())
    assert times.after(first) - first == pytest.approx(25 * 3600, abs=3601)
    assert datetime.fromtimestamp(times.after(first), ZoneInfo("Europe/Lisbon")).date().isoformat() == "2026-10-26"


@pytest.mark.parametrize("seconds", [0.01, 0.1, 1 / 3, 1.0, 7.5, 86400.0])
def test_each_time_is_after_the_moment_and_within_the_interval(seconds):
    every = repeating.Every(seconds)
    moment = 1_790_000_000.123
    for _ in range(1000):
        following = every.after(moment)
        assert moment < following <= moment + seconds * 1.001
        moment = following
