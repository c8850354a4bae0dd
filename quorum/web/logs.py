"""What the log needs of Flask: which request a line belongs to."""

from __future__ import annotations

import re
import secrets
from typing import Final

import flask
from flask import Flask, Response
from flask.logging import default_handler

from quorum import log, runtime

from . import hooks, secret

#: The header that a request's id comes in, if the client or a proxy has one, and goes back in.
HEADER: Final = "X-Request-ID"

_KEY = "quorum.request_id"
_SAFE = re.compile(r"[A-Za-z0-9._=-]{1,64}", re.ASCII)


def start(app: Flask, context: runtime.Context) -> None:
    """Open the log that the context names, if it names one."""
    if context.logger is None:
        return
    opened = log.start(
        context.logger,
        context.settings,
        masker=secret.masker(app, context.settings),
        request_id=request_id,
        is_current=lambda: flask.has_app_context() and flask.current_app.extensions.get("quorum") is context,
    )
    context.at_stop(opened.close)
    # Reading it makes the app's logger, to which Flask adds a handler if it has none.
    own = app.logger.name
    opened.attach([context.logger, own, *log.SHARED], displaced=[default_handler])
    hooks.after(app, context, _tell)


def request_id() -> str | None:
    """Give the id of the request that is being served, or None outside of one.

    It is the client's `X-Request-ID` where that is 1 to 64 letters, digits, `.`, `_`, `=` and `-`, else a new one.
    """
    if not flask.has_request_context():
        return None
    environ = flask.request.environ
    identity: str | None = environ.get(_KEY)
    if identity is None:
        given = flask.request.headers.get(HEADER, "")
        identity = environ[_KEY] = given if _SAFE.fullmatch(given) else secrets.token_hex(8)
    return identity


def _tell(response: Response) -> Response:
    response.headers[HEADER] = request_id() or ""
    return response
