"""Sessions in Redis, `load(redis_session=True)`; and what is done at login, in these and in Flask's own.

The cookie holds a random id and nothing else. A session is read when it is first used, and written at the end of the
request, value by value, if something changed and it has not ended meanwhile.
"""

from __future__ import annotations

import functools
import logging
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import flask
from bson import ObjectId
from flask import Flask, Request, Response
from flask.globals import request_ctx
from flask.sessions import SecureCookieSessionInterface, SessionInterface, SessionMixin

from quorum import errors, runtime

from . import hooks, session_store, session_values
from .session_store import Store

_log = logging.getLogger(__name__)

#: What stands for a user: the id of its document, or its name.
User: TypeAlias = ObjectId | UUID | str | int

#: Bytes that the names and the JSON of a session's values may have together.
MAX_SIZE: Final = 64 * 1024

#: Random bytes of an id.
ID_BYTES: Final = 32

_ID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class Session(SessionMixin):
    """A session in Redis, a dict whose keys are str.

    Values are what `session_values` can write. Changes inside of lists and dicts are found, `modified` need not be set.
    `clear()` ends the session; what is set after it is in a new one.
    """

    def __init__(self, app: Flask, id: str | None) -> None:
        self._app = app
        self._id = id
        self._stored: dict[str, bytes] = {}
        self._values: dict[str, Any] | None = None
        self._ended: str | None = None
        self._renewed = False
        self._user: str | None = None
        self._error: errors.OperationalError | None = None
        self._given_up = False
        #: Whether something was read or changed: the answer depends on the cookie.
        self.used = False
        #: What the answer's cookie is to be: None if it stays as it is, empty if it is to go.
        self.cookie: str | None = None

    @functools.cached_property
    def _store(self) -> Store:
        return store(self._app)

    @property
    def record(self) -> str | None:
        """The hash under which the session is stored, or None."""
        return None if self._id is None else session_store.digest(self._id)

    def __getitem__(self, key: str) -> Any:
        return self._read()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if type(key) is not str:
            raise TypeError(f"A session's key is a str, not a {type(key).__name__}.")
        key.encode()
        session_values.write(value)
        self._read()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._read()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'not read' if self._values is None else ', '.join(self._values)}>"

    def clear(self) -> None:
        """End the session. What is set afterwards is in a new one, with another id."""
        self.used = True
        if self._id is not None and not self._given_up:
            self._ended, self.cookie = self.record, ""
        self._id = self._user = None
        self._renewed = False
        self._stored = {}
        self._values = {}
        self._error = None

    def renew(self, user: str | None) -> None:
        """Give the session another id when the request ends; see `renew_session()`."""
        self._read()
        self._renewed = True
        self._user = user or self._user

    def give_up(self) -> None:
        """Be empty, and write nothing, from now on: for the page of an error."""
        self._given_up = True
        self._values = {}
        # Whatever Redis did, the browser goes on with the cookie that it has.
        self.cookie = None

    def save(self) -> None:
        """Write what changed, and say in `cookie` what the browser is to keep.

        :raises OperationalError: Redis did not answer; what was changed is lost, or stored without an answer.
        :raises TypeError: a value can't be stored.
        :raises ValueError: a value can't be stored, or the session is too large.
        """
        if self._values is None or self._given_up:
            return
        texts = {name: session_values.write(value) for name, value in self._values.items()}
        changed = {name: text for name, text in texts.items() if self._stored.get(name) != text}
        removed = self._stored.keys() - texts.keys()
        if changed:
            _check_size(texts)
        if self._id is None or self._renewed:
            stays = self._replace(changed, removed, keeps=bool(texts or self._user or self._id))
        elif changed or removed:
            stays = self._store.write(session_store.digest(self._id), changed, removed)
            if stays and "_permanent" in {*changed, *removed}:
                self.cookie = self._id
        else:
            return
        if not stays:
            _log.info("A session ended while a request used it: what the request changed in it is dropped.")
            self.give_up()
        self._stored = texts

    def _replace(self, changed: dict[str, bytes], removed: set[str], *, keeps: bool) -> bool:
        if not keeps:
            if self._ended is not None:
                self._store.end(self._ended)
                self._ended = None
            return True
        old, keep = (self._ended, False) if self._id is None else (self.record, True)
        new = secrets.token_urlsafe(ID_BYTES)
        name = session_store.digest(new)
        if not self._store.replace(old, name, changed, removed, keep=keep, user=self._user):
            return False
        self._id = self.cookie = new
        self._ended, self._renewed = None, False
        return True

    def _read(self) -> dict[str, Any]:
        self.used = True
        if self._error is not None and not self._given_up:
            raise self._error
        if self._values is None:
            try:
                self._values = self._load()
            except errors.OperationalError as error:
                # Redis is asked once a request: the time it takes to find out is not spent again.
                self._error = error
                raise
        return self._values

    def _load(self) -> dict[str, Any]:
        if self._id is None:
            return {}
        name = session_store.digest(self._id)
        try:
            stored = self._store.read(name)
            values = {key: session_values.read(text) for key, text in (stored or {}).items()}
        except ValueError as error:
            if self._store.context.once(f"session.{name}"):
                _log.warning("The session %s... in Redis %s. It is taken for none.", name[:12], error)
            stored, values = None, {}
        if stored is None:
            # An id that we did not make, or not any more, is never used.
            self._id = None
        self._stored = stored or {}
        return values


class RedisSessionInterface(SessionInterface):
    """Keeps an app's sessions in Redis.

    `secure` is the `SESSION_COOKIE_SECURE` that `load()` was given; Flask's configuration always has one.
    """

    def __init__(self, *, secure: bool | None = None) -> None:
        self._secure = secure

    def get_cookie_secure(self, app: Flask) -> bool:
        """Say whether the cookie goes by https:// only: unless in debug mode, or told otherwise."""
        return self._secure if self._secure is not None else app.config["SESSION_COOKIE_SECURE"] or not app.debug

    def get_cookie_samesite(self, app: Flask) -> str:
        """Give `SESSION_COOKIE_SAMESITE`, or Lax."""
        return app.config["SESSION_COOKIE_SAMESITE"] or "Lax"

    def open_session(self, app: Flask, request: Request) -> Session:
        """Give the request's session, unread."""
        given = request.cookies.get(self.get_cookie_name(app), "")
        return Session(app, given if _ID.fullmatch(given) else None)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write what changed, and set the cookie where its id is new.

        :raises OperationalError: Redis did not answer.
        """
        if not isinstance(session, Session) or not session.used:
            return
        session.save()
        response.vary.add("Cookie")
        if session.cookie is None:
            return
        options: dict[str, Any] = {
            "domain": self.get_cookie_domain(app),
            "path": self.get_cookie_path(app),
            "secure": self.get_cookie_secure(app),
            "httponly": self.get_cookie_httponly(app),
            "samesite": self.get_cookie_samesite(app),
            "partitioned": self.get_cookie_partitioned(app),
        }
        name = self.get_cookie_name(app)
        if session.cookie:
            response.set_cookie(name, session.cookie, expires=self.get_expiration_time(app, session), **options)
        else:
            response.delete_cookie(name, **options)


@dataclass(frozen=True)
class StoredSession:
    """A session of a user.

    `id` names it, and opens nothing: it may stand in a page. `current` says whether it is that of the request.
    `seen_at` is right to a minute.
    """

    id: str
    made_at: datetime
    seen_at: datetime
    current: bool

    def end(self) -> None:
        """End it: whoever has it is not logged in any more.

        :raises OperationalError: Redis did not answer.
        """
        store(runtime.current().app).end(self.id)


def renew_session(user: User | None = None) -> None:
    """Begin the session anew, for somebody who logs in: what was known of it before is of no use any more.

    Its values stay, but for Flask-WTF's CSRF token, which a stranger may know who gave the visitor this session. When
    the request ends, a session in Redis gets another id and a new lifetime, and the old id ends. Flask's own sessions,
    which are all in the cookie, have no id.

    :param user: who logs in: `find_sessions(user)` and `end_sessions(user)` find the session then. If not given, it
        stays the user's whose it was.
    :raises OperationalError: Redis did not answer.
    :raises TypeError: the user is something else than an id or a name.
    """
    name = None if user is None else _digest(user)
    if isinstance(flask.session, Session):
        flask.session.renew(name)
    token = flask.current_app.config.get("WTF_CSRF_FIELD_NAME", "csrf_token")
    flask.session.pop(token, None)
    flask.g.pop(token, None)


def find_sessions(user: User) -> list[StoredSession]:
    """Give the sessions of a user, by `renew_session(user)`, the oldest first.

    :raises ConfigurationError: the sessions of the app are not in Redis.
    :raises OperationalError: Redis did not answer.
    """
    session = _current()
    current = None if session is None else session.record
    return [
        StoredSession(
            entry.hash,
            datetime.fromtimestamp(entry.made, UTC),
            datetime.fromtimestamp(entry.seen, UTC),
            current=entry.hash == current,
        )
        for entry in store(runtime.current().app).find(_digest(user))
    ]


def end_sessions(user: User) -> int:
    """End all sessions of a user, that of the request too if it is one of them; give how many there were.

    What the request does to its session afterwards is dropped, unless it begins with `session.clear()`.

    :raises ConfigurationError: the sessions of the app are not in Redis.
    :raises OperationalError: Redis did not answer.
    """
    return store(runtime.current().app).end_all(_digest(user))


def store(app: Flask | None) -> Store:
    """Give the sessions of an app.

    :raises ConfigurationError: they are not in Redis, or the app was unloaded.
    """
    if app is None or not isinstance(app.session_interface, RedisSessionInterface):
        raise errors.ConfigurationError("The sessions are not in Redis. Load the app with redis_session=True.")
    context: runtime.Context | None = app.extensions.get("quorum")
    if context is None:
        raise errors.ConfigurationError(f"The app {app.name!r} was unloaded: load it again.")
    lifetime = int(app.permanent_session_lifetime.total_seconds())
    return Store(context, idle=context.settings.get("SESSION_IDLE"), lifetime=lifetime)


def is_read() -> bool:
    """Say whether the request has read its session, or changed it. This itself counts as neither."""
    # Flask's public ways to the session count as reading it.
    session = request_ctx._session
    if isinstance(session, Session):
        return session.used
    return session is not None and session.accessed


def give_up() -> None:
    """Let the page of an error do without the request's session: it is empty, and stays as it was in Redis."""
    session = _current()
    if session is not None:
        session.give_up()


def init_app(app: Flask, *, redis: bool, secure: bool | None) -> None:
    """Keep an app's sessions in Redis, or not any more. Whether Redis answers is not asked.

    :param secure: `SESSION_COOKIE_SECURE`, if `load()` was given it.
    """
    if redis:
        app.session_interface = RedisSessionInterface(secure=secure)
    elif isinstance(app.session_interface, RedisSessionInterface):
        # It was loaded with them before.
        app.session_interface = SecureCookieSessionInterface()


def start(app: Flask, context: runtime.Context) -> None:
    """Give an instance a cookie of its own, as browsers keep those of all ports of a host together."""
    name = app.config["SESSION_COOKIE_NAME"]
    if context.settings.instance and name == Flask.default_config["SESSION_COOKIE_NAME"]:
        hooks.configure(app, context, SESSION_COOKIE_NAME=f"{name}_{context.settings.instance}")


def _current() -> Session | None:
    return flask.session if flask.has_request_context() and isinstance(flask.session, Session) else None


def _digest(user: User) -> str:
    if not isinstance(user, (ObjectId, UUID, str, int)):
        raise TypeError(f"A session's user is an id or a name, not a {type(user).__name__}: give user.id.")
    return session_store.digest(str(user))


def _check_size(texts: dict[str, bytes]) -> None:
    size = sum(len(name.encode()) + len(text) for name, text in texts.items())
    if size > MAX_SIZE:
        largest = max(texts, key=lambda name: len(texts[name]))
        raise ValueError(
            f"The session has {size} bytes, of which {largest!r} has the most; it can have {MAX_SIZE}. Keep large data "
            "in the database, and its id in the session."
        )
