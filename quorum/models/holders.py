"""Which fields of a model lead to files: what the files of a document are is looked at only where there are any."""

from __future__ import annotations

from typing import Any

from .containers import Container, core
from .embedded import EmbeddedKind
from .kinds import Kind
from .mixed import UnionKind


def holders(model: Any) -> tuple[Any, ...]:
    """Give the fields of a model that lead to files, also by way of what it embeds."""
    return _holders(model, frozenset())


def has_files(model: Any) -> bool:
    """Say whether documents of a model, or of one that shares its collection, may have files."""
    return any(one.__files__ for one in model.__family__())


def is_unsent(value: Any) -> bool:
    """Say whether a value is what a form sends for an input of files in which nothing was chosen."""
    return hasattr(value, "stream") and not getattr(value, "filename", None) and not value.stream.read(1)


def _holders(model: Any, seen: frozenset[Any]) -> tuple[Any, ...]:
    if model in seen:
        return ()  # it embeds itself: whoever asked first looks at its other fields
    return tuple(field for field in model.__fields__.values() if _leads(field.kind, seen | {model}))


def _leads(kind: Kind, seen: frozenset[Any]) -> bool:
    kind = core(kind)
    while isinstance(kind, Container):
        kind = core(kind.item)
    if isinstance(kind, UnionKind):
        return any(_leads(member, seen) for member in kind.members)
    if isinstance(kind, EmbeddedKind):
        return any(_holders(target.get(), seen) for target in kind.targets)
    return kind.files
