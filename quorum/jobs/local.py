"""The pool of each app in this process, and what is repeated in it."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import Any, Final

from .. import runtime
from . import repeating
from .handles import Job
from .pool import Pool
from .repeating import Repeating

_log = logging.getLogger("quorum.jobs")

#: The pool is a client of its context.
KEY: Final = "jobs"

# The exit status of a process that SIGTERM ended, as a shell tells it.
_TERMINATED: Final = 128 + signal.SIGTERM


def pool(context: runtime.Context) -> Pool:
    """Give this process's pool for an app, made on first use, with what is repeated in it."""
    return context.client(KEY, lambda: _open(context), Pool.close, drain=Pool.close)


def start(context: runtime.Context) -> None:
    """Begin with what is repeated, and see that SIGTERM waits for jobs."""
    if not context.watches and any(repeating.owned(context)):
        pool(context)
    if _may_set_signals() and signal.getsignal(signal.SIGTERM) in (signal.SIG_DFL, _terminated):
        signal.signal(signal.SIGTERM, _terminated)
        context.at_stop(_leave_signals)


def resume(context: runtime.Context) -> None:
    """Begin with what is repeated in a process that was forked since, or that serves after all."""
    if context.opened(KEY) is None and any(repeating.owned(context)):
        pool(context)


def begin(context: runtime.Context, one: Repeating) -> None:
    """Begin with one function that was declared after its app was loaded."""
    opened = context.opened(KEY)
    if opened is not None:
        _repeat(opened, one)
    elif not context.watches:
        pool(context)


def _open(context: runtime.Context) -> Pool:
    made = Pool(context)
    for one in repeating.owned(context):
        _repeat(made, one)
    return made


def _repeat(to: Pool, one: Repeating) -> None:
    """Call a function at the next of its times, and then again. It never meets itself: what it misses is left out."""

    def again(error: BaseException | None, result: Any) -> None:  # noqa: ARG001
        if not to.is_closed:
            _repeat(to, one)

    to.submit(Job(one.function, callback=again, repeats=True), one.times.after(time.time()))


def _may_set_signals() -> bool:
    return threading.current_thread() is threading.main_thread()


def _leave_signals() -> None:
    """Let SIGTERM be what it was when the last app is unloaded. From another thread that can't be, and does no harm."""
    if not runtime.contexts() and _may_set_signals() and signal.getsignal(signal.SIGTERM) == _terminated:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminated(number: int, frame: Any) -> None:  # noqa: ARG001
    """End the process as SIGTERM does; with jobs at work through `atexit`, which waits for them."""
    if any((opened := context.opened(KEY)) is not None and opened.has_work for context in runtime.contexts()):
        raise SystemExit(_TERMINATED)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
