"""The tasks in the order of the tables. The first eleven are those of MongoDB's ODM Performance Benchmark 1.0."""

from __future__ import annotations

from . import shapes
from .shapes import leaves
from .tasks import Authors, Build, Create, Dump, Find, Import, Join, ListAll, Parse, Refuse, Stream, Task, Update, View

_ONE = ["embedded_str_doc_1.field1"]

TASKS: tuple[Task, ...] = (
    Create(name="small-create", title="small: create", shape=shapes.SMALL, goal=1.05),
    Update(name="small-update", title="small: update a field", shape=shapes.SMALL, goal=1.05, path="field1"),
    Find(name="small-find", title="small: find by id", shape=shapes.SMALL, goal=1.03, path="_id"),
    Find(name="small-find-fk", title="small: find by foreign key", shape=shapes.CHILD, goal=1.03, path="parent"),
    Join(
        name="small-join", title="small: foreign key and the joined name", shape=shapes.CHILD, goal=1.05, path="parent"
    ),
    Create(name="large-create", title="large: create", shape=shapes.LARGE, goal=1.05, counts=(5, 3), rounds=(11, 3)),
    Update(
        name="large-update",
        title="large: update a field",
        shape=shapes.LARGE,
        goal=1.05,
        counts=(5, 3),
        rounds=(11, 3),
        path="field1",
    ),
    Create(name="nested-create", title="nested: create", shape=shapes.NESTED, goal=1.15, counts=(100, 50)),
    Update(
        name="nested-update",
        title="nested: update a nested field",
        shape=shapes.NESTED,
        goal=1.08,
        counts=(100, 50),
        path=_ONE[0],
    ),
    Find(
        name="nested-find",
        title="nested: find by a nested field",
        shape=shapes.NESTED,
        goal=1.05,
        counts=(100, 50),
        path="embedded_str_doc_1.unique_id",
    ),
    Find(
        name="nested-find-array",
        title="nested: find by a field in the list",
        shape=shapes.NESTED,
        goal=1.05,
        counts=(100, 50),
        path="embedded_str_doc_array.unique_id",
    ),
    ListAll(
        name="small-list",
        title="list small, read one field",
        shape=shapes.SMALL,
        goal=1.20,
        counts=(1000, 1000),
        paths=["field1"],
    ),
    ListAll(
        name="nested-list",
        title="list nested, read one field",
        shape=shapes.NESTED,
        goal=1.10,
        counts=(300, 100),
        paths=_ONE,
    ),
    ListAll(
        name="nested-read",
        title="list nested, read all 217 values",
        shape=shapes.NESTED,
        goal=1.35,
        counts=(300, 100),
        paths=leaves(shapes.NESTED),
    ),
    ListAll(
        name="movies",
        title="list {} movies, read three fields",
        shape=shapes.MOVIE,
        goal=1.10,
        counts=(1000, 1000),
        paths=["title", "year", "runtime"],
    ),
    ListAll(
        name="comments",
        title="list {} comments",
        shape=shapes.COMMENT,
        goal=1.20,
        counts=(20_000, 2_000),
        rounds=(7, 3),
        paths=["name"],
    ),
    ListAll(
        name="hydrate",
        title="list {} small",
        shape=shapes.SMALL,
        goal=1.20,
        counts=(100_000, 5_000),
        rounds=(5, 3),
        paths=["field1"],
    ),
    Authors(
        name="references",
        title="50 posts with their authors, the obvious loop",
        shape=shapes.POST,
        goal=0.15,
        counts=(50, 50),
    ),
    Build(name="build-small", title="build and validate small", shape=shapes.SMALL, counts=(1000, 500)),
    Build(name="build-nested", title="build and validate nested", shape=shapes.NESTED, counts=(200, 100)),
    Build(name="build-movie", title="build and validate a movie", shape=shapes.MOVIE, counts=(1000, 300)),
    Parse(name="parse", title="build and validate a movie from JSON text", shape=shapes.MOVIE, counts=(500, 200)),
    Refuse(name="refuse", title="refuse a movie with a wrong value", shape=shapes.MOVIE, counts=(500, 200)),
    Dump(name="dump", title="dump {} movies to JSON text", shape=shapes.MOVIE, counts=(1000, 1000), rounds=(11, 5)),
    View(name="view", title="Flask view: 50 posts with authors as JSON", shape=shapes.POST, goal=1.10, counts=(50, 50)),
    Import(name="import", title="import, over pymongo's", shape=shapes.SMALL, counts=(1, 1), rounds=(11, 5)),
    *(
        Stream(
            name=f"stream-{count}",
            title="stream {} small",
            shape=shapes.SMALL,
            goal=0.60 if count == 100_000 else None,
            counts=(count, count),
            rounds=rounds,
        )
        for count, rounds in (
            (10, (15, 5)),
            (100, (15, 5)),
            (1000, (11, 5)),
            (10_000, (9, 1)),
            (100_000, (3, 0)),
            (1_000_000, (1, 0)),
        )
    ),
)
