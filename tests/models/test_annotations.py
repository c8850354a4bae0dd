"""Every spelling of a type, and the names of classes in it."""

from __future__ import annotations

import enum
import re
import typing
from collections.abc import Callable
from typing import (  # noqa: UP035
    Annotated,
    Any,
    ClassVar,
    Dict,
    Final,
    List,
    Literal,
    Optional,
    Set,
    Tuple,
    Union,
)

import pytest
from declaring import declare

from quorum import EmbeddedModel, Model, reference
from quorum.models import registry


class Line(EmbeddedModel):
    text: str


class Circle(EmbeddedModel):
    radius: float


# What is declared at the end of this module, or in terms of itself, is found by its name.


class Tree(EmbeddedModel):
    name: str
    children: list[Tree] = []
    parent: Tree | None = None


class Person(Model):
    name: str
    boss: Person | None = reference(default=None)
    friends: list[Person] = reference(default=[])
    employer: Company | None = reference(default=None)
    address: Address | None = None
    tree: Tree | None = None

    class Mood(enum.Enum):
        GOOD = "good"

    class Address(EmbeddedModel):
        street: str

    mood: Mood = Mood.GOOD


class Company(Model):
    name: str
    owner: Person | None = reference(default=None)


def test_names_of_later_classes_of_itself_and_of_inner_classes_are_found(
    load: Callable[..., None], any_url: str
) -> None:
    load(any_url, Person, Company)
    boss = Person(name="Ada").save()
    company = Company(name="A", owner=boss).save()
    tree = Tree(name="root", children=[Tree(name="leaf", parent=Tree(name="p"))])
    person = Person(
        name="Bo", boss=boss, friends=[boss], employer=company, address=Person.Address(street="S"), tree=tree
    ).save()
    found = Person.get(person.id)
    assert found.boss is not None
    assert found.employer is not None
    assert found.employer.owner is not None
    assert found.address is not None
    assert found.tree is not None
    assert (found.boss.name, found.employer.owner.name, found.mood) == ("Ada", "Ada", Person.Mood.GOOD)
    assert [friend.name for friend in found.friends] == ["Ada"]
    assert found.address.street == "S"
    assert found.tree == tree
    parent = found.tree.children[0].parent
    assert parent is not None
    assert parent.name == "p"


def test_a_name_means_no_class_of_another_module_where_its_own_has_one() -> None:
    def body(**annotations: Any) -> dict[str, Any]:
        return {"__annotations__": annotations, "__module__": "shop.parts"}

    elsewhere = [declare("int", name="number", base=EmbeddedModel)]
    elsewhere[0].__name__ = elsewhere[0].__qualname__ = "Part"
    registry.register(elsewhere[0])
    box = type("Box", (EmbeddedModel,), body(parts="list[Part]"))
    part = type("Part", (EmbeddedModel,), body(name="str", inner="list[Part]"))
    made = box(parts=[part(name="a", inner=[{"name": "b", "inner": []}])])
    assert type(made.parts[0].inner[0]) is part


def test_a_name_means_the_newest_class_of_the_same_module_first() -> None:
    first, second = (declare() for _ in range(2))
    assert registry.named("M")[:2] == [second, first]
    cls = type("Q", (Model,), {"__annotations__": {"m": "M"}, "m": reference(), "__module__": __name__})
    assert cls(m=second(x="a")).m.x == "a"


#: Spellings of a type, and a value.
SPELLINGS: list[tuple[Any, Any, str]] = [
    (Optional[int], None, "int | None"),  # noqa: UP045
    (Union[int, None], None, "int | None"),  # noqa: UP007
    (None | int, None, "int | None"),
    ("Optional[int]", None, "int | None"),
    ("int | None", None, "int | None"),
    (Optional["int"], None, "int | None"),
    (Union[int, str, None], "a", "int | str | None"),  # noqa: UP007
    (Optional[Union[int, str]], 1, "int | str | None"),  # noqa: UP007, UP045
    (Literal["a", None], None, "Literal['a'] | None"),
    (Optional[Literal[1]], None, "Literal[1] | None"),  # noqa: UP045
    (List[int], [1], "list[int]"),  # noqa: UP006
    (list["int"], [1], "list[int]"),
    ("list['int']", [1], "list[int]"),
    (list, [1, "a"], "list[Any]"),
    (List, [1, "a"], "list[Any]"),  # noqa: UP006
    (Set[int], {1}, "set[int]"),  # noqa: UP006
    (frozenset[int], {1}, "set[int]"),
    (Tuple[int, str], (1, "a"), "tuple[int, str]"),  # noqa: UP006
    (Tuple[int, ...], (1, 2), "tuple[int, ...]"),  # noqa: UP006
    (tuple, (1, "a"), "tuple[Any, ...]"),
    (Dict[str, int], {"a": 1}, "dict[str, int]"),  # noqa: UP006
    (dict, {"a": [1]}, "dict[str, Any]"),
    ("dict['str', 'list[int | None]']", {"a": [1, None]}, "dict[str, list[int | None]]"),
    (Annotated[int, "the number of pages"], 1, "int"),
    (Annotated[list[Annotated[int, "pages"]], "all"], [1], "list[int]"),
    (object, "a", "Any"),
    (Any, None, "Any"),
    (Optional[Any], None, "Any | None"),  # noqa: UP045
    (re.Pattern, re.compile("a"), "re.Pattern"),
    (re.Pattern[str], re.compile("a"), "re.Pattern"),
    (typing.Pattern[str], re.compile("a"), "re.Pattern"),
    ("Line", Line(text="a"), "Line"),
    ("Line | Circle | None", Circle(radius=1.0), "Line | Circle | None"),
]


@pytest.mark.parametrize(("annotation", "value", "described"), SPELLINGS)
def test_every_spelling_of_a_type_means_it(annotation: Any, value: Any, described: str) -> None:
    cls = declare(annotation)
    document = cls(x=value)
    document.validate()
    assert document.x == value
    # Python caches unions, and gives one for another whose members are the same in another order.
    assert sorted(repr(cls.x)[6:-1].split(" | ")) == sorted(described.split(" | "))


def test_class_variables_and_what_has_no_annotation_are_no_fields() -> None:
    class Shop(Model):
        name: str
        registry: ClassVar[dict[str, int]] = {"a": 1}
        bare: ClassVar = 3
        fixed: Final = 4
        typed: Final[int] = 5
        LIMIT = 10

        @property
        def title(self) -> str:
            return self.name.title()

    assert list(Shop.__fields__) == ["id", "name"]
    assert (Shop.registry, Shop.bare, Shop.fixed, Shop.typed, Shop.LIMIT) == ({"a": 1}, 3, 4, 5, 10)
    assert Shop(name="a").title == "A"
