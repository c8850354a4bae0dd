"""What comes from outside: forms and JSON, by an allow-list of names, each value cast by its own field.

A name that may not be written from outside is refused wherever it comes from. An unknown one is refused in JSON; a form
carries buttons and tokens, so there it is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from marshmallow import ValidationError as Invalid

from .containers import ListKind, Nullable, SetKind, TupleKind, core
from .schema import writable

MAX_DEPTH = 40  # of embedded documents: with a list around each, 80 of the 100 levels that BSON may have on a server
UNKNOWN = "Unknown field."
READONLY = "Read-only field."

_depth: ContextVar[int] = ContextVar("quorum_input_depth", default=0)


def read(model: Any, data: Any, trusted: Iterable[str] = ()) -> dict[str, Any]:
    """Give the Python values that outside data mean for a model's fields; names in `trusted` are passed over.

    :raises marshmallow.ValidationError: a name is refused or a value is wrong; all of them, by name.
    """
    if not isinstance(data, Mapping):
        raise Invalid("Invalid input type.")
    form = hasattr(data, "getlist")
    passed = set(trusted)
    values: dict[str, Any] = {}
    problems: dict[str, Any] = {}
    for name in data:
        if name in passed:
            continue
        field: Any = model.__fields__.get(name) if isinstance(name, str) else None
        try:
            if _accepts(name, field, form):
                values[name] = field.judge.deserialize(_of_form(field, data) if form else data[name])
        except Invalid as error:
            problems[str(name)[:100]] = error.messages
    if problems:
        raise Invalid(problems)
    return values


def read_whole(model: Any, data: Any) -> dict[str, Any]:
    """Like `read`, for a document that must be complete.

    :raises marshmallow.ValidationError: as `read`, and a required field is missing.
    """
    depth = _depth.get()
    if depth >= MAX_DEPTH:
        raise Invalid(f"Nested more than {MAX_DEPTH} documents deep.")
    token = _depth.set(depth + 1)
    try:
        return _read_whole(model, data)
    finally:
        _depth.reset(token)


def _read_whole(model: Any, data: Any) -> dict[str, Any]:
    problems: dict[str, Any] = {}
    values: dict[str, Any] = {}
    try:
        values = read(model, data)
    except Invalid as error:
        if not isinstance(data, Mapping):
            raise
        problems = error.messages_dict
    for name, field in model.__fields__.items():
        if field.required and name not in data and writable(field):
            problems.setdefault(name, [field.judge.error_messages["required"]])
    if problems:
        raise Invalid(problems)
    return values


def _accepts(name: Any, field: Any, form: bool) -> bool:
    if field is None or field.options.private:
        if field is not None or name in ("id", "_id"):
            raise Invalid(READONLY if field is None else UNKNOWN)
        if form:
            return False
        raise Invalid(UNKNOWN)
    if not writable(field):
        raise Invalid(READONLY)
    return True


def _of_form(field: Any, data: Any) -> Any:
    kind = core(field.kind)
    if isinstance(kind, (ListKind, SetKind, TupleKind)):
        return [value for value in data.getlist(field.name) if value != ""]
    value = data[field.name]
    # An empty input of a form means that nothing was given.
    return None if value == "" and isinstance(field.kind, Nullable) else value
