"""The layers that are compared, one module each. `PEERS` names their modules in the order of the tables.

To add one: write a module with a class `Peer(Adapter)` and the methods that the layer can do (a task is left out for a
peer without its method), and name it here. Packages that do not agree with the others' go into an environment of their
own: a file of requirements in the folder above, and its name in `ENVIRONMENTS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, ClassVar

from bson import ObjectId

from ..shapes import Shape

#: Environment: the peers in it. Each has raw pymongo and quorum too, as only figures of one process are compared.
ENVIRONMENTS = {
    "main": ("raw", "quorum", "mongoengine", "umongo", "odmantic", "bunnet", "pydantic"),
    "beanie": ("raw", "quorum", "beanie"),
}
PEERS = tuple(dict.fromkeys(name for names in ENVIRONMENTS.values() for name in names))

Values = dict[str, Any]

#: How a field of a dict is read, in code.
ITEM = "{}[{!r}]"


class Adapter:
    """What a peer can do. Objects are its own; values and paths are plain.

    Methods take many at once, so that a layer that is asynchronous enters its loop once; each document is one command
    nevertheless, unless the method says otherwise. A peer leaves out the methods of what it cannot do.
    """

    #: The distribution whose version the report gives.
    distribution: ClassVar[str]
    #: How a field is read, in code.
    template: ClassVar[str] = "{}.{}"

    def open(self, url: str, database: str) -> None:
        """Connect, and bind the models of `shapes.ALL`; the collection of each has the shape's name."""

    def close(self) -> None:
        """Disconnect."""

    def create(self, shape: Shape, documents: list[Values]) -> None:
        """Make an object of each dict of values, and store it."""
        raise NotImplementedError

    def load(self, shape: Shape, ids: list[ObjectId]) -> list[Any]:
        """Give the objects of some ids, for `update`."""
        raise NotImplementedError

    def update(self, objects: list[Any], path: str, values: list[Any]) -> None:
        """Set one field of each object, which may be in an embedded document, and save it."""
        raise NotImplementedError

    def find(self, shape: Shape, path: str, values: list[Any]) -> list[Any]:
        """Give for each value the first object whose field at the path, `_id` or dotted, equals it."""
        raise NotImplementedError

    def join(self, parents: list[ObjectId]) -> list[str]:
        """Find, for each parent's id, the first `Child`, and give its parent's name, read from the database."""
        raise NotImplementedError

    def list(self, shape: Shape) -> list[Any]:
        """Give all objects of a collection, with one query."""
        raise NotImplementedError

    def authors(self) -> list[tuple[str, str]]:
        """Give title and author's name of the first 50 posts, in the loop that a user would write."""
        raise NotImplementedError

    def total(self, shape: Shape, name: str) -> int:
        """Sum a field over all objects of a collection, keeping none."""
        raise NotImplementedError

    def build(self, shape: Shape, documents: list[Values]) -> list[Any]:
        """Make a validated object of each dict of values, of Python's own types, without storing it."""
        raise NotImplementedError

    def parse(self, shape: Shape, texts: list[str]) -> list[Any]:
        """Make a validated object of each JSON text; moments are ISO 8601."""
        raise NotImplementedError

    def refuse(self, shape: Shape, documents: list[Values]) -> int:
        """Try to build each document, and count those that were refused."""
        raise NotImplementedError

    def dump(self, objects: list[Any]) -> str | bytes:
        """Write objects as one JSON array."""
        raise NotImplementedError

    def view(self) -> Any:
        """Give a Flask app whose view `/` lists 50 posts with their authors as JSON, for `views.check`."""
        raise NotImplementedError


def peer(name: str) -> Adapter:
    """Make the adapter of a peer."""
    return importlib.import_module(f"{__name__}.{name}_peer").Peer()  # type: ignore[no-any-return]


def can(adapter: Adapter, methods: Iterable[str]) -> bool:
    """Say whether a peer has all of these methods."""
    return all(getattr(type(adapter), method) is not getattr(Adapter, method) for method in methods)
