"""ODMantic on its SyncEngine."""

from __future__ import annotations

from typing import Any

import odmantic
import pydantic
import pymongo
from bson import ObjectId

from .. import shapes
from ..shapes import Reference, Shape
from . import Adapter, Values


def _make(shape: Shape, body: Values) -> Any:
    base = odmantic.EmbeddedModel if shape.embedded else odmantic.Model
    if not shape.embedded:
        body["model_config"] = {"collection": shape.name}
    body |= {name: odmantic.Reference() for name, kind in shape.fields.items() if isinstance(kind, Reference)}
    return type(base)(shape.name, (base,), body)


MODELS = shapes.annotated(_make)
Child, Post = MODELS[shapes.CHILD.name], MODELS[shapes.POST.name]


def _made(shape: Shape, document: Values) -> Any:
    return MODELS[shape.name](**{("id" if key == "_id" else key): value for key, value in document.items()})


class Peer(Adapter):
    distribution = "odmantic"

    def open(self, url: str, database: str) -> None:
        self.client: pymongo.MongoClient[Values] = pymongo.MongoClient(url)
        self.engine = odmantic.SyncEngine(client=self.client, database=database)

    def close(self) -> None:
        self.client.close()

    def create(self, shape: Shape, documents: list[Values]) -> None:
        for document in documents:
            self.engine.save(_made(shape, document))

    def load(self, shape: Shape, ids: list[ObjectId]) -> list[Any]:
        model = MODELS[shape.name]
        return list(self.engine.find(model, {"_id": {"$in": ids}}, sort=model.id))

    def update(self, objects: list[Any], path: str, values: list[Any]) -> None:
        *owners, name = path.split(".")
        for document, value in zip(objects, values, strict=True):
            owner = document
            for inner in owners:
                owner = getattr(owner, inner)
            setattr(owner, name, value)
            self.engine.save(document)

    def find(self, shape: Shape, path: str, values: list[Any]) -> list[Any]:
        return [self.engine.find_one(MODELS[shape.name], {path: value}) for value in values]

    def join(self, parents: list[ObjectId]) -> list[str]:
        return [self.engine.find_one(Child, {"parent": parent}).parent.name for parent in parents]  # type: ignore[union-attr]

    def list(self, shape: Shape) -> list[Any]:
        return list(self.engine.find(MODELS[shape.name]))

    def authors(self) -> list[tuple[str, str]]:
        return [(post.title, post.author.name) for post in self.engine.find(Post, limit=50)]

    def total(self, shape: Shape, name: str) -> int:
        return sum(getattr(document, name) for document in self.engine.find(MODELS[shape.name]))

    def build(self, shape: Shape, documents: list[Values]) -> list[Any]:
        return [_made(shape, document) for document in documents]

    def parse(self, shape: Shape, texts: list[str]) -> list[Any]:
        model = MODELS[shape.name]
        return [model.model_validate_json(text) for text in texts]

    def refuse(self, shape: Shape, documents: list[Values]) -> int:
        refused = 0
        for document in documents:
            try:
                _made(shape, document)
            except pydantic.ValidationError:
                refused += 1
        return refused

    def dump(self, objects: list[Any]) -> str | bytes:
        return f"[{','.join(document.model_dump_json() for document in objects)}]"
