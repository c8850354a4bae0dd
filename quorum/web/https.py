"""`FORCE_SSL`: pages and cookies go by https:// only. `BASE_URL`: URLs are public ones."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, current_app, redirect, request
from werkzeug.routing import MapAdapter
from werkzeug.wrappers import Response as BaseResponse

from quorum import runtime

from . import hooks

#: For how long a browser does not even try http:// any more: a year.
HSTS: Final = "max-age=31536000"


def start(app: Flask, context: runtime.Context) -> None:
    """Do what `BASE_URL` and `FORCE_SSL` ask for."""
    base_url: str | None = context.settings.get("BASE_URL")
    if base_url is not None:
        _publish(app, context, base_url)
    if context.settings.get("FORCE_SSL"):
        hooks.configure(app, context, SESSION_COOKIE_SECURE=True, PREFERRED_URL_SCHEME="https")
        hooks.before(app, context, lambda: _force(base_url))
        hooks.after(app, context, _secure)


def _publish(app: Flask, context: runtime.Context, base_url: str) -> None:
    """Tell Flask where the app is, unless the application did so itself."""
    parts = urlsplit(base_url)
    # For an app that takes hosts apart, SERVER_NAME would say which ones it serves.
    if app.config["SERVER_NAME"] is not None or app.subdomain_matching or app.url_map.host_matching:
        return
    hooks.configure(app, context, SERVER_NAME=parts.netloc, PREFERRED_URL_SCHEME=parts.scheme)
    make = app.create_url_adapter

    def create_url_adapter(request: Request | None) -> MapAdapter | None:
        adapter = make(request)
        if adapter is not None:
            # Flask takes the host of SERVER_NAME and the scheme of the request, which behind a proxy may be another.
            adapter.url_scheme = parts.scheme
        return adapter

    app.create_url_adapter = create_url_adapter  # type: ignore[method-assign]
    context.at_stop(lambda: setattr(app, "create_url_adapter", make))
    if (path := parts.path.rstrip("/")) and app.config["APPLICATION_ROOT"] == "/":
        hooks.configure(app, context, APPLICATION_ROOT=path)


def _force(base_url: str | None) -> BaseResponse | None:
    if request.is_secure:
        return None
    parts = urlsplit(request.url)
    # Where the app is, if it was told; else where the client says that it went.
    known = urlsplit(base_url or "")
    host = known.netloc if known.scheme == "https" else parts.netloc
    if not host:
        # A browser takes https:///a/b for the host a.
        abort(400)
    # 308, as the browser is to send the same again, a form too.
    return redirect(parts._replace(scheme="https", netloc=host).geturl(), 308)


def _secure(response: Response) -> Response:
    cookies = response.headers.getlist("Set-Cookie")
    if any("; secure" not in cookie.lower() for cookie in cookies):
        response.headers.setlist(
            "Set-Cookie", [cookie if "; secure" in cookie.lower() else f"{cookie}; Secure" for cookie in cookies]
        )
    if request.is_secure and not current_app.debug:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    return response
