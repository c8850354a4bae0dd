"""Irregular documents of another program: reading and saving leaves them alone, and copies are equal (D2, D6, D9).

The documents are made up; with `QUORUM_MFLIX=/folder` in the environment, the real ones of that folder are tried too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mflix
import pytest
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from commands import Commands
from mflix import MODELS, Comment, Movie, Theater

import quorum
from quorum import mongodb
from quorum.models.documents import same

FOLDERS: list[Path | None] = [None] if mflix.files() is None else [None, mflix.files()]
CASES = [(folder, *models) for folder in FOLDERS for models in MODELS]
IDS = [f"{name}-{'real' if folder else 'generated'}" for folder, _, _, name in CASES]

each_collection = pytest.mark.parametrize(("folder", "model", "copy", "name"), CASES, ids=IDS)
each_source = pytest.mark.parametrize("folder", FOLDERS, ids=["generated", "real"][: len(FOLDERS)])

Load = Callable[..., None]


def fill(load: Load, url: str, folder: Path | None, *names: str) -> None:
    load(url, *(model for model, copy, _ in MODELS for model in (model, copy)))
    for model, _, name in MODELS:
        if name in names:
            model.collection.insert_many(mflix.documents(name, folder))


def stored(model: Any) -> list[Any]:
    """Give the stored documents by their ids: their very bytes, where there is a server that holds such."""
    if mongodb.is_mock():
        return list(model.collection.find().sort("_id", 1))
    raw = model.collection.with_options(codec_options=CodecOptions(document_class=RawBSONDocument))
    return [document.raw for document in raw.find().sort("_id", 1)]


def touch(value: Any) -> int:
    """Read all that is in a document; give the number of values."""
    if isinstance(value, (quorum.Model, quorum.EmbeddedModel)):
        # A document referred to is touched by its id, as it may not be there.
        return sum(
            touch(getattr(value, name).id if name == "movie" else getattr(value, name))
            for name in type(value).__fields__
        )
    if isinstance(value, (list, tuple)):
        return sum(map(touch, value))
    return 1


def copies(model: Any, documents: Iterable[Any]) -> None:
    for document in documents:
        model(**{name: getattr(document, name) for name in type(document).__fields__}).save()


def assert_equal(model: Any, copy: Any) -> None:
    """Compare the stored documents of two models; a field that is missing in the first is None in the copy."""
    raw = [one.collection.with_options(codec_options=CodecOptions(tz_aware=False)) for one in (model, copy)]
    first, second = ({found["_id"]: found for found in collection.find()} for collection in raw)
    assert first.keys() == second.keys()
    for identifier, document in first.items():
        whole = {**dict.fromkeys(second[identifier]), **document}
        assert same(whole, second[identifier])
    for one, other in zip(model.find().sort("id"), copy.find().sort("id"), strict=True):
        assert one.dump() == other.dump()


@pytest.mark.promise("D2")
@pytest.mark.promise("D9")
@each_collection
def test_reading_all_and_saving_changes_nothing(
    any_url: str, load: Load, commands: Commands, folder: Path | None, model: Any, copy: Any, name: str
) -> None:
    fill(load, any_url, folder, name)
    before = stored(model)
    commands.clear()
    documents = list(model.find())
    assert sum(map(touch, documents)) > 4 * len(documents)
    assert len(documents) == len(before) >= mflix.COUNT
    for document in documents:
        assert document.changes() == {}
        document.save()
    assert set(commands.names) <= {"find", "getMore"}
    assert stored(model) == before


@each_collection
def test_a_copy_is_equal(any_url: str, load: Load, folder: Path | None, model: Any, copy: Any, name: str) -> None:
    fill(load, any_url, folder, name)
    copies(copy, model.find())
    assert_equal(model, copy)


@pytest.mark.promise("D17")
@each_source
def test_threads_change_nothing_and_copy_all(
    mongo_url: str, load: Load, commands: Commands, folder: Path | None
) -> None:
    fill(load, mongo_url, folder, "movies")
    model, copy, _ = MODELS[0]
    before = stored(model)
    ids = model.find().distinct("id")
    commands.clear()

    def work(part: int) -> int:
        documents = list(model.find(model.id.in_(ids[part::8])))
        for document in documents:
            touch(document)
            document.save()
        copies(copy, documents)
        return len(documents)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == len(ids)
    assert "update" not in commands.names
    assert stored(model) == before
    assert_equal(model, copy)


PARTS: list[tuple[Any, tuple[str, ...]]] = [
    (Movie, ("title",)),
    (Movie, ("year", "imdb.rating", "released", "genres")),
    (Movie, ("imdb", "tomatoes.viewer.rating", "tomatoes.updated", "awards.text")),
    (Movie, ("comments", "tomatoes.critic", "cast")),
    (Comment, ("movie", "date")),
    (Theater, ("location.geo",)),
    (Theater, ("number", "location.address.street2", "location.geo.coordinates")),
]


def value_at(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = None if document is None else getattr(document, name)
    return document


@pytest.mark.promise("D6")
@pytest.mark.parametrize(("model", "names"), PARTS)
@each_source
def test_parts_are_read_and_saved_without_a_change(
    any_url: str, load: Load, commands: Commands, folder: Path | None, model: Any, names: tuple[str, ...]
) -> None:
    fill(load, any_url, folder, f"{model.__name__.lower()}s")
    before = stored(model)
    whole = {document.id: document for document in model.find()}
    commands.clear()
    for document in model.find().only(*names):
        for name in names:
            found, wanted = value_at(document, name), value_at(whole[document.id], name)
            assert found.id == wanted.id if name == "movie" else found == wanted
        document.save()
    assert "update" not in commands.names
    assert stored(model) == before


@pytest.mark.promise("D6")
@each_source
def test_one_changed_part_is_all_that_changes(
    mongo_url: str, load: Load, commands: Commands, folder: Path | None
) -> None:
    fill(load, mongo_url, folder, "movies")
    before = {found["_id"]: found for found in Movie.collection.find()}
    commands.clear()
    changed = 0
    for movie in Movie.find(Movie.imdb.exists()).only("imdb.rating", "title"):
        assert movie.imdb is not None
        movie.imdb.rating = 11.5
        movie.save()
        changed += 1
    updates = [command["updates"][0]["u"] for command in commands.of("update")]
    assert updates == [{"$set": {"imdb.rating": 11.5}}] * changed
    for found in Movie.collection.find():
        wanted = before[found["_id"]]
        if "imdb" in wanted:
            wanted["imdb"]["rating"] = 11.5
        assert found == wanted
        assert list(found) == list(wanted)
