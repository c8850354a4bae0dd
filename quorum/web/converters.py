"""The `object_id` URL converter: `@app.get("/<object_id:id>")`."""

from __future__ import annotations

from typing import Any

from bson import ObjectId
from flask import Flask
from werkzeug.routing import BaseConverter


class ObjectIdConverter(BaseConverter):
    """Match the 24 hexadecimal digits of an ObjectId; any other path is a 404."""

    regex = "[0-9a-fA-F]{24}"

    def to_python(self, value: str) -> ObjectId:
        """Give the view a `bson.ObjectId`."""
        return ObjectId(value)

    def to_url(self, value: Any) -> str:
        """Write an ObjectId, its 24 digits, or a stored document's id.

        :raises ValueError: it is none of these.
        """
        given = value if isinstance(value, (ObjectId, str)) else getattr(value, "id", None)
        if not isinstance(given, (ObjectId, str)) or not ObjectId.is_valid(given):
            raise ValueError(
                f"A URL needs an ObjectId, got {_describe(value)}. Give an ObjectId, its 24 hexadecimal digits, "
                "or a document that has been saved."
            )
        return str(given)


def _describe(value: Any) -> str:
    if isinstance(value, str):
        return repr(value)
    if hasattr(value, "id"):
        return f"a {type(value).__name__} whose id is {value.id!r}"
    return "None" if value is None else f"a {type(value).__name__}"


def init_app(app: Flask) -> None:
    """Add the converter to an app's URL map."""
    app.url_map.converters["object_id"] = ObjectIdConverter
