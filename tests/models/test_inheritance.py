"""What a model has from its bases: abstract ones, concrete ones, plain mixins."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import datetime
from typing import (
    Any,
    ClassVar,
    Generic,
    TypeVar,
)

import pytest
from declaring import declare, meta, problems_of

import quorum
from quorum import Model, field
from quorum.errors import ValidationError

T = TypeVar("T")


class Author(Model):
    name: str


class Named:
    """A plain mixin: no model, its annotations become fields of the models that it is mixed into."""

    name: str = field(max_length=5)
    tags: list[str] = []
    mood: Mood | None = None

    class Mood(enum.Enum):
        BAD = "bad"


class Stock(Model, Named, quorum.Timestamped):
    copies: int = 0

    class Meta:
        abstract = True
        indexes = ["copies"]
        revision = True


class Book(Stock):
    pages: int = 0

    class Meta:
        indexes = ["pages"]


class Novel(Book):
    genre: str = "none"
    copies: int = field(default=7, max=9)


def test_bases_and_mixins_give_their_fields(load: Callable[..., None], any_url: str) -> None:
    assert set(Book.__fields__) == {"id", "name", "tags", "mood", "created_at", "updated_at", "copies", "pages"}
    assert set(Novel.__fields__) == {*Book.__fields__, "genre"}
    load(any_url, Book, Novel)
    novel = Novel(name="a", mood=Named.Mood.BAD).save()
    book = Book(name="b").save()
    found, other = Book.find().sort("name")
    assert (type(found), type(other)) == (Novel, Book)
    assert (found.copies, other.copies, found.mood) == (7, 0, Named.Mood.BAD)
    assert found.created_at == found.updated_at == novel.created_at
    assert Book.collection.name == Novel.collection.name == "books"
    assert [one.id for one in Novel.find()] == [novel.id]
    assert [one.id for one in Book.find()] == [novel.id, book.id]
    keys = {tuple(index["key"]) for index in Book.collection.index_information().values()}
    assert {("copies",), ("pages",)} <= {tuple(key for key, _ in index) for index in keys}
    with pytest.raises(ValidationError, match="name: Longer than maximum length 5"):
        Novel(name="longer").validate()
    with pytest.raises(ValidationError, match="copies: Must be less than or equal to 9"):
        Novel(name="a", copies=10).validate()
    assert (Stock.__meta__.revision, Book.__meta__.revision) == (True, True)


def test_mutable_defaults_of_bases_are_not_shared() -> None:
    one, other = Book(name="a"), Novel(name="a")
    one.tags.append("a")
    assert (other.tags, Book(name="b").tags, Novel(name="b").tags) == ([], [], [])


def test_an_abstract_base_has_no_collection(load: Callable[..., None], mock_url: str) -> None:
    assert problems_of(lambda: load(mock_url, Stock)) == (
        f"load(models=...) lists {Stock!r}, which is no concrete quorum.Model.",
    )
    load(mock_url, Author)
    assert problems_of(lambda: list(Stock.find())) == (
        "Stock is abstract and has no collection. Use one of its subclasses.",
    )


def test_the_most_derived_declaration_holds_in_a_diamond() -> None:
    class Top(Model):
        a: str = "top"

        class Meta:
            abstract = True

    class Left(Top):
        a: str = field(default="left", max_length=5)

        class Meta:
            abstract = True

    class Right(Top):
        b: int = 1

        class Meta:
            abstract = True

    class Bottom(Right, Left):
        pass

    assert (Bottom().a, Bottom.__fields__["a"]) == ("left", Left.__fields__["a"])


def test_a_generic_base_is_a_plain_one() -> None:
    class Repo(Generic[T]):
        label: str = "r"

    class Shop(Model, Repo[int]):
        name: str

    assert Shop(name="a").label == "r"


def test_a_field_cannot_be_hidden() -> None:
    base = declare()
    for value in ("default", lambda document: 1, property(lambda document: 1), None):
        assert problems_of(lambda: type("Sub", (base,), {"x": value})) == (  # noqa: B023
            "Sub.x hides the field of that name. Annotate it, or rename it.",
        )
    mixin = type("Mixin", (), {"x": lambda document: 1})
    assert problems_of(lambda: type("Sub", (mixin, base), {})) == (
        "Sub.x hides the field of that name. Annotate it, or rename it.",
    )


def test_a_field_without_annotation_is_refused_in_mixins_too() -> None:
    mixin = type("Mixin", (), {"z": field()})
    problem = "Sub.z has no annotation. Write its type: `z: str = ...`."
    assert problems_of(lambda: type("Sub", (mixin, Model), {})) == (problem,)
    assert problems_of(lambda: type("Sub", (Model,), {"z": field()})) == (problem,)


def test_what_shares_a_collection_shares_its_primary_field_and_its_name() -> None:
    base, other = declare(), type("Other", (Model,), {"__annotations__": {"y": str}})
    for given in (meta(collection="a"), meta(abstract=True)):
        assert problems_of(lambda: type("Sub", (base,), {"Meta": given})) == (  # noqa: B023
            "Sub shares the collection of M: no Meta.collection, no Meta.abstract.",
        )
    assert problems_of(lambda: type("Sub", (base, other), {})) == (
        "Sub cannot be stored in the collections of M and Other at once.",
    )
    body = {"__annotations__": {"id": str}, "id": field(primary=True)}
    assert problems_of(lambda: type("Sub", (base,), body)) == (
        "Sub.id: it shares the collection of M, and its primary field, id.",
    )
    body = {"__annotations__": {"key": str}, "key": field(primary=True)}
    assert problems_of(lambda: type("Sub", (base,), body)) == ("Sub.key and .id are both stored as '_id'.",)


class Common:
    """What the Metas of several models say."""

    revision = True
    indexes: ClassVar[list[Any]] = ["x"]


def test_a_meta_has_what_it_inherits() -> None:
    body = {"indexes": ["-x"]}
    cls = declare(Meta=type("Meta", (Common,), body))
    assert (cls.__meta__.revision, cls.__meta__.indexes) == (True, ["-x"])
    assert declare(Meta=type("Meta", (Common,), {})).__meta__.indexes == ["x"]
    wrong = type("Meta", (type("Common", (), {"colection": "a"}),), {})
    assert problems_of(lambda: declare(Meta=wrong)) == (
        "M.Meta has no option 'colection'. Its options are: abstract, collection, indexes, revision, storage.",
    )


def test_a_meta_that_extends_the_one_of_a_base_is_neither_abstract_nor_says_anything_twice() -> None:
    base = declare(Meta=type("Meta", (Common,), {"abstract": True}))
    cls = type("Sub", (base,), {"Meta": type("Meta", (base.Meta,), {"indexes": ["-x"]})})
    assert (cls.__meta__.abstract, cls.__meta__.revision) == (False, True)
    assert cls.__meta__.indexes == ["x", "-x"]
    concrete = declare(Meta=meta(collection="a"))
    assert type("Sub", (concrete,), {"Meta": type("Meta", (concrete.Meta,), {})}).__meta__.collection == "a"


class Branch(quorum.EmbeddedModel):
    """An abstract embedded base that leads to itself."""

    leaves: list[Branch] = []

    class Meta:
        abstract = True


class Twig(Branch):
    length: int = 1


class Node(Model):
    """An abstract base that leads to itself."""

    up: Node | None = quorum.reference(default=None)
    near: list[Node] = quorum.reference(default=[])

    class Meta:
        abstract = True


class Middle(Node):
    class Meta:
        abstract = True


class Leaf(Middle):
    twig: Twig | None = None


class Flower(Node):
    up: Leaf | None = quorum.reference(default=None)


class Petal(Flower):
    pass


def test_what_leads_from_an_abstract_base_to_itself_leads_to_the_class_that_inherits_it(
    load: Callable[..., None], any_url: str
) -> None:
    load(any_url, Leaf, Flower, Petal)
    leaf = Leaf(twig=Twig(leaves=[Twig(length=2)])).save()
    found = Leaf.get(Leaf(up=leaf, near=[leaf]).save().id)
    assert found.up == leaf
    assert found.near == [leaf]
    assert type(found.up) is Leaf
    assert found.up.twig is not None
    assert [(type(one), one.length) for one in found.up.twig.leaves] == [(Twig, 2)]
    flower = Flower(up=leaf).save()
    petal = Petal.get(Petal(up=leaf, near=[flower]).save().id)
    assert (petal.up, petal.near) == (leaf, [flower])
    with pytest.raises(ValidationError, match="Not a Flower"):
        petal.near = [leaf]


def test_ids_of_what_an_abstract_base_leads_to_are_those_of_the_class_that_inherits_it(
    load: Callable[..., None], mock_url: str
) -> None:
    assert Node.__codec_source__  # which asks for the kind of the ids: here they are the base's

    class Named(Node):
        id: str = quorum.field(primary=True)

    load(mock_url, Named)
    Named(id="b", up=Named(id="a").save()).save()
    up = Named.get("b").up
    assert up is not None
    assert up.id == "a"


def test_a_reference_to_an_abstract_model_fails_at_load(load: Callable[..., None], mock_url: str) -> None:
    assert problems_of(lambda: load(mock_url, declare(Stock, quorum.reference()), Book, Author)) == (
        "M.x refers to Stock, which is abstract and has no documents.",
    )


def test_a_reference_within_a_family_fails_at_load_where_the_class_is_not_listed(
    load: Callable[..., None], mock_url: str
) -> None:
    for target, listed in ((Novel, Book), (Book, Novel)):
        cls = declare(target, quorum.reference())
        assert problems_of(lambda: load(mock_url, cls, listed)) == (  # noqa: B023
            f"M.x refers to {target.__name__}, which is not among the models of load(models=...). Add it there.",
        )


def test_a_field_takes_the_place_of_a_mixins_that_has_its_name() -> None:
    class Tagged:
        tags: list[str] = []
        size: int = 3

    class Box(Model, Tagged):
        tags: list[int]
        size: int

    assert (Box.__fields__["tags"].required, Box.__fields__["size"].required) == (True, True)
    assert Box(tags=[1], size=1).tags == [1]


@pytest.mark.parametrize("base", [(Model, quorum.Timestamped), (Stock,), (Book,)])
def test_a_moment_that_is_kept_cannot_be_declared_anew(base: tuple[type, ...]) -> None:
    problem = (
        "M.created_at: Timestamped keeps this moment, and its declaration cannot be another. Leave this one out; "
        "an index on the field is declared in Meta.indexes."
    )
    for value in (..., field(private=True)):
        assert problems_of(lambda: declare(datetime, value, name="created_at", base=base)) == (problem,)  # noqa: B023
