"""The connection to MongoDB: one client for each process and app, made on first use.

`MONGOHQ_URL` says where the database is: `mongodb://`, `mongodb+srv://`, `mongomock://` (in memory) or
`embedded:///folder`; not set, it is an embedded database under the app's instance folder. No password gets into a
message, a log or a repr.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bson
import pymongo
import pymongo.database
import pymongo.errors
import pymongo.monitoring
import pymongo.uri_parser
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions, DatetimeConversion

from . import address, errors, runtime, slow
from .address import VARIABLE, Address

if TYPE_CHECKING:
    from . import embedded

Document = dict[str, Any]
Client = pymongo.MongoClient[Document]
Database = pymongo.database.Database[Document]

_log = logging.getLogger(__name__)

#: What holds unless the URL says otherwise, by the option's name in lower case. Times in milliseconds.
OPTIONS: Mapping[str, tuple[str, Any]] = {
    "serverselectiontimeoutms": ("serverSelectionTimeoutMS", 5_000),
    "connecttimeoutms": ("connectTimeoutMS", 5_000),
    "sockettimeoutms": ("socketTimeoutMS", 30_000),
    "appname": ("appName", "quorum"),
    "tz_aware": ("tz_aware", True),
    "uuidrepresentation": ("uuidRepresentation", "standard"),
    "datetime_conversion": ("datetime_conversion", "DATETIME_AUTO"),
}

_CODEC = CodecOptions[Document](
    document_class=dict,
    tz_aware=True,
    uuid_representation=UuidRepresentation.STANDARD,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)
# mongomock knows no more than this of the codec's options.
_MOCK_CODEC = CodecOptions[Document](document_class=dict, tz_aware=True)

#: Milliseconds after which a command is slow, for an app with a log of its own.
SLOW = 100

# Seconds that a `ping()` may take.
_PING = 2.0

# Seconds that a closing client may take to tell the server that its sessions end.
_CLOSING = 1.0


@dataclass(eq=False)
class _Connection:
    """An open client, and the embedded server that it holds, if any."""

    client: Client
    server: embedded.Server | None = None

    def close(self) -> None:
        with pymongo.timeout(_CLOSING):
            self.client.close()
        if self.server is not None:
            self.server.release()


def get_connection() -> Client:
    """Give this process's one client for the current app, made on first use and closed by `unload()`.

    With `mongomock://` it is a `mongomock.MongoClient`.

    :raises ConfigurationError: nothing is loaded, the URL makes no sense, or a package is missing.
    :raises OperationalError: the embedded database did not start.
    """
    context = runtime.current()
    return context.client("mongodb", lambda: _open(context), _Connection.close, forget=_Connection.close).client


def get_database() -> Database:
    """Give the current app's database.

    Its name is the one in the URL, else `load()`'s `mongo_database`, else the app's name. Datetimes are aware and in
    UTC, and UUIDs are stored in the standard way, whatever the URL says.

    :raises ConfigurationError: the name is not one that a database can have; and as `get_connection()`.
    :raises OperationalError: as `get_connection()`.
    """
    context = runtime.current()
    database: Database | None = context.cache.get("mongodb.database")
    if database is None:
        where = address.read(context.settings)
        codec = _MOCK_CODEC if where.kind == "mongomock" else _CODEC
        database = get_connection().get_database(address.database_name(context.settings), codec_options=codec)
        context.cache["mongodb.database"] = database
    return database


def ping() -> str:
    """Ask the server what it is: `MongoDB 8.0.4`.

    :raises OperationalError: it does not answer within two seconds, or does not let us in.
    :raises ConfigurationError: as `get_connection()`.
    """
    if is_mock():
        return "mongomock, in memory"
    client = get_connection()
    try:
        # The limit takes the place of the URL's own, which may be shorter.
        with pymongo.timeout(min(_PING, client.options.server_selection_timeout)):
            version = client.server_info()["version"]
            client.admin.command("ping")
    except pymongo.errors.PyMongoError as error:
        raise translate(error) from error
    where = address.read(runtime.current().settings)
    return f"MongoDB {version}" if where.folder is None else f"the embedded database, like MongoDB {version}"


get_mongo = get_connection
get_mongo_db = get_database


def is_mock() -> bool:
    """Say whether the current app's database is mongomock's, in memory.

    :raises ConfigurationError: nothing is loaded.
    """
    cache = runtime.current().cache
    mock: bool | None = cache.get("mongodb.is_mock")
    if mock is None:
        mock = str(runtime.current().settings.get(VARIABLE) or "").startswith("mongomock:")
        cache["mongodb.is_mock"] = mock
    return mock


def _open(context: runtime.Context) -> _Connection:
    where = address.read(context.settings)
    address.database_name(context.settings)
    if where.kind == "mongomock":
        return _Connection(_mock())
    if where.folder is not None:
        return _embedded(context, where, where.folder)
    return _Connection(_connect(where, event_listeners=_listeners(context)))


def _listeners(context: runtime.Context) -> list[slow.Listener]:
    # A listener costs each command some 10 microseconds: one that nobody reads is not made.
    limit = context.settings.get("SLOW_MS")
    if limit is None:
        limit = SLOW if context.logger is not None else 0
    return [slow.Listener(limit)] if limit else []


def _embedded(context: runtime.Context, where: Address, folder: Path) -> _Connection:
    if os.name != "posix":
        raise errors.ConfigurationError(
            "The embedded database needs Linux or macOS. Set MONGOHQ_URL=mongodb://host/database to use a server."
        )
    from . import embedded

    server = embedded.acquire(folder)
    if context.once("mongodb.embedded"):
        chosen = f"{where.source} asks for it" if where.url else f"{VARIABLE} is not set"
        _log.log(
            logging.INFO if where.url else logging.WARNING,
            "The data are in the embedded database in %s (%s). It is for development: "
            "set %s=mongodb://host/database for a server.",
            folder,
            chosen,
            VARIABLE,
        )
    reviver = _Reviver(context)
    try:
        client = _connect(replace(where, url=server.uri), event_listeners=[reviver, *_listeners(context)])
    except BaseException:
        server.release()
        raise
    reviver.connection = _Connection(client, server)
    return reviver.connection


class _Reviver(pymongo.monitoring.ServerHeartbeatListener):
    """Starts the embedded server again when the driver's monitor finds it gone.

    It comes back at its old port, where the driver finds it; if it can't, the client is replaced.
    """

    def __init__(self, context: runtime.Context) -> None:
        self.connection: _Connection | None = None
        self._context = context
        self._at_work = threading.Lock()

    def failed(self, event: pymongo.monitoring.ServerHeartbeatFailedEvent) -> None:
        # In a thread of its own, as the driver's monitor is to go on looking for the server.
        if self.connection is not None and self._at_work.acquire(blocking=False):
            threading.Thread(target=self._revive, name="quorum embedded database", daemon=True).start()

    def started(self, event: pymongo.monitoring.ServerHeartbeatStartedEvent) -> None: ...

    def succeeded(self, event: pymongo.monitoring.ServerHeartbeatSucceededEvent) -> None: ...

    def _revive(self) -> None:
        connection = self.connection
        try:
            if connection is not None and connection.server is not None and connection.server.revive():
                self._context.discard("mongodb", connection)
        except errors.QuorumError as error:
            _log.error("%s", error)
        finally:
            self._at_work.release()


def _connect(where: Address, **more: Any) -> Client:
    options = {name: value for key, (name, value) in OPTIONS.items() if key not in where.options} | more
    problem = ""
    try:
        return pymongo.MongoClient(where.url, **options)
    except (pymongo.errors.PyMongoError, ValueError, TypeError, OSError) as error:
        # The driver asks the DNS at once for mongodb+srv://, and keeps what that says as the cause.
        is_dns = type(error.__cause__).__module__.startswith("dns.")
        what = "the name does not resolve" if is_dns else "the URL's options can't be used"
        problem = f"{what}: {where.mask(str(error))}"
    raise errors.ConfigurationError(f"{where.place}: {problem}")


def _mock() -> Client:
    try:
        import mongomock.collection
    except ImportError as error:
        raise errors.ConfigurationError(
            "mongomock:// needs the package mongomock, which keeps documents in memory, for tests: "
            "pip install mongomock. Or set MONGOHQ_URL=mongodb://host/database to use a server."
        ) from error
    checks: Any = mongomock.collection
    checks.BSON = _MockBSON
    client: Client = mongomock.MongoClient(tz_aware=True)
    return client


class _MockBSON(bson.BSON):
    """The encoder by which mongomock checks what is written: its own knows no UUID."""

    @classmethod
    def encode(cls, document: Any, check_keys: bool = False, codec_options: Any = _CODEC) -> _MockBSON:
        return cls(bson.encode(document, check_keys, codec_options))


_HINTS: Mapping[int | None, str] = {
    13: "The user is not allowed to do this",
    18: "The user name or password is wrong, or authSource names the wrong database",
    50: "It took longer than the time limit",
}


# The server's codes for what may work later: it stops, is busy or took too long, or other servers of the set are away.
_NOT_READY = frozenset(
    {6, 7, 24, 43, 50, 64, 89, 91, 100, 112, 133, 134, 189, 202, 237, 251, 262, 365, 462, 9001, 10058, 10107}
    | {11600, 11601, 11602, 13388, 13435, 13436, 14031}
)
_LABELS = ("RetryableWriteError", "TransientTransactionError", "SystemOverloadedError")


def is_refused(error: errors.OperationalError) -> bool:
    """Say whether the server, or the driver, refused what it was asked: it would not work later either."""
    cause = error.__cause__
    if isinstance(cause, pymongo.errors.InvalidOperation):
        return not _is_closed(cause)
    if not isinstance(cause, pymongo.errors.OperationFailure):
        return False
    if isinstance(cause, pymongo.errors.BulkWriteError):
        return bool((cause.details or {}).get("writeErrors"))
    return cause.code not in _NOT_READY and not any(map(cause.has_error_label, _LABELS))


def translate(error: pymongo.errors.PyMongoError) -> errors.OperationalError:
    """Turn the driver's error into ours: the servers, the variable, what happened; no password, no document.

    Use it as `raise mongodb.translate(error) from error`.
    """
    try:
        context = runtime.current()
        where = address.read(context.settings)
        if _is_closed(error):
            # What was made from the client just as it was replaced.
            context.cache.clear()
    except errors.ConfigurationError:
        where = Address("mongodb", VARIABLE, hosts="an unknown address")
    code = getattr(error, "code", None)
    code = code if isinstance(code, int) else None
    return errors.OperationalError(f"{where.place} {where.mask(_reason(error, code))}", code=code)


def _reason(error: pymongo.errors.PyMongoError, code: int | None) -> str:
    if isinstance(error, (pymongo.errors.WriteConcernError, pymongo.errors.WTimeoutError)):
        return f"stored the write, but did not confirm it as the write concern asks: {_message(error)}"
    if isinstance(error, pymongo.errors.BulkWriteError):
        return _bulk_reason(error)
    if isinstance(error, pymongo.errors.DuplicateKeyError):
        return "refused a write: another document has the same value in a unique index (code 11000)."
    if isinstance(error, pymongo.errors.OperationFailure):
        hint = f"{_HINTS[code]}: " if code in _HINTS else ""
        return f"answered with an error: {hint}{_message(error)}" + ("" if code is None else f" (code {code})")
    if _is_closed(error):
        return "was disconnected from this process meanwhile: call again, or load() the app again if it was unloaded."
    if isinstance(error, pymongo.errors.InvalidOperation):
        return f"was asked for something that can't be done: {_message(error)}"
    if isinstance(error, pymongo.errors.ServerSelectionTimeoutError):
        return f"does not answer: {_message(error)}. Check that it runs and that this machine can reach it."
    return f"did not answer: {_message(error)}"


def _is_closed(error: pymongo.errors.PyMongoError) -> bool:
    return isinstance(error, pymongo.errors.InvalidOperation) and "after close" in str(error)


def _bulk_reason(error: pymongo.errors.BulkWriteError) -> str:
    # The driver's text quotes whole documents.
    details = error.details or {}
    failed = details.get("writeErrors") or []
    if not failed:
        return "stored the writes, but did not confirm them as the write concern asks."
    codes = ", ".join(sorted({str(item.get("code")) for item in failed}))
    return f"refused {len(failed)} of the writes (code {codes})."


def _message(error: pymongo.errors.PyMongoError) -> str:
    details = getattr(error, "details", None)
    if isinstance(details, Mapping) and isinstance(details.get("errmsg"), str):
        return str(details["errmsg"])
    text = str(error).partition(", Timeout:")[0].partition(", full error:")[0]
    return re.sub(r" \(configured timeouts:[^)]*\)", "", text)
