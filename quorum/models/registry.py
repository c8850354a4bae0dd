"""Which models exist, by name: for references by name, and for `load(models=...)`."""

from __future__ import annotations

import importlib
import types
import weakref
from collections.abc import Iterable
from typing import Any

from .. import errors

_classes: dict[str, list[weakref.ref[type]]] = {}


def register(cls: type) -> None:
    """Note that a model or an embedded model exists."""
    _classes.setdefault(cls.__name__, []).append(weakref.ref(cls))


def named(name: str) -> list[type]:
    """Give the classes of a name, newest first."""
    living = [(ref, cls) for ref in _classes.get(name, ()) if (cls := ref()) is not None]
    _classes[name] = [ref for ref, _ in living]
    return [cls for _, cls in reversed(living)]


class Target:
    """The class that a field names: the class itself, or its name until that exists.

    A name means the owner itself, then the newest class of its module, then the only class of that name.
    """

    def __init__(self, wanted: type | str, owner: type, field: str) -> None:
        #: The class, once it is known.
        self.found: Any = wanted if isinstance(wanted, type) else None
        self.name = wanted if isinstance(wanted, str) else wanted.__name__
        self._owner = weakref.ref(owner)
        self._field = field

    @property
    def itself(self) -> Any:
        """The class that the field is declared in, where the field leads to that very class; else None."""
        owner = self._owner()
        is_owner = owner is not None and owner.__name__ == self.name and self.found in (None, owner)
        return owner if is_owner else None

    def get(self) -> Any:
        """Give the class.

        :raises ConfigurationError: there is none of that name, or more than one.
        """
        if self.found is None:
            self.found = self._find()
        return self.found

    def _find(self) -> type:
        owner = self._owner()
        where = f"{owner.__name__ if owner else '?'}.{self._field}"
        if owner is not None and owner.__name__ == self.name:
            return owner
        found = named(self.name)
        near = [cls for cls in found if owner is not None and cls.__module__ == owner.__module__]
        if near:
            return near[0]
        if not found:
            raise errors.ConfigurationError(
                f"{where} refers to {self.name!r}, and no model of that name exists. Import its module before load(), "
                "or correct the name."
            )
        if len(found) > 1:
            modules = ", ".join(sorted(cls.__module__ for cls in found))
            raise errors.ConfigurationError(
                f"{where} refers to {self.name!r}, which exists in {modules}. Write the class instead of its name."
            )
        return found[0]


def concrete_models(source: Any) -> tuple[Any, ...]:
    """Give the concrete models of a module, of a package with all its modules, or of a list of classes.

    :raises ConfigurationError: the source is none of these, or lists something that is no concrete model.
    """
    if source is None:
        return ()
    if isinstance(source, types.ModuleType):
        modules = [source]
        if hasattr(source, "__path__"):
            import pkgutil

            found_modules = pkgutil.walk_packages(source.__path__, f"{source.__name__}.")
            modules.extend(importlib.import_module(info.name) for info in found_modules)
        found = {
            id(value): value
            for module in modules
            for value in vars(module).values()
            if is_model(value) and not value.__meta__.abstract
        }
        return tuple(found.values())
    if isinstance(source, Iterable) and not isinstance(source, (str, bytes)):
        classes = tuple(source)
        problems = [
            f"load(models=...) lists {value!r}, which is no concrete quorum.Model."
            for value in classes
            if not is_model(value) or value.__meta__.abstract
        ]
        if problems:
            raise errors.ConfigurationError(*problems)
        return tuple(dict.fromkeys(classes))
    raise errors.ConfigurationError(
        f"load(models=...) takes a module, a package or a list of model classes, not {type(source).__name__}."
    )


def is_model(value: Any) -> bool:
    """Say whether a value is a model class (and no embedded model)."""
    return isinstance(value, type) and hasattr(value, "__meta__") and not getattr(value, "__embedded__", True)


def check(models: Iterable[Any]) -> None:
    """Check what can only be checked once all models are known.

    :raises ConfigurationError: every problem: references to nothing, to an abstract model or to one outside of
        `models`, two models with one collection.
    """
    models = tuple(models)
    problems: list[str] = []
    collections: dict[str, Any] = {}
    for model in models:
        try:
            model.__bind__()
        except errors.ConfigurationError as error:
            problems.extend(error.problems)
            continue
        for path, target in model.__referred__():
            if target.__meta__.abstract:
                problems.append(f"{path} refers to {target.__name__}, which is abstract and has no documents.")
            elif target not in models:
                problems.append(
                    f"{path} refers to {target.__name__}, which is not among the models of load(models=...). "
                    "Add it there."
                )
        family = model.__meta__.family or model
        other = collections.setdefault(model.__meta__.collection, family)
        if other is not family:
            problems.append(
                f"{other.__name__} and {model.__name__} both use the collection {model.__meta__.collection!r}. "
                "Give one of them another name with Meta.collection."
            )
    if problems:
        raise errors.ConfigurationError(*dict.fromkeys(problems))
