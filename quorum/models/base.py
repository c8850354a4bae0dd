"""What models and embedded models share: how they are made, checked, copied and shown."""

from __future__ import annotations

import copy
import inspect
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, Self, dataclass_transform

from bson import ObjectId

from .. import errors
from ..late import marshmallow
from . import inputs, registry, validation
from .batches import Batch, Dangling, Deleted, Inner, Loader
from .codec import Codec
from .containers import messages_of
from .declarations import Meta, declared, inherited, read_meta
from .documents import CHECKED, NEW, Document, New, set_doc, set_state, set_values, unknown_field
from .embedded import TYPE_KEY
from .fields import Field
from .holders import holders
from .hooks import Hooks
from .options import Options, field, file, reference
from .references import ReferenceKind
from .registry import Target
from .schema import schema_of


class Timestamped:
    """A mixin that keeps two moments, in UTC: when a document was created, and when it was last changed."""

    __slots__ = ()

    created_at: datetime
    updated_at: datetime


_MOMENTS = {
    "created_at": Options(moment="created", readonly=True),
    "updated_at": Options(moment="updated", readonly=True),
}


# The states of documents whose stored form is all that there is of them.
_WHOLE = frozenset({Batch, Inner})

_making = threading.RLock()
os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_making.release)


class Made:
    """A class attribute that is made when it is first asked for; each class has its own."""

    def __init__(self, name: str, make: Any) -> None:
        self._name, self._make = name, make

    def __get__(self, document: Any, owner: type) -> Any:
        with _making:  # the first use can come from many threads at once
            made = owner.__dict__.get(self._name, self)
            if made is self:
                made = self._make(owner)
                setattr(owner, self._name, made)
            return made


class Asked:
    """A class attribute that is worked out anew each time: what it gives depends on the app that holds now."""

    def __init__(self, work_out: Any) -> None:
        self._work_out = work_out
        self.__doc__ = work_out.__doc__

    def __get__(self, document: Any, owner: type) -> Any:
        return self._work_out(owner)


def refuse_base(cls: type) -> Any:
    """Refuse to make a document of a class that has no fields of its own."""
    raise TypeError(f"{cls.__name__} is for subclassing: `class Post(quorum.{cls.__name__}): title: str`.")


@dataclass_transform(kw_only_default=True, field_specifiers=(field, reference, file))
class Base(Document):
    """What models and embedded models share."""

    __slots__ = ()

    __meta__: ClassVar[Meta] = Meta(abstract=True)
    __validators__: ClassVar[dict[str, list[str]]] = {}
    __paths__: ClassVar[dict[tuple[str, int], Any]] = {}
    __prefetched__: ClassVar[dict[str, Any]] = {}
    __codec__: ClassVar[Any] = Asked(refuse_base)
    __files__: ClassVar[tuple[Any, ...]] = ()
    __codec_source__: ClassVar[Any] = Asked(lambda cls: cls.__codec__.source)
    #: The model's marshmallow schema class.
    Schema: ClassVar[type[marshmallow.Schema]]

    def __init__(self, /, *positional: Any, **values: Any) -> None:
        if positional:
            raise TypeError(f"{type(self).__name__}() takes the fields by name: {type(self).__name__}(field=value).")
        codec = type(self).__codec__
        if len(values) < codec.size:
            values = codec.filled(values)
        stored: dict[str, Any] = {}
        set_doc(self, stored)
        if codec.take(values, stored):
            set_state(self, CHECKED)
        else:
            set_state(self, NEW)
            if not codec.names.issuperset(values):
                raise unknown_names(type(self), values)
            self._coerce(values)
        set_values(self, values)

    def _coerce(self, values: dict[str, Any]) -> None:
        fields = type(self).__fields__
        problems: dict[str, Any] = {}
        for name, value in values.items():
            try:
                values[name] = fields[name].kind.coerce(value)
            except marshmallow.ValidationError as error:
                problems[name] = messages_of(error, value)
        if problems:
            raise errors.ValidationError(problems, model=type(self).__name__)

    @classmethod
    def __stored_type__(cls) -> dict[str, str]:
        return {}

    @classmethod
    def __of__(cls, values: Mapping[str, Any]) -> Self:
        try:
            return cls(**values)
        except errors.ValidationError as error:
            raise marshmallow.ValidationError(error.messages_dict) from None
        except TypeError as error:
            raise marshmallow.ValidationError(str(error)) from None

    @classmethod
    def __cast__(cls, data: Mapping[str, Any]) -> Self:
        values = inputs.read_whole(cls, data)
        document = cls.__of__(values)
        try:
            if not document.__is_valid__():
                document.__judge__()
        except errors.DanglingReferenceError:  # a method marked with `@validates` read what the data refer to
            problems: dict[str, Any] = {}
            inputs.check_references(cls, values, problems)
            if not problems:
                raise
            raise marshmallow.ValidationError(problems) from None
        return document

    def __identify__(self) -> None:
        primary = type(self).__meta__.primary
        if primary is not None and primary.is_made and self._state.new and primary.name not in (values := vars(self)):
            values.setdefault(primary.name, ObjectId())

    def __kept__(self) -> Any:
        state = self._state
        if state.new:
            return state
        if isinstance(state, (Loader, Dangling)):
            return "id"
        return ("deleted", state.only) if isinstance(state, Deleted) else state.only

    def __restore__(self, kept: Any) -> None:
        cls = type(self)
        if isinstance(kept, New):
            set_state(self, kept)
        elif kept == "id":
            ReferenceKind(Target(cls, cls, "id"), cls.__name__, "id").take_in(self)
        elif isinstance(kept, tuple):
            set_state(self, Deleted([self._doc], kept[1]))
        else:
            set_state(self, Batch([self._doc], kept))

    @classmethod
    def __bind__(cls) -> None:
        for _ in cls.__targets__():
            pass
        cls.__codec__  # noqa: B018  generated now, so that what is wrong shows at load()

    @classmethod
    def __targets__(cls) -> Iterator[tuple[str, Any, Any]]:
        """Give (path, kind, class) for each field that leads to another class."""
        problems: list[str] = []
        for one in cls.__fields__.values():
            kind = one.innermost()
            for target in getattr(kind, "targets", (kind.target,) if hasattr(kind, "target") else ()):
                path = f"{cls.__name__}.{one.name}"
                try:
                    found = target.get()
                except errors.ConfigurationError as error:
                    problems.extend(error.problems)
                    continue
                if isinstance(kind, ReferenceKind) is not registry.is_model(found):
                    remedy = "an EmbeddedModel needs no" if isinstance(kind, ReferenceKind) else "a model needs a"
                    problems.append(f"{path}: {found.__name__} does not fit; {remedy} quorum.reference().")
                    continue
                yield path, kind, found
        if problems:
            raise errors.ConfigurationError(*problems)

    def __is_valid__(self) -> bool:
        return validation.is_valid(self)

    def __judge__(self) -> None:
        validation.judge(self)

    @classmethod
    def new(cls, data: Any, names: Iterable[str] | None = None, /, **trusted: Any) -> Self:
        """Make a document of outside data: a form, or a dict from JSON. Its values are cast and validated.

        :param names: the fields that the data may set, where that is not every one that may be written from outside.
            Of a form, one of them that is missing and a bool or a list is False or empty: boxes send only ticks.
        :param trusted: values that code gives; a field named here is not taken from the data.
        :raises ValidationError: a name that may not be written, an unknown one in JSON, or a wrong value; all of them.
            A required field that is missing, and a wrong value among the trusted ones, are among them where anything
            else is wrong; else `save()` tells. A document that is referred to and does not exist is a wrong value too.
        """
        if not cls.__fields__.keys() >= trusted.keys():
            raise unknown_names(cls, trusted)
        problems: dict[str, Any] = {}
        values = inputs.read(cls, data, problems, trusted, names, whole=True)
        inputs.check_references(cls, values, problems)
        if not problems or cls.__validators__:  # what these say of the rest is told together with the problems
            try:
                document = cls(**{**values, **trusted})
                validation.judge_given(document, values, problems)
                if not problems:
                    if cls.__embedded__:
                        document.validate()
                    return document
            except errors.ValidationError as error:  # of a value that code gave
                problems = {**error.messages_dict, **problems}
        problems.update(inputs.lacking(cls, {**values, **trusted, **problems}, names))
        raise validation.refused(cls, problems, trusted)

    def validate(self) -> None:
        """Check the values that saving would store; of a stored document, those that changed.

        :raises ValidationError: something is wrong; `messages` has it by field, `{"title": ["..."]}`.
        """
        validation.validated(self)

    def dump(self) -> dict[str, Any]:
        """Give a JSON-ready dict of the public fields that were loaded: ids, decimals and UUIDs as text, moments as
        ISO 8601, a reference as the id of its document.
        """
        quick: dict[str, Any] | None = self.__shown__(type(self).__codec__.show)
        if quick is not None:
            return quick
        only = self._state.only
        shown = {}
        for name, one in type(self).__fields__.items():
            if one.options.private or (only is not None and one.key not in only):
                continue
            if self._state.new and not one.is_made and name not in vars(self) and one.key not in self._doc:
                continue
            value = getattr(self, name)
            shown[name] = None if value is None else one.kind.dump(value)
        return shown

    def __shown__(self, show: Callable[[dict[str, Any]], dict[str, Any] | None]) -> dict[str, Any] | None:
        """Show what is stored, and in its place what was read in another form or changed; None where it takes more."""
        if type(self._state) not in _WHOLE or self._state.only is not None:
            return None
        shown = show(self._doc)
        values = self.__dict__
        if values and shown is not None and values is not self._doc:
            fields = type(self).__fields__
            for name in shown.keys() & values.keys():
                value = values[name]
                shown[name] = None if value is None else fields[name].kind.dump(value)
        return shown

    def __copy__(self) -> Self:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        self.__identify__()
        copied: Self = object.__new__(type(self))
        set_doc(copied, copy.deepcopy(self._doc, memo))
        copied.__restore__(self.__kept__())
        vars(copied).update(
            (name, value if _is_of_another(type(self), name) else copy.deepcopy(value, memo))
            for name, value in vars(self).items()
        )
        return copied


def _is_of_another(cls: Any, name: str) -> bool:
    known = cls.__fields__.get(name)
    return known is not None and isinstance(known.innermost(), ReferenceKind)


def unknown_names(cls: Any, values: Mapping[str, Any]) -> TypeError:
    name = next(name for name in values if name not in cls.__fields__)
    return TypeError(f"{cls.__name__}(): {unknown_field(cls, name)}")


def _mixed_in(cls: Any, reserved: frozenset[str]) -> dict[str, Any]:
    """Declare, on the class itself, the fields of plain mixins that no base has declared yet."""
    found: dict[str, Any] = {}
    for base in cls.__mro__[1:]:
        if base is object or issubclass(base, (Document, Hooks)):
            continue
        if any(issubclass(parent, base) and "__fields__" in parent.__dict__ for parent in cls.__mro__[1:]):
            continue
        annotations = dict(inspect.get_annotations(base))
        body = {n: v for n, v in base.__dict__.items() if n in annotations or isinstance(v, (Options, type))}
        body.update(__annotations__=annotations, __module__=base.__module__, __embedded__=cls.__embedded__)
        if base is Timestamped:
            body.update(_MOMENTS)
        for name, one in declared(type(cls.__name__, (), body), reserved).items():
            if name not in cls.__dict__:
                setattr(cls, name, one)
                found[name] = one
    return found


def _reachable(cls: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """Give the fields as the class has them by inheritance.

    :raises ConfigurationError: something else of the same name hides one, or two are stored under one name.
    """
    problems: list[str] = []
    keys: dict[str, str] = {}
    for name in fields:
        fields[name] = field = inspect.getattr_static(cls, name)
        if not isinstance(field, Field):
            problems.append(f"{cls.__name__}.{name} hides the field of that name. Annotate it, or rename it.")
        elif (other := keys.setdefault(field.key, name)) != name:
            problems.append(f"{cls.__name__}.{name} and .{other} are both stored as {field.key!r}.")
    if problems:
        raise errors.ConfigurationError(*problems)
    return fields


def set_up(cls: Any, allowed: tuple[str, ...], reserved: frozenset[str]) -> dict[str, Any]:
    """Read a class body: its fields, its Meta, its validators."""
    given = read_meta(cls, allowed)
    fields = {**inherited(cls), **_mixed_in(cls, reserved), **declared(cls, reserved)}
    cls.__fields__ = fields = _reachable(cls, fields)
    validators: dict[str, list[str]] = {}
    for attribute in dir(cls):
        for name in getattr(inspect.getattr_static(cls, attribute), "__validates__", ()):
            if name not in fields:
                raise errors.ConfigurationError(
                    f"{cls.__name__}.{attribute} validates {name!r}. {unknown_field(cls, name)}"
                )
            validators.setdefault(name, []).append(attribute)
    cls.__validators__ = validators
    cls.__paths__ = {}
    cls.__prefetched__ = {}
    cls.__codec__ = Made("__codec__", lambda cls: Codec(cls, cls.__stored_type__().get(TYPE_KEY)))
    cls.__files__ = Made("__files__", holders)
    cls.Schema = Made("Schema", schema_of)
    return given
