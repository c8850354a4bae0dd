"""Models on which things go wrong, for the tests of failures."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from bson import ObjectId

import quorum


class Color(Enum):
    RED = "red"


class Comment(quorum.EmbeddedModel):
    text: str
    by: str = "nobody"


class Rating(quorum.EmbeddedModel):
    score: float = 0.0
    votes: int = 0


class Post(quorum.Model, quorum.Timestamped):
    title: str = ""
    tags: list[str] = []
    kinds: set[int] = set()
    comments: list[Comment] = []
    rating: Rating | None = None
    views: int = 0
    name: str | None = quorum.field(unique=True, default=None)
    blob: bytes = b""
    meta: dict[str, Any] = {}


class Ticket(quorum.Model):
    """A model with revisions."""

    title: str = ""
    tags: list[str] = []
    views: int = 0

    class Meta:
        revision = True


class Tag(quorum.Model):
    """A model with a natural key."""

    slug: str = quorum.field(primary=True)
    text: str = ""


class Everything(quorum.Model, quorum.Timestamped):
    text: str
    number: int
    real: float
    yes: bool
    data: bytes
    moment: datetime
    day: date
    hour: time
    price: Decimal
    key: UUID
    color: Color
    ids: list[ObjectId]
    kinds: set[int]
    pair: tuple[int, str]
    extra: dict[str, Any]
    one: Comment
    many: list[Comment]
    nothing: str | None = None


MODELS = (Post, Ticket, Tag, Everything)


def stored(model: Any = Post) -> list[dict[str, Any]]:
    """Give all that is stored of a model."""
    return list(model.collection.find())


def loaded(model: Any = Post, **values: Any) -> Any:
    """Save a document, and load it anew."""
    return model.get(model(**values).save().id)
