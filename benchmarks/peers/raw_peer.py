"""pymongo alone: what all others are measured by."""

from __future__ import annotations

from typing import Any

import orjson
import pymongo
from bson import ObjectId

from .. import shapes
from ..shapes import Shape
from . import ITEM, Adapter, Values


class Peer(Adapter):
    distribution = "pymongo"
    template = ITEM

    def open(self, url: str, database: str) -> None:
        self.client: pymongo.MongoClient[Values] = pymongo.MongoClient(url)
        self.database = self.client[database]

    def close(self) -> None:
        self.client.close()

    def create(self, shape: Shape, documents: list[Values]) -> None:
        collection = self.database[shape.name]
        for document in documents:
            collection.insert_one(dict(document))

    def load(self, shape: Shape, ids: list[ObjectId]) -> list[Any]:
        return [(self.database[shape.name], identifier) for identifier in ids]

    def update(self, objects: list[Any], path: str, values: list[Any]) -> None:
        for (collection, identifier), value in zip(objects, values, strict=True):
            collection.update_one({"_id": identifier}, {"$set": {path: value}})

    def find(self, shape: Shape, path: str, values: list[Any]) -> list[Any]:
        collection = self.database[shape.name]
        return [collection.find_one({path: value}) for value in values]

    def join(self, parents: list[ObjectId]) -> list[str]:
        collection = self.database[shapes.CHILD.name]
        lookup = {"from": shapes.PARENT.name, "localField": "parent", "foreignField": "_id", "as": "parents"}
        return [
            next(collection.aggregate([{"$match": {"parent": parent}}, {"$limit": 1}, {"$lookup": lookup}]))["parents"][
                0
            ]["name"]
            for parent in parents
        ]

    def list(self, shape: Shape) -> list[Any]:
        return list(self.database[shape.name].find())

    def authors(self) -> list[tuple[str, str]]:
        found = []
        for post in self.database[shapes.POST.name].find().limit(50):
            author = self.database[shapes.AUTHOR.name].find_one({"_id": post["author"]})
            assert author is not None
            found.append((post["title"], author["name"]))
        return found

    def total(self, shape: Shape, name: str) -> int:
        return sum(document[name] for document in self.database[shape.name].find())

    def dump(self, objects: list[Any]) -> str | bytes:
        return orjson.dumps(objects, default=str)

    def view(self) -> Any:
        import flask

        app = flask.Flask(__name__)

        @app.get("/")
        def index() -> flask.Response:
            posts = list(self.database[shapes.POST.name].find().sort("created", -1).limit(50))
            wanted = list({post["author"] for post in posts})
            authors = {one["_id"]: one for one in self.database[shapes.AUTHOR.name].find({"_id": {"$in": wanted}})}
            shown = [
                {
                    "id": str(post["_id"]),
                    "title": post["title"],
                    "body": post["body"],
                    "tags": post["tags"],
                    "created": post["created"].isoformat() + "Z",
                    "author": {"id": str(post["author"]), "name": authors[post["author"]]["name"]},
                }
                for post in posts
            ]
            return app.response_class(orjson.dumps(shown), mimetype="application/json")

        return app
