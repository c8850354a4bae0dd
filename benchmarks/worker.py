"""Run the tasks for the peers of one environment, each task in a process of its own with a new server.

`python -m benchmarks.worker OPTIONS`, as JSON; each line that it prints is a JSON object: a sample or a failure.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pymongo

from . import peers, server
from .documents import Documents
from .peers import Adapter
from .plan import TASKS
from .tasks import Import, Task

# SecantusDB walks its record of retryable writes at every write.
_OPTIONS = "?retryWrites=false&directConnection=true"


def main() -> None:
    options = json.loads(sys.argv[1])
    cores = server.cores()
    if cores:
        os.sched_setaffinity(0, cores[0])
    adapters = {name: peers.peer(name) for name in options["peers"]}
    documents = Documents(Path(options["data"]) if options["data"] else None)
    versions = {one.distribution: version(one.distribution) for one in adapters.values()}
    _say(versions=versions | {"Python": platform.python_version(), "secantusdb": version("secantusdb")})
    gc.collect()
    gc.freeze()  # what was imported is no task's garbage
    for task in TASKS:
        if task.name in options["tasks"]:
            chosen = {name: one for name, one in adapters.items() if peers.can(one, task.methods)}
            _in_a_process_of_its_own(task, chosen, documents, options["quick"], cores)


def _say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


def _in_a_process_of_its_own(
    task: Task, adapters: dict[str, Adapter], documents: Documents, quick: bool, cores: Any
) -> None:
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if status:
            _say(task=task.name, failure=f"its process ended with {status}")
        return
    try:
        task.prepare(documents, quick)
        with server.running(cores[1] if cores else None) as url:
            _measure(task, adapters, url + _OPTIONS)
    except BaseException:  # noqa: BLE001  it is told, and this process ends
        _say(task=task.name, failure=traceback.format_exc())
    finally:
        sys.stdout.flush()
        os._exit(0)


def _measure(task: Task, adapters: dict[str, Adapter], url: str) -> None:
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(url)
    database = client["benchmark"]
    task.seed(database)
    opened = dict(_opened(task, adapters, url))
    names = list(opened)
    for number in range(-1, task.samples):  # the first one warms up
        for place in range(len(names)):
            name = names[(place + number) % len(names)]  # none always follows the same one
            try:
                sample = _sample(task, opened[name], database)
            except Exception:  # noqa: BLE001  a peer's failure is its own, and told
                _say(task=task.name, peer=name, failure=traceback.format_exc())
                names.remove(name)
                break
            if number >= 0 or task.samples == 1:
                _say(task=task.name, peer=name, **sample)
        if task.samples == 1:
            break
    for one in opened.values():
        one.close()
    client.close()


def _opened(task: Task, adapters: dict[str, Adapter], url: str) -> Iterator[tuple[str, Adapter]]:
    for name, one in adapters.items():
        try:
            one.open(url, "benchmark")
        except Exception:  # noqa: BLE001
            _say(task=task.name, peer=name, failure=traceback.format_exc())
        else:
            yield name, one


def _sample(task: Task, peer: Adapter, database: Any) -> dict[str, Any]:
    given = task.before(peer)
    gc.collect()
    before = _forget_peak()
    cpu, wall = time.process_time(), time.perf_counter()
    result = task.run(peer, given)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = _peak() - before
    task.check(database, peer, result)
    if isinstance(task, Import):
        return {"cpu": result["seconds"], "wall": result["seconds"], "peak": result["bytes"], "size": 0}
    return {"cpu": cpu / task.count, "wall": wall / task.count, "peak": peak, "size": task.size}


def _forget_peak() -> int:
    """Start the measure of resident memory anew; give its present value, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


if __name__ == "__main__":
    main()
