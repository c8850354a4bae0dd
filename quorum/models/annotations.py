"""From an annotation to the kind that it means."""

from __future__ import annotations

import builtins
import enum
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, ForwardRef, Literal, Union, get_args, get_origin

from .. import errors
from . import registry
from .containers import DictKind, ListKind, Nullable, SetKind, TupleKind, core
from .embedded import EmbeddedKind, EmbeddedUnionKind
from .kinds import Kind
from .mixed import Anything, UnionKind
from .options import Options
from .references import ReferenceKind
from .registry import Target
from .scalars import SCALARS, EnumKind, Float, LiteralKind


class Unknown:
    """Stands for a name that did not exist yet when the class was made."""


class _Names(dict[str, Any]):
    """The names of an annotation: the classes inside of the class, what its module has, unknown ones."""

    def __init__(self, owner: type) -> None:
        super().__init__({name: value for name, value in vars(owner).items() if isinstance(value, type)})
        module = owner.__module__
        self._globals = vars(sys.modules.get(module, types.ModuleType(module)))
        self.unknown: list[str] = []

    def __missing__(self, name: str) -> Any:
        if name in self._globals:
            return self._globals[name]
        if hasattr(builtins, name):
            return getattr(builtins, name)
        if name.startswith("__"):
            raise KeyError(name)
        self.unknown.append(name)
        # Which class of the name is meant shows when all of them exist.
        return type(name, (Unknown,), {})


def own_annotations(cls: type) -> dict[str, Any]:
    """Give the annotations written in a class's own body, evaluated but for names that do not exist yet.

    :raises ConfigurationError: the text of one is no expression.
    """
    if sys.version_info >= (3, 14):
        import annotationlib

        raw = annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    else:
        raw = inspect.get_annotations(cls)
    return {name: _evaluate(value, cls, name) for name, value in raw.items()}


def _evaluate(annotation: Any, owner: type, name: str) -> Any:
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if not isinstance(annotation, str):
        return annotation
    names = _Names(owner)
    try:
        return eval(annotation, {}, names)  # noqa: S307  it is the class's own source
    except (SyntaxError, AttributeError, TypeError, ValueError, LookupError) as error:
        problem = f"{owner.__module__} has no {' and no '.join(names.unknown)}" if names.unknown else str(error)
        raise errors.ConfigurationError(
            f"{owner.__name__}.{name}: its annotation {annotation!r} cannot be read: {problem}."
        ) from error


class Reader:
    """Reads the annotation of one field of a class."""

    def __init__(self, owner: type, name: str, options: Options) -> None:
        self.owner, self.name = owner, name
        self.allow_nan, self.reference, self.file = options.allow_nan, options.reference, options.file

    def read(self, annotation: Any) -> Kind:
        """Give the kind of an annotation.

        :raises ConfigurationError: no kind fits it.
        """
        annotation = _evaluate(annotation, self.owner, self.name)
        origin = get_origin(annotation)
        if origin is Annotated:
            return self._annotated(*get_args(annotation))
        if origin in (Union, types.UnionType):
            return self._union(get_args(annotation))
        if annotation is Any or annotation is object:
            return Anything()
        if origin is Literal:
            return self._checked(lambda: _literal(get_args(annotation)))
        if (origin or annotation) in (list, set, frozenset, tuple, dict):
            return self._container(origin or annotation, get_args(annotation))
        return self._single(origin if origin is re.Pattern else annotation)

    def _annotated(self, annotation: Any, *metadata: Any) -> Kind:
        if any(isinstance(one, Options) or callable(one) for one in metadata):
            raise self._error(
                "what stands in Annotated is not read. Write quorum.field(...) as the value; validators are its "
                "option `validate`"
            )
        return self.read(annotation)

    def _checked(self, make: Callable[[], Kind]) -> Kind:
        try:
            return make()
        except TypeError as error:
            raise self._error(str(error)) from None

    def _error(self, problem: str) -> errors.ConfigurationError:
        return errors.ConfigurationError(f"{self.owner.__name__}.{self.name}: {problem}.")

    def _single(self, annotation: Any) -> Kind:
        if annotation is float:
            return Float(self.allow_nan)
        if hasattr(annotation, "__kind__"):
            return annotation.__kind__(self.file)  # type: ignore[no-any-return]
        if annotation in SCALARS:
            return SCALARS[annotation]()
        if annotation is None or annotation is type(None):
            raise self._error("a field that is always None makes no sense")
        if not isinstance(annotation, type):
            raise self._error(f"{annotation!r} is no type that can be stored")
        if issubclass(annotation, enum.Enum):
            return self._checked(lambda: EnumKind(annotation))
        if issubclass(annotation, Unknown):
            return self._linked(annotation.__name__)
        if registry.is_model(annotation) and not self.reference:
            raise self._error(
                f"{annotation.__name__} is a model of its own collection. Write quorum.reference() as the value, "
                "or make it an EmbeddedModel"
            )
        if hasattr(annotation, "__meta__"):
            return self._linked(annotation)
        raise self._error(
            f"{annotation.__name__} is no type that can be stored. Use an EmbeddedModel for a class of your own"
        )

    def _linked(self, wanted: type | str) -> Kind:
        target = Target(wanted, self.owner, self.name)
        if self.reference:
            return ReferenceKind(target, self.owner.__name__, self.name)
        return EmbeddedKind(target)

    def _container(self, origin: Any, arguments: tuple[Any, ...]) -> Kind:
        if origin is tuple:
            if not arguments:
                return TupleKind((Anything(),), repeated=True)
            repeated = len(arguments) == 2 and arguments[1] is Ellipsis
            items = tuple(self.read(a) for a in (arguments[:1] if repeated else arguments))
            if any(item.nested for item in items) and len({item.describe() for item in items}) > 1:
                raise self._error("documents have places in a tuple only where all of them are of one model")
            return TupleKind(items, repeated)
        if origin is dict:
            if arguments and _evaluate(arguments[0], self.owner, self.name) is not str:
                raise self._error("the keys of a stored dict are str")
            return DictKind(self.read(arguments[1]) if arguments else Anything())
        item = self.read(arguments[0]) if arguments else Anything()
        if origin is list:
            return item.in_list() or ListKind(item)
        if item.mutable or item.nested:
            raise self._error(f"a set holds scalars, not {item.describe()}")
        return SetKind(item)

    def _union(self, arguments: tuple[Any, ...]) -> Kind:
        members = [self.read(a) for a in arguments if a is not None and a is not type(None)]
        optional = len(members) < len(arguments)
        kind = members[0] if len(members) == 1 else self._several(members)
        return Nullable(kind) if optional and not isinstance(kind, Nullable) else kind

    def _several(self, members: list[Kind]) -> Kind:
        members = [core(member) for member in members]
        embedded = [member for member in members if isinstance(member, EmbeddedKind)]
        scalars = [member for member in members if not isinstance(member, EmbeddedKind)]
        for member in scalars:
            if member.mutable or member.nested or isinstance(member, TupleKind):
                raise self._error(f"a union is of scalars or of embedded models, not of {member.describe()}")
        for index, member in enumerate(scalars):
            for other in scalars[:index]:
                shared = member.stored & other.stored
                if shared and {type(member).__name__, type(other).__name__} != {"Float", "Integer"}:
                    names = f"{other.describe()} and {member.describe()}"
                    raise self._error(f"{names} are stored alike, so a union of them cannot be told apart")
        if embedded:
            targets = tuple(member.target for member in embedded)
            together = EmbeddedUnionKind(*targets) if len(targets) > 1 else embedded[0]
            if not scalars:
                return together
            scalars.append(together)
        return UnionKind(tuple(scalars))


def _literal(values: tuple[Any, ...]) -> Kind:
    rest = tuple(value for value in values if value is not None)
    kind = LiteralKind(rest)
    return kind if len(rest) == len(values) else Nullable(kind)


def is_class_variable(annotation: Any) -> bool:
    """Say whether an annotation declares no field."""
    return annotation in (ClassVar, typing.Final) or get_origin(annotation) in (ClassVar, typing.Final)
