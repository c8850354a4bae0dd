"""A process that uses an embedded database: `python embedded_user.py FOLDER JOB`. It tells what it does, line by line.

- `hold`: insert a document, tell "ready PORT"; then one insert for each line that comes: "ok" or "error ...".
- `write`: insert documents without end, and tell the `_id` of each one that was acknowledged.
- `fork`: as `hold`, but in a child, after the parent has inserted; it tells "child PID" first.
- `idle`: insert, then fork a child that does nothing; tell "child PID".
- `children`: eight forked children insert 50 documents each, and the parent one more; tell "done".
"""

from __future__ import annotations

import itertools
import os
import signal
import sys

import pymongo.errors

from quorum import config, mongodb, runtime


def load() -> None:
    runtime.start(runtime.Context(config.Settings.load({"MONGOHQ_URL": f"embedded://{sys.argv[1]}"}, name="test")))


def insert() -> str:
    try:
        mongodb.get_database().things.insert_one({"by": os.getpid()})
    except pymongo.errors.PyMongoError as error:
        return f"error {mongodb.translate(error)}"
    return "ok"


def tell(*words: object) -> None:
    print(*words, flush=True)


def hold() -> None:
    assert insert() == "ok"
    tell("ready", mongodb.get_connection().address[1])
    for _ in sys.stdin:
        tell(insert())


def write() -> None:
    for number in itertools.count():
        name = f"{os.getpid()}-{number}"
        try:
            mongodb.get_database().things.insert_one({"_id": name})
        except pymongo.errors.PyMongoError:
            continue
        tell(name)


def fork() -> None:
    assert insert() == "ok"
    if child := os.fork():
        os.waitpid(child, 0)
    else:
        tell("child", os.getpid())
        hold()


def idle() -> None:
    assert insert() == "ok"
    child = os.fork()
    if child == 0:
        signal.pause()
    tell("child", child)
    signal.pause()


def children() -> None:
    assert insert() == "ok"
    pids = []
    for _ in range(8):
        pid = os.fork()
        if pid == 0:
            for _ in range(50):
                assert insert() == "ok"
            sys.exit()
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 8
    assert insert() == "ok"
    tell("done")


if __name__ == "__main__":
    load()
    {"hold": hold, "write": write, "fork": fork, "idle": idle, "children": children}[sys.argv[2]]()
