"""The errors of values, which are marshmallow's too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import marshmallow

from .base import QuorumError


class ValidationError(QuorumError, marshmallow.ValidationError):
    """A value does not fit its field.

    `messages` maps a field's name to its messages, `{"title": ["Longer than maximum length 120."]}`, nested as the
    document is, or is a list of them where the problem is of no one field; `model` is the name of the model, or None.
    """

    __module__ = "quorum.errors"

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

    __module__ = "quorum.errors"

    def __init__(self, message: str, *, model: str, field: str, id: Any) -> None:
        super().__init__(message, field, model=model)
        self.field = field
        self.id = id

    def __str__(self) -> str:
        return f"{self.model}.{self.field} of document {self.id!r}: {self.args[0]}"


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
