"""Beanie 2 on pymongo's asynchronous client: each task enters the event loop once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import beanie
import pydantic
import pymongo
from bson import ObjectId

from .. import shapes
from ..shapes import Shape
from . import Adapter, Values


def _make(shape: Shape, body: Values) -> Any:
    base = pydantic.BaseModel if shape.embedded else beanie.Document
    if not shape.embedded:
        inside = {"__module__": body["__module__"], "__qualname__": f"{shape.name}.Settings"}
        body["Settings"] = type("Settings", (), {"name": shape.name, "use_state_management": True, **inside})
    return type(base)(shape.name, (base,), body)


#: References are plain ids: its links are DBRefs, by whose id the embedded server finds nothing.
MODELS = shapes.annotated(_make, lambda model: beanie.PydanticObjectId)
Child, Parent, Post, Author = (MODELS[one.name] for one in (shapes.CHILD, shapes.PARENT, shapes.POST, shapes.AUTHOR))


class Peer(Adapter):
    distribution = "beanie"

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def open(self, url: str, database: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.client: pymongo.AsyncMongoClient[Values] = pymongo.AsyncMongoClient(url)
        documents = [model for model in MODELS.values() if issubclass(model, beanie.Document)]
        self._run(beanie.init_beanie(self.client[database], document_models=documents))

    def close(self) -> None:
        self._run(self.client.close())
        self.loop.close()

    def create(self, shape: Shape, documents: list[Values]) -> None:
        async def work() -> None:
            model = MODELS[shape.name]
            for document in documents:
                await model(**document).insert()

        self._run(work())

    def load(self, shape: Shape, ids: list[ObjectId]) -> list[Any]:
        return self._run(MODELS[shape.name].find({"_id": {"$in": ids}}).sort("_id").to_list())  # type: ignore[no-any-return]

    def update(self, objects: list[Any], path: str, values: list[Any]) -> None:
        async def work() -> None:
            *owners, name = path.split(".")
            for document, value in zip(objects, values, strict=True):
                owner = document
                for inner in owners:
                    owner = getattr(owner, inner)
                setattr(owner, name, value)
                await document.save_changes()

        self._run(work())

    def find(self, shape: Shape, path: str, values: list[Any]) -> list[Any]:
        async def work() -> list[Any]:
            model = MODELS[shape.name]
            return [await model.find_one({path: value}) for value in values]

        return self._run(work())  # type: ignore[no-any-return]

    def join(self, parents: list[ObjectId]) -> list[str]:
        async def work() -> list[str]:
            return [(await Parent.get((await Child.find_one({"parent": one})).parent)).name for one in parents]

        return self._run(work())  # type: ignore[no-any-return]

    def list(self, shape: Shape) -> list[Any]:
        return self._run(MODELS[shape.name].find().to_list())  # type: ignore[no-any-return]

    def authors(self) -> list[tuple[str, str]]:
        async def work() -> list[tuple[str, str]]:
            return [(post.title, (await Author.get(post.author)).name) async for post in Post.find().limit(50)]

        return self._run(work())  # type: ignore[no-any-return]

    def total(self, shape: Shape, name: str) -> int:
        async def work() -> int:
            found = 0
            async for document in MODELS[shape.name].find():
                found += getattr(document, name)
            return found

        return self._run(work())  # type: ignore[no-any-return]

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
