"""Work outside of requests: in threads of this process, or by workers on any number of machines.

`run_background()` calls a function in the background, `background()` calls one again and again.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from .. import errors, runtime
from . import local, repeating
from .handles import Handle, Job, State, name_of
from .running import progress

__all__ = ["Handle", "State", "background", "progress", "run_back", "run_background"]

F = TypeVar("F", bound=Callable[[], Any])


def run_background(
    callable: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    target_time: float | datetime | None = None,
    callback: Callable[..., Any] | None = None,
) -> Handle:
    """Call a function in the background, in a context of the app, and give a handle to it at once.

    :param target_time: when to call it, a UNIX timestamp or an aware datetime; now if not given.
    :param callback: called when it has ended, `callback(error=None, result=result)`; `error` is what it raised.
    :raises ConfigurationError: nothing is loaded, the app was loaded with `execution=False` or is being unloaded, or an
        argument makes no sense.
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
    job = Job(callable, tuple(args), dict(kwargs or {}), callback)
    local.pool(context).submit(job, due)
    return job


#: The other name of `run_background()`.
run_back = run_background


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
    """Begin with the jobs of an app that was loaded."""
    if context.execution is True:
        local.start(context)


def resume(context: runtime.Context) -> None:
    """Begin with them in a process that was forked since."""
    if context.execution is True:
        local.resume(context)
