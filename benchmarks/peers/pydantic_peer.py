"""pydantic alone: no database, but the rules and the speed of the layers that stand on it."""

from __future__ import annotations

from typing import Any

import pydantic
from bson import ObjectId

from .. import shapes
from ..shapes import Shape
from . import Adapter, Values


def _make(shape: Shape, body: Values) -> Any:
    body["model_config"] = pydantic.ConfigDict(arbitrary_types_allowed=True)
    return type(pydantic.BaseModel)(shape.name, (pydantic.BaseModel,), body)


MODELS = shapes.annotated(_make, lambda model: ObjectId)
_LISTS = {model: pydantic.TypeAdapter(list[model]) for model in MODELS.values() if model.__name__ == "Movie"}  # type: ignore[valid-type]


class Peer(Adapter):
    distribution = "pydantic"

    def build(self, shape: Shape, documents: list[Values]) -> list[Any]:
        model = MODELS[shape.name]
        return [model.model_validate(document) for document in documents]

    def parse(self, shape: Shape, texts: list[str]) -> list[Any]:
        model = MODELS[shape.name]
        return [model.model_validate_json(text) for text in texts]

    def refuse(self, shape: Shape, documents: list[Values]) -> int:
        model, refused = MODELS[shape.name], 0
        for document in documents:
            try:
                model.model_validate(document)
            except pydantic.ValidationError:
                refused += 1
        return refused

    def dump(self, objects: list[Any]) -> str | bytes:
        return _LISTS[type(objects[0])].dump_json(objects)
