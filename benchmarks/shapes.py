"""The documents' shapes, in words that each peer turns into models of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any


@dataclass(frozen=True)
class Shape:
    """A document: its name, which is its collection's too, and its fields by name.

    A field is a type, a shape (an embedded document), or one of the three below around such.
    """

    name: str
    fields: dict[str, Any]
    embedded: bool = False


@dataclass(frozen=True)
class Maybe:
    """A value of this, or None, which is its default. Two types are a union."""

    of: tuple[Any, ...]


@dataclass(frozen=True)
class Many:
    """A list of these."""

    of: Any


@dataclass(frozen=True)
class Reference:
    """The id of a document of another shape."""

    to: Shape


def _numbered(first: int, last: int, kind: Any) -> dict[str, Any]:
    return {f"field{number}": kind for number in range(first, last + 1)}


SMALL = Shape("Small", {**_numbered(1, 7, str), **_numbered(8, 13, int)})
PARENT = Shape("Parent", {"name": str})
CHILD = Shape("Child", {**SMALL.fields, "parent": Reference(PARENT)})
LARGE = Shape("Large", {**_numbered(1, 125, str), **_numbered(126, 250, int), "data": bytes})

STRINGS = Shape("Strings", {"unique_id": str, **_numbered(1, 15, str)}, embedded=True)
INTEGERS = Shape("Integers", _numbered(1, 15, int), embedded=True)
NESTED = Shape(
    "Nested",
    {
        **{f"embedded_str_doc_{number}": STRINGS for number in range(1, 6)},
        "embedded_str_doc_array": Many(STRINGS),
        **{f"embedded_int_doc_{number}": INTEGERS for number in range(8, 15)},
    },
)

IMDB = Shape("Imdb", {"rating": Maybe((float, str)), "votes": Maybe((int, str)), "id": Maybe((int,))}, embedded=True)
AWARDS = Shape("Awards", {"wins": Maybe((int,)), "nominations": Maybe((int,)), "text": Maybe((str,))}, embedded=True)
REVIEWS = Shape(
    "Reviews", {"rating": Maybe((float,)), "numReviews": Maybe((int,)), "meter": Maybe((int,))}, embedded=True
)
TOMATOES = Shape(
    "Tomatoes",
    {
        "viewer": Maybe((REVIEWS,)),
        "critic": Maybe((REVIEWS,)),
        "fresh": Maybe((int,)),
        "rotten": Maybe((int,)),
        "dvd": Maybe((datetime,)),
        "lastUpdated": Maybe((datetime,)),
        "production": Maybe((str,)),
        "website": Maybe((str,)),
        "boxOffice": Maybe((str,)),
        "consensus": Maybe((str,)),
    },
    embedded=True,
)
MOVIE = Shape(
    "Movie",
    {
        "title": str,
        "plot": Maybe((str,)),
        "fullplot": Maybe((str,)),
        **{name: Maybe((Many(str),)) for name in ("genres", "cast", "writers", "languages", "directors", "countries")},
        "runtime": Maybe((int,)),
        "rated": Maybe((str,)),
        "poster": Maybe((str,)),
        "released": Maybe((datetime,)),
        "lastupdated": Maybe((str,)),
        "year": Maybe((int, str)),
        "type": Maybe((str,)),
        "metacritic": Maybe((int,)),
        "num_mflix_comments": Maybe((int,)),
        "imdb": Maybe((IMDB,)),
        "awards": Maybe((AWARDS,)),
        "tomatoes": Maybe((TOMATOES,)),
    },
)
COMMENT = Shape("Comment", {"name": str, "email": str, "movie_id": Reference(MOVIE), "text": str, "date": datetime})
AUTHOR = Shape("Author", {"name": str, "email": str})
POST = Shape("Post", {"title": str, "body": str, "tags": Many(str), "created": datetime, "author": Reference(AUTHOR)})

#: Embedded shapes and those that are referred to stand before what needs them.
ALL = (
    SMALL,
    PARENT,
    CHILD,
    LARGE,
    STRINGS,
    INTEGERS,
    NESTED,
    IMDB,
    AWARDS,
    REVIEWS,
    TOMATOES,
    MOVIE,
    COMMENT,
    AUTHOR,
    POST,
)


def annotation(kind: Any, models: dict[str, Any], refer: Callable[[Any], Any]) -> Any:
    """Write a field as an annotation; `refer(model)` gives that of a reference."""
    if isinstance(kind, Shape):
        return models[kind.name]
    if isinstance(kind, Many):
        return list[annotation(kind.of, models, refer)]  # type: ignore[misc]
    if isinstance(kind, Maybe):
        return reduce(or_, [annotation(one, models, refer) for one in kind.of]) | None
    return refer(models[kind.to.name]) if isinstance(kind, Reference) else kind


def annotated(
    make: Callable[[Shape, dict[str, Any]], Any], refer: Callable[[Any], Any] = lambda model: model
) -> dict[str, Any]:
    """Make the models of a layer that reads annotations; `make(shape, body)` makes the class of one class body."""
    models: dict[str, Any] = {}
    for shape in ALL:
        body: dict[str, Any] = {"__annotations__": {}, "__module__": __name__, "__qualname__": shape.name}
        for name, kind in shape.fields.items():
            body["__annotations__"][name] = annotation(kind, models, refer)
            if isinstance(kind, Maybe):
                body[name] = None
        models[shape.name] = make(shape, body)
    return models


def reader(paths: list[str], template: str) -> Callable[[Any], tuple[Any, ...]]:
    """Give the function that a user would write to read these fields: each embedded document is fetched once.

    :param template: how a field is read, `"{}.{}"` or `"{}[{!r}]"`.
    """
    lines: list[str] = []
    variables = {"": "document"}

    def expression(path: str) -> str:
        owner, _, name = path.rpartition(".")
        if owner not in variables:
            variables[owner] = f"v{len(variables)}"
            lines.append(f"    {variables[owner]} = {expression(owner)}")
        return f"{variables[owner]}[{name}]" if name.isdigit() else template.format(variables[owner], name)

    values = [expression(path) for path in paths]
    source = "\n".join(["def read(document):", *lines, f"    return ({', '.join(values)},)"])
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # of the names above alone
    return namespace["read"]  # type: ignore[no-any-return]


def leaves(shape: Shape) -> list[str]:
    """Name every value of a nested document; lists have two items."""
    found: list[str] = []
    for name, kind in shape.fields.items():
        inner = kind.of if isinstance(kind, Many) else kind
        if isinstance(inner, Shape):
            places = [f"{name}.0", f"{name}.1"] if isinstance(kind, Many) else [name]
            found += [f"{place}.{leaf}" for place in places for leaf in leaves(inner)]
        else:
            found.append(name)
    return found
