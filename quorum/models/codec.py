"""The code that is generated for each model: a checker that says "valid" or "ask marshmallow", and an encoder.

It is generated because it runs for each document that is made or saved: a test in line costs 20 ns a field, a call of a
validator object 300. `print(Model.__codec_source__)` shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import ValidationError as Invalid
from marshmallow import validate as validators

from .containers import Nullable, core
from .embedded import EmbeddedKind
from .fields import Bounds
from .kinds import MISSING, Scope
from .mixed import Anything

_PLACE = "@"  # stands for the value while a test is written


class Codec:
    """The generated functions of one model.

    `fits(values)` is true only where each value of a new document is of its field's own type, and none lacks.
    `check(values)` is true only where the values of a new document are right and complete, but for the numbers and
    moments that saving fills in; `checks[name](value)` is the same for one field. `encode(values)` gives the stored
    form of such a document, and raises KeyError where one lacks.
    """

    def __init__(self, model: Any, stored_type: str | None) -> None:
        scope = Scope()
        fields = list(model.__fields__.values())
        parts = [_fitter(fields, scope), _checker(fields, scope), _encoder(fields, scope, stored_type)]
        parts += [_single(field, scope) for field in fields]
        self.source = "\n\n".join(parts)
        namespace: dict[str, Any] = dict(scope.names)
        exec(compile(self.source, f"<codec of {model.__name__}>", "exec"), namespace)  # noqa: S102  no input in it
        self.fits: Callable[[dict[str, Any]], bool] = namespace["fits"]
        self.check: Callable[[dict[str, Any]], bool] = namespace["check"]
        self.encode: Callable[[dict[str, Any]], dict[str, Any]] = namespace["encode"]
        self.checks: dict[str, Callable[[Any], bool]] = {f.name: namespace[f"check_{f.name}"] for f in fields}
        self.names = frozenset(model.__fields__)
        given = [field for field in fields if _has_default(field)]
        self.constants = {field.name: field.default() for field in given if field.is_constant}
        self.factories = [(field.name, field.factory) for field in given if not field.is_constant]
        self.embedded = [(f.name, kind.target) for f in fields if type(kind := core(f.kind)) is EmbeddedKind]
        self.nested = [field for field in fields if field.kind.nested]
        self.size = len(fields)


def _has_default(field: Any) -> bool:
    return field.options.default is not MISSING or (isinstance(field.kind, Nullable) and not field.required)


def _fitter(fields: list[Any], scope: Scope) -> str:
    given = [field for field in fields if not _is_filled_in(field)]
    tests = []
    for field in given:
        variable = f"{field.name}_"
        first = f"({variable} := values[{field.name!r}])"
        test = core(field.kind).shape(_PLACE, scope)
        if isinstance(field.kind, Nullable):
            tests.append(f"({first} is None or {test.replace(_PLACE, variable)})")
        else:
            tests.append(test.replace(_PLACE, first, 1).replace(_PLACE, variable))
    return _function("fits", tests)


def _is_filled_in(field: Any) -> bool:
    return bool(field.options.increment or field.options.moment)


def _checker(fields: list[Any], scope: Scope) -> str:
    given = [field for field in fields if not _is_filled_in(field)]
    lines = [_test(field, f"({field.name}_ := values[{field.name!r}])", f"{field.name}_", scope) for field in given]
    return _function("check", lines)


def _function(name: str, tests: list[str]) -> str:
    body = "\n            and ".join(tests) or "True"
    return (
        f"def {name}(values):\n"
        "    try:\n"
        "        return (\n"
        f"            {body}\n"
        "        )\n"
        "    except KeyError:\n"
        "        return False"
    )


def _single(field: Any, scope: Scope) -> str:
    variable = f"{field.name}_"
    return f"def check_{field.name}({variable}):\n    return {_test(field, variable, variable, scope)}"


def _test(field: Any, given: str, variable: str, scope: Scope) -> str:
    """Write the test of one field: `given` is the first mention of its value, `variable` each further one."""
    tests = [core(field.kind).source(_PLACE, scope)]
    if field.options.required is True and isinstance(core(field.kind), Anything):
        tests.append(f"{_PLACE} is not None")
    tests += [_constraint(validator, field, _PLACE, scope) for validator in field.validators]
    inner = " and ".join(tests)
    if isinstance(field.kind, Nullable) and field.options.required is not True:
        return f"({given} is None or ({inner.replace(_PLACE, variable)}))"
    return inner.replace(_PLACE, given, 1).replace(_PLACE, variable)


def _constraint(validator: Any, field: Any, variable: str, scope: Scope) -> str:
    if type(validator) is validators.Length and validator.equal is None:
        lower = f"{validator.min} <= " if validator.min is not None else ""
        upper = f" <= {validator.max}" if validator.max is not None else ""
        return f"{lower}len({variable}){upper}"
    if type(validator) in (Bounds, validators.Range):
        lower = f"{scope.name(validator.min, field.name + '_min')} <= " if validator.min is not None else ""
        upper = f" <= {scope.name(validator.max, field.name + '_max')}" if validator.max is not None else ""
        return f"{lower}{variable}{upper}"
    return f"{scope.name(_passes(validator), field.name + '_passes')}({variable})"


def _passes(validator: Callable[[Any], Any]) -> Callable[[Any], bool]:
    def passes(value: Any) -> bool:
        try:
            validator(value)
        except Invalid:
            return False
        return True

    return passes


def _encoder(fields: list[Any], scope: Scope, stored_type: str | None) -> str:
    ordered = sorted(fields, key=lambda field: field.key != "_id")
    lines = [f"{field.key!r}: {_encoding(field, scope)}," for field in ordered]
    if stored_type is not None:
        lines.insert(1 if ordered and ordered[0].key == "_id" else 0, f"'_type': {stored_type!r},")
    body = "\n        ".join(lines)
    return f"def encode(values):\n    return {{\n        {body}\n    }}"


def _encoding(field: Any, scope: Scope) -> str:
    given = f"values[{field.name!r}]"
    if field.kind.plain:
        return given
    return f"{scope.name(field.kind.encode, f'encode_{field.name}')}({given})"
