"""Autoescaping of templates named `*.html.tpl`."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from flask import Flask

SUFFIX = ".tpl"

#: Says whether a template is escaped, by its name; None is the name of a template given as a string.
Judge = Callable[[str | None], bool]


class Autoescape:
    """Judge `index.html.tpl` exactly as `judge` judges `index.html`."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    def __call__(self, filename: str | None) -> bool:
        return self.judge(filename.removesuffix(SUFFIX) if filename else filename)


def init_app(app: Flask) -> None:
    """Make an app escape `*.html.tpl`; an app that escapes all or nothing goes on doing so."""
    configured = app.jinja_options.get("autoescape", app.select_jinja_autoescape)
    if callable(configured) and not isinstance(configured, Autoescape):
        app.jinja_options = {**app.jinja_options, "autoescape": Autoescape(cast("Judge", configured))}
    # Touching `jinja_env` makes it, and ends the time in which its options can be set.
    if "jinja_env" in vars(app):
        made = app.jinja_env.autoescape
        if callable(made) and not isinstance(made, Autoescape):
            app.jinja_env.autoescape = Autoescape(made)
