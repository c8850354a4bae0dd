"""What quorum does around each request, outside of all that an application does there, and only while it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from quorum import runtime


def before(app: Flask, context: runtime.Context, function: Callable[[], Any]) -> None:
    """Call a function before those that are registered by now; its answer, if it gives one, is the response."""
    functions: list[Any] = app.before_request_funcs.setdefault(None, [])
    functions.insert(0, function)
    context.at_stop(lambda: functions.remove(function))


def after(app: Flask, context: runtime.Context, function: Callable[[Any], Any]) -> None:
    """Call a function with the response when all of the application have seen it."""
    functions: list[Any] = app.after_request_funcs.setdefault(None, [])
    # Flask goes through them from the end.
    functions.insert(0, function)
    context.at_stop(lambda: functions.remove(function))


def configure(app: Flask, context: runtime.Context, **values: Any) -> None:
    """Set Flask's configuration for as long as the app is loaded."""
    before = {name: app.config.get(name) for name in values}
    app.config.update(values)
    context.at_stop(lambda: app.config.update(before))
