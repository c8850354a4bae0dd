"""What a model adds to the moments of its documents: hooks to override, signals, and validators of single fields."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

import blinker

from . import signals

Validator = TypeVar("Validator", bound=Callable[..., Any])


class Hooks:
    """The methods that a model may override; each is called once, before the signal of its name.

    Creating: `pre_validate, post_validate, pre_save, pre_create`, then the insert, then `post_create, post_save`.
    Saving a stored document: the same with `update` in place of `create`. What `pre_save`, `pre_create` and
    `pre_update` change is validated again. An exception in a `pre_` hook stops the write.
    """

    __slots__ = ()

    def pre_validate(self) -> None:
        """Run before the values are validated."""

    def post_validate(self) -> None:
        """Run when the values are valid."""

    def pre_save(self) -> None:
        """Run before a document is created or updated."""

    def post_save(self) -> None:
        """Run after a document was created or updated."""

    def pre_create(self) -> None:
        """Run before a new document is inserted."""

    def post_create(self) -> None:
        """Run after a new document was inserted."""

    def pre_update(self) -> None:
        """Run before a stored document is updated."""

    def post_update(self) -> None:
        """Run after a stored document was updated."""

    def pre_delete(self) -> None:
        """Run before a document is deleted."""

    def post_delete(self) -> None:
        """Run after a document was deleted."""


def is_heard(model: Any) -> bool:
    """Say whether anything listens to the moments of a model's documents."""
    return any(_RECEIVERS) or _METHODS(model) != _DEFAULTS


def fire(document: Any, *moments: str) -> bool:
    """Run hooks and signals in order; say whether anything listened."""
    heard = False
    model = type(document)
    for moment in moments:
        default, signal = _LISTENERS[moment]
        if getattr(model, moment) is not default:
            getattr(document, moment)()
            heard = True
        if signal.receivers:
            heard = bool(signal.send(model, document=document)) or heard
    return heard


def validates(*names: str) -> Callable[[Validator], Validator]:
    """Mark a method as a validator of fields: `@quorum.validates("title")`.

    It is called with the value when a changed value is validated, and raises `ValidationError`; what it returns is
    ignored. An optional field's None is not passed to it. A rule on several fields names all of them. One that reads a
    field which is required and has no value is passed over, as that is told by itself.
    """
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError('validates() takes the names of fields: @quorum.validates("title").')

    def mark(method: Validator) -> Validator:
        method.__validates__ = names  # type: ignore[attr-defined]
        return method

    return mark


_SIGNALS = {name: signal for name, signal in vars(signals).items() if isinstance(signal, blinker.Signal)}
_LISTENERS = {name: (getattr(Hooks, name), signal) for name, signal in _SIGNALS.items()}

_RECEIVERS = [signal.receivers for signal in _SIGNALS.values()]
_METHODS = attrgetter(*_SIGNALS)
_DEFAULTS = _METHODS(Hooks)

#: The names of the moments.
MOMENTS = frozenset(_SIGNALS)
