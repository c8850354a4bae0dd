"""Subclasses of a model share its collection and come back as the class that they were saved as."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import quorum
from quorum.errors import ConfigurationError, NotFoundError, OperationalError
from quorum.models.references import ReferenceKind


class Person(quorum.Model):
    name: str = ""


class Shop(quorum.Model):
    title: str = ""


class Named(quorum.Model):
    """An abstract base."""

    name: str = ""
    tags: list[str] = []

    class Meta:
        abstract = True


class Animal(Named, quorum.Timestamped):
    legs: int = 4


class Dog(Animal):
    tricks: list[str] = []
    owner: Person | None = quorum.reference(default=None)


class Puppy(Dog):
    weeks: int = 1


class Cat(Animal):
    lives: int = 9
    owner: Shop | None = quorum.reference(default=None)


class Plant(Named):
    height: float = 1.0


class Visit(quorum.Model):
    who: Animal = quorum.reference()
    dog: Dog | None = quorum.reference(default=None)


MODELS = [Person, Shop, Animal, Dog, Puppy, Cat, Plant, Visit]


@pytest.fixture
def app(any_url: str) -> Iterator[Any]:
    yield quorum.load(name="zoo", models=MODELS, MONGOHQ_URL=any_url)
    quorum.unload()


@pytest.fixture
def zoo(app: Any) -> None:
    Animal(name="a").save()
    Dog(name="d", tricks=["sit"]).save()
    Puppy(name="p", weeks=3).save()
    Cat(name="c", lives=7).save()
    Plant(name="q").save()


def test_documents_come_back_as_the_class_that_they_were_saved_as(zoo: None) -> None:
    found = list(Animal.find().sort("name"))
    assert [(type(one), one.name) for one in found] == [(Animal, "a"), (Cat, "c"), (Dog, "d"), (Puppy, "p")]
    assert [type(Animal.get(one.id)) for one in found] == [Animal, Cat, Dog, Puppy]
    assert [type(one) for one in Animal.find().sort("name").stream()] == [Animal, Cat, Dog, Puppy]


def test_a_subclass_finds_its_own(zoo: None) -> None:
    assert {one.name for one in Dog.find()} == {"d", "p"}
    assert {one.name for one in Puppy.find()} == {"p"}
    assert (Dog.count(), Cat.count(), Animal.count(), Cat.exists(name="d")) == (2, 1, 4, False)
    assert Dog.first(name="c") is None


def test_a_subclass_does_not_get_a_document_of_another(zoo: None) -> None:
    cat = Cat.get(name="c")
    for model in (Dog, Puppy):
        with pytest.raises(NotFoundError):
            model.get(cat.id)
    assert Animal.get(cat.id) == cat


def test_deleting_by_query_keeps_to_the_class(zoo: None) -> None:
    assert Dog.find().delete() == 2
    assert {one.name for one in Animal.find()} == {"a", "c"}


def test_an_abstract_base_gives_fields_and_no_collection(zoo: None) -> None:
    assert (Plant.collection.name, Animal.collection.name, Puppy.collection.name) == ("plants", "animals", "animals")
    assert Plant.get(name="q").tags == []
    with pytest.raises(ConfigurationError, match="abstract"):
        Named.find().first()


def test_the_class_is_stored_and_kept(zoo: None) -> None:
    puppy = Animal.get(name="p")
    puppy.name = "rex"
    puppy.save()
    stored = Animal.collection.find_one({"_id": puppy.id})
    assert stored is not None
    assert (stored["_type"], stored["name"], stored["weeks"]) == ("Puppy", "rex", 3)
    assert type(Animal.get(puppy.id).reload()) is Puppy
    assert "_type" not in Animal.collection.find_one({"name": "a"})  # type: ignore[operator]


def test_a_document_of_an_unknown_class_is_one_of_the_base_and_stays_what_it_is(app: Any) -> None:
    Animal.collection.insert_one({"_id": Animal().id, "_type": "Dragon", "name": "d", "fire": True})
    found = Animal.get(name="d")
    found.legs = 2
    found.save()
    stored = Animal.collection.find_one({"name": "d"})
    assert stored is not None
    assert (type(found), stored["_type"], stored["fire"], stored["legs"]) == (Animal, "Dragon", True, 2)


def test_a_reference_to_a_base_reads_as_the_class_that_is_stored(zoo: None) -> None:
    for one in Animal.find():
        Visit(who=one).save()
    found = list(Visit.find())
    assert {type(visit.who) for visit in found} == {Animal, Dog, Puppy, Cat}
    cat = next(visit.who for visit in found if isinstance(visit.who, Cat))
    assert (cat.lives, {visit.who.name for visit in found}) == (7, {"a", "c", "d", "p"})


def _at_the_first_fetch(monkeypatch: pytest.MonkeyPatch, call: Callable[[], None]) -> None:
    real, calls = ReferenceKind.fetch, [call]

    def fetch(model: Any, identifiers: list[Any]) -> Any:
        if calls:
            calls.pop()()
        return real(model, identifiers)

    monkeypatch.setattr(ReferenceKind, "fetch", staticmethod(fetch))


def test_a_reference_that_could_not_be_loaded_reads_as_its_class_the_next_time(
    zoo: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = Visit.get(Visit(who=Cat.get(name="c")).save().id)

    def fail() -> None:
        raise OperationalError("No answer.")

    _at_the_first_fetch(monkeypatch, fail)
    with pytest.raises(OperationalError):
        _ = visit.who
    assert type(visit.who) is Cat


def test_a_reference_that_another_thread_is_loading_reads_as_its_class(
    zoo: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = Visit.get(Visit(who=Cat.get(name="c")).save().id)
    seen: list[type] = []
    _at_the_first_fetch(monkeypatch, lambda: seen.append(type(visit.who)))
    assert [type(visit.who), *seen] == [Cat, Cat]


def test_a_reference_to_a_subclass_dangles_at_another_class(zoo: None) -> None:
    visit = Visit(who=Cat.get(name="c"), dog=Dog.get(name="d")).save()
    assert Visit.get(visit.id).dog == Dog.get(name="d")
    Visit.collection.update_one({"_id": visit.id}, {"$set": {"dog": Cat.get(name="c").id}})
    found = Visit.get(visit.id)
    with pytest.raises(NotFoundError):
        _ = found.dog.tricks if found.dog else None


def test_subclasses_may_refer_to_different_models_under_one_name(mongo_url: str, commands: Any) -> None:
    quorum.load(name="zoo", models=MODELS, MONGOHQ_URL=mongo_url)
    try:
        for n in range(3):
            Dog(name=f"d{n}", owner=Person(name=f"p{n}").save()).save()
            Cat(name=f"c{n}", owner=Shop(title=f"s{n}").save()).save()
        commands.clear()
        found = list(Animal.find())
        owners = {one.owner.name for one in found if isinstance(one, Dog) and one.owner}
        shops = {one.owner.title for one in found if isinstance(one, Cat) and one.owner}
        assert (owners, shops) == ({"p0", "p1", "p2"}, {"s0", "s1", "s2"})
        assert len(commands.names) == 3
    finally:
        quorum.unload()


def test_documents_of_one_family_are_equal_by_id(zoo: None) -> None:
    dog = Dog.get(name="d")
    assert Animal.get(dog.id) == dog
    assert dog != Cat.get(name="c")
    assert len({dog, Animal.get(dog.id)}) == 1


def test_only_keeps_the_class(zoo: None) -> None:
    assert {type(one) for one in Animal.find().only("name")} == {Animal, Dog, Puppy, Cat}


def test_a_subclass_has_no_collection_of_its_own() -> None:
    with pytest.raises(ConfigurationError, match="shares the collection"):

        class Wolf(Animal):
            class Meta:
                collection = "wolves"
