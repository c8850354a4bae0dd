"""Jobs behind a broker, on real servers, with real workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from bson import ObjectId

import quorum
from quorum import errors, runtime
from quorum.jobs import brokers, dead, performing, records, registry, sending

#: For tests of what does not depend on the broker.
ONE = pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)
ONE_SERVED = pytest.mark.parametrize("workers", ["rabbitmq"], indirect=True)

FLASK = [sys.executable, "-m", "flask", "--app", "shop_jobs", "quorum"]


def children(pid):
    """Give the ids of the worker processes of `flask quorum worker`."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def given_up():
    return {letter["name"]: letter for letter in dead.letters(100)}


def raw(job, queue="default", actor=brokers.ACTOR):
    """Send a message that run_background() would not send."""
    import dramatiq

    context = runtime.current()
    name = brokers.queue_name(context.settings, queue)
    options = {brokers.OPTION: job}
    brokers.send(context, dramatiq.Message(queue_name=name, actor_name=actor, args=(), kwargs={}, options=options))


def test_a_job_is_done_by_a_worker_and_its_result_comes_back(served):
    handle = quorum.run_background(served.add, [1], {"b": 2})
    assert handle.result(20) == 3
    assert handle.state == "done"


def test_what_models_know_arrives_as_it_was_sent(served):
    value = [
        ObjectId(),
        datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        date(2026, 1, 2),
        Decimal("1.10"),
        uuid4(),
        b"\x00\xff",
        {"a", "b"},
        {"$oid": "x"},
        {"$dict": {"$date": 1}},
        {"a": {"b": [None, True, 1, 1.5, "é"]}},
    ]
    assert quorum.run_background(served.echo, [value]).result(20) == value


@ONE_SERVED
def test_a_model_is_sent_as_its_class_and_id(served):
    item = served.Item(name="old")
    item.save()
    quorum.run_background(served.rename, [item], {"name": "new"}).result(20)
    assert served.Item.get(item.id).name == "new"


def test_a_function_of_a_listed_package_needs_no_decorator(served, done, until):
    quorum.run_background(served.plain, ["hello"])
    until(lambda: done("hello"))


@ONE
def test_a_failing_job_is_tried_again_then_given_up_with_the_reason_and_no_argument_in_the_log(shop, work, done):
    worker = work()
    handle = quorum.run_background(shop.fail, ["c4n4ry"])
    with pytest.raises(errors.JobError, match="failed: ValueError: it is broken"):
        handle.result(30)
    assert len(done("fail")) == 3
    letter = given_up()["shop_jobs.fail"]
    assert (letter["reason"], letter["attempts"]) == ("ValueError: it is broken", 3)
    log = "\n".join(worker.lines)
    assert log.count("The job shop_jobs.fail failed.") == 3
    assert "ValueError: it is broken" in log
    assert "c4n4ry" not in log


def test_a_job_that_fails_at_first_is_done_in_the_end(served):
    assert quorum.run_background(served.fail_until, [2]).result(30) == 3
    assert given_up() == {}


def test_the_callback_is_told_the_result_or_the_last_error(served, done, until):
    quorum.run_background(served.add, [1, 2], callback=served.called_back)
    quorum.run_background(served.fail, ["x"], callback=served.called_back)
    until(lambda: len(done("called back")) == 2)
    found = {(note["error"], note["result"]) for note in done("called back")}
    assert found == {(None, 3), ("ValueError", None)}


@ONE_SERVED
def test_the_callback_of_a_job_that_no_worker_may_run_is_told(served, done, until):
    raw({"path": "os:system", "args": ["true"], "kwargs": {}, "callback": "shop_jobs:called_back"})
    until(lambda: done("called back"))
    assert done("called back")[0]["error"] == "RefusedError"


@ONE_SERVED
def test_a_job_that_takes_too_long_is_interrupted_and_given_up(served, until):
    quorum.run_background(served.too_long)
    until(given_up)
    assert given_up()["shop_jobs.too_long"]["reason"] == "TimeLimitExceeded"


def test_progress_and_state_are_read_from_the_handle(served, until):
    handle = quorum.run_background(served.hold, [0.5])
    assert handle.state in {"waiting", "running"}
    until(lambda: handle.progress == (1, 2))
    assert handle.state == "running"
    handle.result(20)
    assert handle.state == "done"


@ONE
def test_a_job_that_keeps_no_result_says_how_to_keep_it(shop):
    handle = quorum.run_background(shop.plain, ["x"])
    with pytest.raises(errors.ConfigurationError, match=r"@quorum\.job\(result=True\)"):
        handle.result(1)


def test_a_job_with_a_time_soon_starts_at_it(served, done, until):
    due = time.time() + 1.5
    quorum.run_background(served.plain, ["later"], target_time=due)
    until(lambda: done("later"))
    assert done("later")[0]["_id"].generation_time.timestamp() >= int(due)


@ONE
def test_a_job_with_a_time_far_away_waits_in_the_database_and_can_be_cancelled(shop):
    handle = quorum.run_background(shop.plain, ["far"], target_time=datetime.now(UTC) + timedelta(days=400))
    assert records.collection("later").count_documents({"_id": handle.id}) == 1
    assert handle.state == "waiting"
    assert handle.cancel()
    assert (handle.state, handle.cancel()) == ("cancelled", False)
    assert records.collection("later").count_documents({}) == 0


@ONE
def test_a_job_from_the_database_is_sent_when_it_is_due(shop, work, done, until, monkeypatch):
    monkeypatch.setattr(brokers, "FAR", 0.5)
    quorum.run_background(shop.plain, ["far"], target_time=time.time() + 1.5)
    assert records.collection("later").count_documents({}) == 1
    work()
    until(lambda: done("far"))
    until(lambda: records.collection("later").count_documents({}) == 0)


@ONE
def test_a_job_that_its_sender_took_and_did_not_send_is_sent_by_another(shop, work, done, until, monkeypatch):
    monkeypatch.setattr(brokers, "FAR", 0)
    quorum.run_background(shop.plain, ["left"], target_time=time.time() + 0.2)
    until(lambda: records.claim([], timedelta(seconds=1), "died"))
    work()
    until(lambda: done("left"))


@pytest.mark.promise("J4")
@ONE
def test_jobs_with_one_key_have_one_effect(shop, work, done, until):
    first = quorum.run_background(shop.once, [7])
    second = quorum.run_background(shop.once, [7])
    assert second.id == first.id
    work()
    until(lambda: done("once"))
    until(lambda: records.collection("keys").find_one()["state"] == "done")
    third = quorum.run_background(shop.once, [7])
    quorum.run_background(shop.once_by_order, [8, "Ana"])
    quorum.run_background(shop.once_by_order, [8, "Rui"])
    quorum.run_background(shop.plain, ["last"])
    until(lambda: done("last"))
    until(lambda: len(done("once")) == 2)
    assert sorted(note["order"] for note in done("once")) == [7, 8]
    assert third.id == first.id


@pytest.mark.promise("J4")
def test_a_message_that_comes_twice_has_one_effect(served, done, until):
    handle = quorum.run_background(served.once, [7])
    until(lambda: done("once"))
    until(lambda: records.collection("keys").find_one()["state"] == "done")
    context = runtime.current()
    job = {"path": "shop_jobs:once", "args": [7], "kwargs": {}, "attempt": 0}
    job["key"] = records.collection("keys").find_one()["_id"]
    message = brokers.message(context, "default", job)
    brokers.send(context, message)
    quorum.run_background(served.plain, ["last"])
    until(lambda: done("last"))
    assert len(done("once")) == 1
    assert handle.id != message.message_id


@ONE
def test_a_key_whose_sender_died_is_taken_over(shop):
    before = records.now() - timedelta(minutes=5)
    mine = {"message": "old", "state": "sending", "at": before, "until": records.now() + timedelta(days=1)}
    records.collection("keys").insert_one({"_id": "key", **mine})
    until = records.now() + timedelta(days=1)
    assert records.claim_key("key", "new", until, records.now() - timedelta(seconds=60)) == "new"
    assert records.claim_key("key", "other", until, records.now() - timedelta(seconds=60)) == "new"


@pytest.mark.promise("J3")
@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ({"path": "os:system", "args": ["touch /tmp/x"], "kwargs": {}}, "no function that is registered"),
        ({"path": "shop_jobs:os.system", "args": ["true"], "kwargs": {}}, "no function that is registered"),
        ({"path": "shop_jobs:quorum.unload", "args": [], "kwargs": {}}, "no function that is registered"),
        ({"path": "shop_jobs:Item.get", "args": [1], "kwargs": {}}, "no function that is registered"),
        ({"path": "shop_jobs:nothing", "args": [], "kwargs": {}}, "no function that is registered"),
        ({"path": ["os"], "args": [], "kwargs": {}}, "no function that is registered"),
        ({"path": "shop_jobs:add", "args": [], "kwargs": {}}, "arguments don't fit"),
        ({"path": "shop_jobs:add", "args": [1, 2, 3], "kwargs": {}}, "arguments don't fit"),
        ({"path": "shop_jobs:add", "args": "12", "kwargs": {}}, "no list and object"),
        ({"path": "shop_jobs:add", "args": [{"$oid": "x"}], "kwargs": {}}, "can't be read"),
        ({"path": "shop_jobs:add", "args": [{"$model": ["Unknown", 1]}], "kwargs": {}}, "no model"),
        ({"path": "shop_jobs:add", "args": [1], "kwargs": {}, "callback": "os:system"}, "no function that is"),
        ("nothing", "no function that is registered"),
        (None, "no function that is registered"),
    ],
)
def test_what_makes_no_sense_is_given_up_with_the_reason_and_the_worker_goes_on(
    redis_url, mongo_url, monkeypatch, job, reason
):
    # Without a broker: what a worker process does with each message is the same for both.
    import shop_jobs

    monkeypatch.setenv("MONGOHQ_URL", mongo_url)
    monkeypatch.setenv("REDISTOGO_URL", redis_url)
    shop_jobs.create_app()
    context = runtime.current()
    performer = performing.Performer(context, performing.Journal(1), _no_limit)
    performer.perform(brokers.message(context, "default", job))
    [letter] = given_up().values()
    assert reason in letter["reason"]
    performer.perform(brokers.message(context, "default", {"path": "shop_jobs:plain", "args": ["on"], "kwargs": {}}))
    assert quorum.get_mongo_db()["done"].count_documents({"what": "on"}) == 1


class _no_limit:
    def __init__(self, seconds):
        pass

    def __enter__(self):
        pass

    def __exit__(self, *_):
        pass


@pytest.mark.promise("J3")
def test_a_message_for_another_actor_is_given_up_and_the_worker_goes_on(served, done, until):
    raw({"path": "shop_jobs:plain"}, actor="somebody")
    until(given_up)
    [letter] = given_up().values()
    assert letter["reason"] == "there is no actor 'somebody'"
    quorum.run_background(served.plain, ["on"])
    until(lambda: done("on"))


@pytest.mark.promise("J3")
def test_a_job_that_ends_its_worker_is_given_up_and_the_next_one_runs(shop, work, done, until):
    worker = work()
    quorum.run_background(shop.die)
    quorum.run_background(shop.plain, ["next"])
    until(lambda: done("next"))
    until(given_up, 60)
    assert given_up()["shop_jobs.die"]["reason"] == f"a worker died in it {performing.CRASHES} times"
    assert len(done("died")) == performing.CRASHES
    assert worker.process.poll() is None


@pytest.mark.promise("J3")
@ONE
def test_a_job_whose_callback_ends_its_worker_is_given_up(shop, work, done, until):
    work()
    quorum.run_background(shop.plain, ["on"], callback=shop.called_back_and_dead)
    until(given_up, 60)
    assert given_up()["shop_jobs.plain"]["reason"] == f"a worker died in it {performing.CRASHES} times"
    assert len(done("died")) == performing.CRASHES


@pytest.mark.promise("J2")
def test_a_job_whose_worker_is_killed_starts_again(shop, work, done, until):
    worker = work()
    quorum.run_background(shop.hold, [30, 0])
    until(lambda: done("begun"))
    begun = time.monotonic()
    os.kill(done("begun")[0]["pid"], signal.SIGKILL)
    until(lambda: len(done("begun")) == 2)
    assert time.monotonic() - begun < 20
    assert len({note["pid"] for note in done("begun")}) == 2
    until(lambda: done("ended"))
    assert worker.process.poll() is None


@pytest.mark.promise("J2")
def test_sigterm_finishes_the_job_that_runs(shop, work, done, until):
    worker = work()
    quorum.run_background(shop.hold, [1])
    until(lambda: done("begun"))
    worker.process.terminate()
    assert worker.process.wait(20) == 0
    assert len(done("ended")) == 1


@pytest.mark.promise("J2")
def test_what_takes_longer_than_the_grace_is_handed_back(shop, work, done, until):
    worker = work(EXECUTION_GRACE="0.2")
    quorum.run_background(shop.hold, [30, 0])
    until(lambda: done("begun"))
    worker.process.terminate()
    assert worker.process.wait(20) == 0
    assert done("ended") == []
    work()
    until(lambda: len(done("ended")) == 1, 60)


@ONE
def test_workers_end_when_the_one_that_watches_is_killed(shop, work, until):
    worker = work("--processes", "2")
    until(lambda: len(children(worker.pid)) == 2)
    pids = children(worker.pid)
    worker.kill()
    until(lambda: not any(_is_alive(pid) for pid in pids))


def _is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@ONE
def test_a_worker_does_the_queues_that_it_was_started_for(shop, work, done, until):
    work("--queues", "mail")
    quorum.run_background(shop.plain, ["default"])
    quorum.run_background(shop.mail, ["ana@example.org"])
    until(lambda: done("mail"))
    assert done("default") == []
    work()
    until(lambda: done("default"))


@ONE
def test_two_instances_share_nothing(shop, work, done, until, monkeypatch):
    worker = work(INSTANCE="blue")
    until(lambda: children(worker.pid))
    quorum.run_background(shop.plain, ["mine"])
    work()
    until(lambda: done("mine"))
    assert brokers.prefix(runtime.current().settings) != "shop_jobs"


@pytest.mark.promise("J5")
@ONE
def test_what_repeats_is_called_once_by_four_processes(shop, work, done, until):
    work("--processes", "4", SHOP_REPEATS="0.25")
    until(lambda: len(done("tick")) >= 8, 60)
    ticks = [int(note["at"] / 0.25) for note in done("tick")]
    assert len(ticks) == len(set(ticks))


@pytest.mark.promise("J5")
@ONE
def test_what_repeats_goes_on_when_the_process_that_does_it_is_killed(shop, work, done, until):
    worker = work("--processes", "2", SHOP_REPEATS="0.3")
    until(lambda: len(done("tick")) >= 2, 60)
    os.kill(children(worker.pid)[0], signal.SIGKILL)
    before = len(done("tick"))
    until(lambda: len(done("tick")) >= before + 3, 60)


def _flask(*command):
    return subprocess.run([*FLASK, "jobs", *command], capture_output=True, text=True, check=False, timeout=60)


def _command(*command):
    return quorum.APP.test_cli_runner().invoke(args=["quorum", "jobs", *command])


def _told(*command):
    """What a command that does its work says."""
    result = _command(*command)
    assert result.exit_code == 0, result.output
    return result.output


@ONE_SERVED
def test_what_was_given_up_is_listed_retried_and_purged(served, done, until):
    quorum.run_background(served.fail, ["x"])
    quorum.run_background(served.too_long)
    quorum.run_background(served.leak)
    until(lambda: len(given_up()) == 3)
    listed = _told("list")
    assert "shop_jobs.leak  1  ValueError: password=***" in listed
    assert _told("purge", given_up()["shop_jobs.leak"]["_id"]) == "1 deleted.\n"
    assert _command("retry", "unknown").exit_code == 1
    assert "shop_jobs.fail  3  ValueError: it is broken" in listed
    assert "shop_jobs.too_long" in listed
    letter = given_up()["shop_jobs.fail"]
    assert _told("retry", letter["_id"]) == "1 sent again.\n"
    until(lambda: len(done("fail")) == 6)
    until(lambda: len(given_up()) == 2)
    assert _command("purge").exit_code == 2
    assert _told("purge", "--all") == "2 deleted.\n"
    assert _told("retry", "--all") == "0 sent again.\n"
    assert given_up() == {}


@ONE
def test_counts_and_durations_are_shown(shop, work, until):
    worker = work()
    quorum.run_background(shop.add, [1, 2]).result(20)
    worker.process.terminate()
    worker.process.wait(20)
    assert "shop_jobs.add  1 done, 0 failed" in _flask().stdout


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"callable": lambda: 1}, "it is a lambda"),
        ({"callable": print}, "it is a builtin"),
        ({"callable": errors.QuorumError}, "it is a type"),
        ({"callable": os.path.join}, "is not registered"),
        ({"args": [1, 2, 3]}, "too many positional arguments"),
        ({"args": [object()]}, "Argument 0 of shop_jobs.add is a object"),
        ({"args": [{1: 2}]}, "has a int as a key"),
        ({"args": [float("nan")]}, "is a float that is no number"),
        ({"args": [open(os.devnull)]}, "is a TextIOWrapper"),  # noqa: SIM115, PTH123
        ({"args": ["x" * 300_000]}, "bytes of at most 262144"),
        ({"args": ["\ud800"]}, "surrogate"),
        ({"callback": lambda error, result: 1}, "it is a lambda"),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_can_not_be_sent_is_refused_at_the_call(redis_url, mongo_url, monkeypatch, change, says):
    import shop_jobs

    monkeypatch.setenv("MONGOHQ_URL", mongo_url)
    monkeypatch.setenv("REDISTOGO_URL", redis_url)
    shop_jobs.create_app()
    with pytest.raises(errors.ConfigurationError, match=says):
        quorum.run_background(**{"callable": shop_jobs.add, "args": [1], **change})


@ONE
def test_an_unsaved_model_is_not_sent(shop):
    with pytest.raises(errors.ConfigurationError, match="unsaved changes"):
        quorum.run_background(shop.rename, [shop.Item(name="x"), "y"])


def test_without_a_broker_load_says_what_to_set(mongo_url, monkeypatch):
    monkeypatch.setenv("MONGOHQ_URL", mongo_url)
    with pytest.raises(errors.ConfigurationError, match="Set CLOUDAMQP_URL"):
        quorum.load(name="shop", execution="queue")
    assert quorum.APP is None


def test_a_database_in_memory_is_refused(monkeypatch):
    monkeypatch.setenv("REDISTOGO_URL", "redis://127.0.0.1:1")
    with pytest.raises(errors.ConfigurationError, match="not mongomock"):
        quorum.load(name="shop", execution="queue")


@pytest.mark.parametrize(
    ("variable", "url"),
    [("CLOUDAMQP_URL", "amqp://me:c4n4ry@127.0.0.1:1/"), ("REDISTOGO_URL", "redis://:c4n4ry@127.0.0.1:1/0")],
)
def test_a_broker_that_is_away_is_an_error_at_the_call_that_hides_the_password(mongo_url, monkeypatch, variable, url):
    import shop_jobs

    monkeypatch.setenv("MONGOHQ_URL", mongo_url)
    monkeypatch.setenv(variable, url)
    shop_jobs.create_app()
    with pytest.raises(
        errors.OperationalError, match=rf"127\.0\.0\.1:1.*\({variable}\) did not take the job"
    ) as caught:
        quorum.run_background(shop_jobs.plain, ["x"])
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [{"retries": -1}, {"backoff": "1 day"}, {"timeout": "26m"}, {"timeout": True}, {"queue": "A b"}, {"unique": 3}],
)
def test_wrong_options_are_refused_at_the_declaration(wrong):
    with pytest.raises(errors.ConfigurationError, match=next(iter(wrong))):
        quorum.job(**wrong)


def test_a_function_in_another_can_not_be_declared():
    with pytest.raises(errors.ConfigurationError, match="stands in another function"):

        @quorum.job()
        def inner():
            pass


def test_a_package_that_is_not_there_is_told(monkeypatch):
    with pytest.raises(errors.ConfigurationError, match="no such module"):
        registry.packages("nowhere.jobs")


@ONE
def test_the_message_holds_no_more_than_the_job(shop):
    context = runtime.current()
    job = {"path": "shop_jobs:add", "args": [1], "kwargs": {}, "attempt": 0}
    message = json.loads(brokers.message(context, "mail", job).encode())
    assert (message["args"], message["kwargs"], message["options"]) == ([], {}, {"quorum": job})
    assert message["queue_name"] == f"{context.settings.qualified()}.mail"
    assert sending.name_of(shop.add) == "shop_jobs.add"
