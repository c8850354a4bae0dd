"""The language of a request: one of those that the app has, by what the visitor chose, else what the browser asks for.

Flask-Babel does the work, with the language that is found here: catalogues, dates, numbers. Messages of validation are
translated as well, where they are shown: `quorum.translate()`.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import flask
from flask import Flask, current_app, request
from werkzeug.wrappers import Response

from quorum import errors, runtime

from . import hooks, messages, sessions

M = TypeVar("M")

#: What an app has that names no locales.
DEFAULT: Final = ("en_us",)

#: The name of the argument in a URL, of the key in the session, and of the cookie.
NAME: Final = "locale"

#: How long a browser keeps the choice, in seconds.
MAX_AGE: Final = 365 * 24 * 3600

EXTENSION: Final = "quorum.locales"

_SHAPE = re.compile(r"[a-z]{2,3}(_[a-z0-9]{2,8}){0,3}", re.ASCII)
_ENVIRON = "quorum.locale"


class Locales:
    """The locales of an app, `("en_us", "pt_pt")`, the first of which is for who asks for none of them."""

    def __init__(self, available: tuple[str, ...], *, instance: str | None = None) -> None:
        self.available = available
        self.cookie = f"{NAME}_{instance}" if instance else NAME
        self._translators: dict[str, messages.Translator] = {}

    def match(self, wanted: str | None) -> str | None:
        """Find the locale that somebody means: `EN` or `en-US`, and for `pt` or `pt-BR` the `pt_pt` that there is.

        It is the lookup of RFC 4647, section 3.4, where a language without a region finds one with a region too.
        """
        name = normalized(wanted or "")
        while name:
            for locale in self.available:
                if locale == name or locale.startswith(f"{name}_"):
                    return locale
            name = name.rpartition("_")[0]
        return None

    def select(self) -> str:
        """Give the locale of the request that is served, or the first one outside of a request."""
        if not flask.has_request_context():
            return self.available[0]
        found: str | None = request.environ.get(_ENVIRON)
        if found is None:
            found = request.environ[_ENVIRON] = next(filter(None, self._choices()), self.available[0])
        return found

    def _choices(self) -> Iterator[str | None]:
        yield self.match(request.args.get(NAME))
        yield self.match(_of_session())
        yield self.match(request.cookies.get(self.cookie))
        for wanted, quality in request.accept_languages:
            if quality > 0:
                yield self.match(wanted)

    def finish(self, response: Response) -> Response:
        """Tell caches what the answer depends on, and keep a choice for later requests."""
        if len(self.available) > 1:
            self._keep(response)
        shown: str | None = request.environ.get(_ENVIRON)
        if shown is not None:
            response.headers.setdefault("Content-Language", tag(shown))
            if len(self.available) > 1:
                response.vary.update(("Accept-Language", "Cookie"))
        return response

    def _keep(self, response: Response) -> None:
        given = self.match(request.args.get(NAME))
        if given is not None:
            _tell_session(given)
        # What the session has is kept in the cookie as well: pages that need no session show the same language.
        choice = given or self.match(_of_session())
        if choice is None or choice == request.cookies.get(self.cookie):
            return
        app, interface = current_app, current_app.session_interface
        response.set_cookie(
            self.cookie,
            choice,
            max_age=MAX_AGE,
            path=interface.get_cookie_path(app),
            domain=interface.get_cookie_domain(app),
            secure=interface.get_cookie_secure(app),
            httponly=True,
            samesite="Lax",
        )

    def translator(self, locale: str) -> messages.Translator:
        """Give what translates messages into a locale, by the app's own catalogues and then by quorum's."""
        found = self._translators.get(locale)
        if found is None:
            babel = current_app.extensions["babel"]
            places = [(Path(folder), babel.default_domain) for folder in babel.translation_directories]
            places.append((messages.FOLDER, messages.DOMAIN))
            found = messages.Translator(
                file for folder, domain in places for file in messages.files(locale, folder, domain)
            )
            self._translators[locale] = found
        return found


def translate(text: M) -> M:
    """Give messages in the language of the request: a text, or all of a `ValidationError`'s `messages`.

    What has no translation stays in English, as do the keys; outside of an app, and in one that speaks English alone,
    so does everything.
    """
    if not flask.has_app_context() or EXTENSION not in current_app.extensions:
        return text
    import flask_babel

    locale = str(flask_babel.get_locale())
    result: M = messages.translated(text, current_app.extensions[EXTENSION].translator(locale))
    return result


def normalized(locale: str) -> str:
    """Give a locale as it is written here, `en_us`, or an empty text for what has not the shape of one."""
    name = locale.strip().lower().replace("-", "_")
    return name if _SHAPE.fullmatch(name) else ""


def tag(locale: str) -> str:
    """Give a locale as HTTP and HTML write it: `pt-PT`."""
    language, *rest = locale.split("_")
    return "-".join([language, *(part.upper() if len(part) == 2 else part.title() for part in rest)])


def read(locales: Iterable[Any]) -> tuple[str, ...]:
    """Check what `load()` was given, and give it normalized.

    :raises ConfigurationError: it is no list of locales, one is given twice or unknown, or Flask-Babel is missing.
    """
    given = [locales] if isinstance(locales, str) or not isinstance(locales, Iterable) else list(locales)
    names = tuple(normalized(name) if isinstance(name, str) else "" for name in given)
    problems = [f"{name!r} is no locale. One is written as 'en_us' or 'pt'." for name in _wrong(given, names)]
    if given == [locales] or not given:
        problems = [f"locales={locales!r} is no list of locales: locales=('en_us', 'pt_pt')."]
    elif len(set(names)) < len(names) and not problems:
        problems = [f"locales={tuple(given)!r} has a locale twice."]
    if problems:
        raise errors.ConfigurationError(*problems)
    if names[0] in ("en", *DEFAULT) and len(names) == 1:
        return names
    if importlib.util.find_spec("flask_babel") is None:
        raise errors.ConfigurationError(
            f'locales={names!r} needs the package Flask-Babel: pip install "quorum[locales]". English alone does not.'
        )
    unknown = [name for name in names if not _is_known(name)]
    if unknown:
        raise errors.ConfigurationError(f"Babel knows no locale {', '.join(map(repr, unknown))}.")
    return names


def init_app(app: Flask, available: tuple[str, ...], *, instance: str | None = None) -> None:
    """Set Flask-Babel up for the locales that `read()` gave; English alone needs nothing."""
    app.extensions.pop(EXTENSION, None)
    if available[0] in ("en", *DEFAULT) and len(available) == 1:
        return
    import flask_babel

    app.extensions[EXTENSION] = locales = Locales(available, instance=instance)
    flask_babel.Babel(app, default_locale=available[0], locale_selector=locales.select)
    app.jinja_env.globals.setdefault("get_locale", flask_babel.get_locale)


def start(app: Flask, context: runtime.Context) -> None:
    """Tell what each answer's language is, and keep choices, where there are languages."""
    locales: Locales | None = app.extensions.get(EXTENSION)
    if locales is not None:
        hooks.after(app, context, locales.finish)


def _wrong(given: list[Any], names: tuple[str, ...]) -> list[Any]:
    return [one for one, name in zip(given, names, strict=True) if not name]


def _is_known(name: str) -> bool:
    import babel

    try:
        babel.Locale.parse(name)
    except (babel.UnknownLocaleError, ValueError):
        return False
    return True


def _of_session() -> str | None:
    """Give the choice in a session that was read already: to read one for this may fail, and takes time."""
    if not sessions.is_read():
        return None
    try:
        choice = flask.session.get(NAME)
    except errors.OperationalError:
        # The page that tells that sessions do not work needs a language too.
        return None
    return choice if isinstance(choice, str) else None


def _tell_session(choice: str) -> None:
    """Change the choice that a session has, as it would go before the cookie."""
    if current_app.config["SESSION_COOKIE_NAME"] not in request.cookies:
        return
    try:
        if flask.session.get(NAME, choice) != choice:
            flask.session[NAME] = choice
    except errors.OperationalError as error:
        current_app.logger.warning("The choice of a language is in the cookie alone: %s", error)
