"""What `save()` sends and what it leaves alone: other writers' changes, unknown fields, values of the wrong type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import bson
import pytest
from bson import ObjectId
from bson.codec_options import CodecOptions
from bson.decimal128 import Decimal128
from bson.raw_bson import RawBSONDocument

import quorum
from quorum.errors import ConflictError, NotFoundError, QuorumError, StoredValueError, ValidationError


class Rating(quorum.EmbeddedModel):
    score: float = 0.0
    votes: int = 0


class Comment(quorum.EmbeddedModel):
    text: str = ""
    votes: int = quorum.field(default=0, max=100)
    rating: Rating | None = None
    marks: list[Decimal] = []


class Film(quorum.Model):
    title: str = ""
    year: int = 0
    plot: str = quorum.field(default="", alias="fullplot")
    tags: list[str] = []
    kinds: set[str] = set()
    meta: dict[str, Any] = {}
    prices: list[Decimal] = []
    seen: list[datetime] = []
    rating: Rating | None = None
    comments: list[Comment] = []
    either: str | Comment | None = None
    notes: list[str] = quorum.field(default=["first"])
    scores: dict[str, int] = quorum.field(default={"start": 1})


class Note(quorum.Model, quorum.Timestamped):
    text: str = ""
    tags: list[str] = []


@pytest.fixture
def app(any_url: str) -> Iterator[Any]:
    yield quorum.load(name="saving", models=[Film, Note], MONGOHQ_URL=any_url)
    quorum.unload()


@pytest.fixture
def server(mongo_url: str) -> Iterator[Any]:
    yield quorum.load(name="saving", models=[Film, Note], MONGOHQ_URL=mongo_url)
    quorum.unload()


def stored(document: Any) -> Any:
    return type(document).collection.find_one({"_id": document.id})


def put(**values: Any) -> Film:
    """A film as another program stores it."""
    return Film.get(Film.collection.insert_one(values).inserted_id)


def two(**values: Any) -> tuple[Film, Film]:
    """Two copies of one film."""
    film = Film(**values).save()
    return Film.get(film.id), Film.get(film.id)


# What is sent.


@pytest.mark.promise("D1")
def test_two_copies_that_change_different_fields_are_both_kept(app: Any) -> None:
    one, other = two(title="Old", year=1990)
    one.title, other.year = "New", 1991
    one.save()
    other.save()
    assert (stored(one)["title"], stored(one)["year"]) == ("New", 1991)


@pytest.mark.promise("D1")
def test_one_changed_field_is_one_set_of_its_path(server: Any, commands: Any) -> None:
    film = Film.get(Film(title="Old", rating=Rating(score=1.0)).save().id)
    film.rating.score = 2.5
    commands.clear()
    film.save()
    (update,) = commands.of("update")
    assert commands.names == ["update"]
    assert update["updates"][0]["u"] == {"$set": {"rating.score": 2.5}}
    assert update["updates"][0].get("upsert", False) is False


@pytest.mark.promise("D1")
def test_two_copies_that_change_different_parts_of_an_embedded_document_are_both_kept(app: Any) -> None:
    one, other = two(rating=Rating(score=1.0, votes=1))
    one.rating.score, other.rating.votes = 2.0, 2
    one.save()
    other.save()
    assert stored(one)["rating"] == {"score": 2.0, "votes": 2}


@pytest.mark.promise("D1")
def test_two_copies_that_change_different_keys_of_a_dict_are_both_kept(app: Any) -> None:
    one, other = two(meta={"a": 1, "in": {"x": 1, "y": 1}})
    one.meta["in"]["x"] = 2
    other.meta["in"]["y"] = 2
    one.meta["b"] = 1
    del other.meta["a"]
    one.save()
    other.save()
    assert stored(one)["meta"] == {"in": {"x": 2, "y": 2}, "b": 1}


@pytest.mark.promise("D1")
def test_two_copies_that_change_different_items_of_a_list_are_both_kept(app: Any) -> None:
    one, other = two(comments=[Comment(text="a"), Comment(text="b")])
    one.comments[0].text = "A"
    other.comments[1].text = "B"
    one.save()
    other.save()
    assert [comment["text"] for comment in stored(one)["comments"]] == ["A", "B"]


@pytest.mark.promise("D2")
def test_lists_and_dicts_that_were_only_read_are_not_written(server: Any, commands: Any) -> None:
    film = Film.get(Film(tags=["a"], meta={"k": [1]}, comments=[Comment(text="c")], kinds={"x", "y"}).save().id)
    assert (film.tags, film.meta, film.comments[0].text, film.kinds) == (["a"], {"k": [1]}, "c", {"x", "y"})
    film.title = "New"
    commands.clear()
    film.save()
    assert commands.of("update")[0]["updates"][0]["u"] == {"$set": {"title": "New"}}


@pytest.mark.promise("D2")
def test_a_document_that_was_only_read_sends_nothing(server: Any, commands: Any) -> None:
    film = Film.get(Film(tags=["a"], comments=[Comment(text="c", marks=[Decimal("1.10")])]).save().id)
    film.dump()
    commands.clear()
    film.save()
    assert commands.names == []


@pytest.mark.promise("D2")
def test_a_value_assigned_anew_is_no_change(server: Any, commands: Any) -> None:
    film = Film.get(Film(title="T", tags=["a"], rating=Rating(score=1.0), seen=[datetime(2020, 1, 1)]).save().id)
    film.title, film.tags, film.rating = "T", ["a"], Rating(score=1.0)
    film.seen = [datetime(2020, 1, 1, tzinfo=UTC)]
    commands.clear()
    film.save()
    assert (film.changes(), commands.names) == ({}, [])


@pytest.mark.promise("D2")
def test_a_change_that_was_taken_back_is_no_change(app: Any) -> None:
    film = Film.get(Film(title="T", tags=["a"], meta={"a": {"b": 1}}).save().id)
    film.tags.append("b")
    film.meta["a"]["b"] = 2
    film.title = "U"
    film.tags.pop()
    film.meta["a"]["b"] = 1
    film.title = "T"
    assert film.changes() == {}


def test_changes_are_what_save_sends(server: Any, commands: Any) -> None:
    film = Film.get(Film(tags=["a"], plot="old", meta={"gone": 1}).save().id)
    film.tags.append("b")
    film.plot = "new"
    del film.meta["gone"]
    film.kinds.add("x")
    changes = film.changes()
    commands.clear()
    film.save()
    assert commands.of("update")[0]["updates"][0]["u"] == changes
    assert changes == {
        "$set": {"fullplot": "new"},
        "$push": {"tags": {"$each": ["b"]}},
        "$unset": {"meta.gone": ""},
        "$addToSet": {"kinds": {"$each": ["x"]}},
    }


def test_changes_of_a_new_document_are_what_would_be_inserted(app: Any) -> None:
    changes = Film(title="T").changes()
    assert changes["$set"]["title"] == "T"
    assert Film(title="T").changes().keys() == {"$set"}


def test_an_alias_is_the_name_in_the_database(app: Any) -> None:
    film = Film(plot="Long").save()
    assert (stored(film)["fullplot"], "plot" in stored(film), Film.get(film.id).plot) == ("Long", False, "Long")


def test_the_id_is_made_before_the_insert_and_cannot_change_after_it(app: Any) -> None:
    film = Film(title="T")
    given = film.id
    film.save()
    assert stored(film)["_id"] == given
    with pytest.raises(ValidationError, match="cannot change"):
        film.id = ObjectId()


def test_the_moment_of_a_change_moves_only_with_a_change(app: Any) -> None:
    note = Note(text="a").save()
    before = stored(note)
    note.save()
    assert stored(note) == before
    Note.collection.update_one({"_id": note.id}, {"$set": {"updated_at": datetime(2000, 1, 1)}})
    note.text = "b"
    note.save()
    after = stored(note)
    assert after["updated_at"] > datetime(2000, 1, 1, tzinfo=UTC)
    assert (after["created_at"], note.updated_at) == (before["created_at"], after["updated_at"])


@pytest.mark.parametrize("tags", [[], ["b"]], ids=["scalars", "a list too"])
def test_a_moment_that_was_assigned_gives_way_to_the_one_of_the_change(app: Any, tags: list[str]) -> None:
    note = Note.get(Note(text="a").save().id)
    note.text, note.tags, note.updated_at = "b", tags, datetime(2000, 1, 1, tzinfo=UTC)
    note.save()
    assert note.updated_at == stored(note)["updated_at"] > datetime(2000, 1, 1, tzinfo=UTC)
    assert note.changes() == {}


# Appends.


@pytest.mark.promise("D3")
@pytest.mark.parametrize(
    "change",
    [lambda items, v: items.append(v), lambda items, v: items.extend([v]), lambda items, v: items.__iadd__([v])],
)
def test_appends_from_two_copies_are_both_kept(app: Any, change: Any) -> None:
    one, other = two(tags=["a"])
    change(one.tags, "b")
    change(other.tags, "c")
    one.save()
    other.save()
    assert stored(one)["tags"] == ["a", "b", "c"]


@pytest.mark.promise("D3")
def test_appends_to_a_list_that_is_not_stored_are_both_kept(app: Any) -> None:
    film = put(title="bare")
    other = Film.get(film.id)
    film.tags.append("a")
    other.tags.append("b")
    film.save()
    other.save()
    assert stored(film)["tags"] == ["a", "b"]


@pytest.mark.promise("D3")
def test_appends_deep_inside_are_both_kept(app: Any) -> None:
    one, other = two(meta={"in": {"list": [1]}})
    one.meta["in"]["list"].append(2)
    other.meta["in"]["list"].append(3)
    one.save()
    other.save()
    assert stored(one)["meta"] == {"in": {"list": [1, 2, 3]}}


@pytest.mark.promise("D3")
def test_additions_to_a_set_from_two_copies_are_both_kept_once(app: Any) -> None:
    one, other = two(kinds={"a"})
    one.kinds |= {"b", "c"}
    other.kinds.update({"c", "d"})
    one.save()
    other.save()
    assert sorted(stored(one)["kinds"]) == ["a", "b", "c", "d"]


@pytest.mark.promise("D3")
def test_appends_from_many_threads_are_all_kept(server: Any) -> None:
    film = Film(tags=[]).save()

    def append(number: int) -> None:
        copy = Film.get(film.id)
        copy.tags.append(str(number))
        copy.save()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(append, range(40)))
    assert sorted(stored(film)["tags"], key=int) == [str(number) for number in range(40)]


# Conflicts.


def _rewrite(film: Film) -> None:
    film.tags.insert(0, "mine")


def _sort(film: Film) -> None:
    film.tags.sort(reverse=True)


def _replace_set(film: Film) -> None:
    film.kinds.remove("a")
    film.kinds.add("mine")


def _change_item(film: Film) -> None:
    film.comments[1].text = "mine"


def _remove_item(film: Film) -> None:
    del film.comments[0]


def _change_removed_parent(film: Film) -> None:
    film.rating.votes = 7


def _odd_key(film: Film) -> None:
    film.meta["a.b"] = "mine"


CONFLICTS = [
    (_rewrite, {"$push": {"tags": "theirs"}}),
    (_sort, {"$set": {"tags": ["theirs"]}}),
    (_sort, {"$unset": {"tags": ""}}),
    (_replace_set, {"$push": {"kinds": "theirs"}}),
    (_change_item, {"$pop": {"comments": -1}}),
    (_change_item, {"$set": {"comments.1.text": "theirs"}}),
    (_change_item, {"$set": {"comments": None}}),
    (_remove_item, {"$push": {"comments": {"text": "theirs"}}}),
    (_change_removed_parent, {"$set": {"rating": None}}),
    (_change_removed_parent, {"$unset": {"rating": ""}}),
    (_odd_key, {"$set": {"meta.a": "theirs"}}),
    (lambda film: setattr(film, "rating", None), {"$inc": {"rating.votes": 1}}),
    (lambda film: setattr(film, "either", Comment()), {"$set": {"either": {"text": "theirs"}}}),
    (lambda film: film.meta.pop("in"), {"$push": {"meta.in": "theirs"}}),
    (lambda film: film.meta.update({"in": 1}), {"$push": {"meta.in": "theirs"}}),
]


@pytest.mark.promise("D3")
@pytest.mark.parametrize(("mine", "theirs"), CONFLICTS)
def test_a_change_that_would_overwrite_another_writers_is_a_conflict(app: Any, mine: Any, theirs: Any) -> None:
    film = Film.get(
        Film(
            tags=["a", "b"],
            kinds={"a"},
            meta={"a": 1, "in": []},
            rating=Rating(),
            comments=[Comment(text="x"), Comment(text="y")],
        )
        .save()
        .id
    )
    mine(film)
    Film.collection.update_one({"_id": film.id}, theirs)
    before = stored(film)
    with pytest.raises(ConflictError, match="changed by another writer") as caught:
        film.save()
    assert (stored(film), caught.value.id, caught.value.model) == (before, film.id, "Film")


@pytest.mark.promise("D3")
@pytest.mark.parametrize("begin", [lambda f: f.meta.update(k=[1]), lambda f: f.meta.update(k={"a": 1})])
def test_two_copies_that_begin_the_same_container_conflict(app: Any, begin: Any) -> None:
    one, other = two(meta={"other": 1})
    begin(one)
    begin(other)
    one.save()
    with pytest.raises(ConflictError):
        other.save()


@pytest.mark.promise("D3")
def test_two_copies_that_begin_a_dict_that_is_not_stored_conflict(app: Any) -> None:
    film = put(title="bare")
    other = Film.get(film.id)
    film.meta["a"] = 1
    other.meta["b"] = 2
    film.save()
    with pytest.raises(ConflictError):
        other.save()
    assert stored(film)["meta"] == {"a": 1}


@pytest.mark.promise("D3")
def test_an_empty_list_does_not_overwrite_one_that_another_writer_began(app: Any) -> None:
    film = put(title="bare")
    film.tags = []
    Film.collection.update_one({"_id": film.id}, {"$set": {"tags": ["theirs"]}})
    with pytest.raises(ConflictError):
        film.save()
    assert stored(film)["tags"] == ["theirs"]


def test_a_conflict_is_over_after_a_reload(app: Any) -> None:
    one, other = two(tags=["a"])
    one.tags.insert(0, "b")
    other.tags.insert(0, "c")
    one.save()
    with pytest.raises(ConflictError):
        other.save()
    other.reload().tags.insert(0, "c")
    other.save()
    assert stored(one)["tags"] == ["c", "b", "a"]


def test_own_saves_one_after_the_other_never_conflict(app: Any) -> None:
    """What was written is remembered in the server's own order of keys and items."""
    film = Film(meta={}, kinds={"m"}, comments=[Comment(text="x")]).save()
    film.meta.update(b=1, a={"z": 1})
    film.kinds.add("a")
    film.save()
    film.meta["a"].update(y=2, c=3)
    film.kinds.add("z")
    film.save()
    film.meta["odd.key"] = 1
    film.kinds -= {"m"}
    film.kinds |= {"k"}
    film.comments[0].rating = Rating()
    film.save()
    film.comments.insert(0, Comment(text="first"))
    film.meta["odd.key"] = 2
    film.save()
    again = Film.get(film.id)
    assert again.meta == {"a": {"z": 1, "y": 2, "c": 3}, "b": 1, "odd.key": 2}
    assert (again.kinds, [comment.text for comment in again.comments]) == ({"a", "k", "z"}, ["first", "x"])


def test_new_keys_are_sent_in_the_order_in_which_a_server_adds_them(app: Any) -> None:
    film = Film(meta={"m": 0}).save()
    film.meta.update(z=1, b=2, a=3)
    assert list(film.changes()["$set"]) == ["meta.a", "meta.b", "meta.z"]
    film.meta = {"m": 0, "10": 1, "9": 1}
    assert list(film.changes()["$set"]) == ["meta.9", "meta.10"]


# Deleted meanwhile.


@pytest.mark.promise("D5")
@pytest.mark.parametrize(
    "change",
    [
        lambda film: setattr(film, "title", "New"),
        lambda film: film.tags.append("x"),
        lambda film: film.meta.update(a=1),
        lambda film: setattr(film.comments[0], "text", "New"),
    ],
)
def test_saving_what_another_writer_deleted_raises_and_stores_nothing(app: Any, change: Any) -> None:
    film = Film.get(Film(tags=["a"], comments=[Comment(text="c")]).save().id)
    Film.collection.delete_one({"_id": film.id})
    change(film)
    with pytest.raises(ConflictError, match="deleted by another writer"):
        film.save()
    assert Film.collection.count_documents({}) == 0


@pytest.mark.promise("D5")
def test_a_document_that_was_deleted_here_is_not_saved_again(app: Any) -> None:
    film = Film(title="T").save()
    film.delete()
    with pytest.raises(ConflictError, match="deleted through this object"):
        film.save()
    with pytest.raises(ConflictError):
        film.title = "New"
    assert Film.collection.count_documents({}) == 0


def test_deleting_what_is_gone_already_is_no_error(app: Any) -> None:
    one, other = two(title="T")
    one.delete()
    other.delete()
    assert Film.count() == 0


def test_deleting_an_object_again_is_no_error(app: Any) -> None:
    film = Film(title="T").save()
    film.delete()
    film.delete()
    assert Film.count() == 0


def test_what_was_never_saved_cannot_be_deleted_or_reloaded(app: Any) -> None:
    for verb in (Film().delete, Film().reload):
        with pytest.raises(NotFoundError, match="has not been saved"):
            verb()


def test_reload_forgets_what_was_changed_here(app: Any) -> None:
    one, other = two(title="T", tags=["a"])
    one.title = "mine"
    one.tags.append("mine")
    other.title = "theirs"
    other.save()
    assert (one.reload().title, one.tags, one.changes()) == ("theirs", ["a"], {})


def test_reloading_what_was_deleted_raises(app: Any) -> None:
    one, other = two(title="T")
    other.delete()
    for film in (one, other):
        with pytest.raises(NotFoundError, match="no longer stored"):
            film.reload()
    assert other.title == "T"


# Unknown fields and wrong values.

UNKNOWN = {
    "title": "T",
    "legacy": {"any": [1, {"thing": None}]},
    "rating": {"score": 1.0, "votes": 1, "extra": "r"},
    "comments": [{"text": "a", "extra": 1, "rating": {"score": 2.0, "deep": True}}, {"text": "b", "extra": 2}],
}


@pytest.mark.promise("D8")
def test_unknown_stored_fields_survive_at_every_level(app: Any) -> None:
    film = put(**UNKNOWN)
    film.title, film.rating.votes = "New", 2
    film.comments[0].text, film.comments[0].rating.votes = "A", 5
    film.comments.append(Comment(text="c"))
    film.save()
    film.comments.insert(0, Comment(text="first"))
    del film.comments[2]
    film.save()
    after = stored(film)
    assert (after["legacy"], after["rating"]) == (UNKNOWN["legacy"], {"score": 1.0, "votes": 2, "extra": "r"})
    assert after["comments"][1] == {"text": "A", "extra": 1, "rating": {"score": 2.0, "deep": True, "votes": 5}}
    assert [comment["text"] for comment in after["comments"]] == ["first", "A", "c"]


@pytest.mark.promise("D8")
def test_an_unknown_stored_field_is_not_readable_and_not_shown(app: Any) -> None:
    film = put(**UNKNOWN)
    with pytest.raises(AttributeError):
        _ = film.legacy
    assert "legacy" not in film.dump()
    assert "extra" not in film.dump()["rating"]


@pytest.mark.promise("D8")
def test_stored_names_of_methods_and_internals_shadow_nothing(app: Any) -> None:
    film = put(title="T", save="me", _doc=1, _state=2, __class__="x", changes=3, find=4, __dict__=5)
    film.title = "New"
    film.save()
    after = stored(film)
    assert (after["title"], after["save"], after["_doc"], after["changes"], after["__dict__"]) == ("New", "me", 1, 3, 5)


WRONG: dict[str, Any] = {
    "title": 5,
    "year": "nineteen",
    "fullplot": None,
    "tags": "not a list",
    "kinds": {"not": "a set"},
    "meta": [1],
    "prices": [Decimal128("1.0"), "2.0"],
    "seen": ["yesterday"],
    "rating": "good",
    "comments": [{"text": "fine"}, "no comment", {"text": 7, "votes": "many", "marks": [0.5]}],
    "either": 5,
}
READ = ["title", "year", "plot", "tags", "kinds", "meta", "prices", "seen", "rating", "comments", "either"]


@pytest.mark.promise("D9")
@pytest.mark.parametrize("name", READ)
def test_a_wrong_stored_value_raises_when_it_is_read_with_model_field_and_id(app: Any, name: str) -> None:
    film = put(**WRONG)
    with pytest.raises(StoredValueError) as caught:
        getattr(film, name)
    error = caught.value
    assert (error.model, error.field.split(".")[0], error.id) == ("Film", name, film.id)
    assert "nineteen" not in str(error)


@pytest.mark.promise("D9")
def test_the_error_names_the_item_that_is_wrong(app: Any) -> None:
    film = put(**WRONG)
    with pytest.raises(StoredValueError) as caught:
        _ = film.prices
    assert caught.value.field == "prices.1"
    fine = put(comments=[{"text": "ok"}, {"text": 7}])
    assert fine.comments[0].text == "ok"
    with pytest.raises(StoredValueError) as caught:
        _ = fine.comments[1].text
    assert caught.value.field == "text"


@pytest.mark.promise("D9")
def test_a_list_with_a_wrong_document_is_still_a_list(app: Any) -> None:
    Film(title="a").save()
    put(**WRONG)
    Film(title="b").save()
    assert len(list(Film.find())) == 3
    assert [film.title for film in Film.find(title="b")] == ["b"]


@pytest.mark.promise("D9")
def test_saving_leaves_wrong_values_byte_for_byte(server: Any) -> None:
    film = put(**{**WRONG, "year": 1990})
    raw = Film.collection.with_options(codec_options=CodecOptions(document_class=RawBSONDocument))
    before = raw.find_one({"_id": film.id})
    for name in READ:
        try:
            getattr(film, name)
        except StoredValueError:
            continue
    film.year = 1991
    film.save()
    after = raw.find_one({"_id": film.id})
    assert before is not None
    assert after is not None
    wanted = bson.decode(before.raw)
    wanted["year"] = 1991
    assert after.raw == bson.encode(wanted)


@pytest.mark.promise("D9")
def test_wrong_values_inside_of_lists_survive_a_change_beside_them(app: Any) -> None:
    film = put(comments=[{"text": "a", "votes": "many", "rating": 5}, {"text": 7}])
    film.comments[0].text = "A"
    film.comments.append(Comment(text="c"))
    film.save()
    assert stored(film)["comments"][:2] == [{"text": "A", "votes": "many", "rating": 5}, {"text": 7}]


@pytest.mark.promise("D9")
def test_a_wrong_value_is_cured_by_assigning_a_right_one(app: Any) -> None:
    film = put(**WRONG)
    film.title, film.tags, film.meta, film.rating = "T", ["a"], {"a": 1}, Rating(score=1.0)
    film.save()
    again = Film.get(film.id)
    assert (again.title, again.tags, again.meta, again.rating.score) == ("T", ["a"], {"a": 1}, 1.0)


@pytest.mark.promise("D9")
def test_numbers_of_another_width_are_read_and_kept_as_they_are(app: Any) -> None:
    film = put(rating={"score": 7, "votes": 3}, prices=[Decimal128("1.10")])
    assert (film.rating.score, type(film.rating.score), film.prices) == (7.0, float, [Decimal("1.10")])
    film.rating.votes = 4
    film.save()
    assert type(stored(film)["rating"]["score"]) is int


@pytest.mark.promise("D12")
def test_a_missing_field_reads_as_its_default_and_is_not_written(app: Any) -> None:
    film = put(title="T")
    assert (film.year, film.tags, film.notes, film.scores, film.rating) == (0, [], ["first"], {"start": 1}, None)
    film.save()
    assert stored(film) == {"_id": film.id, "title": "T"}


@pytest.mark.promise("D12")
def test_a_value_equal_to_the_default_is_stored_like_any_other(app: Any) -> None:
    film = Film().save()
    assert (stored(film)["year"], stored(film)["tags"], stored(film)["rating"]) == (0, [], None)
    bare = put(title="T")
    bare.year = 0
    bare.save()
    assert stored(bare)["year"] == 0


# Defaults, and changes in place.


@pytest.mark.promise("D13")
def test_defaults_are_never_shared(app: Any) -> None:
    one, other = Film(), Film()
    one.tags.append("x")
    one.notes.append("x")
    one.scores["x"] = 1
    one.kinds.add("x")
    assert (other.tags, other.notes, other.scores, other.kinds) == ([], ["first"], {"start": 1}, set())
    assert Film().notes == ["first"]


@pytest.mark.promise("D13")
def test_defaults_of_stored_documents_are_never_shared(app: Any) -> None:
    one, other = put(title="a"), put(title="b")
    one.notes.append("x")
    one.scores["x"] = 1
    assert (other.notes, other.scores) == (["first"], {"start": 1})
    one.save()
    assert (stored(one)["notes"], stored(one)["scores"]) == (["first", "x"], {"start": 1, "x": 1})
    assert Film.get(other.id).notes == ["first"]


LIST_CHANGES = {
    "append": lambda items: items.append("z"),
    "extend": lambda items: items.extend(["y", "z"]),
    "insert": lambda items: items.insert(1, "z"),
    "remove": lambda items: items.remove("b"),
    "pop": lambda items: items.pop(0),
    "clear": lambda items: items.clear(),
    "sort": lambda items: items.sort(),
    "reverse": lambda items: items.reverse(),
    "set item": lambda items: items.__setitem__(0, "z"),
    "set negative item": lambda items: items.__setitem__(-1, "z"),
    "set slice": lambda items: items.__setitem__(slice(0, 2), ["x", "y", "z"]),
    "set step": lambda items: items.__setitem__(slice(0, 3, 2), ["x", "y"]),
    "del item": lambda items: items.__delitem__(1),
    "del slice": lambda items: items.__delitem__(slice(1, 3)),
    "iadd": lambda items: items.__iadd__(["z"]),
    "imul": lambda items: items.__imul__(2),
}
DICT_CHANGES = {
    "set": lambda d: d.__setitem__("z", 1),
    "overwrite": lambda d: d.__setitem__("a", 9),
    "del": lambda d: d.__delitem__("a"),
    "update": lambda d: d.update(a=5, z=6),
    "setdefault": lambda d: d.setdefault("z", 7),
    "pop": lambda d: d.pop("b"),
    "popitem": lambda d: d.popitem(),
    "clear": lambda d: d.clear(),
    "ior": lambda d: d.__ior__({"z": 1}),
    "dotted": lambda d: d.__setitem__("x.y", 1),
    "dollar": lambda d: d.__setitem__("$set", 1),
    "nested": lambda d: d.__setitem__("z", {"p.q": [{"$r": 1}]}),
    "type": lambda d: d.__setitem__("a", 1.0),
    "bool": lambda d: d.__setitem__("a", True),
}
SET_CHANGES = {
    "add": lambda s: s.add("z"),
    "remove": lambda s: s.remove("a"),
    "discard": lambda s: s.discard("b"),
    "pop": lambda s: s.pop(),
    "clear": lambda s: s.clear(),
    "update": lambda s: s.update({"y", "z"}),
    "ior": lambda s: s.__ior__({"z"}),
    "iand": lambda s: s.__iand__({"a"}),
    "isub": lambda s: s.__isub__({"a"}),
    "ixor": lambda s: s.__ixor__({"a", "z"}),
    "difference": lambda s: s.difference_update({"b"}),
    "intersection": lambda s: s.intersection_update({"b"}),
    "symmetric": lambda s: s.symmetric_difference_update({"b", "z"}),
}


@pytest.mark.promise("D13")
@pytest.mark.parametrize("change", LIST_CHANGES.values(), ids=list(LIST_CHANGES))
@pytest.mark.parametrize("place", [lambda f: f.tags, lambda f: f.meta["deep"]["list"]], ids=["field", "deep"])
def test_every_mutator_of_a_list_is_seen(mock: Any, place: Any, change: Any) -> None:
    film = Film.get(Film(tags=["c", "b", "a"], meta={"deep": {"list": ["c", "b", "a"]}}).save().id)
    expected = ["c", "b", "a"]
    change(expected)
    change(place(film))
    film.save()
    assert place(Film.get(film.id)) == expected
    assert film.changes() == {}


@pytest.mark.promise("D13")
@pytest.mark.parametrize("change", DICT_CHANGES.values(), ids=list(DICT_CHANGES))
@pytest.mark.parametrize("place", [lambda f: f.meta, lambda f: f.meta["deep"][1]], ids=["field", "deep"])
def test_every_mutator_of_a_dict_is_seen(mock: Any, place: Any, change: Any) -> None:
    film = Film(meta={"deep": [0, {"a": 1, "b": {"c": 2}}], "a": 1, "b": {"c": 2}}).save()
    film = Film.get(film.id)
    expected = dict(place(film))
    change(expected)
    change(place(film))
    film.save()
    again = place(Film.get(film.id))
    assert again == expected
    assert {key: type(value) for key, value in again.items()} == {key: type(value) for key, value in expected.items()}
    assert film.changes() == {}


@pytest.mark.promise("D13")
@pytest.mark.parametrize("change", SET_CHANGES.values(), ids=list(SET_CHANGES))
def test_every_mutator_of_a_set_is_seen(mock: Any, change: Any) -> None:
    film = Film.get(Film(kinds={"a", "b"}).save().id)
    change(film.kinds)
    film.save()
    assert Film.get(film.id).kinds == film.kinds != {"a", "b"}
    assert film.changes() == {}


@pytest.fixture
def mock(mock_url: str) -> Iterator[Any]:
    yield quorum.load(name="saving", models=[Film, Note], MONGOHQ_URL=mock_url)
    quorum.unload()


@pytest.mark.promise("D13")
def test_a_change_through_another_name_for_the_same_list_is_seen(app: Any) -> None:
    film = Film.get(Film(tags=["a"], comments=[Comment(text="x")]).save().id)
    tags, comment = film.tags, film.comments[0]
    film.save()
    tags.append("b")
    comment.text = "y"
    film.save()
    tags.append("c")
    comment.rating = Rating(votes=1)
    film.save()
    again = Film.get(film.id)
    assert (again.tags, again.comments[0].text, again.comments[0].rating.votes) == (["a", "b", "c"], "y", 1)


@pytest.mark.promise("D13")
def test_a_list_that_was_assigned_stays_the_callers_own(app: Any) -> None:
    given = ["a"]
    film = Film(tags=given).save()
    given.append("b")
    film.save()
    assert Film.get(film.id).tags == ["a", "b"]


@pytest.mark.promise("D13")
def test_one_list_in_two_documents_is_saved_in_both(app: Any) -> None:
    shared = {"k": 1}
    one, other = Film(meta=shared).save(), Film(meta=shared).save()
    shared["k"] = 2
    one.save()
    other.save()
    assert (Film.get(one.id).meta, Film.get(other.id).meta) == ({"k": 2}, {"k": 2})


PUT_WRONG = {
    "str in list of decimals": (lambda f: f.prices.append("x"), "prices"),
    "int in list of datetimes": (lambda f: f.seen.append(5), "seen"),
    "int in list of str": (lambda f: f.tags.append(5), "tags"),
    "too large int": (lambda f: f.meta.update(x=2**70), "meta"),
    "a set in a dict": (lambda f: f.meta.update(x={1}), "meta"),
    "an int as a key": (lambda f: f.meta.update({"x": {5: 1}}), "meta"),
    "an empty key": (lambda f: f.meta.update({"": 1}), "meta"),
    "a NUL in a key": (lambda f: f.meta.update({"a\0b": 1}), "meta"),
    "a lone surrogate": (lambda f: f.tags.append("\ud800"), "tags"),
    "int in a list of embedded": (lambda f: f.comments.append(5), "comments"),
    "out of its range, embedded": (lambda f: setattr(f.comments[0], "votes", 101), "comments"),
    "wrong, deep in embedded": (lambda f: f.comments[0].marks.append("x"), "comments"),
    "out of its range, in a union": (lambda f: setattr(f.either, "votes", 101), "either"),
}


@pytest.mark.promise("D13")
@pytest.mark.parametrize(("change", "name"), PUT_WRONG.values(), ids=list(PUT_WRONG))
@pytest.mark.parametrize("new", [True, False], ids=["new", "stored"])
def test_a_wrong_value_put_in_place_is_a_validation_error_and_nothing_is_sent(
    mock: Any, change: Any, name: str, new: bool
) -> None:
    film = Film(comments=[Comment(text="c")], either=Comment(text="e"))
    if not new:
        film = Film.get(film.save().id)
    change(film)
    before = list(Film.collection.find())
    with pytest.raises(ValidationError) as caught:
        film.save()
    assert set(caught.value.messages) == {name}
    assert isinstance(caught.value, QuorumError)
    assert list(Film.collection.find()) == before


def test_every_problem_is_told_where_values_were_put_in_place(app: Any) -> None:
    film = Film.get(Film(comments=[Comment(text="c")]).save().id)
    film.prices.append("x")
    film.seen.append(5)
    film.comments[0].marks.append("x")
    with pytest.raises(ValidationError) as caught:
        film.save()
    assert caught.value.messages == {
        "prices": {0: ["Not a valid number."]},
        "seen": {0: ["Not a valid datetime."]},
        "comments": {0: {"marks": {0: ["Not a valid number."]}}},
    }


def test_a_dict_put_into_a_list_of_embedded_documents_becomes_one(app: Any) -> None:
    film = Film.get(Film().save().id)
    film.comments.append({"text": "x"})  # type: ignore[arg-type]
    film.save()
    assert (type(film.comments[0]), Film.get(film.id).comments[0].text) == (Comment, "x")


def test_a_stored_empty_key_can_be_removed(app: Any) -> None:
    film = put(meta={"": 1, "b": 2})
    del film.meta[""]
    film.save()
    assert stored(film)["meta"] == {"b": 2}


def test_patterns_and_bson_values_in_a_dict_come_back(app: Any) -> None:
    values = {
        "p": re.compile("a.b", re.IGNORECASE),
        "id": ObjectId(),
        "d": Decimal("1.50"),
        "t": datetime(2020, 1, 1, tzinfo=UTC),
    }
    film = Film.get(Film(meta=values).save().id)
    assert (film.meta, film.changes()) == (values, {})
    film.meta["more"] = bson.SON([("k", 1)])
    film.save()
    film.meta["more"]["k"] = 2
    film.save()
    assert Film.get(film.id).meta["more"] == {"k": 2}


def test_a_set_whose_numbers_are_equal_but_written_otherwise_is_a_change(any_url: str) -> None:
    class Prices(quorum.Model):
        amounts: set[Decimal] = set()

    quorum.load(name="prices", models=[Prices], MONGOHQ_URL=any_url)
    try:
        prices = Prices.get(Prices(amounts={Decimal("1.0")}).save().id)
        prices.amounts = {Decimal("1.00")}
        prices.save()
        assert [str(amount) for amount in Prices.get(prices.id).amounts] == ["1.00"]
    finally:
        quorum.unload()
