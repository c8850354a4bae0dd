"""A blog: accounts, posts, tags and comments, on Flask and quorum."""

from datetime import datetime
from typing import Any

from flask import Flask, Response, render_template
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import HTTPException

import quorum

from . import auth, models, posts

CONFIG: dict[str, Any] = {
    "MAX_CONTENT_LENGTH": 256 * 1024,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: a post may take more than an hour to write
}

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def create_app(**config: Any) -> Flask:
    """Make the app; `config` is Flask's, in upper case."""
    app = quorum.load(name=__name__, models=models, **{**CONFIG, **config})
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    CSRFProtect(app)
    app.register_blueprint(auth.blueprint)
    app.register_blueprint(posts.blueprint)
    app.register_error_handler(HTTPException, show_error)
    app.add_template_filter(day)
    app.after_request(add_headers)
    return app


def show_error(error: HTTPException) -> ResponseReturnValue:
    """Show every error in the look of the site: quorum's come here too, as the HTTP errors that they mean."""
    if error.code is None or error.code < 400:
        return error.get_response()
    return render_template("error.html.tpl", error=error), error.code


def day(moment: datetime) -> str:
    """Write a date: `7 March 2026`."""
    return f"{moment.day} {moment:%B %Y}"


def add_headers(response: Response) -> Response:
    """Tell the browser what our pages never do."""
    response.headers.update(HEADERS)
    return response
