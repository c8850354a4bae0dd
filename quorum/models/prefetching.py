"""What `prefetch()` asks for: the documents that references lead to, loaded along with those that refer to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import errors
from . import store
from .batches import Batch, Loader
from .containers import core
from .expressions import is_public, resolve, targets_of
from .references import ReferenceKind

MAX_LEVELS = 8  # of references and embedded documents in one path


def check(model: Any, path: Any) -> None:
    """Refuse what leads to no document.

    :raises ValidationError: a path is not one of public fields that ends at a reference.
    """
    if not isinstance(path, str):
        raise errors.ValidationError("Prefetch by names of references, dotted.", model=model.__name__)
    # A subclass that comes later may have a private field of a name.
    if path in model.__prefetched__ and not model.__meta__.subclasses:
        return
    names = path.split(".")
    if len(names) > MAX_LEVELS:
        raise errors.ValidationError({path[:100]: [f"More than {MAX_LEVELS} levels."]}, model=model.__name__)
    resolve(model, names[0])
    models, kind = [model], None
    for name in names:
        owner = next((one for one in models if is_public(one, name)), None)
        kind = owner.__fields__[name].innermost() if owner is not None else None
        if kind is None or not hasattr(kind, "target"):
            raise errors.ValidationError({path: [f"{name!r} leads to no other document."]}, model=model.__name__)
        models = targets_of(kind)
    if not isinstance(kind, ReferenceKind):
        raise errors.ValidationError({path: ["Does not end at a reference."]}, model=model.__name__)
    if len(names) == 1:
        model.__prefetched__[path] = _joinable(model, path)


def load(models: list[Any], batches: list[Batch], names: list[str]) -> None:
    """Load what a path leads to, over the documents of some batches, which are of some models: a query a level."""
    for model in models:
        field = model.__fields__.get(names[0])
        if field is None:
            continue  # another member of a union has it
        parts: list[Batch] = []
        for batch in batches:
            part = batch.part(field)
            if isinstance(part, Loader):
                parts.extend(dict.fromkeys(document._state for document in part.everything()))
            else:
                parts.append(part)
        if len(names) > 1:
            load(targets_of(field.innermost()), parts, names[1:])


Found = tuple[dict[str, Any] | None, dict[Any, dict[str, Any]]]


def find_one(
    model: Any,
    filter: dict[str, Any],
    projection: dict[str, int] | None,
    sort: tuple[tuple[str, int], ...],
    skip: int,
    paths: Iterable[str],
) -> Found | None:
    """Find one document, and by their fields those that it refers to, in one command; None where it takes several."""
    joined: dict[Any, Any] = {}
    for path in paths:
        field, target = model.__prefetched__.get(path) or _joinable(model, path.partition(".")[0])
        if target is not None and (projection is None or field.key in projection):
            joined[field] = target
    if not joined or model.__meta__.subclasses:  # each subclass may have fields of its own
        return None
    pipeline: list[dict[str, Any]] = [{"$match": filter}]
    if sort:
        pipeline.append({"$sort": dict(sort)})
    if skip:
        pipeline.append({"$skip": skip})
    pipeline.append({"$limit": 1})
    if projection is not None:
        pipeline.append({"$project": projection})
    for field, target in joined.items():
        source, name = store.raw(target).name, _PREFIX + field.name
        pipeline.append({"$lookup": {"from": source, "localField": field.key, "foreignField": "_id", "as": name}})
    found = store.one(model).aggregate(pipeline)
    if not found:
        return None if found is None else (None, {})
    stored = found[0]
    others = {field: stored.pop(_PREFIX + field.name, None) for field in joined}
    return stored, {field: other[0] for field, other in others.items() if other}


_PREFIX = "_prefetched_"  # of the keys at which joined documents stand in the answer


def _joinable(model: Any, name: str) -> tuple[Any, Any]:
    """Give a field, and the model of the one document that it refers to, which must be of one class, or None."""
    field = model.__fields__[name]
    kind = core(field.kind)
    target = kind.target.get() if isinstance(kind, ReferenceKind) else None
    return field, None if target is None or target.__meta__.family is not None else target


def adopt(batch: Batch, others: dict[Any, dict[str, Any]]) -> None:
    """Give the documents of a batch what `find_one` found along with them."""
    for field, stored in others.items():
        batch.part(field).adopt(stored, Batch([stored]))
