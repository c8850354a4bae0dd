"""Whether a document may be stored: the generated checker first, marshmallow for the last word and every message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .. import errors
from ..late import marshmallow
from .containers import messages_of
from .documents import CHECKED, Change, Checked, own_values, touched
from .kinds import MISSING
from .marshal import strict

# A method marked with `@validates` may set something, which is checked as what was given is, by methods too; what these
# set at last is checked without them, as two may contradict each other for ever.
_ROUNDS = 2


def is_valid(document: Any) -> bool:
    """Say whether a document is right, as far as the generated code can tell; only what changed is looked at."""
    if document._state.new:
        return _is_valid(document, None)
    changes = _changes(document)
    return changes is not None and _is_valid(document, changes)


def _changes(document: Any) -> list[Change] | None:
    try:
        return list(touched(document))
    except errors.ValidationError:
        return None


def _is_valid(document: Any, changes: list[Change] | None, rounds: int = _ROUNDS) -> bool:
    model = type(document)
    codec = model.__codec__
    values = document.__dict__
    names: Iterable[str] = values
    if changes is None:
        check = codec.recheck if type(document._state) is Checked else codec.check
        if not check(values, document._doc):
            return False
    else:
        for field, value, _, _, inner in changes:
            if inner is not None and not field.has_validators:
                if not _is_valid(value, inner):
                    return False
            elif not codec.checks[field.name](value):
                return False
        names = [change[0].name for change in changes]
    if not model.__validators__ or not rounds:
        return True
    before = values.copy()
    if _own_problems(document, names, {}):
        return False
    if not _was_set(document, before):
        return True
    if changes is not None:
        former, changes = changes, _changes(document)
        if changes is None or not _differ(former, changes):
            return changes is not None  # it was only read
    return _is_valid(document, changes, rounds - 1)


def _was_set(document: Any, before: dict[str, Any]) -> bool:
    return any(before.get(name, MISSING) is not value for name, value in vars(document).items())


def _differ(former: list[Change], changes: list[Change]) -> bool:
    return len(former) != len(changes) or any(
        one[0] is not other[0] or one[1] is not other[1] for one, other in zip(former, changes, strict=True)
    )


def judge(document: Any, rounds: int = _ROUNDS) -> None:
    """Let marshmallow check the fields of a document that would be stored.

    :raises marshmallow.ValidationError: something is wrong; the messages are by field.
    """
    fields = type(document).__fields__
    values = own_values(document)
    problems: dict[str, Any] = {}
    names = list(fields) if document._state.new else _changed_names(document, problems)
    with strict():
        for name in names:
            field = fields[name]
            if field.options.increment or field.options.moment:
                continue
            value = values.get(name, MISSING)
            if value is MISSING and field.key in document._doc:
                value = getattr(document, name)
            if value is MISSING and not field.required:
                continue
            try:
                values[name] = field.judge.deserialize(marshmallow.missing if value is MISSING else value)
            except marshmallow.ValidationError as error:
                problems[name] = error.messages
    before = vars(document).copy()
    if rounds:
        problems.update(_own_problems(document, names, problems))
    if problems:
        raise marshmallow.ValidationError(problems)
    if rounds and _was_set(document, before):
        judge(document, rounds - 1)


def _changed_names(document: Any, problems: dict[str, Any]) -> list[str]:
    """Name the fields that changed, and note the problems of those whose values cannot even be stored."""
    while True:
        try:
            return [change[0].name for change in touched(document, problems)]
        except errors.ValidationError as error:
            problems.update(error.messages_dict)


def _own_problems(document: Any, names: Iterable[str], known: dict[str, Any]) -> dict[str, Any]:
    """Run the methods marked with `@validates`, on the values that are right so far."""
    problems: dict[str, Any] = {}
    checked = set(names)
    model: Any = type(document)
    for name, methods in model.__validators__.items():
        value = vars(document).get(name)
        if name not in checked or name in known or value is None:
            continue
        for method in methods:
            try:
                getattr(document, method)(value)
            except marshmallow.ValidationError as error:
                own = error.messages
                problems.setdefault(name, []).extend(own if isinstance(own, list) else [own])
            except AttributeError as error:
                asked = model.__fields__.get(error.name)
                if error.obj is not document or asked is None or asked.options.moment:
                    raise
                # The field that the rule asks for has no value, and is required: that is told of it already.
            except errors.DanglingReferenceError:
                if not known:
                    raise
                # Outside data may refer to a document that does not exist, which is told of already, too.
    return problems


def judge_given(document: Any, names: Iterable[str], problems: dict[str, Any]) -> None:
    """Run the methods marked with `@validates` on fields that outside data gave, and add what they say."""
    if type(document).__validators__:
        problems.update(_own_problems(document, names, problems))


def refused(model: Any, problems: dict[str, Any], trusted: Mapping[str, Any]) -> errors.ValidationError:
    """Make the error of outside data, with what is wrong with the values that code gave beside them: a file, say."""
    found: dict[str, Any] = {}
    with strict():
        for name, value in trusted.items():
            field = model.__fields__.get(name)
            if field is None or field.options.increment or field.options.moment:
                continue
            try:
                field.judge.deserialize(field.kind.coerce(value))
            except marshmallow.ValidationError as wrong:
                found[name] = messages_of(wrong, value)
    return errors.ValidationError({**found, **problems}, model=model.__name__)


def validated(document: Any) -> list[Change]:
    """Check what of a document would be stored; give what changed of a stored one.

    :raises ValidationError: something is wrong; `messages` has it by field.
    """
    state = document._state
    model = type(document)
    if state is CHECKED and model.__codec__.is_settled and not model.__validators__:
        return []
    new = state.new
    changes = [] if new else _changes(document)
    if changes is not None and _is_valid(document, None if new else changes):
        if changes and model.__codec__.is_judged:
            return list(touched(document))  # they may have set something
        return changes
    try:
        judge(document)
    except marshmallow.ValidationError as error:
        raise errors.ValidationError(error.messages_dict, model=model.__name__) from None
    return [] if new else list(touched(document))
