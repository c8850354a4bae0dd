"""`only()`: what was not loaded is never read as a default and never written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

import quorum
from quorum.errors import ConflictError, NotLoadedError, ValidationError


class Person(quorum.Model):
    name: str = ""
    age: int = 0


class Deep(quorum.EmbeddedModel):
    x: int = 0
    y: int = 0


class Rating(quorum.EmbeddedModel):
    score: float = 0.0
    votes: int = 0
    deep: Deep | None = None


class Words(quorum.EmbeddedModel):
    words: dict[str, int] = {}
    text: str = ""


class Text(quorum.EmbeddedModel):
    text: str = ""
    by: Person | None = quorum.reference(default=None)


class Picture(quorum.EmbeddedModel):
    url: str = ""


class Film(quorum.Model):
    title: str = ""
    year: int = 0
    plot: str = quorum.field(default="", alias="fullplot")
    secret: str = quorum.field(default="", private=True)
    tags: list[str] = []
    meta: dict[str, Any] = {}
    rating: Rating | None = None
    words: Words | None = None
    items: list[Text] = []
    parts: list[Text | Picture] = []
    author: Person | None = quorum.reference(default=None)


class Ticket(quorum.Model):
    title: str = ""
    text: str = "nothing"

    class Meta:
        revision = True


MODELS = [Person, Film, Ticket]


@pytest.fixture
def app(any_url: str) -> Iterator[Any]:
    yield quorum.load(name="partial", models=MODELS, MONGOHQ_URL=any_url)
    quorum.unload()


@pytest.fixture
def server(mongo_url: str) -> Iterator[Any]:
    yield quorum.load(name="partial", models=MODELS, MONGOHQ_URL=mongo_url)
    quorum.unload()


@pytest.fixture
def film(app: Any) -> Film:
    return _film()


def _film() -> Film:
    ann = Person(name="Ann", age=30).save()
    return Film(
        title="T",
        year=1990,
        plot="Long",
        secret="s3cret",
        tags=["a", "b"],
        meta={"a": 1, "b": {"c": 2}},
        rating=Rating(score=1.0, votes=2, deep=Deep(x=1, y=2)),
        items=[Text(text="one", by=ann), Text(text="two")],
        parts=[Picture(url="u"), Text(text="t", by=ann)],
        author=ann,
    ).save()


def only(film: Film, *names: str) -> Film:
    found = Film.find(id=film.id).only(*names).first()
    assert found is not None
    return found


def stored(film: Any) -> Any:
    return type(film).collection.find_one({"_id": film.id})


@pytest.mark.promise("D6")
@pytest.mark.parametrize("name", ["year", "plot", "secret", "tags", "meta", "rating", "items", "author"])
def test_a_field_that_was_left_out_raises_when_it_is_read(film: Film, name: str) -> None:
    found = only(film, "title")
    assert (found.title, found.id) == ("T", film.id)
    with pytest.raises(NotLoadedError, match=rf"Film\.{name} was not loaded") as caught:
        getattr(found, name)
    assert (caught.value.model, caught.value.field, caught.value.id) == ("Film", name, film.id)


@pytest.mark.promise("D6")
def test_saving_one_loaded_field_leaves_the_others_byte_for_byte(server: Any, commands: Any) -> None:
    film = _film()
    raw = Film.collection.with_options(codec_options=CodecOptions(document_class=RawBSONDocument))
    before = raw.find_one({"_id": film.id})
    found = only(film, "title")
    found.title = "New"
    commands.clear()
    found.save()
    after = raw.find_one({"_id": film.id})
    assert before is not None
    assert after is not None
    assert commands.of("update")[0]["updates"][0]["u"] == {"$set": {"title": "New"}}
    assert after.raw == bson.encode({**bson.decode(before.raw), "title": "New"})


@pytest.mark.promise("D6")
def test_saving_without_a_change_sends_nothing(server: Any, commands: Any) -> None:
    found = only(_film(), "title", "rating.score")
    commands.clear()
    found.save()
    assert (found.changes(), commands.names) == ({}, [])


@pytest.mark.promise("D6")
def test_only_what_was_named_is_asked_for(server: Any, commands: Any) -> None:
    film = _film()
    commands.clear()
    only(film, "title", "plot", "rating.score")
    projection = commands.of("find")[0]["projection"]
    assert {"title", "fullplot", "rating.score", "_id"} <= set(projection)
    assert not {"year", "rating", "rating.votes", "secret"} & set(projection)


@pytest.mark.promise("D6")
def test_a_part_of_an_embedded_document_is_loaded_alone(film: Film) -> None:
    found = only(film, "rating.score", "rating.deep.x")
    assert found.rating is not None
    assert found.rating.deep is not None
    assert (found.rating.score, found.rating.deep.x) == (1.0, 1)
    for read in (lambda: found.rating.votes, lambda: found.rating.deep.y, lambda: found.title):  # type: ignore[union-attr]
        with pytest.raises(NotLoadedError):
            read()


@pytest.mark.promise("D6")
def test_a_part_of_an_embedded_document_is_saved_alone(film: Film) -> None:
    found = only(film, "rating.score", "rating.deep.x")
    assert found.rating is not None
    assert found.rating.deep is not None
    found.rating.score, found.rating.deep.x = 5.0, 6
    found.save()
    assert stored(film)["rating"] == {"score": 5.0, "votes": 2, "deep": {"x": 6, "y": 2}}


@pytest.mark.promise("D6")
def test_an_embedded_document_loaded_in_part_can_be_replaced(film: Film) -> None:
    found = only(film, "rating.score")
    found.rating = Rating(score=9.0, votes=9)
    found.save()
    assert stored(film)["rating"] == {"score": 9.0, "votes": 9, "deep": None}
    found.rating = None
    found.save()
    assert stored(film)["rating"] is None
    Film.collection.update_one({"_id": film.id}, {"$set": {"rating": {"votes": 1, "score": 2.0}}})
    other = only(film, "rating.votes")
    other.rating = None
    other.save()
    assert stored(film)["rating"] is None


@pytest.mark.promise("D6")
def test_what_replaced_an_embedded_document_loaded_in_part_is_changed_as_any_other(app: Any) -> None:
    found = only(Film(words=Words(words={"z": 1})).save(), "words.words")
    found.words = Words(words={"b": 1, "z": 1, "a": 2})
    found.save()
    found.words.words["odd.key"] = 3
    found.save()
    assert stored(found)["words"] == {"words": {"b": 1, "z": 1, "a": 2, "odd.key": 3}, "text": ""}


@pytest.mark.promise("D6")
def test_parts_of_the_documents_in_a_list_can_be_read_and_not_saved(film: Film) -> None:
    found = only(film, "items.text")
    assert [item.text for item in found.items] == ["one", "two"]
    with pytest.raises(NotLoadedError):
        _ = found.items[0].by
    before = stored(film)
    for change in (lambda: setattr(found.items[0], "text", "x"), lambda: found.items.append(Text(text="three"))):
        change()
        with pytest.raises(NotLoadedError, match="was loaded in part"):
            found.save()
    assert stored(film) == before


@pytest.mark.promise("D6")
def test_a_part_of_a_dict_can_be_read_and_not_saved(film: Film) -> None:
    found = only(film, "meta.a")
    assert found.meta == {"a": 1}
    found.meta["a"] = 2
    with pytest.raises(NotLoadedError, match="was loaded in part"):
        found.save()
    assert stored(film)["meta"] == {"a": 1, "b": {"c": 2}}


@pytest.mark.promise("D6")
def test_parts_of_documents_of_several_classes_come_as_their_class(film: Film) -> None:
    found = only(film, "parts.text", "parts.by")
    assert [type(part) for part in found.parts] == [Picture, Text]
    picture, text = found.parts
    assert isinstance(text, Text)
    assert text.by is not None
    assert (text.text, text.by.name) == ("t", "Ann")
    with pytest.raises(NotLoadedError):
        _ = picture.url  # type: ignore[union-attr]


@pytest.mark.promise("D6")
def test_a_whole_name_wins_over_its_part(film: Film) -> None:
    for names in (("rating", "rating.score"), ("rating.score", "rating")):
        found = only(film, *names)
        assert found.rating is not None
        assert found.rating.votes == 2


@pytest.mark.promise("D6")
def test_a_loaded_field_that_is_not_stored_reads_as_its_default(app: Any) -> None:
    film = Film.get(Film.collection.insert_one({"title": "T"}).inserted_id)
    found = only(film, "year", "tags", "rating.score")
    assert (found.year, found.tags, found.rating) == (0, [], None)
    found.save()
    assert stored(film) == {"_id": film.id, "title": "T"}


@pytest.mark.promise("D6")
def test_a_field_that_was_not_loaded_can_be_assigned(film: Film) -> None:
    found = only(film, "title")
    found.tags, found.year = ["new"], 2000
    found.save()
    assert (stored(film)["tags"], stored(film)["year"], stored(film)["meta"]) == (
        ["new"],
        2000,
        {"a": 1, "b": {"c": 2}},
    )
    assert (found.tags, found.year) == (["new"], 2000)


@pytest.mark.promise("D3")
def test_what_was_assigned_and_saved_is_from_then_on_changed_as_any_other(film: Film) -> None:
    found = only(film, "title")
    found.tags = ["new"]
    found.save()
    Film.collection.update_one({"_id": film.id}, {"$push": {"tags": "theirs"}})
    found.tags.append("mine")
    found.save()
    assert stored(film)["tags"] == ["new", "theirs", "mine"]
    found.tags.insert(0, "first")
    with pytest.raises(ConflictError):
        found.save()


@pytest.mark.promise("D3")
def test_an_item_pushed_to_a_list_that_was_not_loaded_loses_nothing(film: Film) -> None:
    found = only(film, "title")
    assert found.push("tags", "c") == ["a", "b", "c"]
    Film.collection.update_one({"_id": film.id}, {"$push": {"tags": "theirs"}})
    found.tags.append("mine")
    found.save()
    assert stored(film)["tags"] == ["a", "b", "c", "theirs", "mine"]


@pytest.mark.promise("D6")
def test_a_dump_has_what_was_loaded(film: Film) -> None:
    found = only(film, "title", "rating.score", "items.text")
    assert found.dump() == {
        "id": str(film.id),
        "title": "T",
        "rating": {"score": 1.0},
        "items": [{"text": "one"}, {"text": "two"}],
    }


@pytest.mark.promise("D6")
def test_reload_loads_everything(film: Film) -> None:
    found = only(film, "title").reload()
    assert (found.year, found.tags, found.secret) == (1990, ["a", "b"], "s3cret")


@pytest.mark.promise("D4")
def test_the_revision_is_loaded_whatever_was_named(app: Any) -> None:
    ticket = Ticket(title="T").save()
    one, other = (Ticket.find().only("title").first() for _ in range(2))
    assert one is not None
    assert other is not None
    one.title = "one"
    one.save()
    one.title = "one more"
    one.save()
    other.title = "other"
    with pytest.raises(ConflictError):
        other.save()
    assert (stored(ticket)["title"], stored(ticket)["text"]) == ("one more", "nothing")


def test_references_load_whole_documents(film: Film) -> None:
    found = only(film, "author")
    assert found.author is not None
    assert (found.author.name, found.author.age) == ("Ann", 30)


@pytest.mark.promise("D7")
def test_a_private_field_cannot_be_named(app: Any) -> None:
    for name in ("secret", "nothing", "rating.nothing", "title.x"):
        with pytest.raises(ValidationError):
            Film.find().only(name)


@pytest.mark.promise("D7")
def test_a_private_field_survives_get_and_save(film: Film) -> None:
    found = Film.get(film.id)
    found.title = "New"
    found.save()
    assert stored(film)["secret"] == "s3cret"
    assert "s3cret" not in repr(found) + str(found.dump()) + str(Film.find())
    assert found.secret == "s3cret"


@pytest.mark.promise("D6")
@pytest.mark.parametrize("where", ["changed", "assigned", "new"])
def test_an_embedded_document_loaded_in_part_is_not_stored_deep_in_another_one(film: Film, where: str) -> None:
    part: Any = only(film, "rating.deep.x").rating.deep  # type: ignore[union-attr]
    other = _film() if where == "changed" else Film()
    if where == "changed":
        other = Film.get(other.id)
        other.rating.deep = part  # type: ignore[union-attr]
    else:
        other = Film.get(other.save().id) if where == "assigned" else other
        other.rating = Rating(deep=part)
    with pytest.raises(
        NotLoadedError, match=r"Film\.rating is given an embedded document that only\(\) loaded in part"
    ):
        other.save()
