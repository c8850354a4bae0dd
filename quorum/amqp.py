"""The connection to RabbitMQ: one for each thread of a process and app, made on first use.

`CLOUDAMQP_URL` says where it is: `amqp://` or `amqps://` (TLS). pika's connections are for one thread each. No password
gets into a message, a log or a repr.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from . import config, errors, runtime

if TYPE_CHECKING:
    from pika import BlockingConnection
    from pika.connection import Parameters

VARIABLE: Final = "CLOUDAMQP_URL"

#: What holds unless the URL says otherwise, in seconds: connecting to an address, until AMQP is spoken, silence of the
#: server, and how long it may refuse to take what is published.
OPTIONS: Mapping[str, float] = {
    "socket_timeout": 3,
    "stack_timeout": 5,
    "heartbeat": 30,
    "blocked_connection_timeout": 10,
}

# Seconds that threads may take to close their own connections when they are asked to, and the server to confirm the end
# of all that are closed at once, with at least a moment for each.
_OWN = 0.2
_CLOSING = 1.0
_MOMENT = 0.05

_HINTS: Mapping[int, str] = {
    403: "The user name or password is wrong, or the user may not do this",
    404: "There is no such queue or exchange",
    530: "There is no such virtual host, or the user may not use it",
}


@dataclass(frozen=True)
class _Address:
    place: str
    url: str = field(repr=False)
    parameters: Parameters = field(repr=False)

    def error(self, error: Exception) -> errors.OperationalError:
        text = _reason(error)
        for secret in config.spellings(config.secrets_in(self.url)):
            text = text.replace(secret, "***")
        return errors.OperationalError(f"{self.place} {text}", code=getattr(error, "reply_code", None))


def get_amqp() -> BlockingConnection:
    """Give the calling thread's connection for the current app; use it in this thread only, and close its channels.

    It is made on first use, and made anew where the last one was closed, by whichever side. `unload()` closes those of
    all threads; that of a thread that ended is closed when any thread asks for its own.

    :raises ConfigurationError: nothing is loaded, the variable is missing or makes no sense, or pika is not installed.
    :raises OperationalError: the server does not answer, or refuses.
    """
    context = runtime.current()
    pool = context.client("amqp", lambda: _Pool(_address(context.settings)), _Pool.close, forget=_Pool.forget)
    return pool.get()


def ping() -> str:
    """Ask the server for a channel; give what it is, `RabbitMQ 3.10.8`.

    :raises ConfigurationError: as `get_amqp()`.
    :raises OperationalError: as `get_amqp()`.
    """
    connection = get_amqp()
    try:
        connection.channel().close()
    except _failures() as error:
        raise translate(error) from error
    properties: Mapping[str, Any] = _inside(connection).server_properties or {}
    return f"{properties.get('product', 'AMQP server')} {properties.get('version', '')}".strip()


def check(settings: config.Settings) -> None:
    """Check the URL where there is one, and the package that reads its options.

    :raises ConfigurationError: it makes no sense.
    """
    if settings.is_set(VARIABLE) and importlib.util.find_spec("pika") is not None:
        _address(settings)


def translate(error: Exception) -> errors.OperationalError:
    """Turn pika's error into ours: the server, the variable, what happened; no password.

    Use it as `raise amqp.translate(error) from error`.
    """
    try:
        return _address(runtime.current().settings).error(error)
    except errors.ConfigurationError:
        return errors.OperationalError(f"RabbitMQ (from {VARIABLE}) {_reason(error)}")


class _Pool:
    """The connections of a process, by the threads that use them."""

    def __init__(self, address: _Address) -> None:
        self._address = address
        self._connections: dict[threading.Thread, BlockingConnection] = {}
        self._lock = threading.Lock()
        self._closed = False

    def get(self) -> BlockingConnection:
        thread = threading.current_thread()
        self._close_ended()
        connection = self._connections.get(thread)
        if connection is not None and _is_alive(connection):
            return connection
        connection = self._connect()
        with self._lock:
            if not self._closed:
                self._connections[thread] = connection
                return connection
        _close(connection)
        raise errors.ConfigurationError("The app was unloaded: load it again.")

    def _connect(self) -> BlockingConnection:
        import pika

        try:
            return pika.BlockingConnection(self._address.parameters)
        except _failures() as error:
            raise self._address.error(error) from error

    def _close_ended(self) -> None:
        with self._lock:
            threads = [thread for thread in self._connections if not thread.is_alive()]
            ended = [self._connections.pop(thread) for thread in threads]
        _close(*ended)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            connections = dict(self._connections)
            self._connections.clear()
        alive = {thread for thread in connections if thread.is_alive()} - {threading.current_thread()}
        others = [connections[thread] for thread in alive]
        # A thread that waits for messages closes its connection itself, as nobody else may touch it meanwhile.
        for connection in others:
            with contextlib.suppress(*_failures()):
                connection.add_callback_threadsafe(connection.close)
        _wait(lambda: all(connection.is_closed for connection in others), _OWN)
        _close(*connections.values())

    def forget(self) -> None:
        """Drop a forked child's copies: a word to the server would be taken for the parent's."""
        self._connections.clear()
        with warnings.catch_warnings():
            # That a socket was not closed is what is meant here.
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


def _is_alive(connection: BlockingConnection) -> bool:
    """Say whether a connection works, after reading what the server said since it was used last.

    That sends the heartbeats that are due, and finds that the server closed it: for want of them, or as it stopped.
    """
    if connection.is_closed:
        return False
    try:
        connection.process_data_events(0)
    except _failures():
        return False
    return bool(connection.is_open)


def _close(*connections: BlockingConnection) -> None:
    """Close connections that no other thread is using; a server that does not confirm it is left after a while."""
    until = time.monotonic() + _CLOSING
    for connection in connections:
        if connection.is_open:
            _leave_after(connection, max(_MOMENT, until - time.monotonic()))
            # An error tells that it is closed, if not by both sides.
            with contextlib.suppress(*_failures()):
                connection.close()


def _leave_after(connection: BlockingConnection, seconds: float) -> None:
    import pika.exceptions

    inside = _inside(connection)
    late = pika.exceptions.AMQPConnectionError("the end was not confirmed")
    inside._adapter_call_later(seconds, lambda: inside._terminate_stream(late))


def _inside(connection: Any) -> Any:
    """Give what a connection is made of: pika has no other way to what the server said of itself, or to its timers."""
    return connection._impl


def _failures() -> tuple[type[Exception], ...]:
    """Give the errors of pika: those of setting up a connection stand apart from the others."""
    from pika.adapters.utils.connection_workflow import AMQPConnectorException
    from pika.exceptions import AMQPError

    return AMQPError, AMQPConnectorException, OSError


def _wait(done: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not done() and time.monotonic() < until:
        time.sleep(0.005)


def _address(settings: config.Settings) -> _Address:
    url: str | None = settings.get(VARIABLE)
    if url is None:
        raise errors.ConfigurationError(f"{VARIABLE} is not set. Set it to amqp://user:password@host:5672/vhost.")
    try:
        import pika
    except ImportError as error:
        raise errors.ConfigurationError(
            f'RabbitMQ ({settings.source(VARIABLE)}) needs the package pika: pip install "quorum[queue]".'
        ) from error
    source = settings.source(VARIABLE)
    parts = urlsplit(url)
    given = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    try:
        parameters = pika.URLParameters(url)
        for name, value in OPTIONS.items():
            if name not in given:
                setattr(parameters, name, value)
        if "client_properties" not in given:
            parameters.client_properties = {"connection_name": settings.qualified()}
        place = f"RabbitMQ at {parameters.host}:{parameters.port} (from {source})"
        return _Address(place, url, parameters)
    except (ValueError, TypeError, AttributeError):
        # Its own words quote parts of the URL.
        pass
    raise errors.ConfigurationError(
        f"The value of {source} is not a URL of RabbitMQ: amqp://[user:password@]host[:port][/vhost][?options], "
        "where the options are pika's, and special characters are percent-encoded."
    )


def _reason(error: Exception) -> str:
    import pika.exceptions

    if isinstance(error, pika.exceptions.ProbableAuthenticationError):
        return f"refused the connection: {_HINTS[403]}."
    if isinstance(error, pika.exceptions.ProbableAccessDeniedError):
        return f"refused the connection: {_HINTS[530]}."
    if isinstance(error, (pika.exceptions.ConnectionClosed, pika.exceptions.ChannelClosed)):
        what = "channel" if isinstance(error, pika.exceptions.ChannelClosed) else "connection"
        hint = f"{_HINTS[error.reply_code]}: " if error.reply_code in _HINTS else ""
        return f"closed the {what}: {hint}{error.reply_text} (code {error.reply_code})."
    return f"does not answer: {_words(error)}. Check that it runs and that this machine can reach it."


def _words(error: BaseException) -> str:
    """Give the innermost words of pika's error, which wraps others as arguments."""
    for part in (*error.args, getattr(error, "exception", None)):
        if isinstance(part, Exception):
            return _words(part)
    return (str(error) or type(error).__name__).rstrip(".")
