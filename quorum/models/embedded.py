"""The kinds of embedded documents: one model, or several told apart by a type key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..late import marshmallow
from .batches import Batch
from .documents import Document, encoded, set_doc, set_state, set_values, settle, view
from .kinds import Kind, Scope, WrongValue
from .marshal import field_class
from .registry import Target

TYPE_KEY = "_type"

_new: Any = object.__new__


class EmbeddedKind(Kind):
    """An embedded document: a view over the stored dict, made when it is first read."""

    mutable = nested = True
    stored = frozenset({dict})

    def __init__(self, *targets: Target) -> None:
        self.target = targets[0]
        self.targets = targets

    def coerce(self, value: Any) -> Any:
        cls = self.target.get()
        if type(value) is cls:
            return value
        if isinstance(value, Mapping):
            return cls.__of__(value)
        raise self._wrong(value)

    def _wrong(self, value: Any) -> marshmallow.ValidationError:
        found = type(value)
        if issubclass(found, tuple(target.get() for target in self.targets)):
            # It would be stored without its class, and come back as one of the base.
            return marshmallow.ValidationError(
                f"{found.__name__} is a subclass of what is declared: declare `{self.describe()} | {found.__name__}`."
            )
        return marshmallow.ValidationError("Invalid type.")

    def cast(self, value: Any) -> Any:
        cls = self.target.get()
        if isinstance(value, Mapping):
            return cls.__cast__(value)
        return self.coerce(value)

    def judge(self, value: Any) -> None:
        value.__judge__()

    def encode(self, value: Any) -> Any:
        return encoded(value)

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if type(stored) is not dict:
            raise WrongValue(stored, self.describe())
        cls = self.target.found or self.target.get()
        document = _new(cls)  # as `view` does, for each of them that is read
        set_doc(document, stored)
        set_state(document, Batch([stored]) if batch is None else batch)
        if cls.__codec__.is_flat(stored):
            set_values(document, stored)
        return document

    def settle(self, value: Any, stored: Any, batch: Any) -> None:
        settle(value, stored, Batch([stored], value._state.only))

    def dump(self, value: Any) -> Any:
        return value.dump()

    def source(self, name: str, scope: Scope) -> str:
        cls = self.target.get()
        return f"type({name}) is {scope.name(cls, cls.__name__)} and {name}.__is_valid__()"

    def shape(self, name: str, scope: Scope) -> str:
        cls = self.target.get()
        return f"type({name}) is {scope.name(cls, cls.__name__)}"

    def showing(self, name: str, scope: Scope, field: str, verb: str) -> tuple[str, str] | None:
        model = scope.name(self.target.get(), self.target.name)
        return f"type({name}) is dict and ({name} := {model}.__codec__.{verb}({name})) is not None", name

    def schema_field(self, **options: Any) -> marshmallow.fields.Field[Any]:
        # The schema of a model that embeds itself is looked up when it is used.
        return field_class("Nested")(lambda: self.target.get().Schema(), kind=self, **options)

    def subdocuments(self, stored: Any) -> Iterable[dict[str, Any]]:
        if isinstance(stored, dict):
            yield stored

    def describe(self) -> str:
        return self.target.name

    def class_of(self, stored: dict[str, Any]) -> Any:
        """Give the class that a stored document is of, or None."""
        return self.target.get()


class EmbeddedUnionKind(EmbeddedKind):
    """An embedded document of one of several models; the key `_type` names it."""

    def showing(self, name: str, scope: Scope, field: str, verb: str) -> tuple[str, str] | None:
        return None

    def _class(self, name: Any) -> Any:
        for target in self.targets:
            if target.name == name:
                return target.get()
        return None

    def class_of(self, stored: dict[str, Any]) -> Any:
        return self._class(stored.get(TYPE_KEY))

    def coerce(self, value: Any) -> Any:
        if isinstance(value, Document) and any(type(value) is target.get() for target in self.targets):
            return value
        if isinstance(value, Mapping):
            return self._chosen(value).__of__({key: item for key, item in value.items() if key != TYPE_KEY})
        raise self._wrong(value)

    def cast(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._chosen(value).__cast__({key: item for key, item in value.items() if key != TYPE_KEY})
        return self.coerce(value)

    def _chosen(self, value: Mapping[Any, Any]) -> Any:
        name = value.get(TYPE_KEY)
        cls = self._class(name) if isinstance(name, str) else None
        if cls is None:
            choices = ", ".join(target.name for target in self.targets)
            raise marshmallow.ValidationError({TYPE_KEY: [f"Must be one of: {choices}."]})
        return cls

    def encode(self, value: Any) -> Any:
        stored = encoded(value)
        return stored if TYPE_KEY in stored else {TYPE_KEY: type(value).__name__, **stored}

    def decode(self, stored: Any, batch: Any = None) -> Any:
        cls = self.class_of(stored) if type(stored) is dict else None
        if cls is None:
            raise WrongValue(stored, self.describe())
        return view(cls, stored, Batch([stored]) if batch is None else batch)

    def dump(self, value: Any) -> Any:
        return {TYPE_KEY: type(value).__name__, **value.dump()}

    def source(self, name: str, scope: Scope) -> str:
        return f"{self.shape(name, scope)} and {name}.__is_valid__()"

    def shape(self, name: str, scope: Scope) -> str:
        classes = frozenset(target.get() for target in self.targets)
        return f"type({name}) in {scope.name(classes, 'UNION')}"

    def schema_field(self, **options: Any) -> marshmallow.fields.Field[Any]:
        return field_class("Raw")(kind=self, **options)

    def describe(self) -> str:
        return " | ".join(target.name for target in self.targets)
