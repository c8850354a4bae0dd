"""What a worker process takes ahead of its threads does not wait behind jobs that take long."""

from __future__ import annotations

import types
from queue import PriorityQueue

import pytest

import quorum
from quorum.jobs import backlog
from quorum.jobs.backlog import Backlog


class Item(tuple):
    __slots__ = ()

    @property
    def message(self):
        return types.SimpleNamespace(queue_name=self[0], number=self[1])


@pytest.fixture
def waiting():
    return PriorityQueue()


def test_what_waits_is_taken_out_of_one_queue_in_its_order(waiting):
    for item in (("mail", 1), ("default", 2), ("mail", 3)):
        waiting.put(Item(item))
    assert [message.number for message in Backlog(waiting, 2).take("mail")] == [1, 3]
    assert waiting.get_nowait() == ("default", 2)


def test_a_process_is_stuck_when_jobs_wait_and_all_threads_stand(waiting, monkeypatch):
    monkeypatch.setattr(backlog, "_PATIENCE", -1)
    one = Backlog(waiting, 1)
    waiting.put(Item(("mail", 1)))
    assert not one.is_stuck
    one.begin()
    assert one.is_stuck
    monkeypatch.setattr(backlog, "_PATIENCE", 60)
    assert not one.is_stuck


def test_threads_are_idle_when_they_do_nothing_and_nothing_waits(waiting):
    one = Backlog(waiting, 2)
    begun = one.begin()
    assert one.idle == 1
    one.end(begun)
    assert one.idle == 2
    waiting.put(Item(("mail", 1)))
    assert one.idle == 0


def test_jobs_are_quick_again_some_time_after_a_long_one(waiting):
    one = Backlog(waiting, 1)
    one.end(one.begin() - 60)
    assert not one.is_quick
    for _ in range(200):
        one.end(one.begin())
    assert one.is_quick


@pytest.mark.promise("J2")
def test_no_job_waits_behind_a_long_one(shop, work, done, until):
    work("--processes", "2", "--threads", "1", EXECUTION_GRACE="0.5")
    quorum.run_background(shop.hold, [60])
    until(lambda: done("begun"))
    for number in range(6):
        quorum.run_background(shop.plain, [str(number)])
    until(lambda: all(done(str(number)) for number in range(6)))
    assert done("ended") == []
    assert len(done("begun")) == 1


@pytest.mark.promise("J2")
def test_jobs_are_taken_ahead_again_after_long_ones(shop, work, done, until):
    work("--threads", "2")
    for _ in range(2):
        quorum.run_background(shop.hold, [1.8])
    until(lambda: len(done("begun")) == 2)
    for _ in range(60):
        quorum.run_background(shop.plain, ["short"])
    until(lambda: len(done("short")) == 60)
    assert (len(done("begun")), len(done("ended"))) == (2, 2)
