"""The update that turns a stored document into another one, with as little as possible sent and nothing overwritten.

It works on stored forms alone: dicts, lists and scalars. What another writer may have done meanwhile is met by guards,
conditions that the update's filter gets: a list is only rewritten, and an item of a list only changed, where the list
or the item is still what was read. What only grew at its end is pushed and needs no guard.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from bson.decimal128 import Decimal128
from bson.int64 import Int64
from bson.regex import Regex

from .documents import Change, same
from .kinds import MISSING

#: The types of stored values that another writer may have changed in part.
CONTAINERS = (list, dict)
MAX_PATHS = 100  # in one list or document: of more, a server takes the whole faster, and it fits one guard


class Update:
    """An update in the making: MongoDB's operators by stored path, and the guards of its filter."""

    __slots__ = ("add", "guards", "pull", "push", "set", "unset")

    def __init__(self) -> None:
        self.set: dict[str, Any] = {}
        self.unset: dict[str, Any] = {}
        self.push: dict[str, list[Any]] = {}
        self.add: dict[str, list[Any]] = {}
        self.pull: dict[str, list[Any]] = {}
        self.guards: dict[str, Any] = {}

    def __bool__(self) -> bool:
        return bool(self.set or self.unset or self.push or self.add or self.pull)

    def operators(self) -> dict[str, Any]:
        """Give it as MongoDB takes it: `{"$set": {"imdb.rating": 7.1}, "$push": {"tags": {"$each": ["new"]}}}`."""
        found: dict[str, Any] = {}
        if self.set:
            found["$set"] = self.set
        if self.unset:
            found["$unset"] = self.unset
        if self.push:
            found["$push"] = {path: {"$each": items} for path, items in self.push.items()}
        if self.add:
            found["$addToSet"] = {path: {"$each": items} for path, items in self.add.items()}
        if self.pull:
            found["$pullAll"] = self.pull
        return found

    def change(self, path: str, new: Any, old: Any, *, unordered: bool = False) -> None:
        """Note that the value at a path becomes another; `old` is MISSING where there is none."""
        if old is MISSING:
            if type(new) is list and new:
                (self.add if unordered else self.push)[path] = new
            else:
                self._add(path, new)
        elif type(new) is dict and type(old) is dict and not is_file(old):
            self._documents(path, new, old)
        elif type(new) is list and type(old) is list:
            if unordered:
                self._sets(path, new, old)
            else:
                self._lists(path, new, old)
        elif not same(new, old):
            self._replace(path, new, old)

    def inside(self, path: str, new: Any, old: Any, changes: list[Change]) -> None:
        """Note the changes inside of a document at a path, where they are known."""
        if len(changes) > MAX_PATHS or not all(is_addressable(change[0].key) for change in changes):
            self._replace(path, new, old)
            return
        # Without this a document that another writer removed would come back in part.
        self.guards.setdefault(path, {"$ne": None})
        added: list[str] = []
        for field, _, its_new, its_old, inner in changes:
            if its_old is MISSING:
                added.append(field.key)
            elif inner is not None:
                self.inside(f"{path}.{field.key}", its_new, its_old, inner)
            else:
                self.change(f"{path}.{field.key}", its_new, its_old)
        for key in _as_added(added) if added else ():
            self._add(f"{path}.{key}", new[key])

    def begin(self, path: str, new: Any) -> None:
        """Note that a value comes to a path where there is none, and must not meet what another writer begins there."""
        self._add(path, new)

    def _documents(self, path: str, new: dict[str, Any], old: dict[str, Any]) -> None:
        changed, added, removed = _differences(new, old)
        if not _is_by_key(changed, added, removed):
            self._replace(path, new, old)
            return
        if changed or added or removed:
            # Without this a document that another writer removed would come back in part.
            self.guards.setdefault(path, {"$ne": None})
        for key in changed:
            self.change(f"{path}.{key}", new[key], old[key])
        for key in added:
            self._add(f"{path}.{key}", new[key])
        for key in removed:
            self._guard(f"{path}.{key}", old[key])
            self.unset[f"{path}.{key}"] = ""

    def _lists(self, path: str, new: list[Any], old: list[Any]) -> None:
        if _has_grown(new, old):
            self.push[path] = new[len(old) :]
        elif _is_by_item(new, old):
            for index, (one, other) in enumerate(zip(new, old, strict=True)):
                if not same(one, other):
                    self._item(f"{path}.{index}", one, other)
        elif not same(new, old):
            self._replace(path, new, old)

    def _item(self, path: str, new: Any, old: Any) -> None:
        item = Update()
        item.change(path, new, old)
        for mine, its in ((self.set, item.set), (self.unset, item.unset), (self.push, item.push)):
            mine.update(its)
        # It says all that guards inside of it could, which a server would also look for in other items.
        self._guard(path, old)

    def _sets(self, path: str, new: list[Any], old: list[Any]) -> None:
        added, removed = _different_items(new, old)
        if (added and removed) or len(added) + len(removed) > MAX_PATHS:
            self._replace(path, new, old)
        elif added:
            self.add[path] = added
        elif removed:
            self.pull[path] = removed

    def _add(self, path: str, new: Any) -> None:
        if type(new) in (list, dict):
            # Another writer may have begun one there, of which nothing would be left.
            self.guards[path] = {"$exists": False}
        self.set[path] = new

    def _replace(self, path: str, new: Any, old: Any) -> None:
        self._guard(path, old, new)
        self.set[path] = new

    def _guard(self, path: str, *values: Any) -> None:
        # Of two writers of one scalar the last wins. What others put into a list or document would be lost.
        if is_file(values[0]):
            # By its key alone: a smaller image of it may have been made since, which makes it no other file.
            self.guards[f"{path}.key"] = {"$eq": values[0]["key"]}
        elif any(type(value) in (list, dict) for value in values):
            self.guards[path] = {"$eq": values[0]}


def is_file(stored: Any) -> bool:
    """Say whether a stored document is what a file field has, which is replaced as a whole: half of the facts of one
    file and half of another's would be those of none.
    """
    return type(stored) is dict and "key" in stored and "sha256" in stored and "uploaded_at" in stored


def arranged(new: Any, old: Any, *, unordered: bool = False) -> Any:
    """Give a new value in the order that the update leaves on the server, of keys in documents and of items in sets.

    A guard must tell it: there, two documents are equal only when their keys are in one order.
    """
    if new is old:
        return old
    if type(new) is dict and type(old) is dict and not is_file(old):
        if [*new] == [*old] and not any(type(new[key]) in CONTAINERS for key in new if new[key] is not old[key]):
            return new
        changed, added, removed = _differences(new, old)
        if not changed and not added and not removed:
            return old
        if _is_by_key(changed, added, removed):
            kept = {key: arranged(new[key], old[key]) if key in changed else old[key] for key in old if key in new}
            return kept | {key: new[key] for key in added}
    elif same(new, old):
        return old
    elif type(new) is list and type(old) is list:
        if unordered:
            items, lost = _different_items(new, old)
            if (items and lost) or len(items) + len(lost) > MAX_PATHS:
                return new
            return [item for item in old if item not in lost] + items
        if _has_grown(new, old):
            return old + new[len(old) :]
        if _is_by_item(new, old):
            return list(map(arranged, new, old))
    return new


def _differences(new: dict[str, Any], old: dict[str, Any]) -> tuple[list[str], list[str], list[str]]:
    changed = [key for key in new if key in old and new[key] is not old[key] and not same(new[key], old[key])]
    if new.keys() == old.keys():
        return changed, [], []
    added = _as_added(key for key in new if key not in old)
    return changed, added, [key for key in old if key not in new]


def _as_added(keys: Iterable[str]) -> list[str]:
    """Give keys in the order in which a server adds them: by text, or by number where all are numbers."""
    found = sorted(keys)
    return sorted(found, key=int) if all(key.isascii() and key.isdigit() for key in found) else found


def _different_items(new: list[Any], old: list[Any]) -> tuple[list[Any], list[Any]]:
    mine, theirs = set(map(_identity, new)), set(map(_identity, old))
    return (
        [item for item in new if _identity(item) not in theirs],
        [item for item in old if _identity(item) not in mine],
    )


def _identity(item: Any) -> Any:
    """Give what two scalars have in common that are stored alike."""
    if isinstance(item, Decimal128):
        return Decimal128, item.bid
    if isinstance(item, Regex):
        return Regex, item.pattern, item.flags
    if isinstance(item, float):
        return float, str(item)
    if isinstance(item, list):
        return list, *map(_identity, item)
    return int if type(item) is Int64 else type(item), item


def _has_grown(new: list[Any], old: list[Any]) -> bool:
    return len(new) > len(old) and all(map(same, new, old))


def _is_by_item(new: list[Any], old: list[Any]) -> bool:
    if len(new) != len(old) or not _is_of_documents(new) or not _is_of_documents(old):
        return False
    return sum(not same(one, other) for one, other in zip(new, old, strict=True)) <= MAX_PATHS


def _is_by_key(*keys: list[str]) -> bool:
    return sum(map(len, keys)) <= MAX_PATHS and all(map(is_addressable, itertools.chain.from_iterable(keys)))


def is_addressable(key: str) -> bool:
    """Say whether a key can be a part of a path."""
    # mongomock takes any dollar sign for an operator; SecantusDB 0.7 fails on digits that are none of ASCII's.
    return bool(key) and "." not in key and "$" not in key and (key.isascii() or not key.isdigit())


def _is_of_documents(values: list[Any]) -> bool:
    return all(type(value) is dict for value in values)
