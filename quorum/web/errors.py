"""What a client sees of an error: the family of quorum as HTTP, and all of HTTP's as JSON for who prefers it.

Each error becomes Werkzeug's exception of its status and goes through Flask's handling of those, so that an
`@app.errorhandler(404)` of the application serves a `NotFoundError` too; the error itself is its `__cause__`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response as FlaskResponse
from werkzeug.exceptions import (
    Conflict,
    HTTPException,
    InternalServerError,
    NotFound,
    ServiceUnavailable,
    UnprocessableEntity,
)
from werkzeug.wrappers import Response

from quorum import errors, mongodb, redisdb

from . import locales, sessions

#: How many seconds a client waits before it tries again, after a 503.
RETRY_AFTER = 5


def is_refused(error: errors.OperationalError) -> bool:
    """Say whether a server did answer, and refused what it was asked."""
    if isinstance(error, errors.MailError):
        return not error.is_temporary
    return mongodb.is_refused(error) or redisdb.is_refused(error)


def not_found(_error: errors.NotFoundError) -> HTTPException:
    """A 404. What was looked for is not told: it may be private."""
    return NotFound()


def validation(error: errors.ValidationError) -> HTTPException:
    """A 422 that tells the messages of each field, in the language of the request."""
    return UnprocessableEntity(str(errors.ValidationError(locales.translate(error.messages), model=error.model)))


def conflict(_error: errors.ConflictError) -> HTTPException:
    """A 409 that says what to do."""
    text = "It was changed or deleted in the meantime. Load it again and repeat the change."
    return Conflict(locales.translate(text))


def operational(error: errors.OperationalError) -> HTTPException:
    """A 503. Which server did not answer is for the log, and for the page only in debug.

    :raises OperationalError: the server did answer, and refused what the application sent: an ordinary 500.
    """
    if is_refused(error):
        raise error
    current_app.log_exception(sys.exc_info())
    sessions.give_up()
    shown = locales.translate("A service behind this site does not answer. Try again later.")
    description = str(error) if current_app.debug else shown
    return ServiceUnavailable(description, retry_after=RETRY_AFTER)


Translation = Callable[[Any], HTTPException]

TRANSLATIONS: Mapping[type[errors.QuorumError], Translation] = {
    errors.NotFoundError: not_found,
    errors.ValidationError: validation,
    errors.ConflictError: conflict,
    errors.OperationalError: operational,
}


def prefers_json(accepted: Any, *, is_json: bool) -> bool:
    """Tell whether a client wants JSON rather than HTML; where it has no preference, it gets what it sent.

    :param accepted: the request's `accept_mimetypes`.
    :param is_json: whether the request's own body is JSON.
    """
    json, html = accepted["application/json"], accepted["text/html"]
    return bool(json > html or (json == html and is_json))


def describe(error: HTTPException) -> dict[str, Any]:
    """Give an error's JSON: `{"error": {"code": 422, "name": ..., "message": ..., "messages": {field: [...]}}}`.

    `messages` is there for a `ValidationError` only.
    """
    facts: dict[str, Any] = {"code": error.code, "name": error.name, "message": error.description}
    if isinstance(error.__cause__, errors.ValidationError):
        facts["messages"] = locales.translate(error.__cause__.normalized_messages())  # type: ignore[no-untyped-call]
    return {"error": facts}


def handle_http(error: HTTPException) -> ResponseReturnValue | HTTPException:
    """Answer any HTTP error in JSON to a client that prefers it, and as Flask does to any other."""
    if not isinstance(error, InternalServerError) and current_app.trap_http_exception(error):
        raise error
    if not prefers_json(request.accept_mimetypes, is_json=request.is_json):
        return error
    answer = error.get_response()
    if isinstance(answer, Response):
        answer.data = current_app.json.dumps(describe(error)) + "\n"
        answer.content_type = "application/json"
        answer.vary.add("Accept")
    return answer


def _handler(translate: Translation) -> Callable[[errors.QuorumError], ResponseReturnValue | HTTPException]:
    def handle(error: errors.QuorumError) -> ResponseReturnValue | HTTPException:
        translated = translate(error)
        translated.__cause__ = error
        return current_app.handle_http_exception(translated)

    return handle


def _handle_late(app: Flask) -> None:
    """Make a 503 also of what is raised when the view has ended: as its session is saved, or in the page of an error.

    Flask would make a 500 of it without asking the handlers, and has no other place to say so.
    """
    handle = app.handle_exception

    def handle_exception(error: Exception) -> FlaskResponse:
        if isinstance(error, errors.OperationalError):
            if not is_refused(error):
                try:
                    return app.finalize_request(app.handle_user_exception(error), from_error_handler=True)
                except errors.OperationalError as again:
                    error = again
            elif redisdb.is_refused(error):
                sessions.give_up()
        return handle(error)

    app.handle_exception = handle_exception  # type: ignore[assignment, method-assign]


def _raise(error: errors.QuorumError) -> ResponseReturnValue:
    raise error


def init_app(app: Flask) -> None:
    """Register the handlers, each where the application has none of its own."""
    handlers: dict[type[Exception], Callable[[Any], Any]] = {
        error: _handler(translate) for error, translate in TRANSLATIONS.items()
    }
    # A stored document that is wrong is no fault of the client: an ordinary 500, though it is a ValidationError.
    handlers[errors.StoredValueError] = handlers[errors.DanglingReferenceError] = _raise
    handlers[HTTPException] = handle_http
    taken = app.error_handler_spec[None][None]
    for error, handler in handlers.items():
        if error not in taken:
            app.register_error_handler(error, handler)
    if "handle_exception" not in vars(app):
        _handle_late(app)
