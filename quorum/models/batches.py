"""Documents that came from one query know their siblings: what one of them needs is loaded for all of them.

A `Batch` holds the stored dicts of one query's documents, and for each field that leads further a part: the batch of
the embedded documents there, or the loader of the documents referred to. Neither holds what leads back to it, so
nothing waits for the garbage collector but a reference of which no more than the id was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from bson import ObjectId

from .. import errors
from .documents import set_doc, set_state, subdocuments, view

MAX_IDS = 10_000  # in one $in: 10,000 ObjectIds are 220 kB of a command of at most 48 MB

#: Loads the stored documents with the given ids of a model: `fetch(model, ids)`.
Fetch = Callable[[Any, list[Any]], Iterable[dict[str, Any]]]


class Batch:
    """The stored documents that came together.

    `only` is the tree of the keys that were loaded, `{"title": None, "imdb": {"rating": None}}`, or None for all.
    """

    __slots__ = ("_documents", "only", "parts")
    new = False

    def __init__(self, documents: list[dict[str, Any]], only: dict[str, Any] | None = None) -> None:
        self._documents = documents
        self.only = only
        # By field, not by key: classes that share a collection or a list may store different things under one key.
        self.parts: dict[Any, Any] | None = None

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The stored documents."""
        return self._documents

    def part(self, field: Any) -> Any:
        """Give the batch, or the loader, of what a field of these documents holds."""
        if self.parts is None:
            self.parts = {}
        part = self.parts.get(field)
        if part is None:
            part = self.parts[field] = field.kind_part(self)
        return part

    def inner(self, field: Any) -> Batch:
        """Make the batch of the embedded documents in a field."""
        return Inner(self, field)


class Inner(Batch):
    """The embedded documents that a field holds in a batch; they are gathered when they are first asked for."""

    __slots__ = ("_field", "_outer")

    def __init__(self, outer: Batch, field: Any) -> None:
        super().__init__([], outer.only.get(field.key) if outer.only else None)
        self._outer: list[dict[str, Any]] | None = outer.documents
        self._field = field

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The stored documents."""
        outer = self._outer  # another thread may be at it
        if outer is not None:
            self._documents = subdocuments(outer, self._field)
            self._outer = None
        return self._documents


class Deleted(Batch):
    """The state of a document that was deleted through this object."""

    __slots__ = ()


class Loader:
    """The documents that one field of a batch refers to, loaded together when one of them is first read.

    It is also the state of a document of which only the id is known; after loading, that is a batch as of any query.
    """

    __slots__ = ("_documents", "_fetch", "_field", "_known", "_target")
    new = False
    only = None
    parts = None

    def __init__(self, target: Any, documents: list[dict[str, Any]], field: Any, fetch: Fetch) -> None:
        self._target, self._documents, self._field, self._fetch = target, documents, field, fetch
        self._known: dict[Any, Any] = {}

    def get(self, identifier: Any, *, classed: bool = True) -> Any:
        """Give the document of an id: loaded, or known by its id alone until more of it is read.

        :param classed: where the target has subclasses, load it with its siblings, as only then its class is known.
        """
        key = identifier.binary if type(identifier) is ObjectId else identifier
        document = self._known.get(key)
        if document is None:
            document = self._known.setdefault(key, view(self._target, {"_id": identifier}, self))
        # It may be known already: another thread is just loading it, or could not.
        if classed and document._state is self and self._target.__meta__.subclasses:
            self.load()
        return document

    def part(self, field: Any) -> None:
        """Give what siblings share for a field: a document that another thread is just loading has none yet."""

    def known_as(self, document: Any) -> None:
        """Make an object the one of its id."""
        self._known[_key(document._doc["_id"])] = document
        set_state(document, self)

    def load(self) -> None:
        """Load every document that the batch's field refers to and that is not loaded yet, in one query."""
        known = self._known
        missing = {key: document._doc["_id"] for key, document in list(known.items()) if document._state is self}
        stored_at = self._field.key
        for identifier in self._field.kind.identifiers_of([stored.get(stored_at) for stored in self._documents]):
            if (key := _key(identifier)) not in known:
                missing[key] = identifier
        found: list[dict[str, Any]] = []
        wanted = list(missing.values())
        for start in range(0, len(wanted), MAX_IDS):
            found.extend(self._fetch(self._target, wanted[start : start + MAX_IDS]))
        batch = Batch(found)
        for stored in found:
            key = _key(stored["_id"])
            missing.pop(key, None)  # a collation may find "B" by "b"
            self._adopt(key, stored, batch)
        for identifier in missing.values():
            if (document := self.get(identifier, classed=False))._state is self:
                set_state(document, Dangling(self._field))

    def adopt(self, stored: dict[str, Any], batch: Batch) -> None:
        """Give the document of an id what is stored of it."""
        self._adopt(_key(stored["_id"]), stored, batch)

    def _adopt(self, key: Any, stored: dict[str, Any], batch: Batch) -> None:
        cls = self._target.__class_of__(stored) if self._target.__meta__.subclasses else self._target
        document = self._known.get(key)
        if document is None:
            loaded = view(cls, stored, batch)
            document = self._known.setdefault(key, loaded)
            if document is loaded:
                return
        if document._state is not self:
            return  # another thread has been here, and the document may have changed since
        if type(document) is not cls:
            object.__setattr__(document, "__class__", cls)
        set_doc(document, stored)
        set_state(document, batch)

    def everything(self) -> list[Any]:
        """Load and give all documents that the batch's field refers to and that exist."""
        self.load()
        return [document for document in self._known.values() if isinstance(document._state, Batch)]


def _key(identifier: Any) -> Any:
    """Give what stands for an id among its like: the bytes of an ObjectId, which itself makes its hash in Python."""
    return identifier.binary if type(identifier) is ObjectId else identifier


def complete(document: Any) -> None:
    """Load a document of which only the id is known; after it, one that does not exist is `Dangling`."""
    if isinstance(document._state, Loader):
        document._state.load()


def loaded_keys(document: Any) -> dict[str, Any] | None:
    """Give the tree of the keys that were loaded of a document, or None for all."""
    if isinstance(document._state, (Loader, Dangling)):
        return {"_id": None}
    return document._state.only  # type: ignore[no-any-return]


class Dangling:
    """The state of a document that is referred to and does not exist."""

    __slots__ = ("_field",)
    new = False
    only = None
    parts = None

    def __init__(self, field: Any) -> None:
        self._field = field

    def error(self, document: Any) -> errors.DanglingReferenceError:
        """Make the error for reading it."""
        name, identifier = type(document).__name__, document._doc["_id"]
        field = f"{self._field.owner_name}.{self._field.name}"
        return errors.DanglingReferenceError(
            f"{field} refers to {name} {identifier!r}, which does not exist.", model=name, id=identifier, field=field
        )
