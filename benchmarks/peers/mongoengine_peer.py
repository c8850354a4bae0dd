"""MongoEngine."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import mongoengine as me
from bson import ObjectId

from .. import shapes
from ..shapes import Many, Maybe, Reference, Shape
from . import Adapter, Values

_FIELDS = {
    str: me.StringField,
    int: me.IntField,
    float: me.FloatField,
    datetime: me.DateTimeField,
    bytes: me.BinaryField,
}
MODELS: dict[str, Any] = {}


def _field(kind: Any, **options: Any) -> Any:
    if isinstance(kind, Maybe):
        # It has no unions but of documents; a field of any value is what its users take.
        return _field(kind.of[0]) if len(kind.of) == 1 else me.DynamicField()
    if isinstance(kind, Many):
        return me.ListField(_field(kind.of), **options)
    if isinstance(kind, Reference):
        return me.ReferenceField(MODELS[kind.to.name], **options)
    if isinstance(kind, Shape):
        return me.EmbeddedDocumentField(MODELS[kind.name], **options)
    return _FIELDS[kind](**options)


for _shape in shapes.ALL:
    _base = me.EmbeddedDocument if _shape.embedded else me.Document
    _body: Values = {} if _shape.embedded else {"meta": {"collection": _shape.name}}
    _body |= {name: _field(kind, required=not isinstance(kind, Maybe)) for name, kind in _shape.fields.items()}
    MODELS[_shape.name] = type(_base)(_shape.name, (_base,), _body)

Child, Post = MODELS[shapes.CHILD.name], MODELS[shapes.POST.name]


def _made(shape: Shape, document: Values) -> Any:
    """Make an object; embedded documents are given as objects, which it asks for."""
    values = {}
    for key, value in document.items():
        name = "id" if key == "_id" and not shape.embedded else key
        kind = shape.fields.get(key)
        kind = kind.of[0] if isinstance(kind, Maybe) else kind
        if isinstance(kind, Shape) and isinstance(value, dict):
            value = _made(kind, value)  # noqa: PLW2901
        elif isinstance(kind, Many) and isinstance(kind.of, Shape):
            value = [_made(kind.of, item) for item in value]  # noqa: PLW2901
        values[name] = value
    return MODELS[shape.name](**values)


class Peer(Adapter):
    distribution = "mongoengine"

    def open(self, url: str, database: str) -> None:
        me.connect(database, host=url, uuidRepresentation="standard")

    def close(self) -> None:
        me.disconnect()

    def create(self, shape: Shape, documents: list[Values]) -> None:
        for document in documents:
            _made(shape, document).save(force_insert=True)

    def load(self, shape: Shape, ids: list[ObjectId]) -> list[Any]:
        return list(MODELS[shape.name].objects(id__in=ids).order_by("id"))

    def update(self, objects: list[Any], path: str, values: list[Any]) -> None:
        *owners, name = path.split(".")
        for document, value in zip(objects, values, strict=True):
            owner = document
            for inner in owners:
                owner = getattr(owner, inner)
            setattr(owner, name, value)
            document.save()

    def find(self, shape: Shape, path: str, values: list[Any]) -> list[Any]:
        model, name = MODELS[shape.name], "id" if path == "_id" else path.replace(".", "__")
        return [model.objects(**{name: value}).first() for value in values]

    def join(self, parents: list[ObjectId]) -> list[str]:
        return [Child.objects(parent=parent).first().parent.name for parent in parents]

    def list(self, shape: Shape) -> list[Any]:
        return list(MODELS[shape.name].objects)

    def authors(self) -> list[tuple[str, str]]:
        return [(post.title, post.author.name) for post in Post.objects.limit(50)]

    def total(self, shape: Shape, name: str) -> int:
        return sum(getattr(document, name) for document in MODELS[shape.name].objects.no_cache())

    def build(self, shape: Shape, documents: list[Values]) -> list[Any]:
        found = []
        for document in documents:
            found.append(_made(shape, document))
            found[-1].validate()
        return found

    def parse(self, shape: Shape, texts: list[str]) -> list[Any]:
        return self.build(shape, [json.loads(text) for text in texts])

    def refuse(self, shape: Shape, documents: list[Values]) -> int:
        refused = 0
        for document in documents:
            try:
                _made(shape, document).validate()
            except me.ValidationError:
                refused += 1
        return refused

    def dump(self, objects: list[Any]) -> str | bytes:
        return f"[{','.join(document.to_json() for document in objects)}]"

    def view(self) -> Any:
        import flask

        app = flask.Flask(__name__)

        @app.get("/")
        def index() -> flask.Response:
            posts = Post.objects.order_by("-created").limit(50).select_related()
            shown = [
                {
                    "id": str(post.id),
                    "title": post.title,
                    "body": post.body,
                    "tags": list(post.tags),
                    "created": post.created.isoformat() + "Z",
                    "author": {"id": str(post.author.id), "name": post.author.name},
                }
                for post in posts
            ]
            return flask.jsonify(shown)

        return app
