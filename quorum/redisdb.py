"""The connection to Redis or Valkey: one client for each process and app, made on first use.

`REDISTOGO_URL` says where it is: `redis://`, `rediss://` (TLS), `unix://`, `redis+sentinel://` and `redis+cluster://`.
No password gets into a message, a log or a repr.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from . import config, errors, runtime

if TYPE_CHECKING:
    import redis

VARIABLE: Final = "REDISTOGO_URL"

PORT: Final = 6379
SENTINEL_PORT: Final = 26379

#: What holds unless the URL says otherwise: seconds to connect, and to wait for one answer.
LIMITS: Final[Mapping[str, float]] = {"socket_connect_timeout": 2.0, "socket_timeout": 5.0}

# How an answer begins that says: not now. It stores nothing meanwhile, or runs somebody's script.
_NOT_READY: Final = ("BUSY ", "MISCONF ", "NOREPLICAS ")

# Options of the Sentinels themselves, by the option of the client that they are.
_SENTINEL_OPTIONS = {"sentinel_username": "username", "sentinel_password": "password"}


@dataclass(frozen=True)
class Address:
    """Where an app's Redis is, read from its settings without a connection.

    `kind` is `redis`, `rediss`, `unix` or one of the first two with `+sentinel` or `+cluster`; `nodes` the hosts and
    ports (none for `unix`), `service` what the Sentinels call the server, `options` the driver's own.
    """

    kind: str
    source: str
    hosts: str
    nodes: tuple[tuple[str, int], ...] = ()
    service: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sentinel_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def place(self) -> str:
        """The servers and the variable that named them, for messages."""
        return f"Redis at {self.hosts} (from {self.source})"

    def mask(self, text: str) -> str:
        """Give the text without any of the URL's secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def get_redis() -> redis.Redis:
    """Give this process's one client for the current app, made on first use and closed by `unload()`.

    It gives bytes. A command that got no answer is not sent again, as it may have been done. With `redis+cluster://` it
    is a `redis.RedisCluster`.

    :raises ConfigurationError: nothing is loaded, the variable is not set or makes no sense, or a package is missing.
    :raises OperationalError: the nodes of a cluster did not answer.
    """
    context = runtime.current()
    return context.client("redis", lambda: connect(context.settings), close)


def ping() -> str:
    """Ask the current app's server what it is: `Valkey 9.1.2`.

    :raises ConfigurationError: as `get_redis()`.
    :raises OperationalError: it did not answer, or refused to.
    """
    client = get_redis()
    with translating():
        facts = client.info("server")
    if "valkey_version" in facts:
        return f"Valkey {facts['valkey_version']}"
    return f"Redis {facts['redis_version']}"


def connect(settings: config.Settings, limits: Mapping[str, float] | None = None) -> redis.Redis:
    """Make a client for an app's server; only one of a cluster connects at once.

    :param limits: time limits that the URL can't change, by the driver's names.
    :raises ConfigurationError: the variable is not set or makes no sense, or a package is missing.
    :raises OperationalError: the nodes of a cluster did not answer.
    """
    where = read(settings)
    import redis.backoff
    import redis.retry
    import redis.sentinel

    options: dict[str, Any] = {**LIMITS, "socket_keepalive": True, **where.options, **(limits or {})}
    options["retry"] = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
    if where.kind == "unix":
        del options["socket_keepalive"]
    if "+" not in where.kind:
        return redis.Redis.from_pool(redis.ConnectionPool(**options))
    if where.kind.startswith("rediss"):
        options["ssl"] = True
    # What the package has for these is not typed.
    untyped: Any = redis
    if where.kind.endswith("+sentinel"):
        shared = {name: value for name, value in options.items() if name.startswith(("socket_", "ssl", "retry"))}
        sentinel_options = {**shared, **where.sentinel_options}
        manager = untyped.sentinel.Sentinel(where.nodes, sentinel_kwargs=sentinel_options, **options)
        return cast("redis.Redis", manager.master_for(where.service))
    nodes = [untyped.cluster.ClusterNode(*node) for node in where.nodes]
    with translating():
        return cast("redis.Redis", untyped.RedisCluster(startup_nodes=nodes, **options))


def close(client: redis.Redis) -> None:
    """Close a client that `connect()` made, and what it holds."""
    client.close()
    # Those of a cluster have no pool, and those of one server no manager.
    manager = getattr(getattr(client, "connection_pool", None), "sentinel_manager", None)
    for sentinel in manager.sentinels if manager else ():
        sentinel.close()


def check(settings: config.Settings) -> None:
    """Check the URL where there is one, and the package that reads its options.

    :raises ConfigurationError: it makes no sense.
    """
    if settings.is_set(VARIABLE) and importlib.util.find_spec("redis") is not None:
        read(settings)


def read(settings: config.Settings) -> Address:
    """Read where an app's Redis is, without connecting.

    :raises ConfigurationError: the variable is not set or makes no sense, or the package redis is missing. The error
        does not show the URL, as it may hold a password.
    """
    url: str | None = settings.get(VARIABLE)
    source = settings.source(VARIABLE)
    if url is None:
        raise errors.ConfigurationError(
            f"{VARIABLE} is not set, and says where Redis is: {VARIABLE}=redis://[user:password@]host[:port][/database]."
        )
    kind, _, rest = url.partition("://")
    secrets = config.spellings(config.secrets_in(url))
    if kind == "unix":
        if not urlsplit(url).path:
            raise _unfit(source, "the socket is missing: unix:///run/redis.sock")
        return Address(kind, source, urlsplit(url).path, options=_options(url, source, secrets), secrets=secrets)
    # By hand, as urlsplit may refuse to split several hosts.
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    login, _, netloc = authority.rpartition("@")
    parts = urlsplit(f"redis://host{rest[len(authority) :]}")
    default = SENTINEL_PORT if kind.endswith("+sentinel") else PORT
    nodes = tuple(_node(node, default) for node in netloc.split(","))
    service, _, database = parts.path.strip("/").rpartition("/")
    if kind.endswith("+sentinel") and not service:
        service, database = database, ""
    _check(kind, source, nodes, service, database)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    sentinel = {_SENTINEL_OPTIONS[name]: query.pop(name) for name in _SENTINEL_OPTIONS if name in query}
    # As the URL of one server, which is what the driver reads.
    server = f"{kind.partition('+')[0]}://{login}@host/{database}?{urlencode(query)}"
    options = _options(server, source, secrets) | {"host": nodes[0][0], "port": nodes[0][1]}
    if "+" in kind:
        for name in ("host", "port", "connection_class", *(["db"] if kind.endswith("+cluster") else [])):
            options.pop(name, None)
    hosts = ", ".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in nodes)
    return Address(kind, source, hosts, nodes, unquote(service), options, sentinel, secrets)


@contextmanager
def translating() -> Iterator[None]:
    """Raise the driver's errors as ours, with them as the cause.

    :raises OperationalError: the server did not answer, or refused; see `translate()`.
    """
    from redis import exceptions

    try:
        yield
    # That of a cluster is not of the family.
    except (exceptions.RedisError, exceptions.RedisClusterException) as error:
        raise translate(error) from error


def is_refused(error: errors.OperationalError) -> bool:
    """Say whether the server, or the driver, refused the command: it would not work later either."""
    cause = error.__cause__
    if not type(cause).__module__.startswith("redis."):
        return False
    from redis import exceptions as redis

    if isinstance(cause, redis.DataError):
        return True
    # That of a node that is away is one of a cluster's, too.
    later = (redis.ClusterError, redis.OutOfMemoryError, redis.ReadOnlyError, redis.TryAgainError, redis.AskError)
    return isinstance(cause, redis.ResponseError) and not (
        isinstance(cause, later) or str(cause).startswith(_NOT_READY)
    )


def translate(error: Exception) -> errors.OperationalError:
    """Turn the driver's error into ours: the servers, the variable, what happened; no password, no value."""
    try:
        where = read(runtime.current().settings)
    except errors.ConfigurationError:
        where = Address("redis", VARIABLE, "an unknown address")
    return errors.OperationalError(f"{where.place} {where.mask(_reason(error))}")


def _reason(error: Exception) -> str:
    from redis import exceptions

    if isinstance(error, (exceptions.AuthenticationError, exceptions.NoPermissionError)):
        return f"refuses the user: {error}. Check the user name and the password in the URL."
    if isinstance(error, exceptions.BusyLoadingError):
        return "is not ready: it loads its data."
    if isinstance(error, exceptions.TimeoutError):
        return f"did not answer in time: {error}."
    if isinstance(error, (exceptions.ConnectionError, exceptions.RedisClusterException)):
        return f"does not answer: {str(error).rstrip('.')}. Check that it runs and that this machine can reach it."
    # Of a command that it does not know, the server quotes the arguments.
    return f"answered with an error: {str(error).partition(', with args beginning')[0]}"


def _node(text: str, default: int) -> tuple[str, int]:
    parts = urlsplit(f"redis://{text}")
    return unquote(parts.hostname or ""), parts.port or default


def _check(kind: str, source: str, nodes: tuple[tuple[str, int], ...], service: str, database: str) -> None:
    problems = []
    if not all(host for host, _ in nodes):
        problems.append("a host is missing")
    if len(nodes) > 1 and "+" not in kind:
        problems.append(f"several hosts are those of Sentinels or a cluster: {kind}+sentinel:// or {kind}+cluster://")
    if kind.endswith("+sentinel"):
        if not service:
            problems.append(f"the service is missing: {kind}://host:port,host:port/service/database")
        if "/" in service:
            problems.append("its path must be /service/database")
    elif service:
        problems.append("its path must be the number of a database")
    if database and not (database.isascii() and database.isdigit()):
        problems.append("the database must be a number")
    if kind.endswith("+cluster") and database.strip("0"):
        problems.append("a cluster has no database but 0")
    if problems:
        raise _unfit(source, "; ".join(problems))


def _options(url: str, source: str, secrets: tuple[str, ...]) -> dict[str, Any]:
    """Give the driver's options of a URL, each of them known to it."""
    try:
        import redis.connection
    except ImportError as error:
        raise errors.ConfigurationError(
            'REDISTOGO_URL needs the package redis: pip install "quorum[redis]".'
        ) from error
    problem = ""
    options: dict[str, Any] = {}
    try:
        options = redis.connection.parse_url(url)  # type: ignore[no-untyped-call]
        redis.ConnectionPool(**options).make_connection()
    except (redis.RedisError, ValueError, TypeError, OSError) as error:
        unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        problem = f"unknown option: {unknown[1]}" if unknown else f"{error}"
        for secret in secrets:
            problem = problem.replace(secret, "***")
    if "decode_responses" in options:
        problem = "decode_responses can't be set, as get_redis() gives bytes"
    if problem:
        # Without the cause, which may quote the URL.
        raise _unfit(source, problem)
    return options


def _unfit(source: str, problem: str) -> errors.ConfigurationError:
    return errors.ConfigurationError(f"The value of {source} is not a Redis URL: {problem.rstrip('.')}.")
