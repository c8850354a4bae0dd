"""Bunnet, which is Beanie without async."""

from __future__ import annotations

from typing import Any

import bunnet
import pydantic
import pymongo
from bson import ObjectId

from .. import shapes
from ..shapes import Shape
from . import Adapter, Values


def _make(shape: Shape, body: Values) -> Any:
    base = pydantic.BaseModel if shape.embedded else bunnet.Document
    if not shape.embedded:
        inside = {"__module__": body["__module__"], "__qualname__": f"{shape.name}.Settings"}
        body["Settings"] = type("Settings", (), {"name": shape.name, "use_state_management": True, **inside})
    return type(base)(shape.name, (base,), body)


#: References are plain ids: its links are DBRefs, by whose id the embedded server finds nothing.
MODELS = shapes.annotated(_make, lambda model: bunnet.PydanticObjectId)
Child, Parent, Post, Author = (MODELS[one.name] for one in (shapes.CHILD, shapes.PARENT, shapes.POST, shapes.AUTHOR))


class Peer(Adapter):
    distribution = "bunnet"

    def open(self, url: str, database: str) -> None:
        self.client: pymongo.MongoClient[Values] = pymongo.MongoClient(url)
        documents = [model for model in MODELS.values() if issubclass(model, bunnet.Document)]
        bunnet.init_bunnet(self.client[database], document_models=documents)

    def close(self) -> None:
        self.client.close()

    def create(self, shape: Shape, documents: list[Values]) -> None:
        model = MODELS[shape.name]
        for document in documents:
            model(**document).insert()

    def load(self, shape: Shape, ids: list[ObjectId]) -> list[Any]:
        return MODELS[shape.name].find({"_id": {"$in": ids}}).sort("_id").to_list()

    def update(self, objects: list[Any], path: str, values: list[Any]) -> None:
        *owners, name = path.split(".")
        for document, value in zip(objects, values, strict=True):
            owner = document
            for inner in owners:
                owner = getattr(owner, inner)
            setattr(owner, name, value)
            document.save_changes()

    def find(self, shape: Shape, path: str, values: list[Any]) -> list[Any]:
        model = MODELS[shape.name]
        return [model.find_one({path: value}).run() for value in values]

    def join(self, parents: list[ObjectId]) -> list[str]:
        return [Parent.get(Child.find_one({"parent": parent}).run().parent).run().name for parent in parents]

    def list(self, shape: Shape) -> list[Any]:
        return MODELS[shape.name].find().to_list()

    def authors(self) -> list[tuple[str, str]]:
        return [(post.title, Author.get(post.author).run().name) for post in Post.find().limit(50).to_list()]

    def total(self, shape: Shape, name: str) -> int:
        return sum(getattr(document, name) for document in MODELS[shape.name].find())

    def build(self, shape: Shape, documents: list[Values]) -> list[Any]:
        model = MODELS[shape.name]
        return [model(**document) for document in documents]

    def parse(self, shape: Shape, texts: list[str]) -> list[Any]:
        model = MODELS[shape.name]
        return [model.model_validate_json(text) for text in texts]

    def refuse(self, shape: Shape, documents: list[Values]) -> int:
        model, refused = MODELS[shape.name], 0
        for document in documents:
            try:
                model(**document)
            except pydantic.ValidationError:
                refused += 1
        return refused

    def dump(self, objects: list[Any]) -> str | bytes:
        return f"[{','.join(document.model_dump_json() for document in objects)}]"
