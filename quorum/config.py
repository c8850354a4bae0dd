"""Every variable once: name, type, default, meaning; and how their values are read.

A value comes from the environment: under the variable's name, else under the first of its other names that is set. An
empty value counts as not set. An error names the variable and where its value came from, never a value that may be
secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast, overload

from . import errors

T = TypeVar("T")

#: What a variable's value can be.
Value = str | bytes | int | bool | None

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_SCHEMES = ("mongodb", "mongodb+srv", "mongomock", "embedded")


class _Missing:
    def __repr__(self) -> str:
        return "<not set>"


_MISSING = _Missing()


def integer(text: str) -> int:
    """Read an integer in ASCII digits.

    :raises ValueError: it is something else.
    """
    if not _INTEGER.fullmatch(text.strip()):
        raise ValueError("is not an integer")
    return int(text)


def boolean(text: str) -> bool:
    """Read a boolean: 1, true, yes, on or 0, false, no, off, in any case.

    :raises ValueError: it is something else.
    """
    try:
        return _BOOLEANS[text.strip().lower()]
    except KeyError:
        raise ValueError("is not a boolean: use 1, true, yes, on or 0, false, no, off") from None


def port(text: str) -> int:
    """Read a port, 0 (any free one) to 65535.

    :raises ValueError: it is something else.
    """
    number = integer(text)
    if not 0 <= number <= 65535:
        raise ValueError("is not a port: ports go from 0 to 65535")
    return number


def mongo_url(text: str) -> str:
    """Read a database URL by its scheme; the rest is the driver's to judge.

    :raises ValueError: the scheme is not one of ours, or an embedded database's folder is not absolute.
    """
    scheme, separator, rest = text.strip().partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        raise ValueError("must begin with one of " + ", ".join(f"{scheme}://" for scheme in _SCHEMES))
    if scheme.lower() == "embedded" and not (rest.startswith("/") and rest.strip("/")):
        raise ValueError("must name an absolute folder, as in embedded:///var/lib/blog (with three slashes)")
    return f"{scheme.lower()}://{rest}"


@dataclass(frozen=True)
class Variable:
    """A variable: its names, how its text is read, what it is without one, and what it is for."""

    name: str
    read: Callable[[str], Value]
    default: Value
    meaning: str
    aliases: tuple[str, ...] = ()
    secret: bool = False
    types: tuple[type, ...] = (str,)


VARIABLES: Mapping[str, Variable] = {
    variable.name: variable
    for variable in (
        Variable(
            "MONGOHQ_URL",
            mongo_url,
            None,
            "The database: mongodb://, mongodb+srv://, mongomock:// or embedded:///folder. "
            "Not set: an embedded database under the app's instance folder.",
            aliases=("MONGO_URL", "MONGODB_URI"),
            secret=True,
        ),
        Variable("HOST", str, "127.0.0.1", "The address that run() serves on."),
        Variable("PORT", port, 5000, "The port that run() serves on; 0 takes a free one.", types=(int,)),
        Variable(
            "SECRET_KEY",
            str,
            None,
            "Signs the session cookie. Keep it long, random and out of the repository.",
            secret=True,
            types=(str, bytes),
        ),
        Variable("NAME", str, None, "The app's name; the database is named after it when nothing else names one."),
    )
}


class Settings:
    """The values of the variables for one app.

    `name` is the app's name, `mongo_database` the database's name that `load()` was given, `instance_path` the folder
    under which an embedded database lives.
    """

    def __init__(
        self,
        values: Mapping[str, tuple[Value, str]],
        *,
        name: str,
        mongo_database: str | None,
        instance_path: str,
    ) -> None:
        self._values = dict(values)
        self.name = name
        self.mongo_database = mongo_database
        self.instance_path = instance_path

    @classmethod
    def load(
        cls,
        defaults: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        mongo_database: str | None = None,
        instance_path: str | os.PathLike[str] | None = None,
    ) -> Settings:
        """Read every variable from the environment.

        :param defaults: values for variables that the environment does not set; None and empty ones count as not set.
        :param name: the app's name, unless `NAME` is set.
        :param instance_path: the folder for what the app stores; `instance` in the working directory if not given.
        :raises ConfigurationError: a value makes no sense, or a default is for no variable; it lists all of them.
        """
        given = dict(defaults or {})
        problems = [
            f"There is no variable {key!r}; the variables are {', '.join(VARIABLES)}."
            for key in given
            if key not in VARIABLES
        ]
        values: dict[str, tuple[Value, str]] = {}
        for variable in VARIABLES.values():
            try:
                values[variable.name] = _value(variable, given.get(variable.name))
            except errors.ConfigurationError as error:
                problems.extend(error.problems)
        if problems:
            raise errors.ConfigurationError(*problems)
        named = values["NAME"][0]
        return cls(
            values,
            name=named if isinstance(named, str) else name or "quorum",
            mongo_database=mongo_database,
            instance_path=str(Path(instance_path or "instance").absolute()),
        )

    def get(self, name: str) -> Any:
        """Give a variable's value, in its type.

        :raises KeyError: there is no such variable.
        """
        return self._values[name][0]

    def source(self, name: str) -> str:
        """Say where a variable's value came from: the name that was set, or "the default".

        :raises KeyError: there is no such variable.
        """
        return self._values[name][1]

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{name}={'***' if VARIABLES[name].secret and value is not None else repr(value)}"
            for name, (value, _) in self._values.items()
        )
        return f"<Settings {shown}>"


@overload
def conf(name: str, default: T, cast: Callable[[str], T]) -> T: ...
@overload
def conf(name: str, default: None = None, *, cast: Callable[[str], T]) -> T | None: ...
@overload
def conf(name: str, default: Any = None, cast: Callable[[str], Any] | None = None) -> Any: ...
def conf(name: str, default: Any = None, cast: Callable[[str], Any] | None = None) -> Any:
    """Read a variable, quorum's or your own, from the environment.

    :param default: given as it is when the variable is not set; quorum's variables have their own.
    :param cast: turns the text into a value; `bool` takes 1, true, yes, on, 0, false, no, off and nothing else.
    :raises ConfigurationError: the text can't be cast; the error names the variable, not the text.
    """
    variable = VARIABLES.get(name)
    if variable is None:
        variable = Variable(name, str, None, "")
    text, source = _find(variable)
    if text is None:
        return variable.default if default is None else default
    return _read(cast or variable.read, text, source)


def _value(variable: Variable, default: Any) -> tuple[Value, str]:
    text, source = _find(variable)
    if text is not None:
        return _read(variable.read, text, source), source
    if default is None or (isinstance(default, (str, bytes)) and not default):
        return variable.default, "the default"
    source = f"load()'s {variable.name}"
    if isinstance(default, str):
        return _read(variable.read, default, source), source
    if isinstance(default, bool) or not isinstance(default, variable.types):
        expected = " or ".join(kind.__name__ for kind in variable.types)
        raise errors.ConfigurationError(f"{source} is a {type(default).__name__}; it must be {expected}.")
    return cast("Value", default), source


def _find(variable: Variable) -> tuple[str | None, str]:
    for name in (variable.name, *variable.aliases):
        if text := os.environ.get(name):
            return text, name
    return None, "the default"


_CASTS: Mapping[Any, Callable[[str], Any]] = {bool: boolean, int: integer}


def _read(cast: Callable[[str], Any], text: str, source: str) -> Any:
    # The cause is dropped: a cast's own message quotes the text, which may be a secret.
    ours = _CASTS.get(cast, cast)
    result: Any = _MISSING
    reason = f"can't be read as {getattr(ours, '__name__', repr(ours))}"
    try:
        result = ours(text)
    except (ValueError, TypeError, ArithmeticError) as error:
        if ours in (integer, boolean, port, mongo_url):
            reason = str(error)
    if result is _MISSING:
        raise errors.ConfigurationError(f"The value of {source} {reason}.")
    return result
