"""The data layer for Flask on MongoDB.

The names of the Flask side, of files and of some connections are looked up when they are first read: a script or a
worker that imports models loads no Flask.
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
from .models import EmbeddedModel, Model, Page, Query, Timestamped, field, file, reference, signals, validates
from .mongodb import get_mongo, get_mongo_db
from .runtime import conf

if TYPE_CHECKING:
    from flask import Flask

    from . import amqp, pusherc, storage, testing
    from .amazon import (
        clear_amazon_bucket,
        delete_amazon_key,
        exists_amazon_key,
        get_amazon,
        get_amazon_bucket,
        get_amazon_key,
    )
    from .amqp import get_amqp
    from .models import File
    from .pusherc import get_pusher
    from .web.app import load, unload
    from .web.locales import translate
    from .web.serving import run

    APP: Flask | None

__version__ = "0.1.0"

__all__ = [
    "APP",
    "ConfigurationError",
    "ConflictError",
    "DanglingReferenceError",
    "EmbeddedModel",
    "File",
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
    "amqp",
    "clear_amazon_bucket",
    "conf",
    "delete_amazon_key",
    "exists_amazon_key",
    "field",
    "file",
    "get_amazon",
    "get_amazon_bucket",
    "get_amazon_key",
    "get_amqp",
    "get_mongo",
    "get_mongo_db",
    "get_pusher",
    "load",
    "mongodb",
    "pusherc",
    "reference",
    "run",
    "signals",
    "storage",
    "testing",
    "translate",
    "unload",
    "validates",
]

_LATE = {
    "File": ".models.files",
    "clear_amazon_bucket": ".amazon",
    "delete_amazon_key": ".amazon",
    "exists_amazon_key": ".amazon",
    "get_amazon": ".amazon",
    "get_amazon_bucket": ".amazon",
    "get_amazon_key": ".amazon",
    "get_amqp": ".amqp",
    "get_pusher": ".pusherc",
    "load": ".web.app",
    "run": ".web.serving",
    "translate": ".web.locales",
    "unload": ".web.app",
}
_MODULES = frozenset({"amqp", "pusherc", "storage", "testing"})


def __getattr__(name: str) -> Any:
    if name == "APP":
        context = runtime.last()
        return None if context is None else context.app
    if name in _LATE:
        value = globals()[name] = getattr(importlib.import_module(_LATE[name], __name__), name)
        return value
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
