"""The changes of a stored document where scalars took the place of scalars, as in nearly every update.

They are found, checked and made an update of in one pass: a save is short work before a long wait, and each further
function that it calls must be fetched into the processor's caches again. All else is left to `documents.touched`,
`validation` and `changes`, which say what an update is; what is found here is the same.
"""

from __future__ import annotations

from typing import Any

from .. import errors
from .changes import CONTAINERS, MAX_PATHS, is_addressable
from .documents import Change, Document, same, set_doc
from .kinds import MISSING

_NOTHING: dict[str, Any] = {}


class ScalarChanges:
    """What `$set` gets, by path, and what the filter gets so that no embedded document comes back that is gone."""

    __slots__ = ("_embedded", "_own", "guards", "set")

    def __init__(self) -> None:
        self.set: dict[str, Any] = {}
        self.guards: dict[str, Any] = {}
        self._own: dict[str, Any] = {}
        self._embedded: list[tuple[Any, dict[str, Any], dict[str, Any], str]] = []

    def collect(self, document: Any) -> bool:
        """Note the changes of a stored document; false where they are not all of this kind, or not all right."""
        try:
            return self._collect(document, self._own, "")
        except errors.ValidationError:
            return False

    def _collect(self, document: Any, own: dict[str, Any], prefix: str) -> bool:
        stored = document._doc
        model = type(document)
        codec = model.__codec__
        fields, checks = model.__fields__, codec.checks
        loaded = stored if codec.is_unaliased else _NOTHING
        for name, value in list(document.__dict__.items()):  # a validator, or another thread, may add to them
            if loaded.get(name, MISSING) is value:
                continue  # without a look at the field, as nearly all of an embedded document are such
            field = fields.get(name)
            if field is None:
                return False
            key = field.key
            old = stored.get(key, MISSING)
            if value is old:
                continue
            if type(old) is dict and isinstance(value, Document) and value._doc is old:
                if not self._collect_inside(field, value, own, f"{prefix}{key}"):
                    return False
                continue
            new = value if field.is_direct else field.encode(document, value)
            if (new == old or not field.is_direct) and (same(new, old) or field.reads_as(old, value)):
                continue
            if field.kind.nested or type(old) in CONTAINERS or type(new) in CONTAINERS or (prefix and old is MISSING):
                return False
            if not checks[name](value):
                return False
            own[key] = self.set[f"{prefix}{key}"] = new
        return not prefix or (len(own) <= MAX_PATHS and all(map(is_addressable, own)))

    def _collect_inside(self, field: Any, value: Any, owner: dict[str, Any], path: str) -> bool:
        if value.__dict__ is value._doc:
            return True
        if not field.is_simple_part:
            return False
        own: dict[str, Any] = {}
        before = len(self.set)
        if not self._collect(value, own, f"{path}."):
            return False
        if len(self.set) > before:
            self.guards[path] = {"$ne": None}
            self._embedded.append((value, own, owner, field.key))
            owner[field.key] = own  # one of its owner's changes, too, which `settle` gives its form
        return True

    def changes(self, document: Any) -> list[Change]:
        """Give them as `touched` does, as they were when they were collected: another thread may assign while one waits
        for the answer.
        """
        embedded: dict[str, Any] = {}
        for value, own, owner, key in self._embedded:  # the innermost first
            owner[key] = {**value._doc, **own}
            if owner is self._own:
                embedded[key] = value
        values, stored = document.__dict__, document._doc
        return [
            (field, embedded.get(field.key, values[name]), self._own[field.key], stored.get(field.key, MISSING), None)
            for name, field in type(document).__fields__.items()
            if field.key in self._own
        ]

    def settle(self, document: Any) -> None:
        """Note that the changes were stored."""
        for value, own, owner, key in self._embedded:  # the innermost first
            changed = {**value._doc, **own}
            set_doc(value, changed)
            owner[key] = changed
        document._doc.update(self._own)
