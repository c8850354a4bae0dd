"""The marshmallow side of a kind: a field class that is marshmallow's own, with the kind as its judge.

A schema has two readers. Outside input (`Model.Schema().load(...)`, `Model.new(...)`) is cast: "5" is an int. Values
that code assigned are not: they are checked under `strict()`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from ..late import marshmallow

if TYPE_CHECKING:
    from .kinds import Kind

_strict: ContextVar[bool] = ContextVar("quorum_strict", default=False)


@contextlib.contextmanager
def strict() -> Iterator[None]:
    """Check values as code assigned them, without a cast."""
    token = _strict.set(True)
    try:
        yield
    finally:
        _strict.reset(token)


class _OfKind:
    """What makes a class of marshmallow's fields one whose values are those of a kind."""

    def __init__(self, *args: Any, kind: Kind, **options: Any) -> None:
        self.kind = kind
        super().__init__(*args, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        if not _strict.get():
            return self.kind.cast(value)
        value = self.kind.coerce(value)
        self.kind.judge(value)
        return value

    def _serialize(self, value: Any, attr: str | None, obj: Any, **options: Any) -> Any:
        return None if value is None else self.kind.dump(value)


@cache
def field_class(name: str) -> Callable[..., marshmallow.fields.Field[Any]]:
    """Give the subclass of a class of marshmallow's fields that a kind judges."""
    made: Any = type(name, (_OfKind, getattr(marshmallow.fields, name)), {})
    return cast(Callable[..., marshmallow.fields.Field[Any]], made)
