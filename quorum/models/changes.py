"""The update that turns a stored document into another one, with as little as possible sent and nothing overwritten.

It works on stored forms alone: dicts, lists and scalars. What another writer may have done meanwhile is met by guards,
conditions that the update's filter gets: a list is only rewritten, and an item of a list only changed, where the list
or the item is still what was read. What only grew at its end is pushed and needs no guard.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from .documents import same
from .kinds import MISSING


@dataclasses.dataclass(slots=True)
class Update:
    """An update in the making: MongoDB's operators by stored path, and the guards of its filter."""

    set: dict[str, Any] = dataclasses.field(default_factory=dict)
    unset: dict[str, Any] = dataclasses.field(default_factory=dict)
    push: dict[str, list[Any]] = dataclasses.field(default_factory=dict)
    add: dict[str, list[Any]] = dataclasses.field(default_factory=dict)
    pull: dict[str, list[Any]] = dataclasses.field(default_factory=dict)
    guards: dict[str, Any] = dataclasses.field(default_factory=dict)

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
        if old is MISSING and type(new) is list and new:
            (self.add if unordered else self.push)[path] = new
        elif type(new) is dict and type(old) is dict:
            self._documents(path, new, old)
        elif type(new) is list and type(old) is list:
            if unordered:
                self._sets(path, new, old)
            else:
                self._lists(path, new, old)
        elif not same(new, old):
            self.set[path] = new

    def _documents(self, path: str, new: dict[str, Any], old: dict[str, Any]) -> None:
        changed = [key for key in new if key not in old or not same(new[key], old[key])]
        removed = [key for key in old if key not in new]
        if not all(map(_is_addressable, (*changed, *removed))):
            self._replace(path, new, old)
            return
        if changed or removed:
            # Without this a document that another writer removed would come back in part.
            self.guards.setdefault(path, {"$ne": None})
        for key in changed:
            inner = f"{path}.{key}"
            if key not in old:
                self.set[inner] = new[key]
            else:
                self.change(inner, new[key], old[key])
        for key in removed:
            self.unset[f"{path}.{key}"] = ""

    def _lists(self, path: str, new: list[Any], old: list[Any]) -> None:
        kept = len(new) >= len(old) and all(map(same, new, old))
        if kept and len(new) > len(old):
            self.push[path] = new[len(old) :]
        elif not kept and len(new) == len(old) and _is_of_documents(new) and _is_of_documents(old):
            for index, (one, other) in enumerate(zip(new, old, strict=True)):
                if not same(one, other):
                    inner = f"{path}.{index}"
                    self.guards[inner] = {"$eq": other}
                    self.change(inner, one, other)
        elif not kept:
            self._replace(path, new, old)

    def _sets(self, path: str, new: list[Any], old: list[Any]) -> None:
        added = [item for item in new if not any(same(item, other) for other in old)]
        removed = [item for item in old if not any(same(item, other) for other in new)]
        if added and removed:
            self._replace(path, new, old)
        elif added:
            self.add[path] = added
        elif removed:
            self.pull[path] = removed

    def _replace(self, path: str, new: Any, old: Any) -> None:
        self.guards[path] = {"$eq": old}
        self.set[path] = new


def _is_addressable(key: str) -> bool:
    return "." not in key and not key.startswith("$")


def _is_of_documents(values: list[Any]) -> bool:
    return all(type(value) is dict for value in values)
