"""What a document is in memory: `_doc`, the dict as it is stored, and `__dict__`, the values that were touched.

A new document has in `_doc` the embedded documents that it was given as dicts, already as they will be stored.

Hydration stores a pointer to the dict that the driver decoded; nothing else happens until a field is read. A stored
value that is the Python value and cannot change is given as it is. Another one is converted when it is first read, and
left in `__dict__`, where Python finds it from then on; assigning puts a value there too. So the changes of a document
are what differs between the two, and cost what was touched.

An embedded document whose stored values all are Python's, under the names of its fields, needs no values of its own: it
has its stored form for `__dict__` until something is assigned (`own_values`).
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Container, Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from bson.int64 import Int64

from .. import errors
from .kinds import MISSING


class New:
    """The state of a document that was never stored."""

    __slots__ = ()
    new = True
    only = None
    parts = None

    def part(self, field: Any) -> None:
        """Give what siblings share for a field: a document that is not stored has none."""


class Checked(New):
    """The state of a new document whose values are right, but for what can change in place; setting one ends it."""

    __slots__ = ()


NEW = New()
CHECKED = Checked()


class Document:
    """Base of models and embedded models."""

    __slots__ = ("__dict__", "_doc", "_state")

    __fields__: ClassVar[dict[str, Any]] = {}
    __codec__: ClassVar[Any]
    __embedded__: ClassVar[bool] = True
    _doc: dict[str, Any]
    _state: Any

    # A type checker that saw these would take any name for one that can be assigned.
    if not TYPE_CHECKING:

        def __setattr__(self, name, value):
            field = type(self).__fields__.get(name)
            if field is not None:
                field.assign(self, value)
            elif name.startswith("_") or hasattr(getattr(type(self), name, None), "__set__"):
                own_values(self)
                object.__setattr__(self, name, value)
            else:
                raise AttributeError(unknown_field(type(self), name))

        def __delattr__(self, name):
            if name in type(self).__fields__:
                raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted. Assign None, or its default.")
            object.__delattr__(self, name)

    def __getstate__(self) -> tuple[dict[str, Any], dict[str, Any], Any]:
        self.__identify__()
        return self._doc, dict(vars(self)), self.__kept__()

    def __setstate__(self, state: tuple[dict[str, Any], dict[str, Any], Any]) -> None:
        stored, values, kept = state
        set_doc(self, stored)
        self.__restore__(kept)
        vars(self).update(values)

    def __identify__(self) -> None:
        """Make the id of a new document that has none yet, so that its copies have the same."""
        raise NotImplementedError

    def __kept__(self) -> Any:
        """Give what of the state outlives the siblings, and can be pickled."""
        raise NotImplementedError

    def __restore__(self, kept: Any) -> None:
        """Take up the state that `__kept__` gave of a document without siblings."""
        raise NotImplementedError


def own_values(document: Document, *, kept: bool = False) -> dict[str, Any]:
    """Give the values of a document, to be changed: those of an embedded one may be its stored form until then.

    :param kept: they stay what they are when its stored form becomes another one; else they are read from that.
    """
    values = document.__dict__
    if values is document._doc:
        with _owning:  # of two threads that assign at once none may lose what it assigned
            values = document.__dict__
            if values is document._doc:
                values = values.copy() if kept else {}
                set_values(document, values)
    return values


_owning = threading.Lock()
os.register_at_fork(before=_owning.acquire, after_in_parent=_owning.release, after_in_child=_owning.release)

#: Set what a document is made of, without a look at the fields: its values are its `__dict__`.
set_values: Any = Document.__dict__["__dict__"].__set__
set_doc: Any = Document.__dict__["_doc"].__set__
set_state: Any = Document.__dict__["_state"].__set__


def unknown_field(cls: type[Document], name: str) -> str:
    """Say that a model has no public field of that name, and which one may have been meant."""
    import difflib

    # The message may reach whoever sent the name.
    public = [known for known, field in cls.__fields__.items() if not field.options.private]
    first, operator, _ = str(name).partition("__")
    if operator and first in public:
        example = f'{cls.__name__}.{first} >= 3 or {{"{cls.__fields__[first].key}": {{"$gte": 3}}}}'
        return f"{cls.__name__} has no field {name!r}. Operators are written {example}, a part of a field with a dot."
    near = difflib.get_close_matches(name, public, 1)
    return f"{cls.__name__} has no field {name!r}." + (f" Did you mean {near[0]!r}?" if near else "")


def view(cls: type[Any], stored: dict[str, Any], state: Any) -> Any:
    """Make the object of a stored document."""
    document = object.__new__(cls)
    set_doc(document, stored)
    set_state(document, state)
    return document


def same(one: Any, other: Any) -> bool:
    """Say whether two values are the same when stored: equal, and of one type at every level."""
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other):
        return {kind, type(other)} == {int, Int64} and bool(one == other)
    if kind is dict:
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if kind is list or kind is tuple:
        return len(one) == len(other) and all(map(same, one, other))
    if kind is set or kind is frozenset:
        return bool(one == other) and sorted(map(repr, one)) == sorted(map(repr, other))
    if kind is float:
        return bool((one == other and str(one) == str(other)) or (math.isnan(one) and math.isnan(other)))
    if kind is Decimal:
        return bool(one.as_tuple() == other.as_tuple())
    return bool(one == other)


#: A field whose value differs from the stored one: (field, value, encoded, stored, inner). `stored` is MISSING where
#: the field is not stored; `inner` are the changes of an embedded document that is what was loaded, else None.
Change = tuple[Any, Any, Any, Any, Any]


def touched(document: Document, without: Container[str] = ()) -> Iterator[Change]:
    """Give the changes of a document.

    :param without: names of fields that are left out.
    :raises ValidationError: a value was changed in place to something that cannot be stored.
    """
    stored = document._doc
    values = document.__dict__
    if values is stored:
        return
    fields = type(document).__fields__
    defaults = values.get("_defaults")
    for name, value in list(values.items()):  # another thread may add to them
        field = fields.get(name)
        if field is None or name in without:
            continue
        old = stored.get(field.key, MISSING)
        if value is old:
            continue
        if old is MISSING and defaults is not None and name in defaults and same(value, defaults[name]):
            continue
        if field.is_direct:
            if old is MISSING or not same(value, old):
                yield field, value, value, old, None
            continue
        if type(old) is dict and isinstance(value, Document) and value._doc is old:
            inner = _touched_inside(value)
            if inner:
                yield field, value, {**old, **{one[0].key: one[2] for one in inner}}, old, inner
                continue
            if inner is not None:
                continue
        new = field.encode(document, value)
        if new is old or (old is not MISSING and (same(new, old) or field.reads_as(old, value))):
            continue
        yield field, value, new, old, None


def _touched_inside(document: Document) -> list[Change] | None:
    """Give the changes of an embedded document, or None where one of them cannot be stored."""
    try:
        return list(touched(document))
    except errors.ValidationError:
        return None


def encoded(document: Document) -> dict[str, Any]:
    """Give a document's stored form: the very dict that was loaded where nothing changed, else a new one.

    What was loaded keeps its order; what was not is in the order of the declaration.
    """
    result: dict[str, Any] | None = None
    for field, _, new, _, _ in touched(document):
        if result is None:
            result = dict(document._doc)
        result[field.key] = new
    if result is None:
        return document._doc
    # A new one has in its stored form what it was given as dicts, which would come first.
    if (document._doc and not document._state.new) or [*result] == (keys := type(document).__codec__.keys):
        return result
    # As MongoDB compares embedded documents, what is equal must be stored in one order.
    return {key: result[key] for key in keys if key in result}


def set_stored(document: Document, stored: dict[str, Any]) -> None:
    """Give a document another stored form; its values stay what they are."""
    if stored is not document._doc:
        own_values(document, kept=True)  # the former one may be another owner's, too
    set_doc(document, stored)


def settle(document: Document, stored: dict[str, Any], state: Any) -> None:
    """Note that a document is now stored as `stored`."""
    set_stored(document, stored)
    set_state(document, state)
    values = document.__dict__
    if "_defaults" in values:
        fields = type(document).__fields__
        values["_defaults"] = {n: value for n, value in values["_defaults"].items() if fields[n].key not in stored}
    for field in type(document).__codec__.nested:
        if field.name in values and field.key in stored:
            field.kind.settle(values[field.name], stored[field.key], state)


def subdocuments(stored: Iterable[dict[str, Any]], field: Any) -> list[dict[str, Any]]:
    """Give the embedded documents that a field holds, over many stored documents."""
    return [inner for document in stored for inner in field.kind.subdocuments(document.get(field.key))]
