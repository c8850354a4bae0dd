"""How one value of each scalar type is checked, stored, read and shown.

A kind knows two forms of a value: the one that Python code sees and the one that BSON decoding gives. Where they are
the same object (`plain`), reading and storing cost nothing. Sizes and ranges that a user asks for are no part of a
kind: they are validators of the field.

An extender writes `coerce`, `encode` and `decode`, and names the class in `marshmallow.fields` whose messages hold::

    class Point(Scalar):
        python, stored, marshmallow_field = complex, frozenset({list}), "Field"
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable
from itertools import chain
from typing import Any, ClassVar

from ..late import marshmallow
from .marshal import field_class

# The names that generated code uses for something of its own: functions and locals, and what Python brings.
_OWN = re.compile(r"check_|v[0-9]+\Z|.*_\Z")
_FUNCTIONS = ["check", "encode", "is_flat", "lend", "recheck", "show", "store", "take"]
_LOCALS = ["get", "given", "joined", "right", "stored", "values"]
_TAKEN: dict[str, Any] = {**vars(builtins), **dict.fromkeys((*_FUNCTIONS, *_LOCALS, *keyword.kwlist))}

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING", "__bool__": lambda self: False})()


class WrongValue(Exception):  # noqa: N818  it tells of a value, and is no error until a field says so
    """A stored value that its kind cannot read; `path` leads to it from the field."""

    def __init__(self, stored: Any, wanted: str, path: str = "") -> None:
        super().__init__(stored, wanted, path)
        self.stored, self.wanted, self.path = stored, wanted, path


class Scope:
    """The names that a piece of generated code may use, with the objects behind them."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self._variables = 0

    def name(self, value: Any, hint: str) -> str:
        """Give `value` a name: `hint`, or `hint_2`, `hint_3` where that is taken by something else."""
        if not hint.isidentifier() or _OWN.match(hint):  # a class can have any name
            hint = re.sub(r"\W", "_", f"the_{hint}").rstrip("_")
        name, number = hint, 1
        while self.names.get(name, _TAKEN.get(name, value)) is not value:
            number += 1
            name = f"{hint}_{number}"
        self.names[name] = value
        return name

    def variable(self) -> str:
        """Give a fresh local variable's name."""
        self._variables += 1
        return f"v{self._variables}"


def is_utf8(text: str) -> bool:
    """Say whether a text can be stored: a lone surrogate cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Kind:
    """What every kind of value can do."""

    #: The Python value is the stored object itself.
    plain: bool = False
    #: A value can change in place.
    mutable: bool = False
    #: A value holds documents, which are judged and settled on their own.
    nested: bool = False
    #: A value is a file, or holds files: their bytes lie in a storage.
    files: bool = False
    #: The types that BSON decoding gives for this kind; empty where anything is read.
    stored: frozenset[type] = frozenset()

    def coerce(self, value: Any) -> Any:
        """Give the normal form of a value that code assigned.

        :raises marshmallow.ValidationError: it is of another type.
        """
        raise NotImplementedError

    def cast(self, value: Any) -> Any:
        """Give the value that outside input means: text from a form, or what JSON can say.

        :raises marshmallow.ValidationError: it means none.
        """
        return self.coerce(value)

    def encode(self, value: Any) -> Any:
        """Give the form that is stored."""
        return value

    def decode(self, stored: Any, batch: Any = None) -> Any:
        """Give the Python value of what was stored; `batch` is what it was loaded with.

        :raises WrongValue: the stored value is of another type.
        """
        raise NotImplementedError

    def dump(self, value: Any) -> Any:
        """Give the JSON-ready form."""
        return value

    def judge(self, value: Any) -> None:
        """Check what lies inside a normal value.

        :raises marshmallow.ValidationError: something in it is wrong.
        """

    def settle(self, value: Any, stored: Any, batch: Any) -> None:
        """Note that a value is now stored as `stored`."""

    def source(self, name: str, scope: Scope) -> str:
        """Give a Python expression that is true only where the variable `name` holds a right value."""
        raise NotImplementedError

    def shape(self, name: str, scope: Scope) -> str:
        """Give an expression that is true only where `name` holds a value that needs no `coerce`; it may leave to
        `source` what is only looked at when the document is saved.
        """
        return self.source(name, scope)

    def encoding(self, name: str, scope: Scope, field: str) -> str:
        """Give an expression for the stored form of the right value in the variable `name`, which is a field's."""
        return name if self.plain else f"{scope.name(self.encode, f'encode_{field}')}({name})"

    def showing(self, name: str, scope: Scope, field: str, verb: str) -> tuple[str, str] | None:
        """Give two expressions about the stored value in the variable `name`: one that is true only where it can be
        read, and one for its JSON-ready form; or None, where that takes more.

        :param verb: `"show"`, or `"lend"` for a writer of JSON that writes moments itself and changes no list.
        """
        return None

    def schema_field(self, **options: Any) -> marshmallow.fields.Field[Any]:
        """Give the marshmallow field of this kind."""
        raise NotImplementedError

    def subdocuments(self, stored: Any) -> Iterable[dict[str, Any]]:
        """Give the embedded documents in a stored value."""
        return ()

    def identifiers(self, stored: Any) -> Iterable[Any]:
        """Give the ids of the documents that a stored value refers to."""
        return ()

    def identifiers_of(self, values: Iterable[Any]) -> Iterable[Any]:
        """Give the ids of the documents that many stored values refer to."""
        return chain.from_iterable(map(self.identifiers, values))

    def in_list(self) -> Any:
        """Give the kind of a list of these, where it is not the one of all lists."""
        return None

    def describe(self) -> str:
        """Name the kind as an annotation does."""
        raise NotImplementedError


class Scalar(Kind):
    """A kind whose values are immutable and of one Python type."""

    python: type
    #: The keyword for the message about a wrong type, in the marshmallow field's table.
    message: ClassVar[str] = "invalid"
    #: The name of the class in `marshmallow.fields`.
    marshmallow_field: ClassVar[str]

    def coerce(self, value: Any) -> Any:
        if type(value) is self.python:
            return value
        raise self.error(value)

    def cast(self, value: Any) -> Any:
        if isinstance(value, str):
            if not value.isascii() or len(value) > 2000:
                raise self.error(value)
            return self.coerce(self.parse(value.strip()))
        return self.coerce(value)

    def parse(self, text: str) -> Any:
        """Read ASCII text; anything it returns goes through `coerce`."""
        raise self.error(text)

    def decode(self, stored: Any, batch: Any = None) -> Any:
        if type(stored) in self.stored:
            return stored
        raise WrongValue(stored, self.describe())

    def error(self, value: Any) -> marshmallow.ValidationError:
        """Make the error for a value of another type, in marshmallow's words."""
        messages: dict[str, str] = {}
        for cls in reversed(getattr(marshmallow.fields, self.marshmallow_field).__mro__):
            messages.update(getattr(cls, "default_error_messages", {}))
        message = messages[self.message].format(input=value, obj_type=self.python.__name__, choices="")
        return marshmallow.ValidationError(message)

    def source(self, name: str, scope: Scope) -> str:
        return f"type({name}) is {scope.name(self.python, self.python.__name__)}"

    def showing(self, name: str, scope: Scope, field: str, verb: str) -> tuple[str, str] | None:
        if not self.plain or type(self).dump is not Kind.dump:
            return None
        types = sorted(self.stored, key=lambda stored: stored.__name__, reverse=True)
        return f"({' or '.join(f'type({name}) is {scope.name(one, one.__name__)}' for one in types)})", name

    def schema_field(self, **options: Any) -> marshmallow.fields.Field[Any]:
        return field_class(self.marshmallow_field)(kind=self, **options)

    def describe(self) -> str:
        return self.python.__name__
