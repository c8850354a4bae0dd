"""The update of the changes of a document, which must store nothing that was loaded in part as if it were whole."""

from __future__ import annotations

from typing import Any

from .. import errors
from .changes import CONTAINERS, Update
from .containers import SetKind, core
from .documents import Change, Document
from .kinds import MISSING


def is_set(field: Any) -> bool:
    """Say whether the order of a field's items means nothing."""
    return isinstance(core(field.kind), SetKind)


def update_of(document: Any, changed: list[Change]) -> Update:
    """Give the update for what was touched."""
    update = Update()
    only = document._state.only
    defaults = vars(document).get("_defaults", {})
    for field, value, new, old, inner in changed:
        if only is None and old is not MISSING and type(new) not in CONTAINERS and type(old) not in CONTAINERS:
            update.set[field.key] = new  # as nearly always: one scalar for another
            continue
        if only is None and inner is not None:
            _refuse_parts_inside(document, field, inner)
            update.inside(field.key, new, old, inner)
            continue
        refuse_part(document, field, value, old)
        part = MISSING if only is None else only.get(field.key, MISSING)
        if only is not None and part is MISSING and old is MISSING:
            update.set[field.key] = new  # it was never read, so nothing can be compared
        elif part and old is not MISSING and not _is_of(value, old):
            if type(old) in (list, dict) and value is not None and not isinstance(value, Document):
                raise errors.NotLoadedError(
                    f"{type(document).__name__}.{field.name} was loaded in part, as only() says, and cannot be saved.",
                    model=type(document).__name__, field=field.name, id=document._doc.get("_id"),
                )  # fmt: skip
            update.set[field.key] = new
        elif old is MISSING and type(new) is list and defaults.get(field.name, MISSING) not in ([], set()):
            update.begin(field.key, new)
        else:
            update.change(field.key, new, old, unordered=is_set(field))
    return update


def _is_of(value: Any, old: Any) -> bool:
    """Say whether an embedded document is the one that was loaded, or a copy that knows what it lacks."""
    if getattr(value, "_doc", None) is old:
        return True
    return isinstance(value, Document) and not value._state.new and value._state.only is not None


def refuse_part(document: Any, field: Any, value: Any, old: Any) -> None:
    """Refuse to store an embedded document that was loaded in part elsewhere as if it were whole."""
    only = document._state.only
    if field.kind.nested and not (only and only.get(field.key)) and _has_part(value, old):
        raise _in_part(document, field)


def _refuse_parts_inside(document: Any, field: Any, changes: list[Change]) -> None:
    for one, value, _, old, inner in changes:
        if inner is not None:
            _refuse_parts_inside(document, field, inner)
        elif one.kind.nested and _has_part(value, old):
            raise _in_part(document, field)


def _in_part(document: Any, field: Any) -> errors.NotLoadedError:
    return errors.NotLoadedError(
        f"{type(document).__name__}.{field.name} is given an embedded document that only() loaded in part. "
        "Load the whole one first.",
        model=type(document).__name__, field=field.name, id=document._doc.get("_id"),
    )  # fmt: skip


def _has_part(value: Any, old: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return any(_has_part(item, old) for item in value)
    if not isinstance(value, Document) or not type(value).__embedded__:
        return False
    if value._state.only is not None and value._doc is not old:
        return True
    for field in type(value).__codec__.nested:
        inner = value.__dict__.get(field.name)
        if inner is not None and _has_part(inner, value._doc.get(field.key)):
            return True
    return False
