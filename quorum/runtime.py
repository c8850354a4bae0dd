"""The process's only state: the loaded apps, and the clients that were opened for them.

A `Context` is what one `load()` set up. Models and drivers ask `current()` for the one that holds now: the context of
the Flask app whose request is being served, then the one loaded last. This module knows nothing of Flask: the web layer
says through `use_finder()` how to find a request's context.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any, Literal, NamedTuple, TypeVar, overload

from . import config, errors

T = TypeVar("T")

#: Finds the context of the request that is being served, or None outside of one.
Finder = Callable[[], "Context | None"]

#: How jobs in the background are run: in this process, not at all, or by workers behind a broker.
Execution = Literal[True, False, "queue"]


class _Entry(NamedTuple):
    """A client that is open, how it is closed, and how a forked child lets go of its copy.

    `drain` finishes what the client does with other clients, while these are still open.
    """

    client: Any
    close: Callable[[Any], None]
    forget: Callable[[Any], None] | None
    drain: Callable[[Any], None] | None


class Context:
    """What one `load()` set up: its settings, its models, and the clients opened from them.

    `app` is the Flask app, or None in a process without Flask; `logger` the name of its log, or None. `cache` is a
    place for what a layer above derives from this context (a model's collection, say): it ends with the context or its
    client, and at a fork. `enter` makes this context the current one for the length of a `with` block, in a thread that
    serves no request. `execution` says how jobs are run, and `jobs` names the packages whose functions are jobs.
    `watches` says that this process may be the one that restarts another when a source changes: what repeats waits for
    a request.
    """

    def __init__(
        self,
        settings: config.Settings,
        *,
        app: Any = None,
        models: tuple[type, ...] = (),
        safe: bool = False,
        logger: str | None = None,
        enter: Callable[[], AbstractContextManager[Any]] = nullcontext,
        execution: Execution = True,
        jobs: tuple[str, ...] = (),
        watches: bool = False,
    ) -> None:
        self.settings = settings
        self.app = app
        self.models = models
        self.safe = safe
        self.logger = logger
        self.enter = enter
        self.execution = execution
        self.jobs = jobs
        self.watches = watches
        self.cache: dict[Any, Any] = {}
        self._stopped = False
        self._clients: dict[str, _Entry] = {}
        self._inherited: list[_Entry] = []
        self._told: set[str] = set()
        self._at_stop: list[Callable[[], None]] = []
        self._lock = threading.RLock()

    def client(
        self,
        key: str,
        make: Callable[[], T],
        close: Callable[[T], None],
        *,
        forget: Callable[[T], None] | None = None,
        drain: Callable[[T], None] | None = None,
    ) -> T:
        """Give this process's one client of a kind, made on first use.

        :param key: the driver's name, "mongodb" say.
        :param make: opens it; other threads wait for it.
        :param close: releases it, when the context stops.
        :param forget: releases the copy that a forked child has of its parent's, leaving the parent's at work.
        :param drain: finishes the work that it does with other clients: called before any of them is closed.
        :raises ConfigurationError: the context was stopped.
        """
        entry = self._clients.get(key)
        if entry is None:
            with self._lock:
                entry = self._clients.get(key)
                if entry is None:
                    if self._stopped:
                        raise errors.ConfigurationError(f"The app {self.settings.name!r} was unloaded: load it again.")
                    self._forget_inherited()
                    entry = self._clients[key] = _Entry(make(), close, forget, drain)
        client: T = entry.client
        return client

    def opened(self, key: str) -> Any:
        """Give the client of a kind if this process has it open, else None."""
        entry = self._clients.get(key)
        return None if entry is None else entry.client

    def discard(self, key: str, client: Any) -> None:
        """Close a client that can't work any more; the next use makes another. No effect if it was replaced already."""
        with self._lock:
            entry = self._clients.get(key)
            if entry is None or entry.client is not client:
                return
            del self._clients[key]
            self.cache.clear()
        entry.close(client)

    def once(self, key: str) -> bool:
        """Say whether this is the first time that this is asked of the context: for what is to be logged once."""
        with self._lock:
            if key in self._told:
                return False
            self._told.add(key)
            return True

    def at_stop(self, undo: Callable[[], None]) -> None:
        """Say what is to be undone when the context stops, after its clients are closed: the last one said first."""
        self._at_stop.append(undo)

    def _undo(self) -> None:
        with ExitStack() as undoing:
            for undo in self._at_stop:
                undoing.callback(undo)
            self._at_stop = []

    def drain(self) -> None:
        """Finish the work that goes on for this context. It holds until this returns, and its clients are open."""
        for entry in list(self._clients.values()):
            if entry.drain is not None:
                entry.drain(entry.client)

    def close(self) -> None:
        """Finish the work that goes on, and close every client; the next use of one makes it anew.

        One that can't be closed keeps no other open: what went wrong is raised at the end.
        """
        with ExitStack() as closing:
            closing.callback(self._close_clients)
            self.drain()

    def _close_clients(self) -> None:
        with self._lock:
            entries = list(self._clients.values())
            self._clients.clear()
            self.cache.clear()
            self._forget_inherited()
        with ExitStack() as closing:
            for entry in reversed(entries):
                closing.callback(entry.close, entry.client)

    def _forget_inherited(self) -> None:
        while self._inherited:
            entry = self._inherited.pop()
            if entry.forget is not None:
                entry.forget(entry.client)

    def _after_fork(self) -> None:
        # The parent owns the sockets: a child opens its own. Its copies are kept until the drivers' own handlers have
        # run, as a client that is finalized now could write to the parent's sockets, or warn that it was never closed.
        self._lock = threading.RLock()
        self._inherited.extend(self._clients.values())
        self._clients = {}
        self.cache = {}


_contexts: list[Context] = []

# The one context that was ever started, until it is stopped: it holds wherever one asks, without a search.
_sole: Context | None = None
_started = False

_find: Finder = lambda: None  # noqa: E731


def use_finder(find: Finder) -> None:
    """Say how the context of the current request is found. The web layer calls this once."""
    global _find
    _find = find


def start(context: Context) -> None:
    """Make a context the one loaded last."""
    global _sole, _started
    context._stopped = False
    _contexts.append(context)
    _sole = None if _started else context
    _started = True


def stop(context: Context) -> None:
    """End a context: its clients are closed and stay so, and `current()` gives the one loaded before it."""
    # All of it is done, also where a part fails.
    with ExitStack() as undoing:
        undoing.callback(context._undo)
        undoing.callback(context.close)
        undoing.callback(_retire, context)
        context.drain()


def _retire(context: Context) -> None:
    global _sole
    _sole = None
    if context in _contexts:
        _contexts.remove(context)
    context._stopped = True


def contexts() -> tuple[Context, ...]:
    """The contexts that are loaded, in the order of their loading."""
    return tuple(_contexts)


def last() -> Context | None:
    """The context that was loaded last, or None."""
    return _contexts[-1] if _contexts else None


def current() -> Context:
    """The context that holds now.

    :raises ConfigurationError: nothing is loaded.
    """
    if _sole is not None:
        return _sole
    context = _find()
    if context is not None:
        return context
    if _contexts:
        return _contexts[-1]
    raise errors.ConfigurationError("No app is loaded in this process. Call quorum.load(models=...) first.")


@overload
def conf(name: str, default: T, cast: Callable[[str], T]) -> T: ...
@overload
def conf(name: str, default: None = None, *, cast: Callable[[str], T]) -> T | None: ...
@overload
def conf(name: str, default: Any = None, cast: Callable[[str], Any] | None = None) -> Any: ...
def conf(name: str, default: Any = None, cast: Callable[[str], Any] | None = None) -> Any:
    """Read a variable, quorum's or your own: from the environment, the files `.env` and `quorum.json`, `load()`.

    :param default: given as it is when the variable is not set; quorum's variables have their own.
    :param cast: turns the text into a value; `bool` takes 1, true, yes, on, 0, false, no, off and nothing else.
    :raises ConfigurationError: the text can't be cast; the error names the variable, not the text.
    """
    context = _find() or last()
    if context is not None:
        return context.settings.conf(name, default, cast)
    return config.read(config.read_sources(), name, default, cast)


def _close_at_exit() -> None:
    with ExitStack() as closing:
        for context in reversed(_contexts):
            closing.callback(context.close)


def _after_fork_in_child() -> None:
    for context in _contexts:
        context._after_fork()


atexit.register(_close_at_exit)
os.register_at_fork(after_in_child=_after_fork_in_child)
