"""Models with a field of every kind, for the tests of queries, input and output."""

from __future__ import annotations

import enum
import re
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from bson import ObjectId

import quorum


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Author(quorum.Model):
    name: str
    born: int | None = None
    password: str = quorum.field(private=True, default="a private value")


class Details(quorum.EmbeddedModel):
    pages: int = 0
    code: str | None = quorum.field(alias="cd", default=None)
    secret: str = quorum.field(private=True, default="a private value")


class Review(quorum.EmbeddedModel):
    text: str
    stars: int = 0
    by: Author | None = quorum.reference(default=None)
    replies: list[Review] = []
    secret: str = quorum.field(private=True, default="a private value")


class Film(quorum.EmbeddedModel):
    minutes: int


class Play(quorum.EmbeddedModel):
    acts: int


class Book(quorum.Model):
    title: str = quorum.field(max_length=200, default="")
    isbn: str | None = quorum.field(alias="i", default=None)
    number: int | None = None
    rating: float | None = None
    price: Decimal | None = None
    good: bool | None = None
    blob: bytes | None = None
    at: datetime | None = None
    day: date | None = None
    hour: time | None = None
    uid: UUID | None = None
    oid: ObjectId | None = None
    pattern: re.Pattern[str] | None = None
    color: Color | None = None
    kind: Literal["novel", "essay"] | None = None
    year: int | str | None = None
    anything: Any = None
    tags: list[str] = []
    scores: set[int] = set()
    size: tuple[int, str] | None = None
    meta: dict[str, Any] = {}
    counts: dict[str, int] = {}
    items: list[dict[str, Any]] = []
    details: Details | None = None
    reviews: list[Review] = []
    made_into: Film | Play | None = None
    author: Author | None = quorum.reference(default=None)
    others: list[Author] = quorum.reference(default=[])
    token: str = quorum.field(private=True, default="a private value")
    locked: int = quorum.field(readonly=True, default=0)


MODELS = (Author, Book)
