"""Documents as Python objects: copies, pickles, equality, hashes, and what they show of themselves."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from bson import ObjectId
from commands import Commands

import quorum
from quorum.errors import ConflictError, NotFoundError, NotLoadedError


class Author(quorum.Model):
    name: str
    token: str = quorum.field(private=True, default="a private value")


class Line(quorum.EmbeddedModel):
    text: str
    marks: list[str] = []
    by: Author | None = quorum.reference(default=None)


class Post(quorum.Model):
    title: str
    body: str = "default"
    tags: list[str] = []
    head: Line | None = None
    lines: list[Line] = []
    meta: dict[str, Any] = {}
    at: datetime | None = None
    author: Author | None = quorum.reference(default=None)


class Note(Post):
    extra: int = 0


class Country(quorum.Model):
    code: str = quorum.field(primary=True)
    size: Decimal = Decimal(0)


def pickled(document: Any) -> Any:
    return pickle.loads(pickle.dumps(document))


COPIES: dict[str, Callable[[Any], Any]] = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": pickled}
each_copy = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)


@pytest.fixture
def stored(load: Callable[..., None], any_url: str) -> Post:
    load(any_url, Author, Post, Note, Country)
    author = Author(name="Ada").save()
    post = Post(
        title="a", tags=["x"], head=Line(text="h"), lines=[Line(text="l", by=author)], meta={"a": [1]},
        at=datetime(2020, 1, 1), author=author,
    )  # fmt: skip
    return Post.get(post.save().id)


@each_copy
def test_a_copy_of_a_stored_document_is_equal_and_its_own(stored: Post, copied: Callable[[Any], Any]) -> None:
    stored.title = "changed"
    stored.lines[0].marks.append("m")
    other = copied(stored)
    assert other is not stored
    assert (other, hash(other), type(other)) == (stored, hash(stored), Post)
    assert other.dump() == stored.dump()
    assert other.changes() == stored.changes() == {
        "$set": {"title": "changed"}, "$push": {"lines.0.marks": {"$each": ["m"]}},
    }  # fmt: skip
    other.tags.append("y")
    other.lines[0].text = "other"
    other.meta["a"].append(2)
    other.head.text = "other"
    other.title = "other"
    assert (stored.title, stored.tags, stored.lines[0].text, stored.meta) == ("changed", ["x"], "l", {"a": [1]})
    assert stored.head == Line(text="h")
    other.save()
    assert Post.get(stored.id).dump() == other.dump()


@each_copy
def test_a_copy_of_a_document_that_was_read_in_no_part_is_whole(stored: Post, copied: Callable[[Any], Any]) -> None:
    other = copied(stored)
    assert other.changes() == {}
    assert other.lines[0].by.name == "Ada"
    assert other.author.name == "Ada"
    assert other.dump() == stored.dump()


@each_copy
def test_a_copy_of_a_new_document_is_new(stored: Post, copied: Callable[[Any], Any]) -> None:
    new = Post(title="new", lines=[Line(text="l")])
    other = copied(new)
    assert other == new
    other.lines.append(Line(text="m"))
    assert len(new.lines) == 1
    other.save()
    assert Post.get(new.id).dump() == other.dump()
    assert new.changes()["$set"]["title"] == "new"


@each_copy
def test_a_copy_of_a_partly_loaded_document_knows_what_it_lacks(stored: Post, copied: Callable[[Any], Any]) -> None:
    other = copied(Post.find().only("title", "head.text").first())
    assert (other.title, other.head.text) == ("a", "h")
    with pytest.raises(NotLoadedError, match=r"Post\.body was not loaded"):
        other.body  # noqa: B018
    with pytest.raises(NotLoadedError, match=r"Line\.marks was not loaded"):
        other.head.marks  # noqa: B018
    other.title = "b"
    other.save()
    assert Post.get(stored.id).dump() == {**stored.dump(), "title": "b"}


@each_copy
def test_a_copy_of_a_reference_loads_what_it_refers_to(
    stored: Post, copied: Callable[[Any], Any], commands: Commands
) -> None:
    other = copied(stored.author)
    assert other.id == stored.author.id  # type: ignore[union-attr]
    assert commands.names == []
    assert other.name == "Ada"
    assert other == stored.author
    Author.collection.delete_one({})
    found = Post.get(stored.id)
    assert found.author is not None
    with pytest.raises(NotFoundError, match="Author"):
        copied(found.author).name  # noqa: B018


@each_copy
def test_a_copy_of_a_deleted_document_is_deleted(stored: Post, copied: Callable[[Any], Any]) -> None:
    stored.delete()
    with pytest.raises(ConflictError):
        copied(stored).save()
    assert Post.count() == 0


@each_copy
def test_a_copy_keeps_the_class_and_unknown_fields(stored: Post, copied: Callable[[Any], Any]) -> None:
    note = Note(title="n", extra=3).save()
    Post.collection.update_one({"_id": note.id}, {"$set": {"unknown": {"a": 1}}})
    other = copied(Post.get(note.id))
    assert (type(other), other.extra) == (Note, 3)
    other.extra = 4
    other.save()
    found = Post.collection.find_one({"_id": note.id})
    assert found is not None
    assert (found["unknown"], found["extra"]) == ({"a": 1}, 4)


@each_copy
def test_an_embedded_document_is_copied(copied: Callable[[Any], Any]) -> None:
    line = Line(text="a", marks=["m"])
    other = copied(line)
    assert other == line
    other.marks.append("n")
    assert line.marks == ["m"]


def test_a_copy_keeps_referred_documents_shared(stored: Post) -> None:
    author = stored.author
    assert copy.copy(stored).author is author
    assert copy.deepcopy([stored, stored])[0].author is author


def test_a_document_equals_the_one_of_its_id(stored: Post) -> None:
    same = Post.get(stored.id)
    same.title = "other"
    assert same == stored
    assert hash(same) == hash(stored)
    assert len({same, stored, Post(title="a")}) == 2
    assert stored != Post(title="a")
    assert stored != Author(id=stored.id, name="a")
    for other in (None, stored.id, stored.dump(), "a"):
        assert stored != other


def test_a_subclass_equals_what_shares_its_collection(stored: Post) -> None:
    note = Note(title="n").save()
    assert Post.find(title="n")[0] == note
    assert Note(id=stored.id, title="a") == stored
    assert hash(Note(id=stored.id, title="a")) == hash(stored)


def test_documents_without_an_id_equal_only_themselves() -> None:
    country = Country(size=Decimal(1))
    assert country == country
    assert country != Country(size=Decimal(1))
    assert country != Country(code="de")
    assert Country(code="de") == Country(code="de", size=Decimal(2))
    with pytest.raises(TypeError, match="<Country None> cannot be hashed before 'code' is set"):
        hash(country)


def test_embedded_documents_are_equal_by_value_and_have_no_hash(stored: Post) -> None:
    assert Line(text="a") == Line(text="a", marks=[])
    assert Line(text="a") != Line(text="b")
    assert Line(text="a") != {"text": "a", "marks": [], "by": None}
    assert stored.head == Line(text="h")
    assert Line(text="l", by=stored.author) in stored.lines
    with pytest.raises(TypeError, match="unhashable"):
        hash(Line(text="a"))


def test_a_repr_shows_the_class_and_the_id_and_no_value(stored: Post) -> None:
    author = Author(name="a name")
    assert repr(author) == f"<Author {author.id}>"
    assert repr(stored) == f"<Post {stored.id}>"
    assert repr(stored.author) == f"<Author {stored.author.id}>"  # type: ignore[union-attr]
    assert repr(Country()) == "<Country None>"
    assert repr(Country(code="de")) == "<Country de>"
    assert repr(Line(text="a name")) == "<Line>"
    assert repr(Post.find(title="a name")) == "<Query of Post>"
    assert repr(Post.title == "a name") == "<Condition on title>"
    assert repr(Post.title) == "<Post.title: str>"
    assert repr(Post.find().paginate()) == "<Page 1 of 1: 1 of 1>"
    for shown in (repr([author, stored]), str(author), f"{author}"):
        assert "a name" not in shown
        assert "private" not in shown


def test_a_repr_sends_nothing(stored: Post, commands: Commands) -> None:
    assert stored.author is not None
    commands.clear()
    assert str(stored.author.id) in repr([stored.author, stored, Post.find()])
    assert commands.names == []


def test_the_id_of_a_stored_document_cannot_change(stored: Post) -> None:
    with pytest.raises(quorum.ValidationError, match="id: The id of a stored document cannot change"):
        stored.id = ObjectId()
    stored.id = ObjectId(str(stored.id))
    assert stored.changes() == {}
