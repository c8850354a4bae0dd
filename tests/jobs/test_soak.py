"""Twenty thousand jobs while workers are killed, and while the broker is away: each is done at least once."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import uuid
from contextlib import ExitStack, contextmanager

import pytest
import servers
import shop_jobs

import quorum
from quorum import errors
from quorum.jobs import dead

pytestmark = [pytest.mark.soak, pytest.mark.promise("J2")]

JOBS = 20_000

PATH = os.pathsep.join((os.path.dirname(shop_jobs.__file__), os.getcwd()))  # noqa: PTH109, PTH120
KINDS = {
    "redis": (servers.valkey, "REDISTOGO_URL", ["--appendonly", "yes"]),
    "rabbitmq": (servers.rabbitmq, "CLOUDAMQP_URL", []),
}


@pytest.fixture(params=list(KINDS))
def broker(request, tmp_path, mongo_url, monkeypatch):
    """Gives what starts a broker, always on the same data and port, and the command of its workers."""
    start, variable, options = KINDS[request.param]
    port = servers.free_port()
    scheme = "redis://" if request.param == "redis" else "amqp://guest:guest@"
    for name, value in {
        "MONGOHQ_URL": mongo_url,
        variable: f"{scheme}127.0.0.1:{port}",
        "NAME": f"soak{uuid.uuid4().hex[:8]}",
        "PYTHONPATH": PATH,
    }.items():
        monkeypatch.setenv(name, value)
    return lambda: start(tmp_path / "broker", *options, port=port)


@pytest.fixture
def work(tmp_path):
    command = [os.sys.executable, "-m", "flask", "--app", "shop_jobs", "quorum", "worker", "--processes", "2"]
    return lambda: servers.child(command, ready="Processes: ", cwd=tmp_path)


def _done():
    return quorum.get_mongo_db()["counted"].estimated_document_count()


def _report(capsys, what):
    counted = list(quorum.get_mongo_db()["counted"].find({}, {"number": 1, "_id": 0}))
    numbers = [one["number"] for one in counted]
    with capsys.disabled():
        print(f"\n{what}: {len(set(numbers))} of {JOBS} done, {len(numbers) - len(set(numbers))} of them again")
    return set(numbers)


def _send(number):
    # A sender that can't reach the broker is told so, and sends again.
    while True:
        try:
            return quorum.run_background(shop_jobs.count, [number])
        except errors.OperationalError:
            time.sleep(0.2)


def _wait_for_all(limit):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if _done() >= JOBS and len(quorum.get_mongo_db()["counted"].distinct("number")) == JOBS:
            return
        time.sleep(0.5)


def test_no_job_is_lost_while_a_worker_is_killed_each_second(broker, work, capsys, request):
    with broker(), work() as watcher:
        shop_jobs.create_app()
        sender = threading.Thread(target=lambda: [_send(number) for number in range(JOBS)], daemon=True)
        sender.start()
        killed = 0
        while sender.is_alive() or _done() < JOBS - 200:
            time.sleep(1)
            found = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(watcher.pid)], capture_output=True, text=True, check=False
            )
            if pids := found.stdout.split():
                os.kill(int(pids[killed % len(pids)]), signal.SIGKILL)
                killed += 1
        sender.join()
        _wait_for_all(120)
        assert _report(capsys, f"{request.node.name}, {killed} workers killed") == set(range(JOBS))
        assert list(dead.letters(10)) == []
        assert killed >= 5


@contextmanager
def _interrupted(broker):
    """Run a broker; call what this gives to stop it for five seconds."""
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(broker())

        def interrupt():
            first.close()
            time.sleep(5)
            second.enter_context(broker())

        yield interrupt


def test_no_job_is_lost_while_the_broker_is_away(broker, work, capsys, request):
    with _interrupted(broker) as interrupt, work():
        shop_jobs.create_app()
        sender = threading.Thread(target=lambda: [_send(number) for number in range(JOBS)], daemon=True)
        sender.start()
        while _done() < JOBS // 10:
            time.sleep(0.05)
        interrupt()
        sender.join()
        _wait_for_all(180)
        assert _report(capsys, request.node.name) == set(range(JOBS))
        assert list(dead.letters(10)) == []
