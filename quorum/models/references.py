"""References: a field that stores another document's id and reads as that document.

`post.author.id` needs no query. The first read of anything else of an author loads the authors of all documents that
came with the post, in one `$in`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar

from ..late import marshmallow
from .batches import Deleted, Fetch, Loader
from .documents import Document
from .kinds import Kind, Scope, WrongValue
from .marshal import field_class
from .registry import Target


class _Unnamed:
    """Stands for the field where a reference was made from an id alone."""

    def __init__(self, kind: ReferenceKind, owner_name: str, name: str) -> None:
        self.kind, self.owner_name, self.name, self.key = kind, owner_name, name, name


class ReferenceKind(Kind):
    """The id of a document of another model."""

    nested = True
    #: Loads documents by their ids; the query layer, which can, says how.
    fetch: ClassVar[Fetch]

    def __init__(self, target: Target, owner_name: str, field_name: str) -> None:
        self.target = target
        self.targets = (target,)
        self._field = _Unnamed(self, owner_name, field_name)

    @cached_property
    def id_kind(self) -> Kind:
        """The kind of the target's id."""
        return self.target.get().__meta__.primary.kind  # type: ignore[no-any-return]

    def __getstate__(self) -> dict[str, Any]:
        # A copy may lead to another target, whose ids are of another kind.
        return {name: value for name, value in vars(self).items() if name != "id_kind"}

    def coerce(self, value: Any) -> Any:
        cls = self.target.get()
        if isinstance(value, cls):
            return value
        if isinstance(value, Document):
            raise marshmallow.ValidationError(f"Not a {cls.__name__}.")
        return self._known_by(self.id_kind.coerce(value))

    def cast(self, value: Any) -> Any:
        if isinstance(value, Document):
            return self.coerce(value)
        return self._known_by(self.id_kind.cast(value))

    def _known_by(self, identifier: Any) -> Any:
        encoded = self.id_kind.encode(identifier)
        return self.together([encoded]).get(encoded, classed=False)

    def together(self, stored: Iterable[Any]) -> Loader:
        """Make the loader of ids that came together, though of no documents."""
        documents = [{self._field.key: identifier} for identifier in stored]
        return Loader(self.target.get(), documents, self._field, ReferenceKind.fetch)

    def take_in(self, document: Any) -> None:
        """Let a document of which only the id is known load itself when more of it is read."""
        loader = self.together([document._doc["_id"]])
        loader.known_as(document)

    def judge(self, value: Any) -> None:
        if value._state.new:
            raise marshmallow.ValidationError(f"This {type(value).__name__} has not been saved. Save it first.")
        if type(value._state) is Deleted:
            raise marshmallow.ValidationError(f"This {type(value).__name__} has been deleted.")

    def encode(self, value: Any) -> Any:
        stored = value._doc
        return stored["_id"] if "_id" in stored else self.id_kind.encode(value.id)

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if type(stored) not in self.id_kind.stored:
            raise WrongValue(stored, self.describe())
        if batch is None:
            return self._known_by(self.id_kind.decode(stored))
        return batch.get(stored)

    def dump(self, value: Any) -> Any:
        return self.id_kind.dump(value.id)

    def source(self, name: str, scope: Scope) -> str:
        cls = scope.name(self.target.get(), self.target.name)
        deleted = scope.name(Deleted, "Deleted")
        return f"isinstance({name}, {cls}) and not {name}._state.new and type({name}._state) is not {deleted}"

    def shape(self, name: str, scope: Scope) -> str:
        return f"isinstance({name}, {scope.name(self.target.get(), self.target.name)})"

    def showing(self, name: str, scope: Scope, field: str, verb: str) -> tuple[str, str] | None:
        return self.id_kind.showing(name, scope, field, verb)

    def schema_field(self, **options: Any) -> marshmallow.fields.Field[Any]:
        return field_class("Raw")(kind=self, **options)

    def identifiers(self, stored: Any) -> Iterable[Any]:
        if type(stored) in self.id_kind.stored:
            yield stored

    def identifiers_of(self, values: Iterable[Any]) -> Iterable[Any]:
        types = self.id_kind.stored
        return [stored for stored in values if type(stored) in types]

    def describe(self) -> str:
        return f"a reference to {self.target.name}"
