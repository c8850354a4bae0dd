"""How the variables of an app get their values: the environment, files, what `load()` was given, defaults.

An empty value counts as not set. An error names the variable and where its value came from, never a value that may be
secret. What variables there are stands in `quorum.variables`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, overload
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus

from . import errors, variables
from .variables import NO_OPTIONS, SERVER_PREFIX, VARIABLES, Value, Variable

T = TypeVar("T")

#: The files that set variables, the strongest first.
FILES: Final = (".env", "quorum.json")

#: The names of the two sources that are no files.
ENVIRONMENT: Final = "the environment"
GIVEN: Final = "load()"

#: Numbers and switches by the functions that read them strictly.
_CASTS: Mapping[Any, Callable[[str], Any]] = {bool: variables.boolean, int: variables.integer}

#: Says of a name that its value is a secret.
HIDDEN_NAME: Final = (
    "(?i:passw|passphrase|pwd|secret|token|api[_-]?key|private|credential|signature|authorization|cookie|session)"
)

# Of variables that quorum does not know: what a cookie or a session is called, and the shell's working folders.
_SHOWN_NAME: Final = "(?i:cookie|session|^(?:OLD)?PWD$)"

_QUOTES: Final = (quote, quote_plus)
_ESCAPE: Final = "%[0-9A-F]{2}"

# A shorter secret would be found in words that have nothing to do with it; so would what is one by its name only.
_LEAST = 4
_LEAST_BY_NAME = 8


#: Looks at the settings as a whole, and raises ConfigurationError where it finds a problem.
Check: TypeAlias = "Callable[[Settings], object]"


class Source(NamedTuple):
    """A place that sets variables: what it is called in messages, and its values."""

    name: str
    values: Mapping[str, Any]


class Found(NamedTuple):
    """A value as it was set: `source` says where, `name` under which of the variable's names."""

    value: Any
    source: str
    name: str

    def __str__(self) -> str:
        if self.source == ENVIRONMENT:
            return self.name
        return f"load()'s {self.name}" if self.source == GIVEN else f"{self.name} in {self.source}"


class Settings:
    """The values of the variables for one app.

    `name` is the app's name, `mongo_database` the database's name that `load()` was given, `instance` the value of
    `INSTANCE` or None, `instance_path` the folder for what the app stores: with `INSTANCE`, one of its own.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        name: str | None = None,
        mongo_database: str | None = None,
        instance_path: str | os.PathLike[str] | None = None,
        checks: Mapping[str, Check] = MappingProxyType({}),
    ) -> None:
        self._sources = tuple(sources)
        self._values: dict[str, tuple[Value, Found | None]] = {}
        problems: list[str] = []
        for variable in VARIABLES.values():
            try:
                self._values[variable.name] = self._value(variable)
            except errors.ConfigurationError as error:
                problems.extend(error.problems)
        wrong = VARIABLES.keys() - self._values.keys()
        self._values |= {name: (VARIABLES[name].default, None) for name in wrong}
        self.name: str = self.get("NAME") or name or "quorum"
        self.instance: str | None = self.get("INSTANCE")
        self.mongo_database = mongo_database
        folder = Path(instance_path or "instance").absolute()
        self.instance_path = str(folder / self.instance if self.instance else folder)
        for check in (checks[variable] for variable in checks if variable not in wrong):
            try:
                check(self)
            except errors.ConfigurationError as error:
                problems.extend(error.problems)
        if problems:
            raise errors.ConfigurationError(*problems)

    @classmethod
    def load(
        cls,
        given: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        mongo_database: str | None = None,
        root: str | os.PathLike[str] | None = None,
        instance_path: str | os.PathLike[str] | None = None,
        checks: Mapping[str, Check] = MappingProxyType({}),
    ) -> Settings:
        """Read every variable: from the environment, `.env` and `quorum.json`, what was given, its default.

        :param given: values by name, for what is set nowhere else; None counts as not set.
        :param name: the app's name, unless `NAME` is set.
        :param root: the app's folder, where the files are looked for after the working folder.
        :param instance_path: the folder for what the app stores; `instance` in the working folder if not given.
        :param checks: what else is asked of a variable whose text could be read, by its name.
        :raises ConfigurationError: a value or a file makes no sense; it lists all problems.
        """
        sources = [*read_sources(root), Source(GIVEN, dict(given or {}))]
        return cls(sources, name=name, mongo_database=mongo_database, instance_path=instance_path, checks=checks)

    def get(self, name: str) -> Any:
        """Give a variable's value, in its type.

        :raises KeyError: there is no such variable.
        """
        return self._values[name][0]

    def source(self, name: str) -> str:
        """Say where a variable's value came from: `MONGO_URL in .env`, `the default`.

        :raises KeyError: there is no such variable.
        """
        found = self._values[name][1]
        return "the default" if found is None else str(found)

    def origin(self, name: str) -> str:
        """Say where a variable's value came from, for a person: `MONGO_URL, as in /srv/blog/.env`.

        The `flask` command puts what `.env` has into the environment.

        :raises KeyError: there is no such variable.
        """
        found = self._values[name][1]
        files = [source for source in self._sources if source.name not in (ENVIRONMENT, GIVEN)]
        if found is not None and found.source == ENVIRONMENT:
            for file in files:
                if file.values.get(found.name) == found.value:
                    return f"{found}, as in {file.name}"
        return self.source(name)

    def is_set(self, name: str) -> bool:
        """Say whether a variable has a value that is not its default.

        :raises KeyError: there is no such variable.
        """
        return self._values[name][1] is not None

    def conf(self, name: str, default: Any = None, cast: Callable[[str], Any] | None = None) -> Any:
        """Read any variable; see `quorum.conf()`."""
        return read(self._sources, name, default, cast)

    def server_options(self) -> dict[str, Found]:
        """Give what `SERVER_*` sets for the server of `run()`, by the option's name in lower case: `threads`."""
        options: dict[str, Found] = {}
        for source in self._sources:
            for key, value in source.values.items():
                if key.startswith(SERVER_PREFIX) and key not in NO_OPTIONS and value not in (None, ""):
                    options.setdefault(key.removeprefix(SERVER_PREFIX).lower(), Found(value, source.name, key))
        return options

    def qualified(self, separator: str = "-") -> str:
        """Give the app's name, and `INSTANCE` behind it where it is set: for what instances must not share."""
        return f"{self.name}{separator}{self.instance}" if self.instance else self.name

    def shown(self, name: str) -> str:
        """Give a variable's value as a person may see it: of secrets only the host of a URL.

        :raises KeyError: there is no such variable.
        """
        value = self.get(name)
        if value is None:
            return ""
        return hide(value) if VARIABLES[name].secret else str(value)

    def secrets(self) -> tuple[str, ...]:
        """Give the secrets among the values, in each way that they may be spelled, the longest first.

        Of variables that are not quorum's, those count that are secrets by their name: `STRIPE_API_KEY`.
        """
        found = [secret for source in self._sources for secret in named_secrets(source.values)]
        for variable in VARIABLES.values():
            value = self.get(variable.name)
            if variable.secret and value is not None:
                text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
                found += secrets_in(text) if "://" in text else [text]
        return spellings([secret for secret in found if len(secret) >= _LEAST])

    def _value(self, variable: Variable) -> tuple[Value, Found | None]:
        found = find(self._sources, (variable.name, *variable.aliases))
        if found is None:
            return variable.default, None
        value = found.value
        if not isinstance(value, str):
            if (isinstance(value, bool) and bool not in variable.types) or not isinstance(value, variable.types):
                expected = " or ".join(kind.__name__ for kind in variable.types)
                raise errors.ConfigurationError(f"{found} is a {type(value).__name__}; it must be {expected}.")
            if isinstance(value, bytes):
                return value, found
            # A number in a file or an argument has the same limits as its text.
            value = str(value)
        return _read(variable.read, value, found), found

    def __repr__(self) -> str:
        return f"<Settings {', '.join(f'{name}={self.shown(name)!r}' for name in self._values)}>"


def read_sources(root: str | os.PathLike[str] | None = None) -> list[Source]:
    """Give the environment, then the files of the working folder, then those of the app's root.

    :raises ConfigurationError: a file can't be read.
    """
    folders = dict.fromkeys(Path(folder).absolute() for folder in (Path(), root) if folder is not None)
    problems: list[str] = []
    sources = [Source(ENVIRONMENT, os.environ)]
    for folder in folders:
        for file in FILES:
            try:
                sources.extend(_read_file(folder / file))
            except errors.ConfigurationError as error:
                problems.extend(error.problems)
    if problems:
        raise errors.ConfigurationError(*problems)
    return sources


def find(sources: Sequence[Source], names: Sequence[str]) -> Found | None:
    """Find the strongest value of a variable under any of its names."""
    for source in sources:
        for name in names:
            value = source.values.get(name)
            if value is not None and value not in ("", b""):
                return Found(value, source.name, name)
    return None


@overload
def read(sources: Sequence[Source], name: str, default: T, cast: Callable[[str], T]) -> T: ...
@overload
def read(
    sources: Sequence[Source], name: str, default: Any = None, cast: Callable[[str], Any] | None = None
) -> Any: ...
def read(sources: Sequence[Source], name: str, default: Any = None, cast: Callable[[str], Any] | None = None) -> Any:
    """Read a variable, quorum's or another; see `quorum.conf()`.

    :raises ConfigurationError: the text can't be cast; the error names the variable, not the text.
    """
    variable = VARIABLES.get(name) or Variable(name, "str", str, None, "")
    found = find(sources, (variable.name, *variable.aliases))
    if found is None:
        return variable.default if default is None else default
    if isinstance(found.value, str):
        return _read(cast or variable.read, found.value, found)
    return found.value if cast is None else _read(cast, str(found.value), found)


def hide(value: str | bytes) -> str:
    """Give a secret value as it may be shown: `***`, or of a URL the scheme, the hosts and the path."""
    if isinstance(value, bytes) or "://" not in value:
        return "***"
    scheme, _, rest = value.partition("://")
    before, _, behind = rest.rpartition("@")
    shown = behind.partition("?")[0].partition("#")[0]
    return f"{scheme}://{'***@' if before else ''}{shown}"


def named_secrets(values: Mapping[str, Any]) -> list[str]:
    """Give the values that are secrets by their name and long enough to be found in a text."""
    return [
        value
        for name, value in values.items()
        if isinstance(value, str)
        and len(value) >= _LEAST_BY_NAME
        and name not in VARIABLES
        and re.search(HIDDEN_NAME, re.sub(_SHOWN_NAME, "", name))
        # SECRETS_FOLDER=/run/secrets
        and not (value.startswith("/") and Path(value).exists())
    ]


def secrets_in(url: str) -> list[str]:
    """Give the passwords of a URL: the one before its hosts, and those among its options."""
    rest = url.partition("://")[2]
    password = rest.rpartition("@")[0].partition(":")[2]
    options = parse_qsl(rest.partition("?")[2], keep_blank_values=True)
    named = [value for name, value in options if re.search(HIDDEN_NAME, name) or name.lower().endswith("properties")]
    return [secret for secret in (password, *named) if secret]


def spellings(secrets: Sequence[str]) -> tuple[str, ...]:
    """Give each way in which secrets may be written in a URL or a text, the longest first."""
    plain = {unquote_plus(secret) for secret in secrets} | {unquote(secret) for secret in secrets} | set(secrets)
    # Bytes of the environment that are not UTF-8 are escaped as what they are.
    spelled = plain | {spell(secret, safe="", errors="surrogateescape") for secret in plain for spell in _QUOTES}
    # Some clients write %2f.
    spelled |= {re.sub(_ESCAPE, lambda found: found[0].lower(), secret) for secret in spelled}
    return tuple(sorted(filter(None, spelled), key=len, reverse=True))


def _read_file(path: Path) -> Iterator[Source]:
    if not path.is_file():
        return
    problem = ""
    values: Any = {}
    try:
        text = path.read_text(encoding="utf-8-sig")
        values = json.loads(text) if path.suffix == ".json" else _dotenv(text)
    except OSError as error:
        problem = f"can't be read: {error.strerror}"
    except RecursionError:
        problem = "is not JSON: it is nested too deeply"
    except UnicodeDecodeError:
        problem = "is not text in UTF-8"
    except json.JSONDecodeError as error:
        problem = f"is not JSON: {error.msg} in line {error.lineno}"
    except _LineError as error:
        problem = f"has a line that makes no sense, {error.line}: one is NAME=value, in quotes if it has quotes in it"
    except ValueError:
        problem = "has a number of too many digits"
    if not problem and not isinstance(values, dict):
        problem = 'is no JSON object: it must be {"NAME": "value", ...}'
    if not problem and (wrong := [key for key, value in values.items() if isinstance(value, (dict, list))]):
        problem = f"has a list or an object for {', '.join(wrong)}: a value is a text, a number, true or false"
    if problem:
        # Without the cause, which holds the text of the file.
        raise errors.ConfigurationError(f"{path} {problem}.")
    yield Source(str(path), values)


class _LineError(ValueError):
    """A line of `.env` makes no sense. It is not shown, as it may hold a secret."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def _dotenv(text: str) -> dict[str, str | None]:
    import io

    import dotenv
    from dotenv.parser import parse_stream

    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            before = binding.original.string[: -len(binding.original.string.lstrip())]
            raise _LineError(binding.original.line + before.count("\n"))
    return dotenv.dotenv_values(stream=io.StringIO(text))


def _read(cast: Callable[[str], Any], text: str, found: Found) -> Any:
    # The cause is dropped: a cast's own message quotes the text, which may be a secret.
    ours = _CASTS.get(cast, cast)
    try:
        return ours(text)
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        known = variables.is_own(ours)
        reason = str(error) if known else f"can't be read as {getattr(ours, '__name__', repr(ours))}"
    raise errors.ConfigurationError(f"The value of {found} {reason}.")
