"""The data layer for Flask on MongoDB.

The names of the Flask side are looked up when they are first read: a script or a worker that imports models loads no
Flask.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import mongodb, runtime
from .errors import (
    ConfigurationError,
    ConflictError,
    DanglingReferenceError,
    NotFoundError,
    NotLoadedError,
    OperationalError,
    QuorumError,
    StoredValueError,
    ValidationError,
)
from .models import EmbeddedModel, Model, Page, Query, Timestamped, field, reference, signals, validates
from .mongodb import get_mongo, get_mongo_db
from .redisdb import get_redis
from .runtime import conf

if TYPE_CHECKING:
    from flask import Flask

    from . import testing
    from .web.app import load, run, unload
    from .web.redirects import safe_redirect
    from .web.sessions import end_sessions, find_sessions, renew_session

    APP: Flask | None

__version__ = "0.1.0"

__all__ = [
    "APP",
    "ConfigurationError",
    "ConflictError",
    "DanglingReferenceError",
    "EmbeddedModel",
    "Model",
    "NotFoundError",
    "NotLoadedError",
    "OperationalError",
    "Page",
    "Query",
    "QuorumError",
    "StoredValueError",
    "Timestamped",
    "ValidationError",
    "conf",
    "end_sessions",
    "field",
    "find_sessions",
    "get_mongo",
    "get_mongo_db",
    "get_redis",
    "load",
    "mongodb",
    "reference",
    "renew_session",
    "run",
    "safe_redirect",
    "signals",
    "testing",
    "unload",
    "validates",
]

#: The modules of the Flask side, and the names that are theirs.
_WEB = {
    **dict.fromkeys(("load", "run", "unload"), "app"),
    **dict.fromkeys(("end_sessions", "find_sessions", "renew_session"), "sessions"),
    "safe_redirect": "redirects",
}


def __getattr__(name: str) -> Any:
    if name == "APP":
        context = runtime.last()
        return None if context is None else context.app
    if name in _WEB:
        value = globals()[name] = getattr(importlib.import_module(f".web.{_WEB[name]}", __name__), name)
        return value
    if name == "testing":
        return importlib.import_module(".testing", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
