"""A blog: accounts, posts, tags and comments, on Flask and quorum."""

from datetime import datetime
from typing import Any

from flask import Flask, Response, abort, g, render_template, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.wrappers import Response as BaseResponse

import quorum

from . import auth, models, posts

CONFIG: dict[str, Any] = {
    "MAX_CONTENT_LENGTH": 256 * 1024,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: a post may take more than an hour to write
}

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

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
    app.before_request(take_forms_only)
    app.register_blueprint(auth.blueprint)
    app.register_blueprint(posts.blueprint)
    app.register_error_handler(HTTPException, show_error)
    app.add_template_filter(day)
    app.after_request(add_headers)
    return app


def take_forms_only() -> None:
    """Refuse other bodies: read as a form they are an empty one, which would clear what it leaves out."""
    if request.endpoint and request.method == "POST" and request.mimetype not in FORMS:
        abort(415)


def show_error(error: HTTPException) -> BaseResponse:
    """Show every error in the look of the site: quorum's come here too, as the HTTP errors that they mean."""
    answer = error.get_response()
    # For a host that is no name there are no URLs, and so none of our pages.
    if error.code is not None and error.code >= 400 and not isinstance(request.routing_exception, BadRequest):
        answer.set_data(render_template("error.html.tpl", error=error))
    return answer


def day(moment: datetime) -> str:
    """Write a date: `7 March 2026`."""
    return f"{moment.day} {moment:%B %Y}"


def add_headers(response: Response) -> Response:
    """Tell the browser what our pages never do, and to keep none that is for one reader only."""
    response.headers.update(HEADERS)
    if g.get("author"):
        response.cache_control.no_store = True
    return response
