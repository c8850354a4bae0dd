"""The errors of quorum: one family, each with its facts as attributes.

A message says what was given, what holds and what to do. Secrets and private values are never part of one.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..late import importing
from .base import QuorumError

if TYPE_CHECKING:
    from .validation import StoredValueError, ValidationError

__all__ = [
    "ConfigurationError",
    "ConflictError",
    "DanglingReferenceError",
    "JobError",
    "MailError",
    "NotFoundError",
    "NotLoadedError",
    "OperationalError",
    "QuorumError",
    "StoredValueError",
    "ValidationError",
]


class ConfigurationError(QuorumError):
    """A variable, an argument or a declaration makes no sense.

    `problems` lists every problem that was found, one sentence each.
    """

    def __init__(self, *problems: str) -> None:
        self.problems: tuple[str, ...] = problems
        super().__init__("\n".join(problems))


class NotFoundError(QuorumError):
    """No document matches where one was asked for. `model` is the name of the model."""

    def __init__(self, message: str, *, model: str | None = None) -> None:
        super().__init__(message)
        self.model = model


class DanglingReferenceError(NotFoundError):
    """A reference was read, and the document that it leads to does not exist.

    It says something of what is stored, not of what was asked for: in a request it is no 404. `model` is the name of
    the model referred to, `id` what the document's id would be, `field` the field that has it, as `"Post.author"`.
    """

    def __init__(self, message: str, *, model: str, id: Any, field: str) -> None:
        super().__init__(message, model=model)
        self.id = id
        self.field = field


class ConflictError(QuorumError):
    """Another writer changed or deleted the document first. `model` and `id` tell which one.

    Reload it, apply the change again and save; nothing was written.
    """

    def __init__(self, message: str, *, model: str | None = None, id: Any = None) -> None:
        super().__init__(message)
        self.model = model
        self.id = id


class NotLoadedError(QuorumError):
    """A field that `only()` left out was read. `model`, `field` and `id` tell which one."""

    def __init__(self, message: str, *, model: str, field: str, id: Any = None) -> None:
        super().__init__(message)
        self.model = model
        self.field = field
        self.id = id


class JobError(QuorumError):
    """A job has no result: it failed where its own exception can't be had, was cancelled, or was never started.

    `job` is its name and `state` what became of it.
    """

    def __init__(self, message: str, *, job: str, state: str) -> None:
        super().__init__(message)
        self.job = job
        self.state = state


class OperationalError(QuorumError):
    """A server did not answer, or answered that it could not do what was asked.

    The cause is chained. `code` is the server's error code, or None.
    """

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class MailError(OperationalError):
    """The mail server did not take a mail, for any receiver.

    `code` is SMTP's, or None where there was no answer; `is_temporary` says whether the same mail may be taken later;
    `refused` has the `quorum.mail.Refusal` of each receiver by its address, and `message_id` names the mail.
    """

    def __init__(self, message: str, *, code: int | None = None, is_temporary: bool) -> None:
        super().__init__(message, code=code)
        self.is_temporary = is_temporary
        self.refused: Mapping[str, Any] = {}
        self.message_id: str | None = None


def __getattr__(name: str) -> Any:
    # They are classes of marshmallow's too, which is imported when it is first needed.
    if name in ("StoredValueError", "ValidationError"):
        with importing:
            value = globals()[name] = getattr(importlib.import_module(".validation", __name__), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
