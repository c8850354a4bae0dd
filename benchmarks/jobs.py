"""What a job costs beyond its own work: in the process, and behind a broker.

    python benchmarks/jobs.py process
    python benchmarks/jobs.py redis --jobs 20000
    python benchmarks/jobs.py rabbitmq --jobs 20000

`process` compares with `concurrent.futures.ThreadPoolExecutor` and with APScheduler, where that is installed. The
others start a broker and a MongoDB-compatible server (tests/servers.py), and compare with plain dramatiq: the
same number of empty jobs, two worker processes with four threads each, in turns on the same machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import quorum  # noqa: E402

PROCESSES, THREADS = 2, 4


def empty() -> None:
    """Do nothing."""


def in_process(jobs: int) -> None:
    """Measure throughput, the time from the call to the start, and how late a job with a time starts."""
    os.environ["MONGOHQ_URL"] = "mongomock://"
    quorum.load(name="benchmark")
    started: list[float] = []

    def start(handed_over: float) -> None:
        started.append(time.perf_counter() - handed_over)

    def quorum_submit(function: Callable[..., Any], *args: Any) -> Any:
        return quorum.run_background(function, args)

    with ThreadPoolExecutor(THREADS) as executor:
        rows: list[tuple[str, Callable[..., Any], Callable[[Any], Any]]] = [
            ("quorum", quorum_submit, lambda handle: handle.result(60)),
            ("ThreadPoolExecutor", executor.submit, lambda future: future.result(60)),
        ]
        print(f"| {jobs} empty jobs | handed over, s | done, s | call to start, median ms | slowest of 99 % |")
        print("| --- | --- | --- | --- | --- |")
        for name, submit, wait in rows:
            begun = time.perf_counter()
            handles = [submit(empty) for _ in range(jobs)]
            handed_over = time.perf_counter() - begun
            for handle in handles:
                wait(handle)
            done = time.perf_counter() - begun
            started.clear()
            for _ in range(1000):
                wait(submit(start, time.perf_counter()))
                time.sleep(0.001)
            late = sorted(started)
            median, most = statistics.median(late) * 1e3, late[int(len(late) * 0.99)] * 1e3
            print(f"| {name} | {handed_over:.2f} | {done:.2f} | {median:.3f} | {most:.3f} |", flush=True)
    print("\n| 200 jobs with a time | late, median ms | at most |\n| --- | --- | --- |")
    print(_late("quorum", lambda function, at: quorum.run_background(function, [at], target_time=at)))
    quorum.unload()
    if importlib.util.find_spec("apscheduler") is None:
        print("| APScheduler | not installed | |")
        return
    from datetime import UTC, datetime

    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.start()
    print(
        _late(
            "APScheduler",
            lambda function, at: scheduler.add_job(
                function, "date", run_date=datetime.fromtimestamp(at, UTC), args=[at], misfire_grace_time=None
            ),
        )
    )
    scheduler.shutdown()


def _late(name: str, schedule: Callable[[Callable[[float], None], float], Any]) -> str:
    late: list[float] = []
    first = time.time() + 0.5
    for number in range(200):
        schedule(lambda at: late.append(time.time() - at), first + number * 0.01)
    end = time.monotonic() + 60
    while len(late) < 200 and time.monotonic() < end:
        time.sleep(0.05)
    return f"| {name} | {statistics.median(late) * 1e3:.2f} | {max(late) * 1e3:.2f} |"


# Plain dramatiq with the same broker, its own command, and an actor that does nothing. Each job of either side takes a
# number from a file, so that the last one is seen at once by whoever watches the file.
PLAIN = """
import os, dramatiq
from dramatiq.middleware import Retries, TimeLimit
if os.environ.get("CLOUDAMQP_URL"):
    from dramatiq.brokers.rabbitmq import RabbitmqBroker
    broker = RabbitmqBroker(url=os.environ["CLOUDAMQP_URL"], confirm_delivery=True, middleware=[Retries(), TimeLimit()])
else:
    from dramatiq.brokers.redis import RedisBroker
    broker = RedisBroker(url=os.environ["REDISTOGO_URL"], middleware=[Retries(), TimeLimit()])
dramatiq.set_broker(broker)
DONE = os.open(os.environ["DONE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

@dramatiq.actor
def work(number):
    os.write(DONE, b".")
"""

OURS = """
import os, quorum
DONE = os.open(os.environ["DONE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

@quorum.job()
def work(number):
    os.write(DONE, b".")

def create_app():
    return quorum.load(name="benchmark", execution="queue")
"""


def behind(kind: str, jobs: int, rounds: int) -> None:
    """Compare with plain dramatiq on a broker."""
    import servers

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plain_jobs.py").write_text(PLAIN)
        (folder / "our_jobs.py").write_text(OURS)
        start = servers.valkey if kind == "redis" else servers.rabbitmq
        with servers.secantus(folder / "mongo") as mongo, start(folder / "broker") as broker:
            os.environ["MONGOHQ_URL"] = f"{mongo}benchmark"
            os.environ["REDISTOGO_URL" if kind == "redis" else "CLOUDAMQP_URL"] = str(broker.url)
            os.environ["DONE"] = str(folder / "done")
            os.environ["dramatiq_worker_timeout"] = "200"  # noqa: SIM112  dramatiq's own name
            path = os.pathsep.join((str(folder), str(ROOT)))
            sys.path.insert(0, str(folder))
            _compare(kind, jobs, rounds, {**os.environ, "PYTHONPATH": path}, folder)


def _compare(kind: str, jobs: int, rounds: int, env: dict[str, str], folder: Path) -> None:
    import our_jobs  # type: ignore[import-not-found]
    import plain_jobs  # type: ignore[import-not-found]

    our_jobs.create_app()
    size = ["--processes", str(PROCESSES), "--threads", str(THREADS)]
    sides: dict[str, tuple[Callable[[int], Any], list[str]]] = {
        "quorum": (
            lambda number: quorum.run_background(our_jobs.work, [number]),
            ["-m", "flask", "--app", "our_jobs", "quorum", "worker", *size],
        ),
        "dramatiq": (plain_jobs.work.send, ["-m", "dramatiq", "plain_jobs", *size]),
    }
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, (send, command) in sides.items():
            took[name].append(_round(send, [sys.executable, *command], jobs, env, folder))
    quorum.unload()
    print(f"| {jobs} jobs, {kind}, median of {rounds} | sent, s | done, s |\n| --- | --- | --- |")
    for name, pairs in took.items():
        print(
            f"| {name} | {statistics.median(p[0] for p in pairs):.2f} | {statistics.median(p[1] for p in pairs):.2f} |"
        )
    for part, title in enumerate(("sending", "doing")):
        ratios = [ours[part] / theirs[part] for ours, theirs in zip(took["quorum"], took["dramatiq"], strict=True)]
        print(f"{title}: {statistics.median(ratios):.2f} times dramatiq's ({', '.join(f'{r:.2f}' for r in ratios)})")


def _round(
    send: Callable[[int], Any], command: list[str], jobs: int, env: dict[str, str], folder: Path
) -> tuple[float, float]:
    """Send the jobs with no worker at work, then let workers do them; give the seconds of both."""
    done = Path(env["DONE"])
    done.write_bytes(b"")
    begun = time.perf_counter()
    for number in range(jobs):
        send(number)
    sent = time.perf_counter() - begun
    with (folder / "log").open("wb") as log:
        workers = subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log)
        try:
            _wait(done, 1)
            first, begun = done.stat().st_size, time.perf_counter()
            _wait(done, jobs)
            # The first ones were done while the workers started, which is not what is measured.
            return sent, (time.perf_counter() - begun) * jobs / (jobs - first)
        finally:
            workers.terminate()
            workers.wait(60)


def _wait(done: Path, number: int) -> None:
    end = time.monotonic() + 600
    while done.stat().st_size < number:
        if time.monotonic() > end:
            raise SystemExit(f"{done.stat().st_size} of {number} jobs were done in 10 minutes.")
        time.sleep(0.005)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=["process", "redis", "rabbitmq"])
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"Python {sys.version.split()[0]}")
    if options.what == "process":
        in_process(options.jobs or 100_000)
    else:
        behind(options.what, options.jobs or 20_000, options.rounds)


if __name__ == "__main__":
    main()
