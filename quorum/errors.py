"""The errors of quorum: one family, each with its facts as attributes.

A message says what was given, what holds and what to do. Secrets and private values are never part of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import marshmallow


class QuorumError(Exception):
    """Base of every error that quorum raises."""


class ConfigurationError(QuorumError):
    """A variable, an argument or a declaration makes no sense.

    `problems` lists every problem that was found, one sentence each.
    """

    def __init__(self, *problems: str) -> None:
        self.problems: tuple[str, ...] = problems
        super().__init__("\n".join(problems))


class ValidationError(QuorumError, marshmallow.ValidationError):
    """A value does not fit its field.

    `messages` maps a field's name to its messages, `{"title": ["Longer than maximum length 120."]}`, nested as the
    document is, or is a list of them where the problem is of no one field; `model` is the name of the model, or None.
    """

    def __init__(
        self,
        message: str | list[Any] | dict[str, Any],
        field_name: str = "_schema",
        data: Mapping[str, Any] | None = None,
        valid_data: list[Any] | dict[str, Any] | None = None,
        *,
        model: str | None = None,
        **kwargs: Any,
    ) -> None:
        marshmallow.ValidationError.__init__(self, message, field_name, data, valid_data, **kwargs)
        self.model = model

    def __str__(self) -> str:
        text = "; ".join(_flatten(self.messages if isinstance(self.messages, dict) else {"_schema": self.messages}))
        return f"{self.model}: {text}" if self.model else text


class StoredValueError(ValidationError):
    """A stored document holds something that its field cannot be.

    The list that the document came in is not affected, and saving leaves the value as it is: read it by
    `Model.collection`, or assign a right value. `field` and `id` tell where it was found.
    """

    def __init__(self, message: str, *, model: str, field: str, id: Any) -> None:
        super().__init__(message, field, model=model)
        self.field = field
        self.id = id

    def __str__(self) -> str:
        return f"{self.model}.{self.field} of document {self.id!r}: {self.args[0]}"


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


def _flatten(messages: Any, path: str = "") -> Sequence[str]:
    if isinstance(messages, Mapping):
        return [
            line
            for key, value in messages.items()
            for line in _flatten(value, path if key == "_schema" else f"{path}.{key}" if path else str(key))
        ]
    if isinstance(messages, (list, tuple)):
        text = " ".join(str(message) for message in messages)
    else:
        text = str(messages)
    return [f"{path}: {text}" if path else text]
