"""What a worker may run: functions that were registered, by their import path, and how each of them is treated."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import pkgutil
import re
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from .. import errors, runtime
from . import repeating
from .handles import name_of

#: What `load(jobs=...)` can be: a module or a package, its name, or several of these.
Packages: TypeAlias = types.ModuleType | str | Iterable[types.ModuleType | str]

#: The longest that a job may run, in seconds. RabbitMQ hands one over again that is not confirmed after its
#: consumer_timeout, 30 minutes unless it is configured otherwise.
LONGEST: Final = 25 * 60.0

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)", re.ASCII)
_QUEUE = re.compile(r"[a-z0-9]([a-z0-9_-]{0,30}[a-z0-9])?", re.ASCII)


class RefusedError(errors.QuorumError):
    """A message asks for something that no worker does, now or later."""


@dataclass(frozen=True)
class Options:
    """How workers treat the jobs of a function; see `quorum.job()`. Times are in seconds."""

    retries: int = 5
    backoff: float = 1.0
    timeout: float = 600.0
    queue: str = "default"
    unique: bool | Callable[..., str] = False
    result: bool = False

    def key(self, args: Any, kwargs: Any, given: tuple[Any, ...], given_by_name: dict[str, Any]) -> str | None:
        """Give what tells two jobs apart that are to have one effect: by the arguments as sent, or as they were given.

        :raises ConfigurationError: the function that makes the key gave something else than a text.
        """
        if self.unique is False:
            return None
        if self.unique is True:
            return json.dumps([args, kwargs], sort_keys=True)
        key = self.unique(*given, **given_by_name)
        if not isinstance(key, str):
            raise errors.ConfigurationError(
                f"unique={name_of(self.unique)} must give a text, not a {type(key).__name__}."
            )
        return key


_DEFAULT = Options()

#: A job that repeats comes again by itself.
_REPEATING = Options(retries=0)

_registered: dict[str, tuple[Callable[..., Any], Options]] = {}


def register(function: Callable[..., Any], options: Options) -> None:
    """Note that workers may run a function.

    :raises ConfigurationError: it can't be found by a name.
    """
    _registered[path_of(function, importable=False)] = (function, options)


def seconds(name: str, value: str | float, least: float, most: float) -> float:
    """Read a duration: `"500ms"`, `"10s"`, `"5m"`, `"1h"`, or a number of seconds.

    :raises ConfigurationError: it is something else, or outside of the limits.
    """
    number: float | None = None
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        number = float(match[1]) * _UNITS[match[2]]
    elif type(value) in (int, float):
        number = float(value)
    if number is None or not least <= number <= most:
        raise errors.ConfigurationError(
            f"job({name}={value!r}) must be seconds, or a text like '500ms', '10s', '5m', from {least:g} to {most:g} s."
        )
    return number


def read(
    retries: int,
    backoff: str | float,
    timeout: str | float,
    queue: str,
    unique: bool | Callable[..., str],
    result: bool,
) -> Options:
    """Read what `job()` was given.

    :raises ConfigurationError: it makes no sense.
    """
    if type(retries) is not int or not 0 <= retries <= 100:
        raise errors.ConfigurationError(f"job(retries={retries!r}) must be an integer from 0 to 100.")
    if not _QUEUE.fullmatch(str(queue)):
        raise errors.ConfigurationError(f"job(queue={queue!r}) must have 1 to 32 lower-case letters, digits, - and _.")
    if not isinstance(unique, bool) and not callable(unique):
        raise errors.ConfigurationError("job(unique=...) must be True, False or a function that gives the key.")
    return Options(
        retries,
        seconds("backoff", backoff, 0.001, LONGEST),
        seconds("timeout", timeout, 1.0, LONGEST),
        queue,
        unique,
        bool(result),
    )


def path_of(function: Callable[..., Any], *, importable: bool = True) -> str:
    """Give the import path by which a worker finds a function: `"shop.tasks:clean"`.

    :param importable: refuse also what stands in a script, `__main__`, which a worker can't import.
    :raises ConfigurationError: a worker could not find it.
    """
    problem = ""
    if not isinstance(function, types.FunctionType):
        problem = f"it is a {type(function).__name__}"
    elif "<" in function.__qualname__:
        problem = "it is a lambda" if function.__name__ == "<lambda>" else "it stands in another function"
    elif importable and function.__module__ == "__main__":
        problem = "it stands in the script that was started, which a worker can't import"
    if problem:
        raise errors.ConfigurationError(
            f"{name_of(function)} can't be sent to a worker: {problem}. Give a function of a module."
        )
    return f"{function.__module__}:{function.__qualname__}"


def options_of(context: runtime.Context, function: Callable[..., Any]) -> Options:
    """Give how a function's jobs are treated.

    :raises ConfigurationError: it is none that a worker runs.
    """
    path = path_of(function)
    found = _registered.get(path)
    if found is not None:
        return found[1]
    if function in {one.function for one in repeating.owned(context)}:
        return _REPEATING
    if repeating.is_in(function.__module__, context.jobs):
        return _DEFAULT
    raise errors.ConfigurationError(
        f"{path} is not registered: workers would not run it. Put @quorum.job before it, or name its module in "
        "load(jobs=...)."
    )


def resolve(context: runtime.Context, path: Any) -> tuple[Callable[..., Any], Options]:
    """Give the function of a path that came in a message.

    :raises RefusedError: there is none of that name that a worker runs.
    """
    if not isinstance(path, str):
        path = ""
    module, _, qualname = path.partition(":")
    if path in _registered:
        return _registered[path]
    for one in repeating.owned(context):
        if (one.function.__module__, one.function.__qualname__) == (module, qualname):
            return one.function, _REPEATING
    function: Any = None
    if module and repeating.is_in(module, context.jobs):
        try:
            function = importlib.import_module(module)
            for name in qualname.split("."):
                function = getattr(function, name)
        except (ImportError, AttributeError):
            function = None
    # A module also has names that it imported from elsewhere: these are none of its own.
    own = isinstance(function, types.FunctionType) and path == f"{function.__module__}:{function.__qualname__}"
    if not own:
        raise RefusedError("it names no function that is registered here")
    return function, _DEFAULT


def check_arguments(function: Callable[..., Any], args: Iterable[Any], kwargs: dict[str, Any]) -> str:
    """Say why a function can't be called with some arguments; nothing if it can."""
    try:
        _signature(function).bind(*args, **kwargs)
    except TypeError as error:
        return str(error)
    return ""


@functools.lru_cache(maxsize=1000)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def packages(given: Packages | None) -> tuple[str, ...]:
    """Import what `load(jobs=...)` names, with all the modules of packages, and give the names.

    :raises ConfigurationError: it is neither a module nor the name of one.
    """
    if given is None:
        return ()
    listed = [given] if isinstance(given, (str, types.ModuleType)) else list(given)
    names = []
    for one in listed:
        if not isinstance(one, (str, types.ModuleType)):
            raise errors.ConfigurationError(f"load(jobs=...) lists {one!r}, which is no module and no module's name.")
        name = one if isinstance(one, str) else one.__name__
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise errors.ConfigurationError(f"load(jobs=...) names {name!r}, and there is no such module.") from error
        for info in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{name}."):
            importlib.import_module(info.name)
        names.append(name)
    return tuple(names)


def queues(context: runtime.Context) -> Iterator[str]:
    """Give the names of the queues that an app's jobs are in."""
    found = {options.queue for function, options in _registered.values() if repeating.owns(context, function)}
    return iter(sorted(found | {_DEFAULT.queue}))
