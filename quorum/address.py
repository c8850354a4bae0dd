"""Where an app's database is: its URL, read without a connection, and without a secret in an error or a repr."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import pymongo.errors
import pymongo.uri_parser

from . import config, errors

VARIABLE = "MONGOHQ_URL"

_RESERVED = frozenset({"admin", "local", "config"})
_ILLEGAL = r"""[/\\. "$*<>:|?\x00-\x1f\x7f]+"""
_ESCAPING = 'the characters : / ? # [ ] @ % in a user name or password must be percent-encoded ("@" is %40)'


@dataclass(frozen=True)
class Address:
    """Where an app's database is, read from its settings without a connection.

    `kind` is the URL's scheme, `hosts` the servers as a message shows them, `source` the variable that was set.
    """

    kind: str
    source: str
    hosts: str = ""
    database: str | None = None
    folder: Path | None = None
    url: str = field(default="", repr=False)
    options: frozenset[str] = frozenset()
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def place(self) -> str:
        """The servers and the variable that named them, for messages."""
        if self.folder is not None:
            return f"The embedded database in {self.folder}"
        return f"MongoDB at {self.hosts} (from {self.source})"

    def mask(self, text: str) -> str:
        """Give the text without any of the URL's secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def database_name(settings: config.Settings) -> str:
    """Give the name of an app's database; with `INSTANCE`, the instance is part of it.

    :raises ConfigurationError: the name given is not one that a database can have, or the URL makes no sense.
    """
    given = read(settings).database or settings.mongo_database
    instance = f"_{settings.instance}" if settings.instance else ""
    if given is None:
        room = 60 - len(instance)
        name = re.sub(_ILLEGAL, "_", settings.name).strip("_")[:room] or "quorum"
        name = name.encode()[:room].decode(errors="ignore")
        return (f"{name}_db" if name.lower() in _RESERVED else name) + instance
    given += instance
    if re.search(_ILLEGAL, given) or not given or len(given.encode()) > 63:
        raise errors.ConfigurationError(
            f"{given!r} can't be a database's name: it must have 1 to 63 bytes, and no space and none of "
            "/ \\ . \" $ * < > : | ? in it. It is named by the URL's path, or by load(mongo_database=...)."
        )
    return given


def read(settings: config.Settings) -> Address:
    """Read where an app's database is, without connecting.

    :raises ConfigurationError: the URL makes no sense. The error does not show the URL, as it may hold a password.
    """
    url: str | None = settings.get(VARIABLE)
    source = settings.source(VARIABLE)
    if url is None:
        return Address("embedded", source, folder=Path(settings.instance_path, "mongodb"))
    kind, _, rest = url.partition("://")
    if kind == "embedded":
        return Address(kind, source, folder=Path(unquote(rest)), url=url)
    if kind == "mongomock":
        return Address(kind, source, hosts="memory", database=unquote(rest.partition("/")[2]) or None)
    return _server_address(kind, source, url)


def _server_address(kind: str, source: str, url: str) -> Address:
    # Checked as mongodb://, since reading mongodb+srv:// asks the DNS. The options that only that one has are left out.
    base, _, query = url.partition("://")[2].partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    checked = "&".join(part for part in query.split("&") if not (kind == "mongodb+srv" and part[:3].lower() == "srv"))
    problem: str | None = None
    parsed: dict[str, Any] = {}
    try:
        parsed = pymongo.uri_parser.parse_uri(f"mongodb://{base}?{checked}" if checked else f"mongodb://{base}")
    except (pymongo.errors.PyMongoError, ValueError, TypeError, OSError) as error:
        # Parts of a password that is not percent-encoded can be taken for anything, and quoted in the driver's message.
        bare = "@" not in url and not re.search("password|token", url, re.IGNORECASE)
        problem = f"{error}" if bare or isinstance(error, OSError) else f"If it names a user, {_ESCAPING}."
        if bare and (unknown := [name for name, _ in pairs if _is_unknown(name)]):
            problem = f"Unknown option: {', '.join(unknown)}."
    if problem is not None:
        raise errors.ConfigurationError(
            f"The value of {source} is not a MongoDB URL. "
            f"It must be {kind}://[user:password@]host[:port][/database][?options]. {problem}"
        )
    if parsed["options"].get("w") == 0:
        raise errors.ConfigurationError(
            f"The URL in {source} has w=0: the server would not say whether it stored what was written. "
            "Leave it out, or write w=majority."
        )
    netloc = base.partition("/")[0].rpartition("@")[2]
    hosts = ", ".join(_host(*node) for node in parsed["nodelist"]) if kind == "mongodb" else f"{netloc} (by DNS)"
    secret = [value for name, value in pairs if re.search("password|properties", name, re.IGNORECASE)]
    if parsed["password"]:
        secret.append(parsed["password"])
        secret.append(base.partition("/")[0].rpartition("@")[0].partition(":")[2])
    return Address(
        kind,
        source,
        hosts=hosts,
        database=parsed["database"],
        url=url,
        options=frozenset(name.lower() for name, _ in pairs),
        secrets=config.spellings(secret),
    )


def _is_unknown(option: str) -> bool:
    try:
        pymongo.uri_parser.parse_uri(f"mongodb://host/?{option}=1")
    except (pymongo.errors.PyMongoError, ValueError, TypeError) as error:
        return "Unknown option" in str(error)
    return False


def _host(host: str, port: int | None) -> str:
    return host if port is None else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
