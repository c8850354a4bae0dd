"""A field of a model: the descriptor by which a document's value is read, made, checked and assigned."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, ClassVar

from bson import ObjectId

from .. import errors
from ..late import importing, marshmallow
from .batches import Batch, Dangling, Deleted, Inner, Loader, complete
from .containers import Container, Nullable, core, messages_of
from .documents import NEW, Checked, Document, own_values, same, set_state
from .embedded import EmbeddedKind
from .kinds import MISSING, Kind, WrongValue
from .mixed import Anything, UnionKind
from .options import Options
from .references import ReferenceKind
from .scalars import LiteralKind

_NONE = frozenset({type(None)})

# The states of documents that are stored, and of which more than the id was loaded.
_WHOLE = frozenset({Batch, Inner})


class Field:
    """A field of a model: on the class an expression, on a document its value.

    It is no data descriptor: a value that was assigned, converted or can change in place lies in the document's
    `__dict__`, and Python finds it there.
    """

    #: Makes what reading the field on the class gives; the expressions, which are above, say how.
    express: ClassVar[Callable[[type, Field], Any]]

    def __init__(self, name: str, kind: Kind, options: Options, owner: type) -> None:
        self.name = name
        self.kind = kind
        self.options = options
        self.owner_name = owner.__name__
        self.key = "_id" if options.primary else options.alias or name
        self.required = self._is_required()
        #: Whether a value of the right type must pass more, which the generated code or `validators` check.
        self.has_validators = options.is_limited or options.is_judged
        self._judge: marshmallow.fields.Field[Any] | None = None
        #: Any stored value of the right type is the Python value, which cannot change in place.
        self.is_direct = reads_directly(core(kind)) and not kind.mutable
        # The stored types that are read as they are, without asking the kind.
        self._direct = (
            kind.stored if reads_directly(core(kind)) else _NONE if isinstance(kind, Nullable) else frozenset()
        )
        self._decode, self._is_nested = core(kind).decode, kind.nested
        #: The field is the id of a document, an ObjectId that is made when it is first needed.
        self.is_made = options.primary and options.default is ObjectId

    @property
    def validators(self) -> list[Callable[[Any], Any]]:
        """The marshmallow validators that the options mean."""
        if not self.has_validators:
            return []
        with importing:
            from . import rules  # and with it marshmallow
        return rules.validators_of(self.options)

    def _is_required(self) -> bool:
        if self.options.required is not None:
            return self.options.required
        return not isinstance(self.kind, Nullable) and self.options.default is MISSING and not self.options.increment

    def __get__(self, document: Any, owner: type | None = None) -> Any:
        if document is None:
            return Field.express(owner or object, self)
        loaded = document._doc
        try:
            stored = loaded[self.key]
        except KeyError:
            return self._missing(document)
        if type(stored) in self._direct:
            return stored  # which is as cheap the next time: most values are read once
        values = document.__dict__
        if document._doc is not loaded:
            return getattr(document, self.name)  # another thread reloads it, and these may be the new values already
        part = None
        if self._is_nested:
            state = document._state
            if state.parts is not None:
                part = state.parts.get(self)
            if part is None:
                # Where no reference is inside, no more is needed of the state than that all was loaded.
                is_enough = type(state) in _WHOLE and state.only is None and self.leads_nowhere
                part = state if is_enough else state.part(self)
        try:
            value = self._decode(stored, part)
        except WrongValue as error:
            raise self._wrong(document, error) from None
        return values.setdefault(self.name, value)  # another thread may have assigned one

    @cached_property
    def leads_nowhere(self) -> bool:
        """Whether no embedded document in this field, at any depth, refers to another document."""
        seen: set[Any] = set()
        waiting: list[Any] = [self]
        while waiting:
            for kind in every_kind(waiting.pop().kind):
                if isinstance(kind, ReferenceKind):
                    return False
                for target in getattr(kind, "targets", ()):
                    model = target.get()
                    if model not in seen:
                        seen.add(model)
                        waiting.extend(field for field in model.__fields__.values() if field.kind.nested)
        return True

    @cached_property
    def is_simple_part(self) -> bool:
        """Whether it is an embedded document of one model, without references, and has no validator of its own."""
        return type(core(self.kind)) is EmbeddedKind and not self.has_validators and self.leads_nowhere

    def kind_part(self, batch: Batch) -> Any:
        """Make what siblings share for this field: a batch of embedded documents, or a loader of references."""
        inner = self.innermost()
        if isinstance(inner, ReferenceKind):
            return Loader(inner.target.get(), batch.documents, self, ReferenceKind.fetch)
        return batch.inner(self)

    def innermost(self) -> Kind:
        """The kind inside of the field's containers: an embedded document's, a reference's, or a scalar's."""
        kind = core(self.kind)
        while isinstance(kind, Container):
            kind = core(kind.item)
        for member in getattr(kind, "members", ()):
            if isinstance(member, EmbeddedKind):
                return member
        return kind

    def _missing(self, document: Any) -> Any:
        state = document._state
        name = f"{type(document).__name__}.{self.name}"
        if isinstance(state, (Loader, Dangling)):
            complete(document)
            if isinstance(document._state, Dangling):
                raise document._state.error(document)
            return getattr(document, self.name)
        if self.key in document._doc:
            return getattr(document, self.name)  # another thread has loaded it meanwhile
        if self.is_made and state.new:
            return document.__dict__.setdefault(self.name, ObjectId())
        if state.only is not None and self.key not in state.only:
            raise errors.NotLoadedError(
                f"{name} was not loaded, as only() left it out. Name it there, or reload() the document.",
                model=type(document).__name__, field=self.name, id=document._doc.get("_id"),
            )  # fmt: skip
        if state.new:
            if self.required:
                raise AttributeError(f"{name} has not been set.", name=self.name, obj=document)
            return self.default()
        return self._default_of(document)

    def _default_of(self, document: Any) -> Any:
        if self.required and self.options.default is MISSING:
            if self.options.moment and type(made := document._doc.get("_id")) is ObjectId:
                return made.generation_time  # it was stored before the model kept its moments
            raise self._wrong(document, WrongValue(MISSING, self.kind.describe()))
        value = self.default()
        if self.is_constant:
            return value
        values = document.__dict__
        values.setdefault("_defaults", {})[self.name] = copy.deepcopy(value) if self.kind.mutable else value
        return values.setdefault(self.name, value)

    @property
    def is_constant(self) -> bool:
        """Whether all documents without a value share one, which cannot change."""
        default = self.options.default
        return default is MISSING or default is None or not (self.kind.mutable or callable(default))

    @property
    def factory(self) -> Callable[[], Any]:
        """What makes the value of a document that was made without one, as directly as possible."""
        default = self.options.default
        if default in ([], {}, set()):
            return type(default)
        return self.default

    def encode(self, document: Any, value: Any) -> Any:
        """Give the stored form of a document's value, which may have been changed in place to anything.

        :raises ValidationError: it has none.
        """
        try:
            return self.kind.encode(value)
        except Exception as error:  # noqa: BLE001  a kind need not foresee every wrong value
            try:
                value = self.kind.coerce(value)
                self.kind.judge(value)
                stored = self.kind.encode(value)
            except marshmallow.ValidationError as problem:
                raise errors.ValidationError({self.name: problem.messages}, model=type(document).__name__) from error
            document.__dict__[self.name] = value
            return stored

    def default(self) -> Any:
        """Give the value of a document that was made without one."""
        default = self.options.default
        if default is MISSING:
            return None
        if callable(default) and not isinstance(default, Document):
            try:
                return self.kind.coerce(default())
            except marshmallow.ValidationError as error:
                raise errors.ConfigurationError(
                    f"The default of {self.owner_name}.{self.name} gives a value that does not fit: {error.messages}."
                ) from error
        return copy.deepcopy(default) if self.kind.mutable else default

    def assign(self, document: Any, value: Any) -> None:
        """Set the value on a document.

        :raises ValidationError: it is of another type, or the field is the id of a stored document.
        """
        try:
            value = self.kind.coerce(value)
        except marshmallow.ValidationError as error:
            problems = {self.name: messages_of(error, value)}
            raise errors.ValidationError(problems, model=type(document).__name__) from None
        if self.key == "_id" and not document._state.new and not same(self.kind.encode(value), document._doc["_id"]):
            raise errors.ValidationError(
                {self.name: ["The id of a stored document cannot change."]}, model=type(document).__name__
            )
        if isinstance(document._state, Deleted):
            raise errors.ConflictError(
                f"This {type(document).__name__} was deleted and cannot be changed.",
                model=type(document).__name__, id=document._doc.get("_id"),
            )  # fmt: skip
        if type(document._state) is Checked:
            set_state(document, NEW)
        values = document.__dict__
        if values is document._doc:
            values = own_values(document)
        if "_defaults" in values and values.get(self.name) is not value:
            values["_defaults"].pop(self.name, None)  # it is assigned, and no longer a default that grows
        values[self.name] = value

    @property
    def judge(self) -> marshmallow.fields.Field[Any]:
        """The marshmallow field that has the last word on a value of this field."""
        if self._judge is None:
            self._judge = self.schema_field()
        return self._judge

    def schema_field(self, **options: Any) -> marshmallow.fields.Field[Any]:
        """Make a marshmallow field with this field's kind and validators."""
        options.setdefault("required", self.required)
        optional = isinstance(self.kind, (Nullable, Anything)) and self.options.required is not True
        options.setdefault("allow_none", optional)
        return core(self.kind).schema_field(validate=self.validators or None, **options)

    def reads_as(self, stored: Any, value: Any) -> bool:
        """Say whether a stored value reads as the given one, though it would be stored in another form today."""
        if self.kind.nested:
            return False
        try:
            return same(self.kind.decode(stored), value)
        except WrongValue:
            return False

    def _wrong(self, document: Any, error: WrongValue) -> errors.StoredValueError:
        path = f"{self.name}.{error.path}" if error.path else self.name
        found = "nothing" if error.stored is MISSING else f"a value of type {type(error.stored).__name__}"
        remedy = "a right value, or widen the annotation to what is stored."
        kind = self.innermost()
        if isinstance(kind, ReferenceKind) and error.wanted == kind.describe() and error.stored not in (MISSING, None):
            remedy = (
                f"a document, or store its id there ({kind.id_kind.describe()}) by the `collection` of the model: of a "
                "DBRef, its `.id`."
            )
        return errors.StoredValueError(
            f"{found} is stored where {error.wanted} is declared. Assign {remedy}",
            model=type(document).__name__, field=path, id=document._doc.get("_id"),
        )  # fmt: skip


def every_kind(kind: Kind) -> Iterator[Kind]:
    """Give the kinds inside of a kind's containers and unions."""
    kind = core(kind)
    inner = getattr(kind, "items", None) or getattr(kind, "members", None)
    if inner is None and isinstance(kind, Container):
        inner = (kind.item,)
    if inner is None:
        yield kind
    for one in inner or ():
        yield from every_kind(one)


def reads_directly(kind: Kind) -> bool:
    """Say whether any stored value of the right type is the Python value."""
    if isinstance(kind, UnionKind):
        return all(map(reads_directly, kind.members))
    return kind.plain and not isinstance(kind, LiteralKind)
