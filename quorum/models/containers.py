"""Kinds made of other kinds: optional values, lists, sets, tuples and dicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..late import marshmallow
from .kinds import Kind, Scope, WrongValue, is_utf8
from .marshal import field_class
from .scalars import String


class Nullable(Kind):
    """A value of another kind, or None."""

    def __init__(self, inner: Kind) -> None:
        self.inner = inner
        self.plain = inner.plain
        self.mutable = inner.mutable
        self.nested = inner.nested
        self.files = inner.files
        self.stored = inner.stored and inner.stored | {type(None)}

    def coerce(self, value: Any) -> Any:
        return None if value is None else self.inner.coerce(value)

    def cast(self, value: Any) -> Any:
        return None if value is None else self.inner.cast(value)

    def encode(self, value: Any) -> Any:
        return None if value is None else self.inner.encode(value)

    def decode(self, stored: Any, batch: Any = None) -> Any:
        return None if stored is None else self.inner.decode(stored, batch)

    def dump(self, value: Any) -> Any:
        return None if value is None else self.inner.dump(value)

    def judge(self, value: Any) -> None:
        if value is not None:
            self.inner.judge(value)

    def settle(self, value: Any, stored: Any, batch: Any) -> None:
        if value is not None:
            self.inner.settle(value, stored, batch)

    def source(self, name: str, scope: Scope) -> str:
        return f"({name} is None or {self.inner.source(name, scope)})"

    def showing(self, name: str, scope: Scope, field: str, verb: str) -> tuple[str, str] | None:
        if (inner := self.inner.showing(name, scope, field, verb)) is None:
            return None
        test, form = inner
        # The value first, as most are there; an embedded document is None where it cannot be shown.
        test = f"({name} is None or ({test}))" if self.nested else f"({test} or {name} is None)"
        return test, form if form == name else f"(None if {name} is None else {form})"

    def encoding(self, name: str, scope: Scope, field: str) -> str:
        return name if self.plain else f"(None if {name} is None else {self.inner.encoding(name, scope, field)})"

    def schema_field(self, **options: Any) -> marshmallow.fields.Field[Any]:
        return self.inner.schema_field(**{**options, "allow_none": True})

    def subdocuments(self, stored: Any) -> Iterable[dict[str, Any]]:
        return self.inner.subdocuments(stored)

    def identifiers(self, stored: Any) -> Iterable[Any]:
        return self.inner.identifiers(stored)

    def identifiers_of(self, values: Iterable[Any]) -> Iterable[Any]:
        return self.inner.identifiers_of(values)

    def describe(self) -> str:
        return f"{self.inner.describe()} | None"


def core(kind: Kind) -> Kind:
    """Give the kind without its optionality."""
    return kind.inner if isinstance(kind, Nullable) else kind


def messages_of(error: marshmallow.ValidationError, value: Any) -> Any:
    """Give the messages about a wrong value; those about None are the same for every kind."""
    return [marshmallow.fields.Field.default_error_messages["null"]] if value is None else error.messages


MAX_PROBLEMS = 100  # told of one value; whoever sent more of them has no use for the rest


def each(values: Iterable[tuple[Any, Any]], use: Callable[[Any], Any]) -> Iterator[Any]:
    """Apply `use` to the second of each pair; collect what is wrong under the first, and raise it at the end."""
    problems: dict[Any, Any] = {}
    for key, value in values:
        try:
            yield use(value)
        except marshmallow.ValidationError as error:
            problems[key] = messages_of(error, value)
            if len(problems) == MAX_PROBLEMS:
                break
    if problems:
        raise marshmallow.ValidationError(problems)


def _read(values: Iterable[tuple[Any, Any]], use: Callable[[Any, Any], Any], batch: Any) -> Iterator[Any]:
    for key, value in values:
        try:
            yield use(value, batch)
        except WrongValue as error:
            path = f"{key}.{error.path}" if error.path else str(key)
            raise WrongValue(error.stored, error.wanted, path) from None


class Container(Kind):
    """A kind whose values hold others; `item` is theirs."""

    mutable = True
    python: type

    def __init__(self, item: Kind) -> None:
        self.item = item
        self.nested = item.nested
        self.files = item.files

    def settle(self, value: Any, stored: Any, batch: Any) -> None:
        if self.item.nested:
            for inner, inner_stored in zip(value, stored, strict=False):
                self.item.settle(inner, inner_stored, batch)

    def judge(self, value: Any) -> None:
        if self.item.nested:
            list(each(enumerate(value), self.item.judge))

    def subdocuments(self, stored: Any) -> Iterable[dict[str, Any]]:
        if isinstance(stored, list):
            for inner in stored:
                yield from self.item.subdocuments(inner)

    def identifiers(self, stored: Any) -> Iterable[Any]:
        if isinstance(stored, list):
            for inner in stored:
                yield from self.item.identifiers(inner)

    def dump(self, value: Any) -> Any:
        return [self.item.dump(inner) for inner in value]

    def encode(self, value: Any) -> Any:
        return list(value) if self.item.plain else [self.item.encode(inner) for inner in value]

    def schema_field(self, **options: Any) -> marshmallow.fields.Field[Any]:
        return field_class("List")(self.item.schema_field(), kind=self, **options)

    def describe(self) -> str:
        return f"{self.python.__name__}[{self.item.describe()}]"

    def wrong(self) -> marshmallow.ValidationError:
        return marshmallow.ValidationError(f"Not a valid {self.python.__name__}.")


class ListKind(Container):
    python, stored = list, frozenset({list})

    def shape(self, name: str, scope: Scope) -> str:
        return f"type({name}) is list" if self.item.plain else self.source(name, scope)

    def coerce(self, value: Any) -> Any:
        if isinstance(value, tuple):
            value = list(value)
        if not isinstance(value, list):
            raise self.wrong()
        items = list(each(enumerate(value), self.item.coerce))
        if type(value) is list:
            # The list stays the caller's own: a later change to it is a change of the document.
            value[:] = items
            return value
        return items

    def cast(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise self.wrong()
        return list(each(enumerate(value), self.item.cast))

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if type(stored) is not list:
            raise WrongValue(stored, self.describe())
        if self.item.plain and self.item.stored.issuperset(map(type, stored)):
            return list(stored)
        try:
            return [self.item.decode(item, batch) for item in stored]
        except WrongValue:
            return list(_read(enumerate(stored), self.item.decode, batch))  # which tells where

    def source(self, name: str, scope: Scope) -> str:
        if type(self.item) is String:
            strings, utf8 = scope.name(_STRINGS, "STRINGS"), scope.name(is_utf8, "is_utf8")
            return (
                f"type({name}) is list and {strings}.issuperset(map(type, {name}))"
                f" and ((joined := ' '.join({name})).isascii() or {utf8}(joined))"
            )
        item = scope.variable()
        return f"type({name}) is list and all([{self.item.source(item, scope)} for {item} in {name}])"

    def showing(self, name: str, scope: Scope, field: str, verb: str) -> tuple[str, str] | None:
        item = self.item.showing("item", scope, field, verb)
        if item is None or item[1] != "item" or not self.item.plain:
            return None
        if self.item.stored == _STRINGS:
            test = f"''.join({name}) is not None"  # or a TypeError: of what is stored, nothing else can be joined
        else:
            test = f"{scope.name(self.item.stored, f'TYPES_OF_{field}')}.issuperset(map(type, {name}))"
        return f"(type({name}) is list and {test})", name if verb == "lend" else f"{name}.copy()"


_STRINGS = frozenset({str})


class SetKind(Container):
    """A set of scalars, stored as a list without a repeated item."""

    python, stored = set, frozenset({list})

    def coerce(self, value: Any) -> Any:
        if not isinstance(value, (set, frozenset)):
            raise self.wrong()
        items = set(each(enumerate(value), self.item.coerce))
        if type(value) is set:
            # Not only where they differ: {1} equals {Decimal(1)}.
            value.clear()
            value.update(items)
            return value
        return items

    def cast(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple, set, frozenset)):
            raise self.wrong()
        return set(each(enumerate(value), self.item.cast))

    def encode(self, value: Any) -> Any:
        items = super().encode(value)
        try:
            return sorted(items)
        except TypeError:
            return sorted(items, key=lambda item: (type(item).__name__, str(item)))

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if type(stored) is not list:
            raise WrongValue(stored, self.describe())
        return set(_read(enumerate(stored), self.item.decode, batch))

    def dump(self, value: Any) -> Any:
        return [self.item.dump(self.item.decode(item)) for item in self.encode(value)]

    def source(self, name: str, scope: Scope) -> str:
        item = scope.variable()
        return f"type({name}) is set and all([{self.item.source(item, scope)} for {item} in {name}])"


class TupleKind(Container):
    """A tuple: of one kind and any length, or of a kind for each place. Stored as a list."""

    python, stored = tuple, frozenset({list})

    def __init__(self, items: tuple[Kind, ...], repeated: bool) -> None:
        super().__init__(items[0])
        self.items, self.repeated = items, repeated
        self.mutable = any(item.mutable for item in items)
        self.nested = any(item.nested for item in items)

    def _kinds(self, length: int) -> tuple[Kind, ...] | None:
        if self.repeated:
            return self.items * length
        return self.items if length == len(self.items) else None

    def _each(self, value: Any, verb: str) -> Any:
        kinds = self._kinds(len(value))
        if kinds is None:
            raise marshmallow.ValidationError(f"Length must be {len(self.items)}.")
        pairs = [(index, (kind, item)) for index, (kind, item) in enumerate(zip(kinds, value, strict=True))]
        return tuple(each(pairs, lambda pair: getattr(pair[0], verb)(pair[1])))

    def coerce(self, value: Any) -> Any:
        if not isinstance(value, (tuple, list)):
            raise self.wrong()
        return self._each(value, "coerce")

    def cast(self, value: Any) -> Any:
        if not isinstance(value, (tuple, list)):
            raise self.wrong()
        return self._each(value, "cast")

    def judge(self, value: Any) -> None:
        self._each(value, "judge")

    def encode(self, value: Any) -> Any:
        return [kind.encode(item) for kind, item in zip(self._kinds(len(value)) or (), value, strict=True)]

    def decode(self, stored: Any, batch: Any = None) -> Any:
        kinds = self._kinds(len(stored)) if type(stored) is list else None
        if kinds is None:
            raise WrongValue(stored, self.describe())
        pairs = enumerate(zip(kinds, stored, strict=True))
        return tuple(_read(pairs, lambda pair, batch: pair[0].decode(pair[1], batch), batch))

    def settle(self, value: Any, stored: Any, batch: Any) -> None:
        for kind, inner, inner_stored in zip(self._kinds(len(value)) or (), value, stored, strict=False):
            kind.settle(inner, inner_stored, batch)

    def dump(self, value: Any) -> Any:
        return [kind.dump(item) for kind, item in zip(self._kinds(len(value)) or (), value, strict=True)]

    def subdocuments(self, stored: Any) -> Iterable[dict[str, Any]]:
        if isinstance(stored, list):
            for kind, inner in zip(self._kinds(len(stored)) or (), stored, strict=True):
                yield from kind.subdocuments(inner)

    def source(self, name: str, scope: Scope) -> str:
        if self.repeated:
            item = scope.variable()
            return f"type({name}) is tuple and all([{self.item.source(item, scope)} for {item} in {name}])"
        tests = [f"type({name}) is tuple and len({name}) == {len(self.items)}"]
        for index, kind in enumerate(self.items):
            item = scope.variable()
            tests.append(f"[{kind.source(item, scope)} for {item} in ({name}[{index}],)][0]")
        return " and ".join(tests)

    def schema_field(self, **options: Any) -> marshmallow.fields.Field[Any]:
        if self.repeated:
            return super().schema_field(**options)
        inner = tuple(item.schema_field() for item in self.items)
        return field_class("Tuple")(inner, kind=self, **options)

    def describe(self) -> str:
        inside = ", ".join(kind.describe() for kind in self.items)
        return f"tuple[{inside}, ...]" if self.repeated else f"tuple[{inside}]"


def is_key(key: Any) -> bool:
    """Say whether a value can be a key of a stored dict."""
    return type(key) is str and bool(key) and "\0" not in key and (key.isascii() or is_utf8(key))


def check_key(key: Any) -> str:
    """Give a dict's key as it is stored.

    :raises marshmallow.ValidationError: it is no text, empty, or holds a NUL.
    """
    if isinstance(key, str) and is_key(plain := str.__str__(key)):
        return plain
    raise marshmallow.ValidationError("Not a valid key. A key is text, not empty, without NUL.")


class DictKind(Container):
    """A dict with text as keys."""

    python, stored = dict, frozenset({dict})

    def coerce(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise marshmallow.ValidationError(marshmallow.fields.Dict.default_error_messages["invalid"])
        result = {check_key(key): item for key, item in zip(value, self._items(value, self.item.coerce), strict=True)}
        if type(value) is dict:
            value.update(result)
            return value
        return result

    def cast(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise marshmallow.ValidationError(marshmallow.fields.Dict.default_error_messages["invalid"])
        return {check_key(key): item for key, item in zip(value, self._items(value, self.item.cast), strict=True)}

    @staticmethod
    def _items(value: Mapping[Any, Any], use: Callable[[Any], Any]) -> list[Any]:
        for key in value:
            check_key(key)
        return list(each(value.items(), use))

    def judge(self, value: Any) -> None:
        if self.item.nested:
            list(each(value.items(), self.item.judge))

    def encode(self, value: Any) -> Any:
        return dict(value) if self.item.plain else {key: self.item.encode(item) for key, item in value.items()}

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if type(stored) is not dict:
            raise WrongValue(stored, self.describe())
        return dict(zip(stored, _read(stored.items(), self.item.decode, batch), strict=True))

    def settle(self, value: Any, stored: Any, batch: Any) -> None:
        if self.item.nested:
            for key, inner in value.items():
                self.item.settle(inner, stored[key], batch)

    def dump(self, value: Any) -> Any:
        return {key: self.item.dump(item) for key, item in value.items()}

    def subdocuments(self, stored: Any) -> Iterable[dict[str, Any]]:
        if isinstance(stored, dict):
            for inner in stored.values():
                yield from self.item.subdocuments(inner)

    def identifiers(self, stored: Any) -> Iterable[Any]:
        if isinstance(stored, dict):
            for inner in stored.values():
                yield from self.item.identifiers(inner)

    def source(self, name: str, scope: Scope) -> str:
        item, key = scope.variable(), scope.name(is_key, "is_key")
        return (
            f"type({name}) is dict and all(map({key}, {name}))"
            f" and all([{self.item.source(item, scope)} for {item} in {name}.values()])"
        )

    def schema_field(self, **options: Any) -> marshmallow.fields.Field[Any]:
        inner = self.item.schema_field()
        return field_class("Dict")(keys=marshmallow.fields.String(), values=inner, kind=self, **options)

    def describe(self) -> str:
        return f"dict[str, {self.item.describe()}]"
