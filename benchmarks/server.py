"""The embedded server, on a core of its own where the system allows it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

_LISTENS = re.compile(rb"secantus listening on [\d.]+:(\d+)")

# The server ends when its starter does, in whatever way: its pipe closes.
_BOUND = """
import os, sys, threading
if sys.argv[1]:
    os.sched_setaffinity(0, {int(core) for core in sys.argv[1].split(",")})
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
from secantus.cli import main
sys.argv[1:] = sys.argv[2:]
sys.exit(main())
"""


def cores() -> tuple[set[int], set[int]] | None:
    """Give the cores of the client and of the server, or None where a process cannot be pinned or has only one."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    usable = sorted(os.sched_getaffinity(0))
    return ({usable[0]}, {usable[1]}) if len(usable) > 1 else None


@contextmanager
def running(core: set[int] | None) -> Iterator[str]:
    """Run a new, empty server; give its URL, which ends with a slash."""
    with tempfile.TemporaryDirectory(prefix="quorum-bench-", ignore_cleanup_errors=True) as folder:
        pinned = ",".join(map(str, core or ()))
        command = [sys.executable, "-c", _BOUND, pinned, "--host", "127.0.0.1", "--port", "0", "--storage-path", folder]
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            assert process.stderr is not None
            yield f"mongodb://127.0.0.1:{_port(process.stderr)}/"
        finally:
            process.kill()  # its data are of no more use
            process.wait()


def _port(log: IO[bytes]) -> int:
    seen: list[bytes] = []
    for line in log:
        seen.append(line)
        if found := _LISTENS.search(line):
            threading.Thread(target=deque, args=(log, 0), daemon=True).start()
            return int(found[1])
    raise SystemExit("The embedded server does not start:\n" + b"".join(seen).decode(errors="replace"))
