"""A blog: accounts, posts, tags and comments, on Flask and quorum."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import flask_babel
from flask import Flask, Response, abort, g, render_template, request, session, url_for
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.wrappers import Response as BaseResponse

import quorum

from . import auth, models, posts
from .models import message

CONFIG: dict[str, Any] = {
    "MAX_CONTENT_LENGTH": 256 * 1024,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: a post may take more than an hour to write
}

#: The languages, by their own names; the first is for who asks for none of them.
LANGUAGES = {"en_us": "English", "pt_pt": "Português"}

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

#: What Flask and its extensions say on error pages, for the catalogues.
ERRORS = (
    message("Bad Request"),
    message("The browser (or proxy) sent a request that this server could not understand."),
    message("The CSRF token is missing."),
    message("The CSRF session token is missing."),
    message("The CSRF token is invalid."),
    message("The CSRF tokens do not match."),
    message("Forbidden"),
    message(
        "You don't have the permission to access the requested resource. It is either read-protected or not readable "
        "by the server."
    ),
    message("Not Found"),
    message(
        "The requested URL was not found on the server. If you entered the URL manually please check your spelling and "
        "try again."
    ),
    message("Method Not Allowed"),
    message("The method is not allowed for the requested URL."),
    message("Conflict"),
    message("Request Entity Too Large"),
    message("The data value transmitted exceeds the capacity limit."),
    message("Unsupported Media Type"),
    message("The server does not support the media type transmitted in the request."),
    message("Unprocessable Entity"),
    message("Internal Server Error"),
    message(
        "The server encountered an internal error and was unable to complete your request. Either the server is "
        "overloaded or there is an error in the application."
    ),
    message("Service Unavailable"),
)

#: The forms that bring files, and the bytes that one may have: a cover and five attachments.
FORMS_WITH_FILES = ("posts.create", "posts.update")
FILES_LENGTH = 56 * 1024 * 1024

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def create_app(**config: Any) -> Flask:
    """Make the app; `config` is Flask's, in upper case."""
    app = quorum.load(name=__name__, models=models, locales=LANGUAGES, **{**CONFIG, **config})
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.before_request(expect_files)  # before the form is read for its token
    CSRFProtect(app)
    app.before_request(take_forms_only)
    app.register_blueprint(auth.blueprint)
    app.register_blueprint(posts.blueprint)
    app.register_error_handler(HTTPException, show_error)
    app.add_template_filter(day)
    app.add_template_global(languages)
    app.add_template_global(quorum.translate)
    app.after_request(add_headers)
    return app


def expect_files() -> None:
    """Let the forms of posts bring more than others: of one who is logged in, as only they are read."""
    if request.endpoint in FORMS_WITH_FILES and "author" in session:
        request.max_content_length = FILES_LENGTH


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
    """Write a date: `March 7, 2026`, `7 de março de 2026`."""
    return flask_babel.format_date(moment, "long")


def languages() -> list[tuple[str, str, str | None]]:
    """Give what the switch of languages shows: the code and the name of each, and where this page is in it.

    The one that is spoken now leads nowhere. A page that came of a form is not there to be asked for again: from there
    the way leads to the newest posts.
    """
    now = flask_babel.get_locale()
    is_page = request.method == "GET" and request.endpoint and not request.routing_exception
    here = url_for(request.endpoint, **(request.view_args or {})) if is_page else url_for("posts.index")
    query = request.args.to_dict() if is_page else {}
    found: list[tuple[str, str, str | None]] = []
    for locale, name in LANGUAGES.items():
        language = flask_babel.Locale.parse(locale)
        where = None if language == now else f"{here}?{urlencode({**query, 'locale': locale})}"
        found.append((str(language).replace("_", "-"), name, where))
    return found


def add_headers(response: Response) -> Response:
    """Tell the browser what our pages never do, and to keep none that is for one reader only."""
    response.headers.update(HEADERS)
    if g.get("author"):
        response.cache_control.no_store = True
    return response
