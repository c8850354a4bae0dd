"""The documents of each shape, the same ones at each run, or those of the benchmark's own files."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bson import ObjectId, json_util

from . import shapes
from .shapes import Many, Shape

#: The files that `--data` may name a folder of: MongoDB's ODM benchmark (`odm-data`, unpacked), and sample_mflix.
FILES = {
    "Small": "flat-models/small_doc.json",
    "Large": "flat-models/large_doc.json",
    "Nested": "nested-models/large_doc_nested.json",
    "Movie": "movies.json",
    "Comment": "comments.json",
}
_WORDS = ("river", "night", "gold", "last", "train", "house", "wind", "silver", "garden", "north")
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_BINARY = 2_400_000


class Documents:
    """Makes documents as the driver decodes them: dicts with an `_id`, naive datetimes."""

    def __init__(self, folder: Path | None = None) -> None:
        self._files: dict[str, Any] = {}
        for name, path in FILES.items() if folder else ():
            if folder and (folder / path).is_file():
                options = json_util.JSONOptions(tz_aware=False)
                self._files[name] = json_util.loads((folder / path).read_text(), json_options=options)
        if folder and not self._files:
            raise SystemExit(f"{folder} has none of {', '.join(FILES.values())}.")

    @property
    def source(self) -> str:
        """Where they are from, for the report."""
        return f"files of {', '.join(sorted(self._files))}; generated otherwise" if self._files else "generated"

    def make(self, shape: Shape, count: int, refer: list[ObjectId] | None = None) -> list[dict[str, Any]]:
        """Make documents of a shape.

        :param refer: the ids that references take in turn.
        """
        dice = random.Random(shape.name)
        given = self._files.get(shape.name)
        maker = _MAKERS.get(shape.name)
        found: list[dict[str, Any]] = []
        for number in range(count):
            if isinstance(given, list):
                document = {key: value for key, value in given[number % len(given)].items() if key != "_id"}
            elif given is not None:
                document = _as_declared(given, shape, dice)
            else:
                document = maker(dice) if maker else _plain(shape, dice)
            if refer:
                document.update({name: refer[number % len(refer)] for name in _references(shape)})
            if shape is shapes.NESTED:
                _identify(document, number)
            found.append({"_id": ObjectId(), **document})
        return found


def to_json(document: dict[str, Any]) -> str:
    """Write a document's values as a client of an API would send them: no id, moments as ISO 8601."""
    values = {key: value for key, value in document.items() if key != "_id"}
    return json.dumps(values, default=lambda value: value.replace(tzinfo=None).isoformat() + "Z")


def _references(shape: Shape) -> list[str]:
    return [name for name, kind in shape.fields.items() if isinstance(kind, shapes.Reference)]


def _identify(document: dict[str, Any], number: int) -> None:
    for name in ("embedded_str_doc_1", "embedded_str_doc_array"):
        inner = document[name][0] if isinstance(document[name], list) else document[name]
        inner["unique_id"] = f"id-{number:05}"


def _as_declared(given: dict[str, Any], shape: Shape, dice: random.Random) -> dict[str, Any]:
    """Take the file's values for the fields that the shape has; what the file lacks is made."""
    document = _plain(shape, dice)
    for name, kind in shape.fields.items():
        value = given.get(name)
        if value is not None:
            inner = kind.of if isinstance(kind, Many) else kind
            if isinstance(inner, Shape):
                items = [_as_declared(item, inner, dice) for item in (value if isinstance(kind, Many) else [value])]
                document[name] = items if isinstance(kind, Many) else items[0]
            elif isinstance(value, inner):
                document[name] = value
    return document


def _plain(shape: Shape, dice: random.Random) -> dict[str, Any]:
    long = 8 if shape in (shapes.SMALL, shapes.CHILD) else 30
    return {
        name: _value(kind, dice, long) for name, kind in shape.fields.items() if not isinstance(kind, shapes.Reference)
    }


def _value(kind: Any, dice: random.Random, long: int) -> Any:
    if kind is str:
        return "".join(dice.choices(_LETTERS, k=long))
    if kind is int:
        return dice.randrange(100_000_000)
    if kind is bytes:
        return dice.randbytes(_BINARY)
    if isinstance(kind, Many):
        return [_plain(kind.of, dice) for _ in range(2)]
    return _plain(kind, dice)


def _text(dice: random.Random, words: int) -> str:
    return " ".join(dice.choices(_WORDS, k=words))


def _names(dice: random.Random, most: int) -> list[str]:
    return [
        f"{_text(dice, 2)}{dice.choices(('', ' Dvořák'), (19, 1))[0]}".title() for _ in range(dice.randint(1, most))
    ]


def _moment(dice: random.Random) -> datetime:
    return datetime(1970, 1, 1) + timedelta(seconds=dice.randrange(2**31))  # noqa: DTZ001  as the driver decodes it


def _movie(dice: random.Random) -> dict[str, Any]:
    year = dice.randint(1900, 2015)
    document = {
        "plot": _text(dice, 25),
        "genres": _names(dice, 3),
        "runtime": dice.randint(1, 200),
        "cast": _names(dice, 4),
        "poster": f"https://example.org/{_text(dice, 8).replace(' ', '-')}.jpg",
        "title": _text(dice, 4).title(),
        "fullplot": _text(dice, 90),
        "languages": _names(dice, 2),
        "released": _moment(dice),
        "directors": _names(dice, 2),
        "rated": "PG",
        "awards": {"wins": dice.randint(0, 9), "nominations": 1, "text": _text(dice, 3)},
        "lastupdated": "2015-08-13 00:27:59.177000000",
        "year": f"{year}è" if dice.random() < 0.03 else year,
        "imdb": {
            "rating": "" if dice.random() < 0.03 else dice.random() * 10,
            "votes": dice.randint(1, 99999),
            "id": dice.randint(1, 99999),
        },
        "countries": ["USA"],
        "type": "movie",
        "tomatoes": {
            "viewer": _reviews(dice),
            "critic": _reviews(dice),
            "fresh": 6,
            "rotten": 0,
            "lastUpdated": _moment(dice),
        },
        "num_mflix_comments": 0,
    }
    return {key: value for key, value in document.items() if key == "title" or dice.random() < 0.93}


def _reviews(dice: random.Random) -> dict[str, Any]:
    return {"rating": dice.random() * 5, "numReviews": dice.randint(1, 9999), "meter": dice.randint(0, 100)}


def _comment(dice: random.Random) -> dict[str, Any]:
    return {"name": _text(dice, 2), "email": "a@example.org", "text": _text(dice, 30), "date": _moment(dice)}


def _author(dice: random.Random) -> dict[str, Any]:
    return {"name": _text(dice, 2).title(), "email": "author@example.org"}


def _post(dice: random.Random) -> dict[str, Any]:
    return {
        "title": _text(dice, 5).title(),
        "body": _text(dice, 60),
        "tags": [_text(dice, 1) for _ in range(3)],
        "created": _moment(dice),
    }


_MAKERS = {"Movie": _movie, "Comment": _comment, "Author": _author, "Post": _post}
