"""Work outside of requests: in threads of this process, or by workers on any number of machines.

`run_background()` calls a function in the background, `background()` calls one again and again.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from .. import errors, runtime
from ..address import VARIABLE
from . import local, registry, repeating
from .handles import Handle, Job, State, name_of
from .registry import Packages, packages
from .running import progress

__all__ = ["Handle", "Packages", "State", "background", "job", "packages", "progress", "run_back", "run_background"]

F = TypeVar("F", bound=Callable[[], Any])
G = TypeVar("G", bound=Callable[..., Any])


def run_background(
    callable: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    target_time: float | datetime | None = None,
    callback: Callable[..., Any] | None = None,
) -> Handle:
    """Call a function in the background, in a context of the app, and give a handle to it at once.

    With `load(execution="queue")` workers call it: it must be one that they may run, and what it is given must be what
    can be sent.

    :param target_time: when to call it, a UNIX timestamp or an aware datetime; now if not given.
    :param callback: called when it has ended, `callback(error=None, result=result)`; `error` is what it raised.
    :raises ConfigurationError: nothing is loaded, the app was loaded with `execution=False` or is being unloaded, or an
        argument makes no sense, or can't be sent.
    :raises OperationalError: the broker did not take the job.
    """
    context = runtime.current()
    for name, value in (("callable", callable), ("callback", callback)):
        if not builtins.callable(value) and not (name == "callback" and value is None):
            raise errors.ConfigurationError(
                f"run_background() got a {type(value).__name__} as {name}: give a function."
            )
    due = None if target_time is None else repeating.timestamp(target_time)
    if not context.execution:
        raise errors.ConfigurationError(
            f"The job {name_of(callable)} can't run: the app was loaded with execution=False."
        )
    if context.execution == "queue":
        from . import sending

        return sending.send(context, callable, tuple(args), dict(kwargs or {}), due, callback)
    local_job = Job(callable, tuple(args), dict(kwargs or {}), callback)
    local.pool(context).submit(local_job, due)
    return local_job


#: The other name of `run_background()`.
run_back = run_background


def job(
    *,
    retries: int = 5,
    backoff: str | float = "1s",
    timeout: str | float = "10m",
    queue: str = "default",
    unique: bool | Callable[..., str] = False,
    result: bool = False,
) -> Callable[[G], G]:
    """Let workers run a function, and say how: `@quorum.job(retries=3, queue="mail")`.

    It stays what it is; in the process, `run_background()` calls it like any other. Durations are seconds, or a text:
    `"500ms"`, `"10s"`, `"5m"`.

    :param retries: how often it is tried again when it fails, before it is given up.
    :param backoff: the wait before the first of these, at most; each further one doubles it, up to 5 minutes.
    :param timeout: how long it may run, up to 25 minutes; then it is interrupted, and has failed.
    :param queue: the queue that it waits in. Workers may be started for some of them.
    :param unique: True for one effect of jobs with equal arguments, until a day after it; or a function that is called
        with the arguments and gives the text that tells such jobs apart.
    :param result: keep what it returns, and where it stands, for its handle.
    :raises ConfigurationError: one of these makes no sense, or a worker could not find the function.
    """
    options = registry.read(retries, backoff, timeout, queue, unique, result)

    def declare(function: G) -> G:
        registry.register(function, options)
        return function

    return declare


def background(timeout: float | None = None, *, cron: str | None = None, timezone: str = "UTC") -> Callable[[F], F]:
    """Call a function again and again while an app is loaded: `@quorum.background(timeout=60)`.

    :param timeout: seconds from one call to the next. A call that takes longer leaves out the calls that it misses.
    :param cron: the times by the clock in place of it: `"0 3 * * *"`, minute, hour, day, month, weekday.
    :param timezone: whose clock, by its name: `"Europe/Lisbon"`.
    :raises ConfigurationError: these make no sense together.
    """
    times = repeating.times(timeout, cron, timezone)

    def declare(function: F) -> F:
        one = repeating.Repeating(function, times)
        repeating.declare(one)
        for context in runtime.contexts():
            if context.execution is True and repeating.owns(context, function):
                local.begin(context, one)
        return function

    return declare


def start(context: runtime.Context) -> None:
    """Begin with the jobs of an app that was loaded.

    :raises ConfigurationError: it has no broker for them.
    """
    if context.execution is True:
        local.start(context)
    elif context.execution == "queue":
        from . import brokers

        if str(context.settings.get(VARIABLE) or "").startswith("mongomock:"):
            raise errors.ConfigurationError("execution='queue' needs a database that workers share, not mongomock://.")
        brokers.check(context.settings)


def resume(context: runtime.Context) -> None:
    """Begin with them in a process that was forked since."""
    if context.execution is True:
        local.resume(context)
