"""The base classes that users subclass: `Model` and `EmbeddedModel`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self

from bson import ObjectId
from pymongo.collection import Collection

from .. import errors
from ..late import marshmallow
from . import atomic, expressions, families, indexes, inputs, refusals, registry, store, updates, validation, writes
from .base import Asked, Base, set_up, unknown_names
from .batches import Batch
from .declarations import OPTIONS, Meta, lead_to_itself
from .documents import encoded, set_doc, set_state, set_values, touched, view
from .embedded import TYPE_KEY, EmbeddedKind
from .expressions import Condition
from .hooks import MOMENTS, Hooks
from .kinds import MISSING
from .options import field
from .query import Query
from .references import ReferenceKind


class EmbeddedModel(Base):
    """A document inside of others: `class Comment(quorum.EmbeddedModel): text: str`."""

    __slots__ = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if any(map(registry.is_model, cls.__mro__)):
            raise errors.ConfigurationError(f"{cls.__name__} cannot be a Model and an EmbeddedModel at once.")
        given = set_up(cls, ("abstract",), _RESERVED_IN_EMBEDDED)
        lead_to_itself(cls)
        cls.__meta__ = Meta(abstract=given.get("abstract", False))
        hooks = sorted(MOMENTS & vars(cls).keys())
        if hooks:
            raise errors.ConfigurationError(
                f"{cls.__name__}.{hooks[0]} would never be called: the hooks are those of the model that is saved. "
                "Use @quorum.validates, or a hook there."
            )
        for one in cls.__fields__.values():
            wrong = [name for name in ("primary", "increment") if getattr(one.options, name)]
            if wrong:
                raise errors.ConfigurationError(
                    f"{cls.__name__}.{one.name}: {wrong[0]} is for models, not embedded ones."
                )
        registry.register(cls)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        # A union's document is stored with the name of its class; one that was just made is not.
        return {**encoded(self), TYPE_KEY: None} == {**encoded(other), TYPE_KEY: None}

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Model(Base, Hooks):
    """A document of a collection. Subclass it, annotate its fields, and pass it to `quorum.load(models=...)`."""

    __slots__ = ()
    __embedded__ = False

    if TYPE_CHECKING:
        #: The document's `_id`; made when it is first needed where none is given.
        id: ObjectId = field(default=None)
    #: pymongo's own collection: the way out, for whatever this layer does not say.
    collection: ClassVar[Collection[dict[str, Any]]] = Asked(store.of)  # type: ignore[assignment]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        given = set_up(cls, OPTIONS, RESERVED)
        lead_to_itself(cls)
        if "storage" in given:
            from . import files

            files.store_in(cls, given["storage"])
        families.join(cls, given)
        registry.register(cls)

    # What the layers below ask of a model.

    @classmethod
    def __stored_type__(cls) -> dict[str, str]:
        return {TYPE_KEY: cls.__name__} if cls.__meta__.family is not None else {}

    @classmethod
    def __class_of__(cls, stored: dict[str, Any]) -> type[Self]:
        found: type[Self] = cls.__meta__.subclasses.get(str(stored.get(TYPE_KEY)), cls)
        return found

    @classmethod
    def __own_filter__(cls) -> list[dict[str, Any]]:
        if cls.__meta__.family is None:
            return []
        names = [cls.__name__, *cls.__meta__.subclasses]
        return [{TYPE_KEY: names[0] if len(names) == 1 else {"$in": names}}]

    @classmethod
    def __family__(cls) -> list[Any]:
        return [cls, *cls.__meta__.subclasses.values()]

    @classmethod
    def __referred__(cls) -> list[tuple[str, Any]]:
        """Give (path, model) for each reference, those of embedded documents too."""
        found: list[tuple[str, Any]] = []
        waiting: list[Any] = [cls]
        seen: set[Any] = set()
        while waiting:
            owner = waiting.pop()
            seen.add(owner)
            for path, kind, target in owner.__targets__():
                if isinstance(kind, ReferenceKind):
                    found.append((path, target))
                elif isinstance(kind, EmbeddedKind) and target not in seen:
                    waiting.append(target)
        return found

    @classmethod
    def ensure_indexes(cls) -> None:
        """Make the indexes that the model declares and its collection lacks; `load()` does it.

        :raises ConfigurationError: an index exists with other options, or stored documents break a unique one.
        :raises OperationalError: the server does not answer.
        """
        indexes.ensure(cls)

    # Reading.

    @classmethod
    def find(cls, /, *filters: Condition | dict[str, Any] | bool, **equals: Any) -> Query[Self]:
        """Find documents: `Post.find(tags="mongo")`, `Post.find(Post.number > 10)`, or MongoDB's own filter as a dict.

        Keywords name public fields and carry values of their types, so they may hold outside input; a list is found by
        an item. A dict is trusted: it is for what the developer wrote.

        :raises ValidationError: a name is no public field, or a value is not of its type.
        """
        return Query(cls, tuple(expressions.build(cls, filters, equals)) if filters or equals else ())

    @classmethod
    def get(cls, id: Any = MISSING, /, **equals: Any) -> Self:
        """Give the one document of an id, or of other equalities.

        :raises NotFoundError: there is none; an id that is malformed, or None, is none. In a request, a 404.
        :raises ValidationError: a name or a value does not fit, as in `find`.
        """
        if id is MISSING:
            if not equals:
                raise TypeError(f"{cls.__name__}.get() needs an id, or fields and their values.")
            found = cls.find(**equals).first()
        elif equals:
            raise TypeError(f"{cls.__name__}.get() takes an id or fields, not both.")
        else:
            found = cls._by_id(id)
        if found is None:
            raise errors.NotFoundError(f"There is no such {cls.__name__}.", model=cls.__name__)
        return found

    @classmethod
    def _by_id(cls, id: Any) -> Self | None:
        primary = cls.__meta__.primary
        if id is None:
            return None
        try:
            wanted = id if primary.is_made and type(id) is ObjectId else primary.kind.encode(primary.kind.cast(id))
        except marshmallow.ValidationError as error:
            if isinstance(id, (str, bytes, int)):
                return None
            raise errors.ValidationError({primary.name: error.messages}, model=cls.__name__) from None
        wanted_filter = {"_id": wanted}
        for part in cls.__own_filter__():
            wanted_filter.update(part)
        try:
            stored = store.one(cls)(wanted_filter)
        except store.READING_ERRORS as error:
            raise store.unread(cls, error) from error
        return None if stored is None else view(cls.__class_of__(stored), stored, Batch([stored]))

    @classmethod
    def first(cls, /, *filters: Condition | dict[str, Any] | bool, **equals: Any) -> Self | None:
        """Give the first document that `find` would, or None."""
        return cls.find(*filters, **equals).first()

    @classmethod
    def count(cls, /, *filters: Condition | dict[str, Any] | bool, **equals: Any) -> int:
        """Count the documents that `find` would give, on the server."""
        return cls.find(*filters, **equals).count()

    @classmethod
    def exists(cls, /, *filters: Condition | dict[str, Any] | bool, **equals: Any) -> bool:
        """Say whether `find` would give any document."""
        return cls.find(*filters, **equals).exists()

    # Writing.

    def apply(self, data: Any, names: Iterable[str] | None = None, /, **trusted: Any) -> Self:
        """Set fields from outside data, as `new` does; where anything is wrong, nothing is set.

        :raises ValidationError: as `new`.
        """
        if not type(self).__fields__.keys() >= trusted.keys():
            raise unknown_names(type(self), trusted)
        before = dict(vars(self))
        problems: dict[str, Any] = {}
        try:
            given = inputs.read(type(self), data, problems, trusted, names)
            inputs.check_references(type(self), given, problems)
            try:
                values = {**inputs.kept(self, given, problems), **trusted}
                self._coerce(values)
                for name, value in values.items():
                    setattr(self, name, value)
                validation.judge_given(self, given, problems)
            except errors.ValidationError as error:  # of a value that code gave
                problems = {**error.messages_dict, **problems}
            if problems:
                raise validation.refused(type(self), problems, trusted)
        except BaseException:
            set_values(self, before)
            raise
        return self

    def save(self) -> Self:
        """Store the document: insert a new one, send the changes of a stored one. Give the document.

        :raises ValidationError: a value is wrong, or is taken by another document where it must be unique.
        :raises ConflictError: another writer deleted the document, or changed what this one would overwrite.
        :raises OperationalError: the server did not answer, or not as the write concern asks.
        """
        writes.save(self)
        return self

    def delete(self) -> None:
        """Delete the document; one that is gone already is no error, and calls no hook where this object deleted it.

        :raises NotFoundError: it was never saved.
        :raises ConflictError: with `Meta.revision`, another writer changed it.
        """
        writes.delete(self)

    def reload(self) -> Self:
        """Read the document again, and forget what was changed here. Give the document.

        :raises NotFoundError: it is not stored, or no longer.
        """
        refusals.refuse_unsaved(self)
        found = type(self)._by_id(self.id)
        if found is None:
            name = type(self).__name__
            raise errors.NotFoundError(f"{name} {self._doc['_id']!r} is no longer stored.", model=name)
        forgotten = {*type(self).__fields__, "_defaults", "_pending"}
        kept = {name: value for name, value in list(vars(self).items()) if name not in forgotten}
        set_doc(self, found._doc)
        set_state(self, found._state)
        set_values(self, kept)  # the last: what another thread read before it goes into the former one
        return self

    def changes(self) -> dict[str, Any]:
        """Give the update that `save()` would send, `{"$set": {"imdb.rating": 7.1}}`; `{}` where there is none.

        For a new document it sets all that would be inserted. What saving fills in is not part of it.
        """
        self.__identify__()
        changed = list(touched(self))
        if self._state.new:
            return {"$set": {**self._doc, **{one.key: new for one, _, new, _, _ in changed}}}
        return updates.update_of(self, changed).operators()

    def inc(self, name: str, by: Any = 1) -> Any:
        """Add to a number on the server, at once; give what it became.

        :raises ValidationError: the field is no number, or would leave its `min` or `max`.
        :raises ConflictError: the document was deleted, or the field has a change that is not saved.
        """
        return atomic.increment(self, name, by)

    def push(self, name: str, value: Any) -> Any:
        """Add an item at the end of a list, or to a set, on the server, at once; give what it became.

        :raises ValidationError: the item does not fit, or the list would be longer than `max_length`.
        :raises ConflictError: the document was deleted, or the field has a change that is not saved.
        """
        return atomic.push(self, name, value)

    def pull(self, name: str, value: Any) -> Any:
        """Remove every item that equals a value from a list or a set, on the server, at once; give what it became.

        :raises ConflictError: the document was deleted, or the field has a change that is not saved.
        """
        return atomic.pull(self, name, value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Model) or (type(self).__meta__.family or type(self)) is not (
            type(other).__meta__.family or type(other)
        ):
            return NotImplemented
        return self is other or (self._is_identified() and other._is_identified() and bool(self.id == other.id))

    def __hash__(self) -> int:
        if not self._is_identified():
            raise TypeError(f"{self!r} cannot be hashed before {type(self).__meta__.primary.name!r} is set.")
        return hash((type(self).__meta__.collection, self.id))

    def _is_identified(self) -> bool:
        primary = type(self).__meta__.primary
        return "_id" in self._doc or primary.is_made or primary.name in vars(self)

    def __repr__(self) -> str:
        identifier = getattr(self, type(self).__meta__.primary.name) if self._is_identified() else None
        return f"<{type(self).__name__} {identifier}>"


def _own_names(base: type) -> frozenset[str]:
    return frozenset(name for name in dir(base) if not name.startswith("__")) | {"Meta", "Schema"}


#: Names that no field can have: they are the model's own.
RESERVED = _own_names(Model)
_RESERVED_IN_EMBEDDED = _own_names(EmbeddedModel)
