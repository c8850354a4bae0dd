"""`HEALTH=/health`: a page that tells a load balancer whether the connections of the app work."""

from __future__ import annotations

import logging
from typing import Final

from flask import Flask, Response, current_app, request

from quorum import runtime

from . import checks, hooks

#: Seconds after which a server that did not answer counts as one that does not.
LIMIT: Final = 3.0

_log = logging.getLogger(__name__)


def start(app: Flask, context: runtime.Context) -> None:
    """Answer at the path that `HEALTH` sets, before anything of the application looks at the request."""
    path: str | None = context.settings.get("HEALTH")
    if path is not None:
        hooks.before(app, context, lambda: _answer(context) if _is_asked(path) else None)


def _is_asked(path: str) -> bool:
    return request.path == path and request.method in {"GET", "HEAD"}


def _answer(context: runtime.Context) -> Response:
    """Give `{"status": "ok", "connections": {"MongoDB": {"works": true, "milliseconds": 1.2}}}`.

    What is wrong with one is for the log, as anybody can read this page.
    """
    results = checks.run(context, LIMIT)
    for result in results:
        if not result.works:
            _log.warning("%s: %s", result.label, result.text)
    works = all(result.works for result in results)
    facts = {
        "status": "ok" if works else "failing",
        "connections": {
            result.label: {"works": result.works, "milliseconds": round(result.seconds * 1000, 1)} for result in results
        },
    }
    response = Response(current_app.json.dumps(facts) + "\n", 200 if works else 503, mimetype="application/json")
    response.cache_control.no_store = True
    return response
