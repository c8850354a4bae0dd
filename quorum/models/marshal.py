"""The marshmallow side of a kind: a field class that is marshmallow's own, with the kind as its judge.

A schema has two readers. Outside input (`Model.Schema().load(...)`, `Model.new(...)`) is cast: "5" is an int. Values
that code assigned are not: they are checked under `strict()`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import marshmallow.fields as mf

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


class KindField(mf.Field[Any]):
    """A marshmallow field whose values are those of a kind."""

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


_classes: dict[str, Any] = {}


def field_class(base: type[mf.Field[Any]]) -> Any:
    """Give the subclass of a marshmallow field class that a kind judges."""
    if base.__name__ not in _classes:
        _classes[base.__name__] = type(base.__name__, (KindField, base), {})
    return _classes[base.__name__]
