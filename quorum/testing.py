"""Fixtures for the tests of an application: `pytest_plugins = ["quorum.testing"]` in its `conftest.py`.

- `quorum_load` loads an app for one test: `app = quorum_load(models=models)`.
- `outbox` is a list of the mails that the test sends: nothing leaves the process, and no server need be set.
- `quorum_mock` is for an application with a factory of its own: every app that it loads is on a database in memory.

Both unload what the test loaded. `loaded()` does so for a `with` block, in any test framework.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from . import mail, runtime
from .address import VARIABLE
from .mail import outlets
from .web import app as life

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["Outbox", "loaded", "outbox", "quorum_load", "quorum_mock"]

#: A database in memory: each app that is loaded has its own, empty.
URL: Final = "mongomock://"


@contextmanager
def loaded(**kwargs: Any) -> Iterator[Flask]:
    """Load an app in memory for the length of a `with` block, with `TESTING=True` unless told otherwise.

    :param kwargs: the arguments of `quorum.load()`; with `MONGOHQ_URL`, the app is on that database.
    """
    app = _load(**{"name": None if "app" in kwargs else __name__, **kwargs})
    try:
        yield app
    finally:
        life.unload(app)


def _load(**kwargs: Any) -> Flask:
    with pytest.MonkeyPatch.context() as patch:
        # The environment wins over what load() is given, and may name a database that is no test's.
        patch.setenv(VARIABLE, kwargs.get(VARIABLE) or URL)
        return life.load(**{"TESTING": True, **kwargs})


class Outbox(list[mail.Mail]):
    """The mails that were sent, each a `Mail`: `receivers`, `subject`, `plain`, `rich`, `attachments`, `message`."""

    def __init__(self) -> None:
        super().__init__()
        self._arrived = threading.Condition()

    def send(self, sent: mail.Mail) -> mail.Receipt:
        """Take a mail, as a server does."""
        with self._arrived:
            self.append(sent)
            self._arrived.notify_all()
        return mail.Receipt(sent.message_id, sent.receivers, {})

    def wait(self, count: int, timeout: float = 5.0) -> list[mail.Mail]:
        """Wait until so many mails were sent, those in the background too, and give them.

        :param timeout: seconds.
        :raises TimeoutError: they were not.
        """
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self) >= count, timeout):
                raise TimeoutError(f"{len(self)} mails were sent in {timeout:g} seconds, not {count}.")
            return list(self)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch) -> Outbox:
    """Keep what is sent, in place of sending it; `outbox.wait(2)` waits for what is sent in the background."""
    kept = Outbox()
    monkeypatch.setattr(outlets, "connect", lambda context: kept)
    return kept


@pytest.fixture
def quorum_mock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put every app that the test loads on a database in memory, and unload them after it."""
    monkeypatch.setenv(VARIABLE, URL)
    before = runtime.last()
    yield
    while (context := runtime.last()) is not None and context is not before:
        life.unload(context.app)


@pytest.fixture
def quorum_load(quorum_mock: None, request: pytest.FixtureRequest) -> Callable[..., Flask]:  # noqa: ARG001
    """Give a `quorum.load()` for this test: in memory, with `TESTING=True` unless told otherwise, as `loaded()`."""

    def load(app: Flask | None = None, name: str | None = None, **kwargs: Any) -> Flask:
        if app is None and name is None:
            name = request.module.__name__
        return _load(app=app, name=name, **kwargs)

    return load
