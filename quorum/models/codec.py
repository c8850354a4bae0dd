"""The code that is generated for each model: checkers that say "valid" or "ask marshmallow", and encoders.

It is generated because it runs for each document that is made or saved: a test in line costs 20 ns a field, a call of a
validator object 300. `print(Model.__codec_source__)` shows it.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from ..late import importing, marshmallow
from . import given
from .containers import ListKind, Nullable, core
from .embedded import EmbeddedKind
from .fields import every_kind
from .kinds import MISSING, Scope
from .mixed import Anything
from .schema import writable

# What a class has that can be asked for and leaves no trace, unless its code names one of these.
_HARMLESS = frozenset(
    {types.FunctionType, classmethod, staticmethod, property, types.GetSetDescriptorType, types.MemberDescriptorType}
)
_WRITING = frozenset({"__dict__", "__setattr__", "vars"})

_PLACE = "@"  # stands for the value while a test is written


class Codec:
    """The generated functions of one model.

    `values` are the Python values of a new document by name, `stored` the stored forms of the embedded documents that
    it was given as dicts, by key.

    - `take(values, stored)` moves such dicts to `stored`; true only where no more than `recheck` is left to check, and
      no name is unknown.
    - `check(values, stored)`: true only where all is right and complete, but for the numbers and moments that saving
      fills in; `recheck` looks at no more than what can change in place, and `checks[name](value)` at one field.
    - `encode(values, stored)`: the stored form of such a document; KeyError where a value lacks.
    - `store(given)`: the stored form of a dict of values in which all is right, else None.
    - `is_flat(stored)`: true only where a stored embedded document is its values by name, and can be its `__dict__`.
    - `show(stored)`: the JSON-ready form of a whole stored document, or None where that takes more.
    """

    def __init__(self, model: Any, stored_type: str | None) -> None:
        self._model = model
        scope = Scope()
        fields = list(model.__fields__.values())
        taken = {field.name: target for field in fields if (target := _taken(field, model)) is not None}
        given = [field for field in fields if not _is_filled_in(field)]
        changing = [field for field in given if _is_changing(field)]
        parts = [
            _taker(fields, frozenset(model.__fields__), taken, scope),
            _function("check", _tests(_right, given, taken, scope)),
            _function("recheck", _tests(_right, changing, taken, scope)),
            _encoder(fields, taken, scope, stored_type),
            _storer(model, given, scope),
            _flat(model, fields, scope),
            *(_shower(verb, [one for one in fields if not one.options.private], scope) for verb in ("show", "lend")),
        ]
        parts += [_single(field, scope) for field in fields]
        self.source = "\n\n".join(parts)
        namespace: dict[str, Any] = dict(scope.names)
        exec(compile(self.source, f"<codec of {model.__name__}>", "exec"), namespace)  # noqa: S102  no input in it
        self.take: Callable[[dict[str, Any], dict[str, Any]], bool] = namespace["take"]
        self.check: Callable[[dict[str, Any], dict[str, Any]], bool] = namespace["check"]
        self.recheck: Callable[[dict[str, Any], dict[str, Any]], bool] = namespace["recheck"]
        self.encode: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]] = namespace["encode"]
        self.store: Callable[[dict[str, Any]], dict[str, Any] | None] = namespace["store"]
        self.is_flat: Callable[[dict[str, Any]], bool] = namespace["is_flat"]
        self.show: Callable[[dict[str, Any]], dict[str, Any] | None] = namespace["show"]
        #: What `show` gives, but with moments as they are and the very lists that are stored.
        self.lend: Callable[[dict[str, Any]], dict[str, Any] | None] = namespace["lend"]
        self.checks: dict[str, Callable[[Any], bool]] = {f.name: namespace[f"check_{f.name}"] for f in fields}
        self.names = frozenset(model.__fields__)
        self.keys = [field.key for field in fields]
        #: The names of the fields that outside data may set, and of those that it must.
        self.writable = frozenset(field.name for field in fields if writable(field))
        self.needed = [field.name for field in fields if field.required and writable(field)]
        defaults = [field for field in fields if _has_default(field) and not field.is_made]
        self.constants = {field.name: field.default() for field in defaults if field.is_constant}
        self.factories = [(field.name, field.factory) for field in defaults if not field.is_constant]
        #: No field but the id is stored under another name.
        self.is_unaliased = all(field.key == field.name or field.options.primary for field in fields)
        self.nested = [field for field in fields if field.kind.nested]
        #: Nothing can change in place: what `take` found right stays so.
        self.is_settled = not changing
        #: With so many values none lacks that has a default.
        self.size = len(fields) if defaults else 0

    @cached_property
    def means_itself(self) -> dict[str, given.Test]:
        """The tests whether an outside value means itself, by field, for a document that is made anew."""
        return given.tests_of(self._model, frozenset())

    @cached_property
    def scalar_means_itself(self) -> dict[str, given.Test]:
        """Those of them for a document that has embedded ones already, with what is theirs to keep."""
        nested = {field.name for field in self.nested}
        return {name: test for name, test in self.means_itself.items() if name not in nested}

    @cached_property
    def refers(self) -> bool:
        """Whether the model, or one that it embeds at any depth, refers to documents."""
        return not all(field.leads_nowhere for field in self.nested)

    @cached_property
    def is_judged(self) -> bool:
        """Whether the model, or one that it embeds at any depth, has methods marked with `@validates`."""
        return _is_judged(self._model, frozenset())

    def filled(self, values: dict[str, Any]) -> dict[str, Any]:
        """Give the values with the defaults of those that lack."""
        values = {**self.constants, **values}
        for name, make in self.factories:
            if name not in values:
                values[name] = make()
        return values


def _is_judged(model: Any, seen: frozenset[Any]) -> bool:
    return bool(model.__validators__) or any(
        _is_judged(target.get(), seen | {model})
        for field in model.__fields__.values()
        for kind in every_kind(field.kind)
        if isinstance(kind, EmbeddedKind)
        for target in kind.targets
        if target.get() not in seen
    )


def _has_default(field: Any) -> bool:
    return field.options.default is not MISSING or (isinstance(field.kind, Nullable) and not field.required)


def _is_filled_in(field: Any) -> bool:
    return bool(field.options.increment or field.options.moment)


def _taken(field: Any, model: Any) -> Any:
    """Give the class of the embedded documents that a field may be given as dicts, to be stored as they are."""
    kind = core(field.kind)
    inner = core(kind.item) if type(kind) is ListKind and not isinstance(kind.item, Nullable) else kind
    if type(inner) is not EmbeddedKind or field.has_validators or field.name in model.__validators__:
        return None
    return inner.target.get()


def _taker(fields: list[Any], names: frozenset[str], taken: dict[str, Any], scope: Scope) -> str:
    lines = ["def take(values, stored):"]
    stores: dict[Any, str] = {}
    for model in dict.fromkeys(taken.values()):
        stores[model] = scope.variable()
        lines.append(f"    {stores[model]} = {scope.name(model, model.__name__)}.__codec__.store")
    for field in fields:
        if field.name not in taken:
            continue
        store, variable = stores[taken[field.name]], f"{field.name}_"
        if isinstance(core(field.kind), ListKind):
            given, stored = "list", f"{scope.name(_store_all, 'store_all')}({store}, {variable})"
        else:
            given, stored = "dict", f"{store}({variable})"
        test = f"type({variable} := values.get({field.name!r})) is {given}"
        lines += [
            f"    if {test} and ({variable} := {stored}) is not None:",
            f"        stored[{field.key!r}] = {variable}",
            f"        del values[{field.name!r}]",
        ]
    known = f"{scope.name(names, 'NAMES')}.issuperset(values)"
    if not taken and not any(map(_is_filled_in, fields)):
        # The tests need all of the others: where there are no more, none is unknown.
        known = f"(len(values) == {sum(not field.is_made for field in fields)} or {known})"
    return "\n".join([*lines, *_body([known, *_tests(_shape_or_right, fields, taken, scope)])])


def _tests(write: Callable[..., str], fields: list[Any], taken: dict[str, Any], scope: Scope) -> list[str]:
    """Write a test of each field; those of fields that may be taken are not made where all are as they were taken."""
    tests = [write(field, taken, scope) for field in fields if field.name not in taken]
    given = [write(field, taken, scope) for field in fields if field.name in taken]
    if given:
        untouched = f"{scope.name(frozenset(taken), 'TAKEN')}.isdisjoint(values)"
        tests.append(f"(len(stored) == {len(taken)} and {untouched} or ({' and '.join(given)}))")
    return tests


def _shape_or_right(field: Any, taken: dict[str, Any], scope: Scope) -> str:
    return (_shape if _is_changing(field) else _right)(field, taken, scope)


def _is_changing(field: Any) -> bool:
    return bool(field.kind.mutable or field.kind.nested)


def _store_all(store: Callable[[Any], Any], given: list[Any]) -> list[Any] | None:
    found = [store(item) if type(item) is dict else None for item in given]
    return None if None in found else found


def _shape(field: Any, taken: dict[str, Any], scope: Scope) -> str:
    """Write the test whether the value of a field needs no `coerce`."""
    variable = f"{field.name}_"
    first = f"({variable} := values[{field.name!r}])"
    test = core(field.kind).shape(_PLACE, scope)
    if isinstance(field.kind, Nullable):
        return _where_given(field, taken, f"({first} is None or {test.replace(_PLACE, variable)})")
    return _where_given(field, taken, test.replace(_PLACE, first, 1).replace(_PLACE, variable))


def _right(field: Any, taken: dict[str, Any], scope: Scope) -> str:
    """Write the test whether the value of a field is right."""
    variable = f"{field.name}_"
    return _where_given(field, taken, _test(field, f"({variable} := values[{field.name!r}])", variable, scope))


def _where_given(field: Any, taken: dict[str, Any], test: str) -> str:
    if field.is_made:
        return f"({field.name!r} not in values or {test})"
    if _is_filled_in(field):
        return f"(values.get({field.name!r}) is None or {test})"
    if field.name in taken:
        return f"({test} if {field.name!r} in values else {field.key!r} in stored)"
    return test


def _function(name: str, tests: list[str]) -> str:
    return "\n".join([f"def {name}(values, stored):", *_body(tests)])


def _body(tests: list[str]) -> list[str]:
    tests = tests or ["True"]
    return [
        "    try:",
        "        return (",
        f"            {tests[0]}",
        *(f"            and {test}" for test in tests[1:]),
        "        )",
        "    except KeyError:",
        "        return False",
    ]


def _single(field: Any, scope: Scope) -> str:
    variable = f"{field.name}_"
    return f"def check_{field.name}({variable}):\n    return {_test(field, variable, variable, scope)}"


def _test(field: Any, given: str, variable: str, scope: Scope) -> str:
    """Write the test of one field: `given` is the first mention of its value, `variable` each further one."""
    tests = [core(field.kind).source(_PLACE, scope)]
    if field.options.required is True and isinstance(core(field.kind), Anything):
        tests.append(f"{_PLACE} is not None")
    tests += _constraints(field, scope)
    inner = " and ".join(tests)
    if isinstance(field.kind, Nullable) and field.options.required is not True:
        return f"({given} is None or ({inner.replace(_PLACE, variable)}))"
    return inner.replace(_PLACE, given, 1).replace(_PLACE, variable)


def _constraints(field: Any, scope: Scope) -> Iterator[str]:
    options = field.options
    if options.min_length is not None or options.max_length is not None:
        yield _length(options.min_length, options.max_length)
    if options.min is not None or options.max is not None:
        yield _range(options.min, options.max, field, scope)
    if options.is_judged:
        with importing:
            from . import rules  # and with it marshmallow
        yield from (_judged(judge, field, scope) for judge in rules.judges_of(options))


def _judged(judge: Any, field: Any, scope: Scope) -> str:
    if type(judge) is marshmallow.validate.Length and judge.equal is None:
        return _length(judge.min, judge.max)
    if type(judge) is marshmallow.validate.Range:
        return _range(judge.min, judge.max, field, scope)
    return f"{scope.name(_passes(judge), field.name + '_passes')}({_PLACE})"


def _length(least: int | None, most: int | None) -> str:
    lower = f"{least} <= " if least is not None else ""
    upper = f" <= {most}" if most is not None else ""
    return f"{lower}len({_PLACE}){upper}"


def _range(least: Any, most: Any, field: Any, scope: Scope) -> str:
    lower = f"{scope.name(least, field.name + '_min')} <= " if least is not None else ""
    upper = f" <= {scope.name(most, field.name + '_max')}" if most is not None else ""
    return f"{lower}{_PLACE}{upper}"


def _passes(validator: Callable[[Any], Any]) -> Callable[[Any], bool]:
    def passes(value: Any) -> bool:
        try:
            validator(value)
        except marshmallow.ValidationError:
            return False
        return True

    return passes


def _encoder(fields: list[Any], taken: dict[str, Any], scope: Scope, stored_type: str | None) -> str:
    ordered = sorted(fields, key=lambda field: field.key != "_id")
    lines = [f"{field.key!r}: {_encoding(field, taken, scope)}," for field in ordered]
    if stored_type is not None:
        lines.insert(1 if ordered and ordered[0].key == "_id" else 0, f"'_type': {stored_type!r},")
    body = "\n        ".join(lines)
    return f"def encode(values, stored):\n    return {{\n        {body}\n    }}"


def _encoding(field: Any, taken: dict[str, Any], scope: Scope) -> str:
    encoded = field.kind.encoding(f"values[{field.name!r}]", scope, field.name)
    return f"{encoded} if {field.name!r} in values else stored[{field.key!r}]" if field.name in taken else encoded


def _storer(model: Any, fields: list[Any], scope: Scope) -> str:
    never = "def store(given):\n    return None"
    if not model.__embedded__ or model.__validators__ or not fields:
        return never
    lines = ["def store(given):"]
    constants = {field.name: field.default() for field in fields if _has_default(field) and field.is_constant}
    if constants:
        lines.append(f"    if len(given) < {len(fields)}:")
        lines.append(f"        given = {{**{scope.name(constants, 'CONSTANTS')}, **given}}")
    tests = [f"len(given) == {len(fields)}"]
    stored = []
    for field in fields:
        forms = _stored_form(field, scope)
        if forms is None:
            return never
        test, form = forms
        variable = f"{field.name}_"
        tests.append(test.replace(_PLACE, f"({variable} := given[{field.name!r}])", 1).replace(_PLACE, variable))
        stored.append(f"{field.key!r}: {form.replace(_PLACE, variable)}")
    form = f"{{{', '.join(stored)}}}"
    if all(field.name == field.key and field.kind.plain for field in fields):
        # The very values under the very names need no more than a copy, where they come in their order.
        form = f"given.copy() if list(given) == {scope.name([field.key for field in fields], 'KEYS')} else {form}"
    return "\n".join(
        [
            *lines,
            *(line.replace("return (", "right = (") for line in _body(tests)[:-1]),
            "        return None",
            "    if not right:",
            "        return None",
            f"    return {form}",
        ]
    )


def _stored_form(field: Any, scope: Scope) -> tuple[str, str] | None:
    """Write how a value in a dict is tested and stored; None where it takes more than that."""
    kind = core(field.kind)
    optional = isinstance(field.kind, Nullable) and field.options.required is not True
    if type(kind) is EmbeddedKind and not field.has_validators:
        model = scope.name(kind.target.get(), kind.target.name)
        test = f"type({_PLACE}) is dict and ({_PLACE} := {model}.__codec__.store({_PLACE})) is not None"
        test = test.replace(f"({_PLACE} :=", f"({field.name}_ :=")
        return (f"({_PLACE} is None or {test})" if optional else test), _PLACE
    if kind.mutable or kind.nested:
        return None
    return _test(field, _PLACE, _PLACE, scope), field.kind.encoding(_PLACE, scope, field.name)


def _flat(model: Any, fields: list[Any], scope: Scope) -> str:
    is_alike = all(field.is_direct and field.key == field.name for field in fields)
    if not model.__embedded__ or not fields or not is_alike or _writes_to_dict(model):
        return "def is_flat(stored):\n    return False"
    tests = [f"len(stored) == {len(fields)}"]
    for field in fields:
        given = f"type(stored[{field.key!r}])"
        types = sorted(field.kind.stored, key=lambda stored: stored.__name__)
        if len(types) == 1:
            tests.append(f"{given} is {scope.name(types[0], types[0].__name__)}")
        else:
            tests.append(f"{given} in {scope.name(field.kind.stored, f'TYPES_OF_{field.name}')}")
    return "\n".join(["def is_flat(stored):", *_body(tests)])


def _writes_to_dict(model: Any) -> bool:
    """Say whether a class has an attribute that may put something into the `__dict__` of its objects, unasked."""
    users = [vars(base) for base in model.__mro__ if base is not object and not _is_own(base)]
    return any(_may_write(value) for attributes in users for value in attributes.values())


def _may_write(value: Any) -> bool:
    if not hasattr(type(value), "__get__") or _is_own(type(value)):
        return False
    if type(value) not in _HARMLESS:
        return True  # a property that keeps what it worked out, say
    functions = [value.fget, value.fset, value.fdel] if type(value) is property else [value]
    return any(
        not _WRITING.isdisjoint(code.co_names)
        for function in functions
        if function is not None
        for wrapped in (function, inspect.unwrap(function))
        for code in _codes(getattr(getattr(wrapped, "__func__", wrapped), "__code__", None))
    )


def _codes(code: Any) -> Iterator[types.CodeType]:
    """Give a function's code, and that of the functions inside of it."""
    if isinstance(code, types.CodeType):
        yield code
        for constant in code.co_consts:
            yield from _codes(constant)


def _is_own(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "quorum"


def _is_none_by_default(field: Any) -> bool:
    return not field.required and (field.options.default is MISSING or field.options.default is None)


def _shower(verb: str, fields: list[Any], scope: Scope) -> str:
    tests: list[str] = []
    shown: list[str] = []
    for field in fields:
        forms = field.kind.showing(f"{field.name}_", scope, field.name, verb)
        if (
            forms is None
            or (isinstance(field.kind, Nullable) and not _is_none_by_default(field))
            or _dumps_alone(field)
        ):
            return f"def {verb}(stored):\n    return None"
        test, form = forms
        variable = f"{field.name}_"
        tests.append(re.sub(rf"\b{variable}(?!\w)", f"({variable} := get({field.key!r}))", test, count=1))
        shown.append(f"{field.name!r}: {form},")
    return "\n".join(
        [
            f"def {verb}(stored):",
            "    get = stored.get",
            "    try:",
            "        right = (",
            f"            {tests[0] if tests else 'True'}",
            *(f"            and {test}" for test in tests[1:]),
            "        )",
            "    except TypeError:",
            "        return None",
            "    if not right:",
            "        return None",
            "    return {",
            *(f"        {line}" for line in shown),
            "    }",
        ]
    )


def _dumps_alone(field: Any) -> bool:
    """Say whether the embedded documents in a field have a `dump()` of their own."""
    models = (target.get() for kind in every_kind(field.kind) for target in getattr(kind, "targets", ()))
    return any(not _is_own(next(base for base in model.__mro__ if "dump" in vars(base))) for model in models)
