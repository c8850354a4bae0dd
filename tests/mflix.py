"""Documents as irregular as those of MongoDB's sample data `sample_mflix`, and models that type them fully.

`documents("movies")` makes them up, the same ones each time. With `QUORUM_MFLIX=/folder` in the environment, `files()`
gives that folder, and `documents("movies", folder)` reads the real ones from `movies.json`, `comments.json` and
`theaters.json` there (MongoDB Extended JSON).
"""

from __future__ import annotations

import os
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bson import Int64, ObjectId, json_util

import quorum

COUNT = 300


def files() -> Path | None:
    """Give the folder with the real documents, or None."""
    folder = os.environ.get("QUORUM_MFLIX")
    return Path(folder) if folder else None


def documents(name: str, folder: Path | None = None) -> list[dict[str, Any]]:
    """Give the documents of a collection: `movies`, `comments` or `theaters`."""
    if folder is not None:
        found: list[dict[str, Any]] = json_util.loads((folder / f"{name}.json").read_text())
        return found
    dice = random.Random(name)
    ids = [ObjectId(f"{dice.getrandbits(96):024x}") for _ in range(COUNT)]
    return [{"_id": identifier, **_MAKERS[name](dice)} for identifier in ids]


def _some(dice: random.Random, document: dict[str, Any], *rare: str) -> dict[str, Any]:
    """Leave fields out, and shuffle the others: the rare ones are there once in five times."""
    kept = [key for key in document if dice.random() < (0.2 if key in rare else 0.93)]
    dice.shuffle(kept)
    return {key: document[key] for key in kept}


def _text(dice: random.Random, words: int) -> str:
    return " ".join(
        dice.choice(["rail", "gröna", "x.y", "$100", "№7", "", "night", "映画", "the"]) for _ in range(words)
    )


def _texts(dice: random.Random) -> list[str]:
    return [_text(dice, 2) for _ in range(dice.choice([0, 1, 1, 2, 4]))]


def _moment(dice: random.Random) -> datetime:
    return datetime(1970, 1, 1) + timedelta(milliseconds=dice.randrange(-(2**41), 2**41))


def _count(dice: random.Random) -> int:
    number = dice.randrange(100_000)
    return Int64(number) if dice.random() < 0.1 else number


def _number(dice: random.Random) -> float | int:
    return dice.choice([dice.randrange(100) / 10, float(dice.randrange(10)), dice.randrange(10)])


def _movie(dice: random.Random) -> dict[str, Any]:
    year = dice.randrange(1890, 2020)
    review = {"rating": _number(dice), "numReviews": _count(dice), "meter": dice.randrange(100)}
    tomatoes = {
        "viewer": _some(dice, dict(review)),
        "critic": _some(dice, dict(review)),
        "fresh": _count(dice),
        "rotten": _count(dice),
        "dvd": _moment(dice),
        "lastUpdated": _moment(dice),
        "production": _text(dice, 2),
        "website": "http://example.com",
        "boxOffice": "$1.2M",
        "consensus": _text(dice, 9),
    }
    return {
        "title": _text(dice, 3),
        **_some(
            dice,
            {
                "plot": _text(dice, 20),
                "fullplot": _text(dice, 60),
                "genres": _texts(dice),
                "cast": _texts(dice),
                "directors": _texts(dice),
                "writers": _texts(dice),
                "languages": _texts(dice),
                "countries": _texts(dice),
                "runtime": _count(dice),
                "poster": "https://example.com/p.jpg",
                "released": _moment(dice),
                "rated": dice.choice(["PG", "NOT RATED", None]),
                "lastupdated": "2015-08-13 00:27:59.177000000",
                "year": f"{year}è{year + 1}" if dice.random() < 0.05 else year,
                "awards": {"wins": _count(dice), "nominations": 0, "text": "1 win."},
                "imdb": {
                    "rating": "" if dice.random() < 0.05 else _number(dice),
                    "votes": "" if dice.random() < 0.05 else _count(dice),
                    "id": _count(dice),
                },
                "tomatoes": _some(dice, tomatoes, "boxOffice", "website", "consensus"),
                "metacritic": dice.randrange(100),
                "type": dice.choice(["movie", "series"]),
                "num_mflix_comments": _count(dice),
            },
            "metacritic",
        ),
    }


def _comment(dice: random.Random) -> dict[str, Any]:
    return {
        "name": _text(dice, 2),
        "email": "a@example.com",
        "movie_id": ObjectId(f"{dice.getrandbits(96):024x}"),
        "text": _text(dice, 30),
        "date": _moment(dice),
    }


def _theater(dice: random.Random) -> dict[str, Any]:
    address = {"street1": _text(dice, 3), "city": "Bloomington", "state": "MN", "zipcode": "05425"}
    if dice.random() < 0.4:
        address["street2"] = dice.choice([None, "Suite 5"])
    place = {"type": "Point", "coordinates": [dice.uniform(-180, 180), float(dice.randrange(-90, 90))]}
    return {"theaterId": dice.randrange(10_000), "location": {"address": address, "geo": place}}


_MAKERS = {"movies": _movie, "comments": _comment, "theaters": _theater}


# The models.


class Awards(quorum.EmbeddedModel):
    wins: int
    nominations: int
    text: str


class Imdb(quorum.EmbeddedModel):
    rating: float | str
    votes: int | str
    id: int


class Reviews(quorum.EmbeddedModel):
    rating: float | None = None
    number: int | None = quorum.field(alias="numReviews", default=None)
    meter: int | None = None


class Tomatoes(quorum.EmbeddedModel):
    viewer: Reviews | None = None
    critic: Reviews | None = None
    fresh: int | None = None
    rotten: int | None = None
    dvd: datetime | None = None
    updated: datetime | None = quorum.field(alias="lastUpdated", default=None)
    production: str | None = None
    website: str | None = None
    box_office: str | None = quorum.field(alias="boxOffice", default=None)
    consensus: str | None = None


class AnyMovie(quorum.Model):
    title: str
    plot: str | None = None
    fullplot: str | None = None
    genres: list[str] | None = None
    cast: list[str] | None = None
    directors: list[str] | None = None
    writers: list[str] | None = None
    languages: list[str] | None = None
    countries: list[str] | None = None
    runtime: int | None = None
    poster: str | None = None
    released: datetime | None = None
    rated: str | None = None
    lastupdated: str | None = None
    year: int | str | None = None
    awards: Awards | None = None
    imdb: Imdb | None = None
    tomatoes: Tomatoes | None = None
    metacritic: int | None = None
    type: str | None = None
    comments: int | None = quorum.field(alias="num_mflix_comments", default=None)

    class Meta:
        abstract = True


class Movie(AnyMovie):
    pass


class MovieCopy(AnyMovie):
    pass


class AnyComment(quorum.Model):
    name: str
    email: str = quorum.field(format="email")
    movie: Movie = quorum.reference(alias="movie_id")
    text: str
    date: datetime

    class Meta:
        abstract = True


class Comment(AnyComment):
    pass


class CommentCopy(AnyComment):
    pass


class Address(quorum.EmbeddedModel):
    street1: str
    street2: str | None = None
    city: str
    state: str
    zipcode: str


class Point(quorum.EmbeddedModel):
    type: str
    coordinates: tuple[float, float]


class Location(quorum.EmbeddedModel):
    address: Address
    geo: Point


class AnyTheater(quorum.Model):
    number: int = quorum.field(alias="theaterId")
    location: Location

    class Meta:
        abstract = True


class Theater(AnyTheater):
    pass


class TheaterCopy(AnyTheater):
    pass


#: Each model, the one that its documents are copied to, and the name of its documents.
MODELS: list[tuple[Any, Any, str]] = [
    (Movie, MovieCopy, "movies"),
    (Comment, CommentCopy, "comments"),
    (Theater, TheaterCopy, "theaters"),
]
