"""What is measured, with the phases of MongoDB's ODM Performance Benchmark.

A task seeds the database once; each sample of a peer is `before` (not timed), `run` (timed) and `check` (not timed).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import bson

from . import shapes
from .documents import Documents, to_json
from .peers import ITEM, Adapter, Values
from .shapes import Shape, leaves, reader


@dataclass(kw_only=True)
class Task:
    """A task of as many documents a sample as `counts`, with as many samples of each peer as `rounds`; the second
    number of each is `--quick`'s. Where its title has braces, the count is written there.

    `goal` is the ratio to raw pymongo's CPU that quorum is held to, or None where its aim is to be the first.
    """

    name: str
    title: str
    shape: Shape
    counts: tuple[int, int] = (200, 100)
    rounds: tuple[int, int] = (15, 5)
    goal: float | None = None
    #: The peers' methods that it needs.
    methods: ClassVar[tuple[str, ...]] = ()
    #: Its figures have no ratio to raw pymongo's, which does less or nothing.
    alone: ClassVar[bool] = False
    #: What one of `count` is called.
    unit: ClassVar[str] = "document"

    def titled(self, quick: bool) -> str:
        """Give the title, with the count."""
        return self.title.format(f"{self.counts[quick]:,}")

    def prepare(self, documents: Documents, quick: bool) -> None:
        """Make the documents."""
        self.count = self.counts[quick]
        self.samples = self.rounds[quick]
        self.documents = documents.make(self.shape, self.count)
        self.size = len(bson.encode(self.documents[0]))

    def seed(self, database: Any) -> None:
        """Store what the task finds, through pymongo."""

    def before(self, peer: Adapter) -> Any:
        """Make ready for a sample; what it gives is given to `run`."""

    def run(self, peer: Adapter, given: Any) -> Any:
        """Do the work."""
        raise NotImplementedError

    def check(self, database: Any, peer: Adapter, result: Any) -> None:
        """Assert that the work was done right; `result` is what `run` gave."""
        raise NotImplementedError

    def _insert(self, database: Any, shape: Shape, documents: list[Values]) -> None:
        for start in range(0, len(documents), 10_000):
            database[shape.name].insert_many(documents[start : start + 10_000])

    def reader(self, paths: list[str], template: str) -> Any:
        """Give the function that reads these fields; of dicts, what a movie lacks is None."""
        if template == ITEM and self.shape is shapes.MOVIE:
            template = "{}.get({!r})"
        return reader(paths, template)

    def _check_read(self, peer: Adapter, objects: list[Any], paths: list[str], wanted: list[Values]) -> None:
        read, plain = self.reader(paths, peer.template), self.reader(paths, ITEM)
        assert len(objects) == len(wanted), f"{len(objects)} documents instead of {len(wanted)}"
        assert [_naive(read(one)) for one in objects] == [_naive(plain(one)) for one in wanted]


def _naive(values: Iterable[Any]) -> list[Any]:
    return [value.replace(tzinfo=None) if isinstance(value, datetime) else value for value in values]


class Create(Task):
    methods = ("create",)

    def before(self, peer: Adapter) -> Any:
        return deepcopy(self.values)  # a layer may take the dicts and lists for its own

    def run(self, peer: Adapter, given: Any) -> None:
        peer.create(self.shape, given)

    def prepare(self, documents: Documents, quick: bool) -> None:
        super().prepare(documents, quick)
        self.values = [{key: value for key, value in one.items() if key != "_id"} for one in self.documents]

    def check(self, database: Any, peer: Adapter, result: Any) -> None:
        found = list(database[self.shape.name].find({}, {"_id": 0}))
        for document in found:
            document.pop("_revision", None)
            document.pop("revision_id", None)
        key = "field1" if "field1" in self.shape.fields else "embedded_str_doc_1"
        assert sorted(found, key=lambda one: str(one[key])) == sorted(self.values, key=lambda one: str(one[key]))
        database[self.shape.name].drop()


@dataclass(kw_only=True)
class Update(Task):
    path: str
    methods = ("load", "update")

    def seed(self, database: Any) -> None:
        self._insert(database, self.shape, self.documents)
        self.number = 0

    def before(self, peer: Adapter) -> Any:
        self.number += self.count
        self.values = [f"{self.number + place:08}" for place in range(self.count)]
        return peer.load(self.shape, [document["_id"] for document in self.documents])

    def run(self, peer: Adapter, given: Any) -> None:
        peer.update(given, self.path, self.values)

    def check(self, database: Any, peer: Adapter, result: Any) -> None:
        read = reader([self.path], ITEM)
        found = [read(one)[0] for one in database[self.shape.name].find({}, {self.path: 1}).sort("_id", 1)]
        assert found == self.values


@dataclass(kw_only=True)
class Find(Task):
    path: str
    methods = ("find",)

    def prepare(self, documents: Documents, quick: bool) -> None:
        super().prepare(documents, quick)
        if self.shape is shapes.CHILD:
            self.parents = documents.make(shapes.PARENT, self.count)
            self.documents = documents.make(self.shape, self.count, [parent["_id"] for parent in self.parents])

    def seed(self, database: Any) -> None:
        if self.shape is shapes.CHILD:
            self._insert(database, shapes.PARENT, self.parents)
        self._insert(database, self.shape, self.documents)
        if self.path != "_id":
            database[self.shape.name].create_index(self.path)
        read = reader([self.path.replace("array.", "array.0.")], ITEM)
        self.values = [read(document)[0] for document in self.documents]

    def run(self, peer: Adapter, given: Any) -> Any:
        return peer.find(self.shape, self.path, self.values)

    def check(self, database: Any, peer: Adapter, result: Any) -> None:
        path = "embedded_str_doc_1.field1" if self.shape is shapes.NESTED else "field1"
        self._check_read(peer, result, [path], self.documents)


class Join(Find):
    methods = ("join",)

    def run(self, peer: Adapter, given: Any) -> Any:
        return peer.join([parent["_id"] for parent in self.parents])

    def check(self, database: Any, peer: Adapter, result: Any) -> None:
        assert result == [parent["name"] for parent in self.parents]


@dataclass(kw_only=True)
class ListAll(Task):
    """List a collection in one query, keep the list, and read some fields of each document."""

    paths: list[str]
    methods = ("list",)

    def prepare(self, documents: Documents, quick: bool) -> None:
        super().prepare(documents, quick)
        movies = documents.make(shapes.MOVIE, 10) if self.shape is shapes.COMMENT else []
        self.movies = [{"_id": movie["_id"], "title": movie["title"]} for movie in movies]
        self.documents = documents.make(self.shape, self.count, [movie["_id"] for movie in self.movies])

    def seed(self, database: Any) -> None:
        self._insert(database, shapes.MOVIE, self.movies)  # ODMantic looks for what is referred to
        self._insert(database, self.shape, self.documents)

    def run(self, peer: Adapter, given: Any) -> Any:
        found, read = peer.list(self.shape), given
        for document in found:
            read(document)
        return found

    def before(self, peer: Adapter) -> Any:
        return self.reader(self.paths, peer.template)

    def check(self, database: Any, peer: Adapter, result: Any) -> None:
        self._check_read(peer, result, self.paths, self.documents)


class Authors(Task):
    methods = ("authors",)

    def prepare(self, documents: Documents, quick: bool) -> None:
        super().prepare(documents, quick)
        self.authors = documents.make(shapes.AUTHOR, 50)
        self.documents = documents.make(self.shape, self.count, [author["_id"] for author in self.authors])

    def seed(self, database: Any) -> None:
        self._insert(database, shapes.AUTHOR, self.authors)
        self._insert(database, self.shape, self.documents)

    def run(self, peer: Adapter, given: Any) -> Any:
        return peer.authors()

    def check(self, database: Any, peer: Adapter, result: Any) -> None:
        assert result == [(d["title"], a["name"]) for d, a in zip(self.documents, self.authors, strict=True)]


class Stream(Task):
    methods = ("total",)

    def prepare(self, documents: Documents, quick: bool) -> None:
        super().prepare(documents, quick)
        self.wanted = sum(document["field8"] for document in self.documents)

    def seed(self, database: Any) -> None:
        self._insert(database, self.shape, self.documents)
        self.documents = []  # their memory is no peer's

    def run(self, peer: Adapter, given: Any) -> Any:
        return peer.total(self.shape, "field8")

    def check(self, database: Any, peer: Adapter, result: Any) -> None:
        assert result == self.wanted


class Build(Task):
    methods = ("build",)
    alone = True

    def prepare(self, documents: Documents, quick: bool) -> None:
        super().prepare(documents, quick)
        self.values = [_known(document, self.shape) for document in self.documents]
        self.paths = ["title"] if self.shape is shapes.MOVIE else leaves(self.shape)

    def before(self, peer: Adapter) -> Any:
        return deepcopy(self.values)

    def run(self, peer: Adapter, given: Any) -> Any:
        return peer.build(self.shape, given)

    def check(self, database: Any, peer: Adapter, result: Any) -> None:
        self._check_read(peer, result, self.paths, self.documents)


class Parse(Build):
    methods = ("parse",)

    def prepare(self, documents: Documents, quick: bool) -> None:
        super().prepare(documents, quick)
        self.texts = [to_json(_known(document, self.shape)) for document in self.documents]

    def run(self, peer: Adapter, given: Any) -> Any:
        return peer.parse(self.shape, self.texts)


class Refuse(Build):
    methods = ("refuse",)

    def prepare(self, documents: Documents, quick: bool) -> None:
        super().prepare(documents, quick)
        self.values = [{**document, "title": 5} for document in self.values]

    def run(self, peer: Adapter, given: Any) -> Any:
        return peer.refuse(self.shape, given)

    def check(self, database: Any, peer: Adapter, result: Any) -> None:
        assert result == self.count


class Dump(Build):
    """Write movies as JSON text, just after they were listed; or built, by a peer without a database."""

    methods = ("dump",)

    def seed(self, database: Any) -> None:
        self._insert(database, self.shape, self.documents)

    def before(self, peer: Adapter) -> Any:
        try:
            return peer.list(self.shape)
        except NotImplementedError:
            return peer.build(self.shape, self.values)

    def run(self, peer: Adapter, given: Any) -> Any:
        return peer.dump(given)

    def check(self, database: Any, peer: Adapter, result: Any) -> None:
        found = json.loads(result)
        assert [one["title"] for one in found] == [one["title"] for one in self.documents]
        assert [one.get("cast") or None for one in found] == [one.get("cast") for one in self.documents]


class View(Authors):
    methods = ("view",)
    unit = "request"
    apps: ClassVar[dict[str, Any]] = {}

    def prepare(self, documents: Documents, quick: bool) -> None:
        super().prepare(documents, quick)
        self.requests, self.count = (50, 20)[quick], 50

    def before(self, peer: Adapter) -> Any:
        if peer.distribution not in self.apps:
            self.apps[peer.distribution] = peer.view()
        return self.apps[peer.distribution]

    def run(self, peer: Adapter, given: Any) -> Any:
        from werkzeug.test import EnvironBuilder, run_wsgi_app

        environ = EnvironBuilder(path="/").get_environ()
        for _ in range(self.requests):
            answer, status, _headers = run_wsgi_app(given.wsgi_app, environ.copy())
            body = b"".join(answer)
        return status, body

    def check(self, database: Any, peer: Adapter, result: Any) -> None:
        by_id = {author["_id"]: author for author in self.authors}
        wanted = [
            {
                **{name: post[name] for name in ("title", "body", "tags")},
                "id": str(post["_id"]),
                "created": post["created"].isoformat() + "Z",
                "author": {"id": str(post["author"]), "name": by_id[post["author"]]["name"]},
            }
            for post in sorted(self.documents, key=lambda post: post["created"], reverse=True)
        ]
        assert result[0] == "200 OK"
        assert json.loads(result[1]) == wanted
        self.count = self.requests


class Import(Task):
    """Import a peer in a Python of its own that has pymongo already."""

    methods = ()
    alone = True
    unit = "import"

    def run(self, peer: Adapter, given: Any) -> Any:
        # What was compiled is kept, as it is for whoever installed the peer.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        command = [sys.executable, "-c", _IMPORT, peer.distribution]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        return json.loads(done.stdout)

    def check(self, database: Any, peer: Adapter, result: Any) -> None:
        assert result["seconds"] > 0


_IMPORT = """
import importlib, json, os, sys, time
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
if sys.argv[1] != "pymongo":
    import pymongo
before, start = resident(), time.process_time()
module = importlib.import_module(sys.argv[1])
if sys.argv[1] == "quorum":
    module.Model
if sys.argv[1] == "umongo":
    importlib.import_module("umongo.frameworks").PyMongoInstance
print(json.dumps({"seconds": time.process_time() - start, "bytes": resident() - before}))
"""


def _known(document: Values, shape: Shape) -> Values:
    """Give the values that a shape declares, as Python code has them: moments with a time zone."""
    found: Values = {}
    for name, kind in shape.fields.items():
        if name in document:
            value = document[name]
            inner = kind.of[0] if isinstance(kind, shapes.Maybe) else kind
            if isinstance(value, datetime):
                value = value.replace(tzinfo=UTC)
            found[name] = _known(value, inner) if isinstance(inner, Shape) else value
    return found
