"""quorum, by its public names."""

from __future__ import annotations

import json
import os
from typing import Any

from bson import ObjectId

import quorum

from .. import shapes
from ..shapes import Reference, Shape
from . import Adapter, Values


def _make(shape: Shape, body: Values) -> Any:
    base = quorum.EmbeddedModel if shape.embedded else quorum.Model
    if not shape.embedded:
        body["Meta"] = type("Meta", (), {"collection": shape.name})
    body |= {name: quorum.reference() for name, kind in shape.fields.items() if isinstance(kind, Reference)}
    return type(base)(shape.name, (base,), body)


MODELS = shapes.annotated(_make)
Child, Post = MODELS[shapes.CHILD.name], MODELS[shapes.POST.name]


class Peer(Adapter):
    distribution = "quorum"

    def open(self, url: str, database: str) -> None:
        before, _, options = url.partition("?")
        os.environ["MONGOHQ_URL"] = f"{before}{database}?{options}"
        concrete = [model for name, model in MODELS.items() if issubclass(model, quorum.Model)]
        self.app = quorum.load(name="benchmark", models=concrete)

    def close(self) -> None:
        quorum.unload()

    def create(self, shape: Shape, documents: list[Values]) -> None:
        model = MODELS[shape.name]
        for document in documents:
            model(**document).save()

    def load(self, shape: Shape, ids: list[ObjectId]) -> list[Any]:
        return list(MODELS[shape.name].find({"_id": {"$in": ids}}).sort("id"))

    def update(self, objects: list[Any], path: str, values: list[Any]) -> None:
        *owners, name = path.split(".")
        for document, value in zip(objects, values, strict=True):
            owner = document
            for inner in owners:
                owner = getattr(owner, inner)
            setattr(owner, name, value)
            document.save()

    def find(self, shape: Shape, path: str, values: list[Any]) -> list[Any]:
        model = MODELS[shape.name]
        if path == "_id":
            return [model.get(value) for value in values]
        if "." not in path:
            return [model.first(**{path: value}) for value in values]
        first, name = path.split(".")
        return [model.first(getattr(getattr(model, first), name) == value) for value in values]

    def join(self, parents: list[ObjectId]) -> list[str]:
        return [Child.find(parent=parent).prefetch("parent").first().parent.name for parent in parents]

    def list(self, shape: Shape) -> list[Any]:
        return list(MODELS[shape.name].find())

    def authors(self) -> list[tuple[str, str]]:
        return [(post.title, post.author.name) for post in Post.find().limit(50)]

    def total(self, shape: Shape, name: str) -> int:
        return sum(getattr(document, name) for document in MODELS[shape.name].find().stream())

    def build(self, shape: Shape, documents: list[Values]) -> list[Any]:
        model = MODELS[shape.name]
        found = []
        for document in documents:
            found.append(model(**document))
            found[-1].validate()
        return found

    def parse(self, shape: Shape, texts: list[str]) -> list[Any]:
        model = MODELS[shape.name]
        return [model.new(json.loads(text)) for text in texts]

    def refuse(self, shape: Shape, documents: list[Values]) -> int:
        model, refused = MODELS[shape.name], 0
        for document in documents:
            try:
                model(**document).validate()
            except quorum.ValidationError:
                refused += 1
        return refused

    def dump(self, objects: list[Any]) -> str | bytes:
        return self.app.json.response(objects).data

    def view(self) -> Any:
        @self.app.get("/")
        def index() -> Any:
            posts = Post.find().sort("-created").limit(50)
            return [
                {
                    "id": post.id,
                    "title": post.title,
                    "body": post.body,
                    "tags": post.tags,
                    "created": post.created,
                    "author": {"id": post.author.id, "name": post.author.name},
                }
                for post in posts
            ]

        return self.app
