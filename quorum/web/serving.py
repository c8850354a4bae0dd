"""`run()`: an app is served by Flask's server, by waitress or by gunicorn, until SIGTERM.

All of them serve on a socket that is opened here, so that a port that is taken, and the port that `PORT=0` found, are
told alike.
"""

from __future__ import annotations

import errno
import importlib
import importlib.util
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from quorum import config, errors, log, runtime, variables
from quorum.masking import Masker
from quorum.variables import SERVERS

from . import secret

#: Seconds that the requests in flight have to end after SIGTERM.
GRACE: Final = 30.0

#: Options that `HOST` and `PORT` stand for.
PLACES: Final = frozenset({"bind", "host", "port", "listen", "sockets", "unix_socket", "unix_socket_perms"})

_INSTALL = 'Install it: pip install "quorum[server]"'

Options = Mapping[str, Any]


def run(server: str | None = None) -> None:
    """Serve the app that was loaded last on `HOST` and `PORT`, until SIGTERM or Ctrl-C; say where.

    The requests in flight are answered first, for 30 seconds at most; after that, and with a second signal, they are
    cut off.

    :param server: "flask", "waitress" or "gunicorn"; not given, it is `SERVER`, else Flask's in debug mode, else
        waitress, or Flask's with a warning where waitress is not installed.
    :raises ConfigurationError: there is no such server, an option that `SERVER_*` sets makes no sense to it, its
        package is missing, no app is loaded, or the port is taken.
    """
    if server is not None and server not in SERVERS:
        raise errors.ConfigurationError(f"There is no server {server!r}: run() serves with {', '.join(SERVERS)}.")
    context = runtime.last()
    if context is None or context.app is None:
        raise errors.ConfigurationError("There is no app to serve. Call quorum.load() before quorum.run().")
    app: Flask = context.app
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        app.run()  # which tells that `flask run` serves already
        return
    options: Mapping[str, config.Found] = context.settings.server_options()
    name = server or context.settings.get("SERVER")
    if name is None:
        # What SERVER_* sets is for the server that serves where it counts.
        name, options = ("flask", {}) if app.debug else _default(app, options)
    serve, read = {
        "flask": (_flask, _flask_option),
        "waitress": (_waitress, _waitress_option),
        "gunicorn": (_gunicorn, _gunicorn_option),
    }[name]
    serve(app, context.settings, _options(name, options, read))


def bind(host: str, port: int) -> socket.socket:
    """Open the socket that a server listens on.

    :raises ConfigurationError: the port is taken, or the address is none of this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        problem = {
            errno.EADDRINUSE: f"Port {port} of {host} is taken. Choose another: PORT={port + 1}, or PORT=0 for any.",
            errno.EACCES: f"Port {port} of {host} is not for this user. Choose one above 1023, PORT=8080 say.",
            errno.EADDRNOTAVAIL: f"HOST={host} is no address of this machine. Try HOST=127.0.0.1 or HOST=0.0.0.0.",
        }.get(error.errno or 0, f"The app can't be served on HOST={host} PORT={port}: {error.strerror}.")
        raise errors.ConfigurationError(problem) from error


def _default(app: Flask, options: Mapping[str, config.Found]) -> tuple[str, Mapping[str, config.Found]]:
    if importlib.util.find_spec("waitress") is None:
        app.logger.warning("waitress is not installed: Flask's development server serves. %s", _INSTALL)
        return "flask", {}
    return "waitress", options


def _options(server: str, found: Mapping[str, config.Found], read: Callable[[str, str], Any]) -> dict[str, Any]:
    """Read what `SERVER_*` sets; `read` gives an option's value, or raises KeyError or ValueError."""
    options: dict[str, Any] = {}
    problems = []
    for name, one in found.items():
        if name in PLACES:
            problems.append(f"{one}: HOST and PORT say where run() serves.")
            continue
        try:
            options[name] = read(name, str(one.value))
        except KeyError:
            problems.append(f"{one}: {server} has no option {name!r}.")
        except ValueError as error:
            problems.append(f"The value of {one} {error}.")
    if problems:
        raise errors.ConfigurationError(*problems)
    return options


def _say(server: str, opened: socket.socket) -> None:
    host, port = opened.getsockname()[:2]
    everywhere = host in {"0.0.0.0", "::"}  # noqa: S104 - it is compared with
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    reach = ", and on every other address of this machine" if everywhere else ""
    sys.stderr.write(f" * Running on http://{shown}:{port}{reach} ({server}). Ctrl-C stops it.\n")
    sys.stderr.flush()


@contextmanager
def _stopped_by_signals(stop: Callable[[], None]) -> Iterator[threading.Event]:
    """Call `stop` at the first SIGTERM or SIGINT, and raise KeyboardInterrupt at the next one.

    Only the main thread is told of signals; in another one nothing is changed.
    """
    stopping = threading.Event()

    def handle(_number: int, _frame: Any) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()
        stop()

    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = {one: signal.signal(one, handle) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopping
    except KeyboardInterrupt:
        pass
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _masked_requests(masker: Masker) -> type[WSGIRequestHandler]:
    """Make a handler of Flask's server that writes its lines, which have whole URLs, without secrets."""

    class Handler(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: Any) -> None:
            super().log(type, "%s", masker.text(message % args if args else message))

    return Handler


class _Server(ThreadedWSGIServer):
    """Flask's development server, which knows the threads of its requests."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._requests: set[threading.Thread] = set()
        super().__init__(*args, **kwargs)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._requests = {thread for thread in self._requests if thread.is_alive()}
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._requests.add(thread)
        thread.start()

    def finish(self, deadline: float) -> None:
        """Wait for the requests in flight, until a moment of `time.monotonic()`."""
        for thread in self._requests:
            thread.join(max(0.0, deadline - time.monotonic()))


def _flask(app: Flask, settings: config.Settings, options: Options) -> None:
    handler = _masked_requests(secret.masker(app, settings))
    host, port = settings.get("HOST"), settings.get("PORT")
    if app.debug or any(options.values()):
        app.run(host, port, debug=app.debug, load_dotenv=False, request_handler=handler, **options)
        return
    with bind(host, port) as opened:
        server = _Server(host, port, app, handler, fd=opened.fileno())
    _say("Flask's development server", server.socket)
    # In a thread of its own, as it waits for the loop that the signal interrupted.
    with _stopped_by_signals(lambda: threading.Thread(target=server.shutdown, daemon=True).start()):
        try:
            server.serve_forever(poll_interval=0.1)
            server.finish(time.monotonic() + GRACE)
        finally:
            server.server_close()


def _flask_option(name: str, text: str) -> bool:
    if name not in {"use_reloader", "use_debugger"}:
        raise KeyError(name)
    return variables.boolean(text)


def _waitress(app: Flask, settings: config.Settings, options: Options) -> None:
    waitress = _import("waitress.server")
    opened = bind(settings.get("HOST"), settings.get("PORT"))
    try:
        server = waitress.create_server(app, sockets=[opened], **options)
    except ValueError as error:
        opened.close()
        raise errors.ConfigurationError(f"waitress can't serve with what SERVER_* sets: {error}") from error
    _say("waitress", opened)
    loop, channels = server.asyncore, server.active_channels
    try:
        with _stopped_by_signals(server.pull_trigger) as stopping:
            while not stopping.is_set():
                loop.loop(timeout=1, map=server._map, use_poll=server.adj.asyncore_use_poll, count=1)
            # No new connection; those that are open are closed when they have nothing to do any more.
            loop.dispatcher.close(server)
            deadline = time.monotonic() + GRACE
            while channels and time.monotonic() < deadline:
                for channel in list(channels.values()):
                    if not (channel.requests or channel.request or channel.total_outbufs_len):
                        channel.will_close = True
                loop.loop(timeout=0.1, map=server._map, use_poll=server.adj.asyncore_use_poll, count=1)
    finally:
        server.task_dispatcher.shutdown(timeout=0.1)
        server.trigger.close()
        loop.close_all(server._map)
        opened.close()


def _waitress_option(name: str, text: str) -> Any:
    adjustments = _import("waitress.adjustments")
    cast = adjustments.Adjustments._param_map[name]
    if cast is adjustments.asbool:
        return variables.boolean(text)
    if cast is not int:
        return cast(text)
    number = variables.integer(text)
    if number < (0 if name == "channel_request_lookahead" else 1):
        raise ValueError("is too small")
    return number


def _gunicorn(app: Flask, settings: config.Settings, options: Options) -> None:
    base = _import("gunicorn.app.base")
    opened = bind(settings.get("HOST"), settings.get("PORT"))
    _say("gunicorn", opened)

    class Application(base.BaseApplication):  # type: ignore[misc, name-defined]
        def load_config(self) -> None:
            # All of a user's gunicorns would have one control socket in common.
            known = {"logger_class": _gunicorn_logger(secret.masker(app, settings)), "control_socket_disable": True}
            for name, value in {**known, **options}.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)
            # gunicorn closes the descriptor that it is given.
            self.cfg.set("bind", f"fd://{opened.detach()}")

        def load(self) -> Flask:
            return app

    Application().run()


def _gunicorn_option(name: str, text: str) -> Any:
    settings = _import("gunicorn.config")
    setting = settings.make_settings()[name]
    value: Any = variables.boolean(text) if setting.validator is settings.validate_bool else text
    problem = False
    try:
        setting.set(value)
    except Exception:  # noqa: BLE001 - some of its settings import what they name, which raises anything
        problem = True
    if problem:
        raise ValueError("makes no sense to gunicorn")
    return value


def _gunicorn_logger(masker: Masker) -> type:
    """Make gunicorn's own log one without secrets: it has whole URLs and headers."""
    glogging = _import("gunicorn.glogging")

    class Logger(glogging.Logger):  # type: ignore[misc, name-defined]
        def setup(self, cfg: Any) -> None:
            super().setup(cfg)
            for logger in (self.error_log, self.access_log):
                for handler in logger.handlers:
                    handler.setFormatter(log.Masked(handler.formatter, masker))

    return Logger


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise errors.ConfigurationError(
            f"{name} is not installed, and run() is to serve with it. {_INSTALL}"
        ) from error
