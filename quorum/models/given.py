"""Which outside values mean themselves, so that there is nothing to cast: text where text is wanted, above all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .containers import ListKind, Nullable, core
from .embedded import EmbeddedKind
from .mixed import UnionKind
from .scalars import Boolean, Float, Integer, String
from .schema import writable

#: Says whether a value means itself and is right; false where that takes more.
Test = Callable[[Any], bool]

_SIMPLE = frozenset({Boolean, Float, Integer, String})


def tests_of(model: Any, seen: frozenset[Any]) -> dict[str, Test]:
    """Give the tests of the fields that outside data may set, by name; a field that always takes more has none.

    An embedded document means itself as a dict, which the model takes in when a document is made.

    :param seen: the models that led to this one.
    """
    found = {}
    for field in model.__fields__.values():
        test = _test(model, field, seen | {model}) if writable(field) else None
        if test is not None:
            found[field.name] = test
    return found


def _test(model: Any, field: Any, seen: frozenset[Any]) -> Test | None:
    kind = core(field.kind)
    check: Test = model.__codec__.checks[field.name]
    if type(kind.item if type(kind) is ListKind else kind) in _SIMPLE:
        return check
    if type(kind) is UnionKind and _SIMPLE.issuperset(map(type, kind.members)):
        types = {getattr(member, "python", str) for member in kind.members} - {str}  # text may mean another member
        return lambda value: (type(value) in types or value is None) and check(value)
    if type(kind) is EmbeddedKind and not field.has_validators and field.name not in model.__validators__:
        return _embedded_test(field, kind.target.get(), seen)
    return None


def _embedded_test(field: Any, model: Any, seen: frozenset[Any]) -> Test | None:
    inside = {} if model in seen else tests_of(model, seen)
    if inside.keys() != model.__fields__.keys():
        return None
    codec = model.__codec__
    further = {name: test for name, test in inside.items() if test is not codec.checks[name]}
    optional = isinstance(field.kind, Nullable) and field.options.required is not True
    return lambda value: (optional and value is None) or _fits(value, codec, further)


def _fits(value: Any, codec: Any, further: Mapping[str, Test]) -> bool:
    if type(value) is not dict or codec.store(value) is None:
        return False
    return all(test(value[name]) for name, test in further.items() if name in value)
