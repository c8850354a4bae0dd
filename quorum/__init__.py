"""The data layer for Flask on MongoDB.

The names of the Flask side, of jobs, of files and of some connections are looked up when they are first read, as are
those of errors that are marshmallow's too: a script that imports models loads neither.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import mongodb, runtime
from .errors import (
    ConfigurationError,
    ConflictError,
    DanglingReferenceError,
    JobError,
    MailError,
    NotFoundError,
    NotLoadedError,
    OperationalError,
    QuorumError,
)
from .models import EmbeddedModel, Model, Page, Query, Timestamped, field, file, reference, signals, validates
from .mongodb import get_mongo, get_mongo_db
from .runtime import conf

if TYPE_CHECKING:
    from flask import Flask

    from . import amqp, jobs, mail, pusherc, redisdb, storage, testing
    from .amazon import (
        clear_amazon_bucket,
        delete_amazon_key,
        exists_amazon_key,
        get_amazon,
        get_amazon_bucket,
        get_amazon_key,
    )
    from .amqp import get_amqp
    from .errors import StoredValueError, ValidationError
    from .jobs import Handle, background, job, progress, run_back, run_background
    from .models import File
    from .pusherc import get_pusher
    from .redisdb import get_redis
    from .web.app import load, unload
    from .web.locales import translate
    from .web.mails import mailer, send_mail, send_mail_a
    from .web.redirects import safe_redirect
    from .web.serving import run
    from .web.sessions import end_sessions, find_sessions, renew_session

    APP: Flask | None

__version__ = "0.1.0"

__all__ = [
    "APP",
    "ConfigurationError",
    "ConflictError",
    "DanglingReferenceError",
    "EmbeddedModel",
    "File",
    "Handle",
    "JobError",
    "MailError",
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
    "background",
    "clear_amazon_bucket",
    "conf",
    "delete_amazon_key",
    "end_sessions",
    "exists_amazon_key",
    "field",
    "file",
    "find_sessions",
    "get_amazon",
    "get_amazon_bucket",
    "get_amazon_key",
    "get_amqp",
    "get_mongo",
    "get_mongo_db",
    "get_pusher",
    "get_redis",
    "job",
    "jobs",
    "load",
    "mail",
    "mailer",
    "mongodb",
    "progress",
    "pusherc",
    "redisdb",
    "reference",
    "renew_session",
    "run",
    "run_back",
    "run_background",
    "safe_redirect",
    "send_mail",
    "send_mail_a",
    "signals",
    "storage",
    "testing",
    "translate",
    "unload",
    "validates",
]

#: The modules of names that are looked up late.
_LATE = {
    "File": ".models.files",
    "Handle": ".jobs",
    "StoredValueError": ".errors",
    "ValidationError": ".errors",
    "background": ".jobs",
    "clear_amazon_bucket": ".amazon",
    "delete_amazon_key": ".amazon",
    "end_sessions": ".web.sessions",
    "exists_amazon_key": ".amazon",
    "find_sessions": ".web.sessions",
    "get_amazon": ".amazon",
    "get_amazon_bucket": ".amazon",
    "get_amazon_key": ".amazon",
    "get_amqp": ".amqp",
    "get_pusher": ".pusherc",
    "get_redis": ".redisdb",
    "job": ".jobs",
    "load": ".web.app",
    "mailer": ".web.mails",
    "progress": ".jobs",
    "renew_session": ".web.sessions",
    "run": ".web.serving",
    "run_back": ".jobs",
    "run_background": ".jobs",
    "safe_redirect": ".web.redirects",
    "send_mail": ".web.mails",
    "send_mail_a": ".web.mails",
    "translate": ".web.locales",
    "unload": ".web.app",
}
_MODULES = frozenset({"amqp", "jobs", "mail", "pusherc", "redisdb", "storage", "testing"})


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
