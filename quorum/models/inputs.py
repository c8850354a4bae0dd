"""What comes from outside: forms and JSON, by an allow-list of names, each value cast by its own field.

A name that may not be written from outside is refused wherever it comes from. An unknown one is refused in JSON; a form
carries buttons and tokens, so there it is ignored.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from .. import errors
from ..late import marshmallow
from .batches import Batch, Dangling, Loader
from .containers import ListKind, Nullable, SetKind, TupleKind, core
from .documents import Document, same
from .holders import is_unsent
from .references import ReferenceKind
from .scalars import Boolean
from .schema import writable

MAX_DEPTH = 40  # of embedded documents: with a list around each, 80 of the 100 levels that BSON may have on a server
UNKNOWN = "Unknown field."
READONLY = "Read-only field."

_depth: ContextVar[int] = ContextVar("quorum_input_depth", default=0)


def read(
    model: Any,
    data: Any,
    problems: dict[str, Any],
    trusted: Iterable[str] = (),
    names: Iterable[str] | None = None,
    *,
    whole: bool = False,
) -> dict[str, Any]:
    """Give the Python values that outside data mean for a model's fields; names in `trusted` are passed over.

    :param problems: gets what is wrong, by name: a name that is refused, or a value.
    :param names: the fields that may be set; others are as good as unknown. Of a form they are those that it has
        inputs for: a box that is not ticked sends nothing, and means False, or an empty list.
    :param whole: they are for a new document.
    :raises ValidationError: the data are no mapping.
    :raises TypeError: `names` has something that is no field which may be written from outside.
    """
    allowed = _allowed(model, names)
    if type(data) is not dict and not isinstance(data, Mapping):
        raise errors.ValidationError({"_schema": ["Invalid input type."]}, model=model.__name__)
    form = hasattr(data, "getlist")
    passed = set(trusted)
    codec = model.__codec__
    # Casting counts the levels of what is embedded, so deep inside it is cast.
    taken_whole = whole and _depth.get() < MAX_DEPTH // 2
    means_itself = {} if form else codec.means_itself if taken_whole else codec.scalar_means_itself
    values: dict[str, Any] = {}
    for name in data:
        if name in passed:
            continue
        test = means_itself.get(name)
        if test is not None and name in allowed and test(value := data[name]):
            values[name] = value.copy() if type(value) is list else value
            continue
        try:
            _read_one(model, name, data, allowed, values, form=form)
        except marshmallow.ValidationError as error:
            problems[str(name)[:100]] = error.messages
    if form and names is not None:
        values.update((name, _unticked(model.__fields__[name])) for name in allowed if _is_unticked(model, name, data))
    return values


def lacking(model: Any, values: Mapping[str, Any], names: Iterable[str] | None = None) -> dict[str, Any]:
    """Give the problems of required fields that outside data should have set, and have not."""
    allowed = _allowed(model, names)
    return {
        name: [model.__fields__[name].judge.error_messages["required"]]
        for name in model.__codec__.needed
        if name in allowed and name not in values
    }


def _read_one(
    model: Any,
    name: Any,
    data: Mapping[Any, Any],
    allowed: frozenset[str],
    values: dict[str, Any],
    *,
    form: bool,
) -> None:
    field: Any = model.__fields__.get(name) if isinstance(name, str) else None
    if name not in allowed and not _accepts(name, field, form):
        return
    if not (form and field.kind.files and _is_unsent(field, data)):
        values[name] = _cast(field, _of_form(field, data) if form else data[name], model.__codec__.checks)


def _cast(field: Any, value: Any, checks: Mapping[str, Callable[[Any], bool]]) -> Any:
    """Give the value that an outside one means; marshmallow is asked only where it may have something to say."""
    kind = field.kind
    if value is not None and not (kind.nested and field.has_validators):
        found = kind.cast(value)
        # What is nested was checked when it was cast. It must not be cast twice, as each level would be.
        if kind.nested or checks[field.name](found):
            return found
    return field.judge.deserialize(value)


def _allowed(model: Any, names: Iterable[str] | None) -> frozenset[str]:
    every: frozenset[str] = model.__codec__.writable
    if names is None:
        return every
    given = names if isinstance(names, str) else list(names)
    if isinstance(given, str) or not every.issuperset(given):
        raise TypeError(f"{model.__name__}: {given!r} names what no outside data may set. It can: {sorted(every)}.")
    return frozenset(given)


def _is_unticked(model: Any, name: str, data: Mapping[str, Any]) -> bool:
    """Say whether a form has an input for a field and sends nothing for it, as for a box that is not ticked."""
    kind = core(model.__fields__[name].kind)
    # Files come in a mapping of their own, so that one which lacks them says nothing of them.
    return name not in data and isinstance(kind, (Boolean, ListKind, SetKind)) and not kind.files


def _is_unsent(field: Any, data: Any) -> bool:
    """Say whether a form's input of files was left as it was: the document keeps the files that it has."""
    return all(map(is_unsent, data.getlist(field.name)))


def _unticked(field: Any) -> Any:
    kind = core(field.kind)
    return False if isinstance(kind, Boolean) else field.kind.cast([])


def read_whole(model: Any, data: Any) -> dict[str, Any]:
    """Like `read`, for a document that must be complete.

    :raises marshmallow.ValidationError: as `read`, and a required field is missing.
    """
    depth = _depth.get()
    if depth >= MAX_DEPTH:
        raise marshmallow.ValidationError(f"Nested more than {MAX_DEPTH} documents deep.")
    token = _depth.set(depth + 1)
    try:
        return _read_whole(model, data)
    finally:
        _depth.reset(token)


def _read_whole(model: Any, data: Any) -> dict[str, Any]:
    problems: dict[str, Any] = {}
    values = read(model, data, problems, whole=True)
    problems = {**lacking(model, values), **problems}
    if problems:
        raise marshmallow.ValidationError(problems)
    return values


def _accepts(name: Any, field: Any, form: bool) -> bool:
    """Refuse a name that may not be set; False for one that a form may have and that is passed over."""
    if field is None or field.options.private:
        if field is not None or name in ("id", "_id"):
            raise marshmallow.ValidationError(READONLY if field is None else UNKNOWN)
    elif not writable(field):
        raise marshmallow.ValidationError(READONLY)
    if not form:
        raise marshmallow.ValidationError(UNKNOWN)
    return False


def _of_form(field: Any, data: Any) -> Any:
    kind = core(field.kind)
    if isinstance(kind, (ListKind, SetKind, TupleKind)):
        return [value for value in data.getlist(field.name) if value != ""]
    value = data[field.name]
    # An empty input of a form means that nothing was given.
    return None if value == "" and isinstance(field.kind, Nullable) else value


def kept(document: Any, given: Mapping[str, Any], problems: dict[str, Any]) -> dict[str, Any]:
    """Give outside values for a document, with what is theirs to keep of the embedded documents that it has.

    :param problems: gets those of `merged`, by name.
    """
    values: dict[str, Any] = {}
    for name, value in given.items():
        nested = type(document).__fields__[name].kind.nested
        try:
            values[name] = merged(getattr(document, name, None), value) if nested else value
        except marshmallow.ValidationError as error:
            problems[name] = error.messages
    return values


def merged(before: Any, given: Any) -> Any:
    """Give outside data for embedded documents, with what they cannot set as it was: private, read-only and unknown
    fields.

    :raises marshmallow.ValidationError: which item of a list is which cannot be told, and one would lose such a field.
    """
    if isinstance(given, Document) and type(given).__embedded__ and type(before) is type(given):
        return _merged_document(before, given)
    if isinstance(given, dict) and isinstance(before, dict):
        return {key: merged(before.get(key), value) for key, value in given.items()}
    if isinstance(given, list) and isinstance(before, list) and any(map(_has_closed_fields, before)):
        if given != [type(old)(**{n: getattr(old, n) for n in _open_names(old)}) for old in before]:
            raise marshmallow.ValidationError(
                "Its items have fields that cannot be set from outside. Change the items one by one."
            )
        return before
    return given


def _open_names(document: Any) -> list[str]:
    return [name for name, field in type(document).__fields__.items() if writable(field)]


def _has_closed_fields(value: Any) -> bool:
    embedded = isinstance(value, Document) and type(value).__embedded__
    return embedded and len(_open_names(value)) < len(type(value).__fields__)


def _merged_document(before: Any, given: Any) -> Any:
    result = copy.deepcopy(before)
    for name in _open_names(given):
        old, new = getattr(before, name, None), getattr(given, name, None)
        if (name in vars(given) or type(given).__fields__[name].key in given._doc) and not same(old, new):
            setattr(result, name, merged(old, new))
    return result


def check_references(model: Any, values: Mapping[str, Any], problems: dict[str, Any]) -> None:
    """Load the documents that outside data refer to, with one query for each of their models.

    :param problems: gets those that do not exist: whoever reads the reference later would meet an error.
    """
    if not model.__codec__.refers:
        return
    waiting: dict[type, dict[Any, list[tuple[str, Any]]]] = {}
    for name, value in values.items():
        field = model.__fields__[name]
        for document in _referred(value) if field.kind.nested and not field.leads_nowhere else ():
            by_id = waiting.setdefault(type(document), {})
            by_id.setdefault(document._doc["_id"], []).append((name, document))
    for target, by_id in waiting.items():
        found = {stored["_id"]: stored for stored in ReferenceKind.fetch(target, list(by_id))}
        for identifier, places in by_id.items():
            for name, document in places:
                if identifier not in found:
                    problems[name] = [f"There is no such {target.__name__}."]
                elif isinstance(document._state, Loader):
                    document._state.adopt(found[identifier], Batch([found[identifier]]))


def _referred(value: Any) -> Iterator[Any]:
    """Give the documents in a value that are not loaded: of some, a method marked with `@validates` may have tried."""
    if isinstance(value, Document):
        if isinstance(value._state, (Loader, Dangling)):
            yield value
        elif type(value).__embedded__:
            yield from _referred(vars(value))
    elif isinstance(value, Mapping):
        yield from itertools.chain.from_iterable(map(_referred, value.values()))
    elif isinstance(value, (list, tuple)):
        yield from itertools.chain.from_iterable(map(_referred, value))
