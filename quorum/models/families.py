"""Which collection a model's documents are in, which models share it, and which field is the `_id` there."""

from __future__ import annotations

import re
from typing import Any

from .. import errors
from . import registry
from .base import Timestamped
from .declarations import Meta, identifier


def join(cls: Any, given: dict[str, Any]) -> None:
    """Give a model its collection and its primary field, and make it known to those that it shares them with.

    :param given: what the model's own `Meta` says.
    :raises ConfigurationError: it does not go together with the models above it.
    """
    bases = [base for base in cls.__mro__[1:] if registry.is_model(base)]
    parents = [base for base in bases if not base.__meta__.abstract]
    _check_parents(cls, given, parents)
    family = parents[-1] if parents else None
    above: list[Meta] = [base.__meta__ for base in bases]
    collection = family.__meta__.collection if family else given.get("collection") or collection_name(cls.__name__)
    cls.__meta__ = Meta(
        collection=collection,
        indexes=[entry for meta in reversed(above) for entry in meta.indexes] + list(given.get("indexes", ())),
        abstract=given.get("abstract", False),
        revision=given.get("revision", any(meta.revision for meta in above)),
        family=family,
    )
    _find_primary(cls)
    if family is not None and cls.__meta__.primary is not family.__meta__.primary:
        raise errors.ConfigurationError(
            f"{cls.__name__}.{cls.__meta__.primary.name}: it shares the collection of {family.__name__}, and its "
            f"primary field, {family.__meta__.primary.name}."
        )
    _find_automatic(cls)
    for parent in parents:
        _add(cls, parent)


def _check_parents(cls: Any, given: dict[str, Any], parents: list[Any]) -> None:
    if parents and ("collection" in given or "abstract" in given):
        raise errors.ConfigurationError(
            f"{cls.__name__} shares the collection of {parents[-1].__name__}: no Meta.collection, no Meta.abstract."
        )
    if len({parent.__meta__.family or parent for parent in parents}) > 1:
        names = " and ".join(parent.__name__ for parent in parents)
        raise errors.ConfigurationError(f"{cls.__name__} cannot be stored in the collections of {names} at once.")


def _find_primary(cls: Any) -> None:
    primaries = [one for one in cls.__fields__.values() if one.key == "_id" and one.name != "id"]
    if len(primaries) > 1:
        raise errors.ConfigurationError(
            f"{cls.__name__} has two primary fields: {primaries[0].name}, {primaries[1].name}."
        )
    if primaries:
        primary = primaries[0]
        cls.__fields__ = {name: one for name, one in cls.__fields__.items() if name != "id"}
        cls.id = _Alias(primary)
    else:
        primary = cls.__fields__.get("id") or identifier(cls)
        cls.__fields__ = {"id": primary, **cls.__fields__}
        cls.id = primary
    cls.__meta__.primary = primary


def _find_automatic(cls: Any) -> None:
    for name in Timestamped.__annotations__ if Timestamped in cls.__mro__ else ():
        if cls.__fields__[name].options.moment is None:
            raise errors.ConfigurationError(
                f"{cls.__name__}.{name}: Timestamped keeps this moment, and its declaration cannot be another. Leave "
                "this one out; an index on the field is declared in Meta.indexes."
            )
    cls.__meta__.automatic = [one for one in cls.__fields__.values() if one.options.moment or one.options.increment]


def _add(cls: Any, parent: Any) -> None:
    other = parent.__meta__.subclasses.get(cls.__name__, cls)
    if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
        raise errors.ConfigurationError(
            f"{cls.__module__}.{cls.__qualname__} and {other.__module__}.{other.__qualname__} share the "
            f"collection of {parent.__name__}, in which {cls.__name__!r} means one of them. Rename one."
        )
    parent.__meta__.subclasses[cls.__name__] = cls


class _Alias:
    """The `id` of a model whose primary field has another name."""

    def __init__(self, field: Any) -> None:
        self._field = field

    def __get__(self, document: Any, owner: type) -> Any:
        return self._field.__get__(None, owner) if document is None else getattr(document, self._field.name)


def collection_name(name: str) -> str:
    """Give the collection of a model's name: `BlogPost` is stored in `blog_posts`, `Category` in `categories`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    if words.endswith("y") and words[-2:-1] not in "aeiou":
        return f"{words[:-1]}ies"
    return f"{words}es" if words.endswith(("s", "x", "z", "ch", "sh")) else f"{words}s"
