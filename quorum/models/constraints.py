"""Whether the options of a field make sense: each of its own type, fit for the field's kind, none against another."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from ..late import marshmallow
from .containers import Container, core
from .kinds import MISSING, Kind, Scalar, is_utf8
from .mixed import UnionKind
from .options import OF_FIELDS, OF_FILES, OF_REFERENCES, Format, Options
from .scalars import (
    Bytes,
    Date,
    DateTime,
    DecimalKind,
    Float,
    Integer,
    LiteralKind,
    ObjectIdKind,
    String,
    Time,
    UUIDKind,
)

_SWITCHES = ("index", "unique", "sparse", "readonly", "private", "increment", "primary", "allow_nan", "required")
_NUMBERS = (Integer, Float, DecimalKind)
_ORDERED = (*_NUMBERS, String, Bytes, DateTime, Date, Time, ObjectIdKind, UUIDKind)


def problems_of(kind: Kind, options: Options) -> list[str]:
    """Give what is wrong with a field's options; bring those that hold values of the field into its normal form."""
    return (
        list(_unknown(options))
        or list(_wrong_types(options))
        or _wrong_files(kind, options)
        or [*_wrong_constraints(core(kind), options), *_wrong_roles(kind, options)]
        or [*_wrong_values(kind, options), *_contradictions(options)]
    )


def _unknown(options: Options) -> Iterator[str]:
    known = sorted(OF_REFERENCES if options.reference else OF_FIELDS if options.file is None else OF_FILES)
    for name in options.unknown:
        near = difflib.get_close_matches(name, known, 1)
        meant = f"did you mean {near[0]!r}" if near else f"the options are {', '.join(known)}"
        yield f"there is no option {name!r}; {meant}"


def _wrong_files(kind: Kind, options: Options) -> list[str]:
    if options.file is None and not kind.files:
        return []
    from . import file_options  # which an app without files never needs

    return list(file_options.problems_of(kind, options))


def _wrong_types(options: Options) -> Iterator[str]:
    for name in _SWITCHES:
        value = getattr(options, name)
        if type(value) is not bool and not (name == "required" and value is None):
            yield f"{name} is True or False, not {value!r}"
    for name in ("min_length", "max_length"):
        value = getattr(options, name)
        if value is not None and (type(value) is not int or value < 0):
            yield f"{name} is a whole number, not {value!r}"
    for name in ("alias", "format"):
        value = getattr(options, name)
        if value is not None and not isinstance(value, str):
            yield f"{name} is text, not {value!r}"
    yield from _wrong_regex(options.regex)
    yield from _wrong_lists(options)


def _wrong_lists(options: Options) -> Iterator[str]:
    for name, wanted in (("choices", "a list of values"), ("validate", "a callable, or a list of them")):
        value = getattr(options, name)
        if value is None or (name == "validate" and callable(value)):
            continue
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
            yield f"{name} is {wanted}, not {value!r}"
            continue
        setattr(options, name, values := list(value))
        if not values:
            yield f"{name} is empty"
        elif name == "validate" and not all(map(callable, values)):
            yield f"validate is {wanted}, not {values!r}"


def _wrong_regex(regex: Any) -> Iterator[str]:
    if regex is None:
        return
    if not isinstance(getattr(regex, "pattern", regex), str):
        yield f"regex is a pattern of text, not {regex!r}"
        return
    try:
        re.compile(regex)
    except re.error as error:
        yield f"the regex {regex!r} is no regular expression: {error}"


def _wrong_constraints(inner: Any, options: Options) -> Iterator[str]:
    described = inner.describe()
    if options.alias is not None and not _is_name(options.alias):
        yield f"the alias {options.alias!r} is no name that can be stored"
    if options.format is not None and options.format not in get_args(Format):
        yield f"there is no format {options.format!r}; the formats are {', '.join(get_args(Format))}"
    text = type(inner) is String or (type(inner) is LiteralKind and inner.stored == {str})
    if (options.regex is not None or options.format is not None) and not text:
        yield f"regex and format are for str, not for {described}"
    if (options.min_length is not None or options.max_length is not None) and not (
        text or isinstance(inner, (Bytes, Container))
    ):
        yield f"min_length and max_length are for text, bytes and containers, not for {described}"
    if (options.min is not None or options.max is not None) and not _is_ordered(inner):
        yield f"min and max are for numbers, text, moments and ids, not for {described}"
    if options.allow_nan and not isinstance(inner, Float):
        yield "allow_nan is for float"


def _is_name(alias: str) -> bool:
    return bool(alias) and not alias.startswith(("$", "_")) and not {".", "\0"} & set(alias) and is_utf8(alias)


def _is_ordered(inner: Any) -> bool:
    if isinstance(inner, UnionKind):
        return all(isinstance(member, _NUMBERS) for member in inner.members)
    return isinstance(inner, _ORDERED)


def _wrong_roles(kind: Any, options: Options) -> Iterator[str]:
    inner = core(kind)
    if options.increment and type(kind) is not Integer:
        yield "increment is for int"
    if options.increment and options.default is not MISSING:
        yield "increment and default exclude each other"
    if options.required and options.default is not MISSING:
        yield "required and default exclude each other"
    if options.unique and options.sparse:
        yield "unique and sparse exclude each other: a unique index leaves out what has no value"
    if options.primary and (not isinstance(kind, Scalar) or kind is not inner):
        yield "a primary field is a scalar that is not optional"
    elif options.primary and any(stored.__hash__ is None for stored in inner.stored):
        yield f"{inner.describe()} cannot be primary: its stored form has no hash, which finding documents by id takes"
    if options.primary and options.alias:
        yield "a primary field is stored as _id and has no alias"
    if options.primary and (options.private or options.required is False):
        yield "a primary field is what documents are found by, neither private nor optional"
    if options.reference and "reference to" not in inner.describe():
        yield "reference() is for a model, or a list of one"
    if options.moment and not isinstance(inner, DateTime):
        yield "this field keeps a datetime"


def _wrong_values(kind: Any, options: Options) -> Iterator[str]:
    for bound in ("min", "max"):
        value = getattr(options, bound)
        if value is None:
            continue
        try:
            value = core(kind).coerce(value)
        except marshmallow.ValidationError as error:
            yield f"its {bound} does not fit: {error.messages}"
            continue
        if getattr(value, "tzinfo", None) is not None and isinstance(core(kind), Time):
            yield f"its {bound} is a time without a time zone"
        setattr(options, bound, value)
    if options.choices is not None:
        try:
            options.choices = [kind.coerce(choice) for choice in options.choices]
        except marshmallow.ValidationError as error:
            yield f"its choices do not fit: {error.messages}"


def _contradictions(options: Options) -> Iterator[str]:
    for lower, upper in (("min", "max"), ("min_length", "max_length")):
        least, most = getattr(options, lower), getattr(options, upper)
        if least is not None and most is not None and least > most:
            yield f"its {lower} is greater than its {upper}"
