"""umongo 4, on pymongo."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import marshmallow
import pymongo
import umongo
from bson import ObjectId
from umongo import fields
from umongo.frameworks import PyMongoInstance

from .. import shapes
from ..shapes import Many, Maybe, Reference, Shape
from . import Adapter, Values


class _Any(fields.StrField):
    """A value of any type: umongo has no unions, and no binary."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **options: Any) -> Any:
        return value

    def _serialize_to_mongo(self, value: Any) -> Any:
        return value

    def _deserialize_from_mongo(self, value: Any) -> Any:
        return value


_FIELDS = {
    str: fields.StrField,
    int: fields.IntField,
    float: fields.FloatField,
    datetime: fields.DateTimeField,
    bytes: _Any,
}


class Peer(Adapter):
    distribution = "umongo"

    def open(self, url: str, database: str) -> None:
        self.client: pymongo.MongoClient[Values] = pymongo.MongoClient(url)
        instance = PyMongoInstance(self.client[database])
        self.models: dict[str, Any] = {}
        for shape in shapes.ALL:
            base = umongo.EmbeddedDocument if shape.embedded else umongo.Document
            body: Values = {} if shape.embedded else {"Meta": type("Meta", (), {"collection_name": shape.name})}
            for name, kind in shape.fields.items():
                optional = isinstance(kind, Maybe)
                body[name] = self._field(kind, required=not optional, allow_none=optional)
            self.models[shape.name] = instance.register(type(base)(shape.name, (base,), body))

    def _field(self, kind: Any, **options: Any) -> Any:
        if isinstance(kind, Maybe):
            return self._field(kind.of[0], **options) if len(kind.of) == 1 else _Any(**options)
        if isinstance(kind, Many):
            return fields.ListField(self._field(kind.of), **options)
        if isinstance(kind, Reference):
            return fields.ReferenceField(self.models[kind.to.name], **options)
        if isinstance(kind, Shape):
            return fields.EmbeddedField(self.models[kind.name], **options)
        return _FIELDS[kind](**options)

    def close(self) -> None:
        self.client.close()

    def _made(self, shape: Shape, document: Values) -> Any:
        return self.models[shape.name](**{("id" if key == "_id" else key): value for key, value in document.items()})

    def create(self, shape: Shape, documents: list[Values]) -> None:
        for document in documents:
            self._made(shape, document).commit()

    def load(self, shape: Shape, ids: list[ObjectId]) -> list[Any]:
        return list(self.models[shape.name].find({"_id": {"$in": ids}}).sort("_id", 1))

    def update(self, objects: list[Any], path: str, values: list[Any]) -> None:
        *owners, name = path.split(".")
        for document, value in zip(objects, values, strict=True):
            owner = document
            for inner in owners:
                owner = getattr(owner, inner)
            setattr(owner, name, value)
            document.commit()

    def find(self, shape: Shape, path: str, values: list[Any]) -> list[Any]:
        model = self.models[shape.name]
        return [model.find_one({path: value}) for value in values]

    def join(self, parents: list[ObjectId]) -> list[str]:
        model = self.models[shapes.CHILD.name]
        return [model.find_one({"parent": parent}).parent.fetch().name for parent in parents]

    def list(self, shape: Shape) -> list[Any]:
        return list(self.models[shape.name].find())

    def authors(self) -> list[tuple[str, str]]:
        return [(post.title, post.author.fetch().name) for post in self.models[shapes.POST.name].find().limit(50)]

    def total(self, shape: Shape, name: str) -> int:
        return sum(getattr(document, name) for document in self.models[shape.name].find())

    def build(self, shape: Shape, documents: list[Values]) -> list[Any]:
        found = []
        for document in documents:
            found.append(self._made(shape, document))
            found[-1].required_validate()
        return found

    def parse(self, shape: Shape, texts: list[str]) -> list[Any]:
        return self.build(shape, [json.loads(text) for text in texts])

    def refuse(self, shape: Shape, documents: list[Values]) -> int:
        refused = 0
        for document in documents:
            try:
                self._made(shape, document).required_validate()
            except marshmallow.ValidationError:
                refused += 1
        return refused

    def dump(self, objects: list[Any]) -> str | bytes:
        return json.dumps([document.dump() for document in objects])
