"""Keeps what repeats in the background at work where a server forks: its children begin with their first request."""

from __future__ import annotations

from flask import Flask, current_app

from quorum import jobs


def init_app(app: Flask) -> None:
    """Have an app's requests see to it, once."""
    if _resume not in app.before_request_funcs.get(None, ()):
        app.before_request(_resume)


def _resume() -> None:
    context = current_app.extensions.get("quorum")
    if context is not None:
        jobs.resume(context)
