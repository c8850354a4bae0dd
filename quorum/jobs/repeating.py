"""Functions that are called again and again: every so many seconds, or by the clock.

They are declared once a process, when their modules are imported; each app that is loaded with execution on runs those
that are its own (`owns`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from .. import errors, runtime
from .handles import name_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


class Times(Protocol):
    """When a function is called."""

    def after(self, moment: float) -> float:
        """Give the first time after a moment, both in seconds since 1970."""
        ...


@dataclass(frozen=True)
class Every:
    """Every so many seconds, counted from 1970, so that all processes mean the same moments."""

    seconds: float

    def after(self, moment: float) -> float:
        following = (math.floor(moment / self.seconds) + 1) * self.seconds
        # A quotient that was rounded up gives the moment itself.
        return following if following > moment else following + self.seconds


@dataclass(frozen=True)
class Cron:
    """By the clock of a time zone, as cron's five fields say.

    Where the clock is put forward, what the gap leaves out is called after it; where it is put back, once.
    """

    fields: str
    zone: ZoneInfo

    def after(self, moment: float) -> float:
        import cronsim

        following: datetime = next(cronsim.CronSim(self.fields, datetime.fromtimestamp(moment, self.zone)))
        return following.timestamp()


@dataclass(frozen=True)
class Repeating:
    """A function and when it is called."""

    function: Callable[[], Any]
    times: Times

    @property
    def name(self) -> str:
        return name_of(self.function)


_declared: dict[str, Repeating] = {}


def declare(repeating: Repeating) -> None:
    """Note a function that is called again and again. One that was imported anew takes the place of its former self."""
    _declared[repeating.name] = repeating


def owned(context: runtime.Context) -> Iterator[Repeating]:
    """Give what is declared so far and is an app's own."""
    return (repeating for repeating in list(_declared.values()) if owns(context, repeating.function))


def owns(context: runtime.Context, function: Callable[..., Any]) -> bool:
    """Say whether a function is one that an app runs: it's in the packages of `load(jobs=...)`, or none are named."""
    return not context.jobs or is_in(function.__module__, context.jobs)


def is_in(module: str, packages: tuple[str, ...]) -> bool:
    """Say whether a module is one of some packages, or in one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def times(timeout: float | None, cron: str | None, timezone: str) -> Times:
    """Read what `background()` was given.

    :raises ConfigurationError: it makes no sense, or cronsim is not installed.
    """
    if (timeout is None) == (cron is None) or callable(timeout):
        raise errors.ConfigurationError("background() takes timeout=seconds or cron='minute hour day month weekday'.")
    if cron is None:
        if not isinstance(timeout, (int, float)) or isinstance(timeout, bool) or not 0.01 <= timeout <= 1e9:
            raise errors.ConfigurationError(f"background(timeout={timeout!r}) must be seconds: 0.01 or more.")
        return Every(float(timeout))
    try:
        import zoneinfo

        import cronsim
    except ImportError as error:
        raise errors.ConfigurationError(
            'background(cron=...) needs the package cronsim: pip install "quorum[cron]".'
        ) from error
    try:
        zone = zoneinfo.ZoneInfo(timezone)
        if len(cron.split()) != 5:  # cronsim takes a sixth one, for seconds
            raise cronsim.CronSimError("it must have five fields")
        next(cronsim.CronSim(cron, datetime.now(zone)))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise errors.ConfigurationError(
            f"There is no time zone {timezone!r}. Use a name like 'Europe/Lisbon'."
        ) from error
    except StopIteration as error:
        raise errors.ConfigurationError(f"background(cron={cron!r}) never comes.") from error
    except cronsim.CronSimError as error:
        raise errors.ConfigurationError(
            f"background(cron={cron!r}) is not cron's: {error}. As in '0 3 * * *', every day at 3:00."
        ) from error
    return Cron(cron, zone)


def timestamp(target: float | datetime) -> float:
    """Read a `target_time`.

    :raises ConfigurationError: it is no UNIX timestamp and no aware datetime.
    """
    if isinstance(target, datetime):
        if target.utcoffset() is None:
            raise errors.ConfigurationError(
                f"target_time={target!r} has no time zone. Give an aware datetime: datetime.now(UTC) + delay."
            )
        return target.astimezone(UTC).timestamp()
    if type(target) in (int, float) and math.isfinite(target):
        return float(target)
    raise errors.ConfigurationError(
        f"target_time must be a UNIX timestamp or an aware datetime, not {target!r}. A delay is time.time() + seconds."
    )
