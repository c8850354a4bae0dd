"""Measure what quorum costs on top of pymongo, in client CPU: `python benchmarks/core.py [--data DIR] [--rounds N]`.

Each figure is a ratio within one run: quorum and pymongo do the same work in turn, on the same documents and the same
embedded server; the median of the rounds is given. `--data` names a folder with MongoDB's `movies.json` of
sample_mflix; without it, documents of the same shape are generated. Building and validating is measured beside ODMantic
(pydantic), where that is installed.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import statistics
import sys
import tempfile
import time
import typing
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bson import CodecOptions, ObjectId, json_util

import quorum


class Imdb(quorum.EmbeddedModel):
    rating: float | str | None = None
    votes: int | str | None = None
    id: int | None = None


class Awards(quorum.EmbeddedModel):
    wins: int | None = None
    nominations: int | None = None
    text: str | None = None


class Viewer(quorum.EmbeddedModel):
    rating: float | None = None
    numReviews: int | None = None  # noqa: N815  mflix's own name
    meter: int | None = None


class Tomatoes(quorum.EmbeddedModel):
    viewer: Viewer | None = None
    critic: Viewer | None = None
    fresh: int | None = None
    rotten: int | None = None
    lastUpdated: datetime | None = None  # noqa: N815


class Movie(quorum.Model):
    title: str
    plot: str | None = None
    fullplot: str | None = None
    genres: list[str] | None = None
    cast: list[str] | None = None
    languages: list[str] | None = None
    directors: list[str] | None = None
    countries: list[str] | None = None
    runtime: int | None = None
    rated: str | None = None
    poster: str | None = None
    released: datetime | None = None
    lastupdated: str | None = None
    year: int | str | None = None
    type: str | None = None
    num_mflix_comments: int | None = None
    imdb: Imdb | None = None
    awards: Awards | None = None
    tomatoes: Tomatoes | None = None


def generated(count: int) -> list[dict[str, Any]]:
    """Make documents in the shape of sample_mflix's movies, the same ones at each run."""
    dice = random.Random(7)
    words = ["river", "night", "gold", "last", "train", "house", "wind", "silver", "garden", "north"]

    def text(length: int) -> str:
        return " ".join(dice.choice(words) for _ in range(length))

    def names(most: int) -> list[str]:
        return [text(2).title() for _ in range(dice.randint(1, most))]

    def people() -> dict[str, Any]:
        return {"rating": dice.random() * 5, "numReviews": dice.randint(1, 9999), "meter": dice.randint(0, 100)}

    return [
        {
            "_id": ObjectId(),
            "plot": text(25),
            "genres": names(3),
            "runtime": dice.randint(1, 200),
            "cast": names(4),
            "poster": f"https://example.org/{number}/{text(8).replace(' ', '-')}.jpg",
            "title": text(4).title(),
            "fullplot": text(90),
            "languages": names(2),
            "released": datetime(1900 + dice.randint(0, 110), 1, 1),  # noqa: DTZ001  as the driver decodes it
            "directors": names(2),
            "rated": "PG",
            "awards": {"wins": dice.randint(0, 9), "nominations": 1, "text": text(3)},
            "lastupdated": "2015-08-13 00:27:59.177000000",
            "year": 1900 + dice.randint(0, 110),
            "imdb": {"rating": dice.random() * 10, "votes": dice.randint(1, 99999), "id": number},
            "countries": ["USA"],
            "type": "movie",
            "tomatoes": {
                "viewer": people(),
                "critic": people(),
                "fresh": 6,
                "rotten": 0,
                "lastUpdated": datetime(2015, 8, 8, 19, 16),  # noqa: DTZ001
            },
            "num_mflix_comments": 0,
        }
        for number in range(count)
    ]


def cpu(work: Callable[[], Any], times: int) -> float:
    """Give the client CPU of one call, in microseconds."""
    gc.collect()
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times * 1e6


def compare(name: str, ours: Callable[[], Any], other: Callable[[], Any], times: int, rounds: int, bar: float) -> None:
    """Print a row: both medians, and the median of the ratios."""
    ours(), other()
    pairs = [(cpu(ours, times), cpu(other, times)) for _ in range(rounds)]
    ratio = statistics.median(one / two for one, two in pairs)
    theirs, own = statistics.median(p[1] for p in pairs), statistics.median(p[0] for p in pairs)
    print(
        f"| {name} | {theirs:.1f} | {own:.1f} | {ratio:.2f} | {bar:.2f} | {'yes' if ratio <= bar else 'NO'} |",
        flush=True,
    )


def measure(movies: list[dict[str, Any]], rounds: int) -> None:
    """Compare the work of a view: listing, finding by id, saving a change; then building."""
    raw = Movie.collection.with_options(codec_options=CodecOptions())
    raw.insert_many(movies)
    ids = [movie["_id"] for movie in movies]
    print("| task | other, us | quorum, us | ratio | bar | met |\n| --- | --- | --- | --- | --- | --- |")

    def list_ours() -> None:
        for movie in list(Movie.find()):
            _ = movie.title, movie.year, movie.runtime

    many = len(movies)
    compare(
        f"list {many} movies and read 3 fields / pymongo lists", list_ours, lambda: list(raw.find()), 1, rounds, 1.15
    )
    chosen = iter(lambda: random.choice(ids), None)
    find = lambda: raw.find_one({"_id": next(chosen)})  # noqa: E731
    compare("get by id / pymongo", lambda: Movie.get(next(chosen)), find, 200, rounds, 1.25)

    stored = Movie.get(ids[0])
    count = iter(range(10**9))

    def save_ours() -> None:
        stored.runtime = next(count)
        stored.save()

    def save_raw() -> None:
        raw.update_one({"_id": ids[0]}, {"$set": {"runtime": next(count)}})

    compare("save one changed field / pymongo", save_ours, save_raw, 100, rounds, 1.25)
    build(movies, rounds)


def build(movies: list[dict[str, Any]], rounds: int) -> None:
    """Compare building and validating each movie from a dict with ODMantic."""
    peer = pydantic_builder()
    if peer is None:
        print("ODMantic is not installed: building a movie is not compared.")
        return
    values = [_known(movie, Movie) for movie in movies]

    def ours() -> None:
        for value in values:
            Movie(**value).validate()

    def theirs() -> None:
        for value in values:
            peer(**value)

    compare("build and validate all movies / ODMantic", ours, theirs, 1, rounds, 1.0)


def _known(document: dict[str, Any], model: Any) -> dict[str, Any]:
    kinds = {"imdb": Imdb, "awards": Awards, "tomatoes": Tomatoes, "viewer": Viewer, "critic": Viewer}
    found = {}
    for key, value in document.items():
        if key not in model.__fields__:
            continue
        if isinstance(value, datetime):
            found[key] = value.replace(tzinfo=UTC)
        else:
            found[key] = _known(value, kinds[key]) if isinstance(value, dict) else value
    return found


def pydantic_builder() -> Any:
    """Give ODMantic's model of the same movie, or None where it is not installed."""
    try:
        import odmantic
    except ImportError:
        return None
    made: dict[str, Any] = {}
    for source in (Imdb, Awards, Viewer, Tomatoes, Movie):
        base = odmantic.Model if source is Movie else odmantic.EmbeddedModel
        body: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
        for name, annotation in typing.get_type_hints(source).items():
            if name in source.__annotations__:
                inner = next((made[a.__name__] for a in typing.get_args(annotation) if a.__name__ in made), None)
                body["__annotations__"][name] = annotation if inner is None else inner | None
                body.update({} if name == "title" else {name: None})
        made[source.__name__] = type(base)(source.__name__, (base,), body)
    return made["Movie"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder with sample_mflix's movies.json")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    movies = generated(1000)
    if options.data:
        codec = json_util.JSONOptions(tz_aware=False)
        movies = json_util.loads((options.data / "movies.json").read_text(), json_options=codec)
    print(f"Python {sys.version.split()[0]}, {len(movies)} movies, {options.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MONGOHQ_URL"] = f"embedded://{folder}"
        quorum.load(name="benchmark", models=[Movie])
        try:
            measure(movies, options.rounds)
        finally:
            quorum.unload()


if __name__ == "__main__":
    main()
