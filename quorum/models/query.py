"""Queries: lazy, immutable, one command each."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Generic, TypeVar, cast, overload

from pymongo.collection import Collection

from .. import errors, mongodb, runtime
from . import expressions, prefetching, store
from .batches import Batch
from .documents import Document, set_doc, set_state, view
from .embedded import TYPE_KEY
from .expressions import Condition, is_public, once_inside, resolve
from .holders import has_files
from .kinds import WrongValue
from .pages import MAX_PER_PAGE, PER_PAGE, Page, positive
from .references import ReferenceKind

M = TypeVar("M")

DELETED_AT_ONCE = 1000  # files, of the documents that a query deletes
STREAM_BATCH = 250  # documents: more of them leave the caches of a processor, fewer are more round trips
MAX_PLACE = 2**31 - 1  # of a document in a query
_OPTIONS = ("collation", "comment", "hint", "max_time_ms", "read_preference")


def hydrate(model: Any, documents: list[dict[str, Any]], only: dict[str, Any] | None = None) -> list[Any]:
    """Make the objects of stored documents that came together."""
    if model.__meta__.subclasses:
        batch = Batch(documents, only)
        return [view(model.__class_of__(stored), stored, batch) for stored in documents]
    count = len(documents)
    if count == 1:
        return [view(model, documents[0], Batch(documents, only))]
    # Where no reference is, no document needs its siblings, nor keeps them in memory.
    batch = Batch(documents if model.__codec__.refers else [], only)
    found = list(map(object.__new__, itertools.repeat(model, count)))
    deque(map(set_doc, found, documents), 0)
    deque(map(set_state, found, itertools.repeat(batch, count)), 0)
    return found


class Query(Generic[M]):
    """The documents of a model that a filter matches.

    Nothing is sent until the documents are needed; each method gives a new query. Iterating, indexing, `len()` and
    truth load the documents once and keep them; `stream()` keeps none.
    """

    # What a query has unless it was told otherwise.
    _sort: tuple[tuple[str, int], ...] = ()
    _skip = 0
    _limit = 0
    _only: tuple[tuple[str, ...], dict[str, Any]] | None = None
    _paths: tuple[str, ...] = ()
    _options: Mapping[str, Any] = MappingProxyType({})
    _found: tuple[runtime.Context | None, list[M]] | None = None

    def __init__(self, model: Any, conditions: tuple[dict[str, Any], ...] = ()) -> None:
        self._model = model
        self._conditions = conditions

    def _with(self, **changed: Any) -> Query[M]:
        query: Query[M] = Query(self._model, self._conditions)
        told = query.__dict__
        told.update(self.__dict__)
        told.update(changed)
        told.pop("_found", None)
        return query

    # What to find.

    def find(self, /, *filters: Condition | dict[str, Any] | bool, **equals: Any) -> Query[M]:
        """Narrow the query by further filters, in the forms that `Model.find` takes."""
        return self._with(_conditions=(*self._conditions, *expressions.build(self._model, filters, equals)))

    def sort(self, *names: str) -> Query[M]:
        """Order the documents: `.sort("-created_at", "title")`, a minus for descending.

        :raises ValidationError: a name is no public field.
        """
        if not all(isinstance(name, str) for name in names):
            raise errors.ValidationError("Sort by names of fields, a minus first for descending.", model=self._name)
        order = [(resolve(self._model, name.removeprefix("-"))[0], -1 if name.startswith("-") else 1) for name in names]
        return self._with(_sort=tuple(order))

    def skip(self, count: int) -> Query[M]:
        """Leave out the first documents.

        :raises ValidationError: the count is no whole number, or negative.
        """
        return self._with(_skip=positive(count, "skip", self._name, least=0))

    def limit(self, count: int) -> Query[M]:
        """Give at most this many documents.

        :raises ValidationError: the count is no whole number, or less than 1.
        """
        return self._with(_limit=positive(count, "limit", self._name))

    def only(self, *names: str) -> Query[M]:
        """Load only these fields, dotted for a part of one; reading another raises `NotLoadedError`.

        :raises ValidationError: a name is no public field, or asks for an item of a list by its place.
        """
        tree: dict[str, Any] = {"_id": None, "_type": None, "_revision": None}
        for name in names:
            *parents, last = resolve(self._model, name, places=False)[0].split(".")
            node: Any = tree
            for key in parents:
                node = node.setdefault(key, {TYPE_KEY: None}) if node is not None else None
            if node is not None:
                node[last] = None
        return self._with(_only=(tuple(_leaves(tree)), tree))

    def prefetch(self, *paths: str) -> Query[M]:
        """Load what these references lead to along with the documents: `.prefetch("author", "comments.by")`.

        One query for each level; `first()` asks for the document and the references in it at once. Without it, the same
        happens when the first of them is read.

        :raises ValidationError: a path is not one of public fields that ends at a reference.
        """
        for path in paths:
            prefetching.check(self._model, path)
        return self._with(_paths=(*self._paths, *paths))

    def options(self, **options: Any) -> Query[M]:
        """Give MongoDB's own options: `hint`, `comment`, `max_time_ms`, `collation`, `read_preference`."""
        unknown = sorted(set(options) - set(_OPTIONS))
        if unknown:
            raise TypeError(f"options() takes {', '.join(_OPTIONS)}, not {', '.join(unknown)}.")
        return self._with(_options={**self._options, **options})

    # What was found.

    def __iter__(self) -> Iterator[M]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __bool__(self) -> bool:
        return bool(self._all())

    @overload
    def __getitem__(self, index: int) -> M: ...
    @overload
    def __getitem__(self, index: slice) -> Query[M]: ...
    def __getitem__(self, index: int | slice) -> M | Query[M]:
        """Give one document by its place, or a narrower query by a slice.

        :raises IndexError: there is no document at that place.
        """
        if isinstance(index, slice):
            return self._slice(index)
        if index < 0:
            raise IndexError("A query has no negative index. Sort it the other way round.")
        if (kept := self._kept()) is not None:
            return kept[index]
        if index >= MAX_PLACE:
            raise IndexError(f"{self._name}: a query has no more than {MAX_PLACE} documents.")
        found = self._slice(slice(index, index + 1))._all()
        if not found:
            raise IndexError(f"{self._name}: the query finds no document at {index}.")
        return found[0]

    def _slice(self, part: slice) -> Query[M]:
        start, stop = part.start or 0, part.stop
        if start < 0 or (stop is not None and stop < 0) or part.step not in (None, 1):
            raise IndexError("A query is sliced by places from its start, without a step.")
        start, stop = min(start, MAX_PLACE), None if stop is None or stop > MAX_PLACE else stop
        if self._limit:
            stop = self._limit if stop is None else min(stop, self._limit)
        if stop is not None and stop <= start:
            return self._nothing()
        query = self._with(_skip=self._skip + start)
        if stop is not None:
            query._limit = stop - start
        return query

    def _nothing(self) -> Query[M]:
        query = self._with(_conditions=(*self._conditions, {"_id": {"$in": []}}))
        query._found = None, []
        return query

    def first(self) -> M | None:
        """Give the first document, or None."""
        if (kept := self._kept()) is not None:
            return kept[0] if kept else None
        together = None
        if self._paths and not self._options:
            with store.Translated(self._model, self._conditions):
                together = prefetching.find_one(
                    self._model, self._filter(), self._projection(), self._sort, self._skip, self._paths
                )
        stored, others = together or (self._one(self._projection()), {})
        return None if stored is None else self._hydrate([stored], others)[0]

    def count(self) -> int:
        """Count the documents, on the server."""
        options = self._command_options()
        if self._skip:
            options["skip"] = self._skip
        if self._limit:
            options["limit"] = self._limit
        with store.Translated(self._model, self._conditions):
            return int(self._collection().count_documents(self._filter(), **options))

    def exists(self) -> bool:
        """Say whether there is any such document."""
        if (kept := self._kept()) is not None:
            return bool(kept)
        return self._one({"_id": 1}) is not None

    def paginate(self, page: Any = 1, per_page: Any = PER_PAGE, *, max_per_page: int = MAX_PER_PAGE) -> Page[M]:
        """Give one page; both numbers may be text from a request.

        The order is made complete by `_id`, so that no document is on two pages.

        :param page: the number of the page, from 1; past the last one, the page is empty.
        :param per_page: the most documents on it, 20 unless told; more than `max_per_page` is that many.
        :raises ValidationError: a number is none, or less than 1.
        :raises TypeError: the query is skipped or limited, which its pages are.
        """
        if self._skip or self._limit:
            raise TypeError("A query with skip or limit has no pages. Leave both to paginate().")
        number = positive(page, "page", self._name)
        size = min(positive(per_page, "per_page", self._name), max_per_page)
        total = self.count()
        if (number - 1) * size >= total:
            return Page([], number, size, total)
        order = self._sort if any(key == "_id" for key, _ in self._sort) else (*self._sort, ("_id", 1))
        items = self._with(_sort=order, _skip=(number - 1) * size, _limit=size)._all()
        return Page(items, number, size, total)

    def values(self, *names: str) -> list[dict[str, Any]]:
        """Give plain dicts of some fields in place of documents: `[{"title": "A", "author": <Author>}, ...]`.

        :raises TypeError: no field is named.
        :raises ValidationError: a name is no public field.
        """
        if not names:
            raise TypeError(f'{self._name}: values() takes the names of fields: values("id", "author.name").')
        return [{name: _read(document, name) for name in names} for document in self.only(*names)]

    def distinct(self, name: str) -> list[Any]:
        """Give the different values of a field; of a list, its different items.

        :raises ValidationError: the name is no public field.
        :raises StoredValueError: a value of another type is stored.
        :raises TypeError: the query is skipped or limited, which MongoDB's distinct cannot be.
        """
        if self._skip or self._limit:
            raise TypeError("A query with skip or limit has no distinct(). Collect the values of its documents.")
        path, kind = resolve(self._model, name)
        judge = once_inside(kind)  # of a list in a list, MongoDB gives the inner lists
        with store.Translated(self._model, self._conditions):
            found = self._collection().distinct(path, self._filter(), **self._command_options())
        batch = judge.together(found) if isinstance(judge, ReferenceKind) else None
        try:
            return [None if value is None else judge.decode(value, batch) for value in found]
        except WrongValue as error:
            raise errors.StoredValueError(
                f"a value of type {type(error.stored).__name__} is stored where {error.wanted} is declared.",
                model=self._name, field=name, id=None,
            ) from None  # fmt: skip

    def stream(self, batch_size: int = STREAM_BATCH) -> Iterator[M]:
        """Give the documents one after the other, in constant memory: nothing is kept of those that were given.

        The references of a batch are loaded together, as in a list.
        """
        size = positive(batch_size, "batch_size", self._name)
        with store.Translated(self._model, self._conditions):
            cursor = self._cursor()
        try:
            cursor = cursor.batch_size(size)
            is_mock = mongodb.is_mock()
            count = size
            while count == size:
                documents = list(itertools.islice(cursor, size)) if is_mock else cursor.to_list(size)
                count, found = len(documents), iter(self._hydrate(documents))
                del documents  # their memory is taken by the next ones, while a processor's caches still have it
                yield from found
        except store.READING_ERRORS as error:
            raise store.unread(self._model, error, self._conditions) from error
        finally:
            cursor.close()

    def delete(self) -> int:
        """Delete the documents in one command; give their number. No hook is called, as none of them is loaded.

        Documents with files are deleted one by one, and the files after them.

        :raises TypeError: the query is sorted, skipped or limited, which a delete cannot be.
        """
        if self._sort or self._skip or self._limit:
            raise TypeError("A query with sort, skip or limit cannot be deleted as one. Delete its documents.")
        options: dict[str, Any] = {
            key: self._options[key] for key in ("hint", "comment", "collation") if key in self._options
        }
        with store.Translated(self._model, self._conditions):
            if has_files(self._model):
                return self._delete_with_files(options)
            return self._collection().delete_many(self._filter(), **options).deleted_count

    def _delete_with_files(self, options: dict[str, Any]) -> int:
        from . import uploads

        count, waiting = 0, set[Any]()
        loaded = uploads.projection(self._model)
        try:
            # What is deleted says itself which files it had, whoever changed it a moment before.
            while found := self._collection().find_one_and_delete(self._filter(), loaded, **options):
                count += 1
                waiting |= uploads.named(self._model.__class_of__(found), found)
                if len(waiting) >= DELETED_AT_ONCE:
                    uploads.remove(waiting)
                    waiting = set()
        finally:
            uploads.remove(waiting)
        return count

    def explain(self) -> dict[str, Any]:
        """Give the server's plan for the query, as MongoDB documents it."""
        if mongodb.is_mock():
            raise errors.OperationalError("mongomock plans no queries. Use a server for explain().")
        with store.Translated(self._model, self._conditions):
            return dict(self._cursor().explain())

    def __repr__(self) -> str:
        return f"<Query of {self._name}>"

    # How.

    @property
    def _name(self) -> str:
        return str(self._model.__name__)

    def _filter(self) -> dict[str, Any]:
        return expressions.together([*self._model.__own_filter__(), *self._conditions])

    def _collection(self) -> Collection[dict[str, Any]]:
        collection = store.raw(self._model)
        if type(collection) is not Collection:
            store.check_size(collection, self._filter())
        preference = self._options.get("read_preference") if self._options else None
        return collection if preference is None else collection.with_options(read_preference=preference)

    def _command_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            key: self._options[key] for key in ("hint", "comment", "collation") if key in self._options
        }
        if "max_time_ms" in self._options:
            options["maxTimeMS"] = self._options["max_time_ms"]
        return options

    def _projection(self) -> dict[str, int] | None:
        return dict.fromkeys(self._only[0], 1) if self._only else None

    def _find_options(self) -> dict[str, Any]:
        """Give what `find` and `find_one` take beside filter and projection."""
        options: dict[str, Any] = {}
        if self._options:
            options.update((key, value) for key, value in self._options.items() if key != "read_preference")
        if self._sort:
            options["sort"] = list(self._sort)
        if self._skip:
            options["skip"] = self._skip
        return options

    def _cursor(self) -> Any:
        options = self._find_options()
        if self._limit:
            options["limit"] = self._limit
        return self._collection().find(self._filter(), self._projection(), **options)

    def _one(self, projection: dict[str, int] | None) -> dict[str, Any] | None:
        try:
            if self._options:
                return self._collection().find_one(self._filter(), projection, **self._find_options())
            return store.one(self._model)(self._filter(), projection, self._sort, self._skip)
        except store.READING_ERRORS as error:
            raise store.unread(self._model, error, self._conditions) from error

    def _load(self) -> list[dict[str, Any]]:
        with store.Translated(self._model, self._conditions):
            cursor = self._cursor()
            return cast(list[dict[str, Any]], list(cursor) if mongodb.is_mock() else cursor.to_list())

    def _all(self) -> list[M]:
        kept = self._kept()
        if kept is None:
            kept = self._hydrate(self._load())
            self._found = runtime.current(), kept  # at once, as another app may ask in another thread
        return kept

    def _kept(self) -> list[M] | None:
        """Give what was found before, unless that was in another app."""
        if self._found is None:
            return None
        app, found = self._found
        return found if app is None or app is runtime.current() else None

    def _hydrate(self, documents: list[dict[str, Any]], others: dict[Any, dict[str, Any]] | None = None) -> list[M]:
        found = hydrate(self._model, documents, self._only[1] if self._only else None)
        if others:
            prefetching.adopt(found[0]._state, others)
        if found and self._paths:
            joined = {field.name for field in others} if others else ()
            for path in self._paths:
                if path not in joined:
                    prefetching.load([self._model], [found[0]._state], path.split("."))
        return found


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, inner in tree.items():
        if inner:
            yield from _leaves(inner, f"{prefix}{key}.")
        else:
            yield prefix + key


def _read(value: Any, name: str) -> Any:
    first, _, rest = name.partition(".")
    if isinstance(value, (list, tuple)):
        return [_read(item, name) for item in value]
    if isinstance(value, Document):
        value = getattr(value, first) if first == "id" or is_public(type(value), first) else None
    else:
        value = value.get(first) if isinstance(value, dict) else None
    return _read(value, rest) if rest else value


def fetch(model: Any, identifiers: list[Any]) -> Iterable[dict[str, Any]]:
    """Load the stored documents of some ids in one command; those that do not exist are left out."""
    query: Query[Any] = Query(model, ({"_id": {"$in": identifiers}},))
    return query._load()


ReferenceKind.fetch = staticmethod(fetch)
