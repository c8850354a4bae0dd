"""The templates of mails: those of the app, with its filters and values, and links that work outside of the site."""

from __future__ import annotations

import contextlib
from collections import ChainMap
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import quote

import flask
import jinja2
from flask import Flask

from quorum import errors, runtime
from quorum.mail.headers import problem

from . import locales


@contextlib.contextmanager
def speaking(app: Flask, locale: str | None) -> Iterator[None]:
    """Be in a context of an app, and in a locale where one is given: that of the app's which fits it, else the first.

    :raises ValidationError: it is no locale.
    """
    with contextlib.ExitStack() as stack:
        if not flask.has_app_context() or flask.current_app != app:
            stack.enter_context(app.app_context())
        if locale is not None and not locales.normalized(locale):
            raise problem("locale", "Is no locale. One is written as 'en_us' or 'pt'.")
        languages = app.extensions.get(locales.EXTENSION)
        if locale is not None and languages is not None:
            import flask_babel

            stack.enter_context(flask_babel.force_locale(languages.match(locale) or languages.available[0]))
        yield


def render(context: runtime.Context, name: str, values: Mapping[str, Any], *, escaped: bool) -> str:
    """Render a template of an app for a mail.

    :param escaped: whether values are escaped, whatever the template's name says: a rich part is HTML, a plain one not.
    :raises jinja2.TemplateNotFound: there is no such template.
    """
    app: Flask = context.app
    key = ("mail.templates", escaped)
    environment: jinja2.Environment | None = context.cache.get(key)
    if environment is None:
        environment = context.cache[key] = app.jinja_env.overlay(autoescape=escaped)
        # In the globals, as macros that are imported see these only.
        environment.globals = cast("Any", ChainMap({"url_for": _Links(context)}, app.jinja_env.globals))
    seen = dict(values)
    app.update_template_context(seen)
    return environment.get_template(name).render(seen)


class _Links:
    """The `url_for()` of mails: its URLs are complete, and their host is the one that is configured.

    What a request says of the host is its sender's word: in a mail to somebody else it would lead where that one wants.
    """

    def __init__(self, context: runtime.Context) -> None:
        self._context = context

    def __call__(self, endpoint: str, *, _anchor: str | None = None, _scheme: str | None = None, **values: Any) -> str:
        app: Flask = self._context.app
        if endpoint.startswith("."):
            blueprint = flask.request.blueprint if flask.has_request_context() else None
            endpoint = f"{blueprint}{endpoint}" if blueprint else endpoint[1:]
        app.inject_url_defaults(endpoint, values)
        values.pop("_external", None)
        url: str = self._adapter(app).build(endpoint, values, url_scheme=_scheme, force_external=True)
        return url if _anchor is None else f"{url}#{quote(_anchor, safe='%!#$&()*+,/:;=?@')}"

    def _adapter(self, app: Flask) -> Any:
        base = self._context.settings.get("BASE_URL")
        if base is None and app.config["SERVER_NAME"] is None:
            if not app.debug and not app.testing:
                raise errors.ConfigurationError(
                    "A link in a mail needs BASE_URL, the app's public URL: what a request says of it can't be trusted."
                )
            base = f"http://localhost:{self._context.settings.get('PORT')}"
        # Not entered: it is there for what it knows of the app's URLs.
        return app.test_request_context(base_url=base).url_adapter
