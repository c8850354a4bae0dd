"""The data layer for Flask on MongoDB.

The names of the Flask side and of jobs are looked up when they are first read: a script that imports models loads none
of them.
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
    StoredValueError,
    ValidationError,
)
from .models import EmbeddedModel, Model, Page, Query, Timestamped, field, reference, signals, validates
from .mongodb import get_mongo, get_mongo_db
from .runtime import conf

if TYPE_CHECKING:
    from flask import Flask

    from . import jobs, mail, testing
    from .jobs import Handle, background, job, progress, run_back, run_background
    from .web.app import load, run, unload
    from .web.mails import mailer, send_mail, send_mail_a

    APP: Flask | None

__version__ = "0.1.0"

__all__ = [
    "APP",
    "ConfigurationError",
    "ConflictError",
    "DanglingReferenceError",
    "EmbeddedModel",
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
    "background",
    "conf",
    "field",
    "get_mongo",
    "get_mongo_db",
    "job",
    "jobs",
    "load",
    "mail",
    "mailer",
    "mongodb",
    "progress",
    "reference",
    "run",
    "run_back",
    "run_background",
    "send_mail",
    "send_mail_a",
    "signals",
    "testing",
    "unload",
    "validates",
]

_LATE = {
    **dict.fromkeys(("load", "run", "unload"), ".web.app"),
    **dict.fromkeys(("mailer", "send_mail", "send_mail_a"), ".web.mails"),
    **dict.fromkeys(("Handle", "background", "job", "progress", "run_back", "run_background"), ".jobs"),
}


def __getattr__(name: str) -> Any:
    if name == "APP":
        context = runtime.last()
        return None if context is None else context.app
    if name in _LATE:
        value = globals()[name] = getattr(importlib.import_module(_LATE[name], __name__), name)
        return value
    if name in {"jobs", "mail", "testing"}:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
