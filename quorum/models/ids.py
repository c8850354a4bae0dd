"""Ids: ObjectId and UUID."""

from __future__ import annotations

import re
import uuid
from typing import Any

from bson import ObjectId
from bson.errors import InvalidId

from ..late import marshmallow
from .kinds import Scalar, Scope

_OBJECT_ID = re.compile(r"[0-9a-fA-F]{24}\Z")


class ObjectIdKind(Scalar):
    python, stored, marshmallow_field, plain = ObjectId, frozenset({ObjectId}), "Field", True

    def coerce(self, value: Any) -> Any:
        if type(value) is ObjectId:
            return value
        if isinstance(value, ObjectId):
            return ObjectId(value.binary)
        raise self.error(value)

    def parse(self, text: str) -> Any:
        if not _OBJECT_ID.match(text):
            raise self.error(text)
        try:
            return ObjectId(text)
        except InvalidId:
            raise self.error(text) from None

    def error(self, value: Any) -> marshmallow.ValidationError:
        return marshmallow.ValidationError("Not a valid ObjectId.")

    def showing(self, name: str, scope: Scope, field: str, verb: str) -> tuple[str, str] | None:
        return f"type({name}) is {scope.name(ObjectId, 'ObjectId')}", f"str({name})"

    def dump(self, value: Any) -> Any:
        return str(value)


class UUIDKind(Scalar):
    python, stored, marshmallow_field, plain = uuid.UUID, frozenset({uuid.UUID}), "UUID", True
    message = "invalid_uuid"

    def parse(self, text: str) -> Any:
        try:
            return uuid.UUID(text)
        except ValueError:
            raise self.error(text) from None

    def dump(self, value: Any) -> Any:
        return str(value)
