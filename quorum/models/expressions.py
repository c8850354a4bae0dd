"""Filters: what the names and values of a query become, and how it is kept from becoming anything else.

A keyword or an expression names a field of the model and carries a value of that field's type; both are checked here.
What is sent is the stored name and the stored form, under `$eq` wherever the value could be read as an operator.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from bson import ObjectId
from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.regex import Regex

from .. import errors, runtime
from ..late import marshmallow
from .containers import DictKind, ListKind, SetKind, TupleKind, core, is_key
from .documents import Document, unknown_field
from .embedded import EmbeddedKind
from .fields import Field
from .kinds import Kind
from .mixed import Anything, UnionKind
from .references import ReferenceKind
from .scalars import String

#: Stored values that a server can only take as themselves.
SAFE = frozenset({type(None), str, int, Int64, float, bool, bytes, datetime, ObjectId, UUID, Decimal128})
#: Characters in startswith, endswith and contains; escaped they are up to twice as many, and SecantusDB takes 1,000.
MAX_PARTS = 32  # of a dotted name
MAX_TEXT = 490
_FORBIDDEN = frozenset({"$where", "$function", "$accumulator"})


class Condition:
    """A part of a filter, as an expression makes it; combine two with `&` and `|`, negate with `~`."""

    __slots__ = ("filter",)

    def __init__(self, filter: dict[str, Any]) -> None:
        self.filter = filter

    def __and__(self, other: Condition) -> Condition:
        return Condition({"$and": [self.filter, _condition(other).filter]})

    def __or__(self, other: Condition) -> Condition:
        return Condition({"$or": [self.filter, _condition(other).filter]})

    def __invert__(self) -> Condition:
        return Condition({"$nor": [self.filter]})

    def __bool__(self) -> bool:
        raise TypeError(
            "A condition has no truth of its own. Combine conditions with & | ~ in place of and, or, not; "
            "write two comparisons in place of a chained one."
        )

    def __repr__(self) -> str:
        return f"<Condition on {', '.join(sorted(_names(self.filter)))}>"


def _condition(value: Any) -> Condition:
    if isinstance(value, Condition):
        return value
    raise TypeError(f"A condition can only be combined with another one, not with {type(value).__name__}.")


def _names(filter: Any) -> set[str]:
    if isinstance(filter, list):
        return set().union(*map(_names, filter))
    return {n for key, value in filter.items() for n in (_names(value) if key.startswith("$") else {key})}


class Expression:
    """A field as a filter sees it: `Post.number > 10`, `Post.title.startswith("A")`, `Movie.imdb.rating >= 7`.

    Compare with `== != < <= > >=`, or with the methods below. An attribute of a field that holds embedded documents is
    an expression again; an item (`Post.comments[0]`, `Post.meta["key"]`) too.
    """

    __slots__ = ("_kind", "_model", "_name", "_path")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, model: Any, name: str, path: str, kind: Kind) -> None:
        self._model, self._name, self._path, self._kind = model, name, path, kind

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in ("presign", "confirm") and self._kind.files:
            from . import uploads

            return getattr(uploads.direct(self._model, self._name, self._kind), name)
        path, kind = step(self._model, self._name, self._kind, name, public=False)
        return Expression(self._model, f"{self._name}.{name}", f"{self._path}.{path}", kind)

    def __getitem__(self, key: int | str) -> Expression:
        name = str(key)
        path, kind = step(self._model, self._name, self._kind, name, public=False)
        return Expression(self._model, f"{self._name}.{name}", f"{self._path}.{path}", kind)

    def __iter__(self) -> Any:
        raise TypeError(f"{self._model.__name__}.{self._name} is an expression, not a value; read it on a document.")

    def __repr__(self) -> str:
        return f"<{self._model.__name__}.{self._name}: {self._kind.describe()}>"

    def _compare(self, operator: str, value: Any) -> Condition:
        stored = self._operand(value)
        if isinstance(stored, Regex):
            raise errors.ValidationError({self._name: ["A pattern has no order."]}, model=self._model.__name__)
        return Condition({self._path: {operator: stored}})

    def _operand(self, value: Any) -> Any:
        return operand(self._model, self._name, self._kind, value)

    def __eq__(self, value: Any) -> Condition:  # type: ignore[override]
        return Condition({self._path: _equal(self._operand(value), self._kind)})

    def __ne__(self, value: Any) -> Condition:  # type: ignore[override]
        return Condition({self._path: _unequal(self._operand(value), self._kind)})

    def __lt__(self, value: Any) -> Condition:
        return self._compare("$lt", value)

    def __le__(self, value: Any) -> Condition:
        return self._compare("$lte", value)

    def __gt__(self, value: Any) -> Condition:
        return self._compare("$gt", value)

    def __ge__(self, value: Any) -> Condition:
        return self._compare("$gte", value)

    def in_(self, values: Iterable[Any]) -> Condition:
        """Match documents whose value is one of some."""
        return self._among("$in", values)

    def not_in(self, values: Iterable[Any]) -> Condition:
        """Match documents whose value is none of some."""
        return self._among("$nin", values)

    def _among(self, operator: str, values: Iterable[Any]) -> Condition:
        if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
            raise errors.ValidationError({self._name: ["Not a list of values."]}, model=self._model.__name__)
        given = [self._operand(value) for value in values]
        literal = [value for value in given if not isinstance(value, (dict, Regex))]
        if len(literal) == len(given):
            return Condition({self._path: {operator: given}})
        # A server takes a pattern in $in for a search, and a document with a key like "$gt" for an error.
        equal = [{self._path: {"$eq": value}} for value in given if isinstance(value, (dict, Regex))]
        together = "$or" if operator == "$in" else "$nor"
        return Condition({together: [{self._path: {"$in": literal}}, *equal] if literal else equal})

    def exists(self, exists: bool = True) -> Condition:
        """Match documents in which the field is stored, None included."""
        return Condition({self._path: {"$exists": bool(exists)}})

    def startswith(self, text: str) -> Condition:
        """Match text that starts so, upper and lower case as given."""
        return self._text("^{}", text)

    def endswith(self, text: str) -> Condition:
        """Match text that ends so."""
        return self._text("{}$(?!\\n)", text)

    def contains(self, value: Any) -> Condition:
        """Match text with this part, or a list, set or tuple with this item."""
        kind = core(self._kind)
        if isinstance(kind, (ListKind, SetKind, TupleKind)):
            item = operand(self._model, self._name, among(kind), value)
            return Condition({self._path: _equal(item, item_kind(self._kind))})
        return self._text("{}", value)

    def _text(self, form: str, text: Any) -> Condition:
        members = getattr(item_kind(self._kind), "members", (item_kind(self._kind),))
        problem = None
        if not any(isinstance(member, (String, Anything)) for member in members):
            problem = f"Only text is searched, not {self._kind.describe()}."
        elif not isinstance(text, str) or "\0" in text:
            problem = "Not a valid string."
        elif len(text) > MAX_TEXT:
            problem = f"Longer than maximum length {MAX_TEXT}."
        if problem is None:
            try:
                return Condition({self._path: {"$regex": form.format(re.escape(String().coerce(text)))}})
            except marshmallow.ValidationError as error:
                problem = str(error)
        raise errors.ValidationError({self._name: [problem]}, model=self._model.__name__)


Field.express = lambda model, field: Expression(model, field.name, field.key, field.kind)


def once_inside(kind: Kind) -> Kind:
    """Give the kind of a list's, set's or tuple's items, else the kind itself."""
    kind = core(kind)
    return core(among(kind)) if isinstance(kind, (ListKind, SetKind, TupleKind)) else kind


def item_kind(kind: Kind) -> Kind:
    """Give the kind that one value of a field is compared by: a list's item, else the kind itself."""
    kind = core(kind)
    while isinstance(kind, (ListKind, SetKind, TupleKind)):
        kind = core(among(kind))
    return kind


def among(kind: ListKind | SetKind | TupleKind) -> Kind:
    """Give the kind of any item of a list, a set or a tuple."""
    if isinstance(kind, TupleKind) and len(kind.items) > 1:
        items = tuple(core(item) for item in kind.items)
        return Anything() if any(isinstance(item, Anything) for item in items) else UnionKind(items)
    return kind.item


def operand(model: Any, name: str, kind: Kind, value: Any) -> Any:
    """Give the stored form of a value that a filter compares a field with.

    :raises ValidationError: it is not of the field's type.
    """
    if value is None:
        return None
    kind = core(kind)
    whole = not isinstance(kind, (ListKind, SetKind, TupleKind)) or isinstance(value, (list, tuple, set, frozenset))
    judge = kind if whole else item_kind(kind)
    try:
        if isinstance(judge, ReferenceKind):
            if not isinstance(value, Document):
                return judge.id_kind.encode(judge.id_kind.cast(value))
            if judge.coerce(value)._state.new:  # by the id of one that was deleted its remains are found
                judge.judge(value)
        return judge.encode(judge.cast(value))
    except marshmallow.ValidationError as error:
        raise errors.ValidationError({name: error.messages}, model=model.__name__) from None


def _equal(stored: Any, kind: Kind) -> Any:
    if type(stored) in SAFE:
        return stored
    if isinstance(core(kind), SetKind) and type(stored) is list and SAFE.issuperset(map(type, stored)):
        # A set has no order; what is stored of it has.
        return {"$size": len(stored), **({"$all": stored} if stored else {})}
    return {"$eq": stored}


def _unequal(stored: Any, kind: Kind) -> Any:
    return {"$ne": stored} if type(stored) in SAFE else {"$not": _equal(stored, kind)}


def step(model: Any, before: str, kind: Kind, name: str, *, public: bool, places: bool = True) -> tuple[str, Kind]:
    """Follow one more name of a dotted path: give its stored name and its kind.

    :param places: a number may name an item of a list by its place.
    """
    kind = core(kind)
    if isinstance(kind, (ListKind, SetKind, TupleKind)):
        if places and name.isascii() and name.isdigit() and len(name) < 8:
            return name, _item_at(kind, int(name))
        return step(model, before, kind.item, name, public=public, places=places)
    if isinstance(kind, UnionKind):
        kind = next((member for member in kind.members if isinstance(member, EmbeddedKind)), kind)
    if isinstance(kind, EmbeddedKind):
        field = _field_of(targets_of(kind), name, public=public)
        if field is not None:
            return field.key, field.kind
        raise errors.ValidationError({f"{before}.{name}"[:200]: ["Unknown field."]}, model=model.__name__)
    if isinstance(kind, (DictKind, Anything)):
        if not is_key(name) or name.startswith("$") or "." in name:
            raise errors.ValidationError(
                {before: [f"Not a key that can be asked for: {name!r}."]}, model=model.__name__
            )
        return name, kind.item if isinstance(kind, DictKind) else kind
    raise errors.ValidationError({f"{before}.{name}"[:200]: ["Unknown field."]}, model=model.__name__)


def targets_of(kind: Any) -> list[Any]:
    """Give the classes that an embedded document or a reference may be of."""
    return [target.get() for target in getattr(kind, "targets", (kind.target,))]


def is_public(model: Any, name: str) -> bool:
    """Say whether a model has a field of a name that text may ask for."""
    field = model.__fields__.get(name)
    return field is not None and not field.options.private


def _field_of(models: Iterable[Any], name: str, *, public: bool) -> Any:
    """Give the field of a name that one of some models has: none, for text, that is private in another one of them."""
    models = list(models)
    field = next((model.__fields__[name] for model in models if name in model.__fields__), None)
    if field is None or not public:
        return field
    fields = [other for model in models for other in model.__fields__.values()]
    return None if any(other.options.private for other in fields if other.key == field.key) else field


def _item_at(kind: ListKind | SetKind | TupleKind, index: int) -> Kind:
    if isinstance(kind, TupleKind) and not kind.repeated and index < len(kind.items):
        return kind.items[index]
    return kind.item


def resolve(model: Any, name: Any, *, places: bool = True) -> tuple[str, Kind]:
    """Give the stored path and the kind of a public field that text names, dotted where it is inside of another.

    :raises ValidationError: there is no such field, or it is private: text may come from a request.
    """
    if not isinstance(name, str):
        raise errors.ValidationError(f"A field is named by text, not by {type(name).__name__}.", model=model.__name__)
    # A subclass that comes later may have a private field of a name.
    key = name, len(model.__meta__.subclasses)
    known: tuple[str, Kind] | None = model.__paths__.get(key)
    if known is not None:
        return known
    found = _resolve(model, name, places=places)
    if name in model.__fields__:
        model.__paths__[key] = found
    return found


def _resolve(model: Any, name: str, *, places: bool) -> tuple[str, Kind]:
    first, *rest = name.split(".")
    if len(rest) >= MAX_PARTS:
        raise errors.ValidationError({name[:100]: [f"More than {MAX_PARTS} parts."]}, model=model.__name__)
    field = _field_of(model.__family__(), first, public=True) if first in model.__fields__ else None
    if first == "id" and field is None:
        field = model.__meta__.primary
    if field is None:
        # The same for both, as it may reach whoever sent the name; code asks for a private field by an expression.
        raise errors.ValidationError({name[:100]: [unknown_field(model, first[:100])]}, model=model.__name__)
    path, kind, before = field.key, field.kind, first
    for part in rest:
        key, kind = step(model, before, kind, part, public=True, places=places)
        path, before = f"{path}.{key}", f"{before}.{part}"
    return path, kind


def build(model: Any, filters: Iterable[Any], equals: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the parts of a filter, each as MongoDB takes it.

    :raises ValidationError: a name or a value does not fit the model.
    :raises TypeError: a filter is none of the three forms.
    """
    parts: list[dict[str, Any]] = []
    for given in filters:
        if isinstance(given, Condition):
            parts.append(given.filter)
        elif type(given) is dict:
            if runtime.current().safe:
                check_literal(model, given)
            parts.append(given)
        else:
            raise TypeError(
                f"{model.__name__}: a filter is an expression (Post.number > 10), a dict as MongoDB takes it, or a "
                f"keyword (number=10), not {type(given).__name__}. Outside input goes into keywords."
            )
    for name, value in equals.items():
        path, kind = resolve(model, name)
        parts.append({path: _equal(operand(model, name, kind, value), kind)})
    return parts


def check_literal(model: Any, filter: Any, *, nested: bool = False) -> None:
    """Refuse code and unknown fields in a literal filter, for an app that was loaded with `safe=True`.

    :raises ValidationError: it runs code, or names a field that the model does not have.
    """
    if isinstance(filter, (list, tuple)):
        for part in filter:
            check_literal(model, part, nested=nested)
    if not isinstance(filter, Mapping):
        return
    keys = {field.key for field in model.__fields__.values()} | {"_type", "_id"}
    for key, value in filter.items():
        if key in _FORBIDDEN:
            raise errors.ValidationError(f"{key} is refused, as load(safe=True) says.", model=model.__name__)
        if not isinstance(key, str):
            raise errors.ValidationError(f"A filter's keys are text, not {type(key).__name__}.", model=model.__name__)
        if key.startswith("$"):
            check_literal(model, value, nested=nested or key not in ("$and", "$or", "$nor"))
            continue
        if not nested and key.split(".")[0] not in keys:
            raise errors.ValidationError(
                {key: ["Unknown field, refused as load(safe=True) says."]}, model=model.__name__
            )
        check_literal(model, value, nested=True)


def together(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Combine the parts of a filter that all must hold."""
    if len(parts) < 2:
        return parts[0] if parts else {}
    names = [key for part in parts for key in part]
    if len(names) == len(set(names)):
        return {key: value for part in parts for key, value in part.items()}
    return {"$and": parts}
