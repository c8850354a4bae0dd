"""How a job is run, in whatever process: in the app's context, counted, and with its failure in the log."""

from __future__ import annotations

import contextvars
import logging
import time
from collections.abc import Callable
from typing import Any

from .. import errors, runtime
from .tally import Tally

_log = logging.getLogger("quorum.jobs")

#: Takes what a job says of its progress.
Reporter = Callable[[int, int], None]

_reporter: contextvars.ContextVar[Reporter | None] = contextvars.ContextVar("quorum.jobs.reporter", default=None)


def progress(done: int, total: int) -> None:
    """Say how much of the running job is done: `quorum.progress(3, 10)`. Its handle has it as `progress`.

    :raises ConfigurationError: no job runs here.
    """
    report = _reporter.get()
    if report is None:
        raise errors.ConfigurationError("progress() is called by a job, while run_background() runs it.")
    report(done, total)


def run(context: runtime.Context, name: str, work: Callable[[], Any], report: Reporter, tally: Tally) -> Any:
    """Do a job's work, count it, and give what it returned.

    The work begins with no context variable of the job before it.

    :raises BaseException: what the job raised, which is in the log already.
    """
    started = time.perf_counter()
    failed = True
    try:
        result = contextvars.Context().run(_work, context, work, report)
        failed = False
    except BaseException:
        _log.exception("The job %s failed.", name)
        raise
    finally:
        seconds = time.perf_counter() - started
        tally.add(name, seconds, failed=failed)
        _log.debug("The job %s took %.3f s.", name, seconds)
    return result


def call_back(
    context: runtime.Context, name: str, callback: Callable[..., Any], error: BaseException | None, result: Any
) -> None:
    """Call a job's callback. If it fails, that is logged: the job has ended."""

    def work() -> None:
        with context.enter():
            callback(error=error, result=result)

    try:
        contextvars.Context().run(work)
    except BaseException:  # noqa: BLE001  whatever it raises, the job has ended
        _log.exception("The callback of the job %s failed.", name)


def _work(context: runtime.Context, work: Callable[[], Any], report: Reporter) -> Any:
    _reporter.set(report)
    with context.enter():
        return work()
