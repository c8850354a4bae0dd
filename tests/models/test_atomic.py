"""`inc`, `push` and `pull`: one operator, applied by the server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

import quorum
from quorum.errors import ConflictError, NotFoundError, OperationalError, StoredValueError, ValidationError


class Item(quorum.EmbeddedModel):
    text: str = quorum.field(default="", max_length=5)
    number: int = 0


class Shop(quorum.Model, quorum.Timestamped):
    name: str = ""
    visits: int = 0
    stock: int = quorum.field(default=5, min=0, max=10)
    rate: float = 0.0
    price: Decimal = Decimal(1)
    deposit: Decimal = quorum.field(default=Decimal(1), min=Decimal(0))
    maybe: int | None = None
    tags: list[str] = []
    few: list[str] = quorum.field(default=[], max_length=2)
    begun: list[str] = quorum.field(default=["a"], alias="erst")
    kinds: set[int] = set()
    items: list[Item] = []
    listed: list[str] | None = None
    anything: list[Any] = []
    meta: dict[str, Any] = {}


class Link(quorum.Model):
    shop: Shop = quorum.reference()


@pytest.fixture
def app(any_url: str) -> Iterator[Any]:
    yield quorum.load(name="atomic", models=[Shop, Link], MONGOHQ_URL=any_url)
    quorum.unload()


@pytest.fixture
def server(mongo_url: str) -> Iterator[Any]:
    yield quorum.load(name="atomic", models=[Shop, Link], MONGOHQ_URL=mongo_url)
    quorum.unload()


def stored(shop: Shop) -> Any:
    return Shop.collection.find_one({"_id": shop.id})


def two(**values: Any) -> tuple[Shop, Shop]:
    shop = Shop(**values).save()
    return Shop.get(shop.id), Shop.get(shop.id)


def test_an_operator_gives_what_the_field_became_with_other_writers_changes(app: Any) -> None:
    one, other = two(tags=["a"], kinds={1})
    assert (one.inc("visits"), other.inc("visits", 5), one.inc("visits", -2)) == (1, 6, 4)
    assert (one.push("tags", "b"), other.push("tags", "c")) == (["a", "b"], ["a", "b", "c"])
    assert (one.push("kinds", 2), other.push("kinds", 2)) == ({1, 2}, {1, 2})
    assert one.pull("kinds", 1) == {2}
    assert other.pull("tags", "b") == ["a", "c"]
    assert (one.visits, other.visits, stored(one)["visits"], stored(one)["kinds"]) == (4, 6, 4, [2])


def test_an_operator_is_one_command_and_leaves_nothing_to_save(server: Any, commands: Any) -> None:
    shop = Shop.get(Shop(name="S").save().id)
    commands.clear()
    shop.inc("visits")
    shop.push("tags", "x")
    assert commands.names == ["findAndModify", "findAndModify"]
    commands.clear()
    shop.save()
    assert (shop.changes(), commands.names) == ({}, [])


def test_an_operator_leaves_other_changes_to_be_saved(app: Any) -> None:
    shop = Shop(name="S").save()
    shop.name = "New"
    shop.inc("visits")
    assert (shop.name, stored(shop)["name"], shop.changes()) == ("New", "S", {"$set": {"name": "New"}})


def test_increments_from_many_threads_are_all_counted(server: Any) -> None:
    shop = Shop().save()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: Shop.get(shop.id).inc("visits"), range(40)))
    assert sorted(results) == list(range(1, 41))


def test_a_float_is_incremented(app: Any) -> None:
    assert Shop().save().inc("rate", 0.5) == 0.5


@pytest.mark.promise("D10")
@pytest.mark.parametrize(
    ("verb", "name", "value"),
    [
        ("inc", "visits", 1.5),
        ("inc", "visits", True),
        ("inc", "visits", "1"),
        ("inc", "visits", 2**63),
        ("inc", "rate", float("nan")),
        ("inc", "name", 1),
        ("inc", "tags", 1),
        ("inc", "nothing", 1),
        ("push", "tags", 5),
        ("push", "tags", None),
        ("push", "kinds", "x"),
        ("push", "items", 5),
        ("push", "items", Item(text="much too long")),
        ("push", "items", {"text": "x", "unknown": 1}),
        ("push", "meta", 1),
        ("push", "name", "x"),
        ("pull", "tags", 5),
        ("pull", "visits", 5),
        ("inc", "maybe", 1),
        ("push", "listed", "x"),
        ("pull", "listed", "x"),
    ],
)
def test_what_does_not_fit_is_a_validation_error_and_nothing_is_sent(
    app: Any, verb: str, name: str, value: Any
) -> None:
    shop = Shop().save()
    before = stored(shop)
    with pytest.raises(ValidationError) as caught:
        getattr(shop, verb)(name, value)
    assert (set(caught.value.messages), stored(shop)) == ({name}, before)


@pytest.mark.parametrize(("by", "ok"), [(5, True), (6, False), (-5, True), (-6, False)])
def test_an_increment_stays_in_its_range(app: Any, by: int, ok: bool) -> None:
    shop = Shop().save()
    if ok:
        assert shop.inc("stock", by) == 5 + by
    else:
        with pytest.raises(ValidationError, match="out of its range"):
            shop.inc("stock", by)
        assert stored(shop)["stock"] == 5


def test_a_list_does_not_grow_past_its_length(app: Any) -> None:
    shop = Shop(few=["a"]).save()
    assert shop.push("few", "b") == ["a", "b"]
    with pytest.raises(ValidationError, match="maximum length 2"):
        shop.push("few", "c")
    assert stored(shop)["few"] == ["a", "b"]


def test_a_list_that_is_full_in_the_database_alone_does_not_grow(app: Any) -> None:
    one, other = two(few=["a"])
    one.push("few", "b")
    with pytest.raises(ValidationError):
        other.push("few", "c")


def test_embedded_documents_are_pushed_and_pulled(app: Any) -> None:
    shop = Shop(items=[Item(text="a")]).save()
    shop.push("items", Item(text="b", number=2))
    shop.push("items", {"text": "c"})
    assert [item.text for item in shop.pull("items", Item(text="a"))] == ["b", "c"]
    shop.items[0].number = 3
    shop.save()
    assert stored(shop)["items"] == [{"text": "b", "number": 3}, {"text": "c", "number": 0}]


@pytest.mark.promise("I1")
def test_a_pushed_value_is_a_literal_whatever_its_keys_are(app: Any) -> None:
    shop = Shop().save()
    assert shop.push("anything", {"$each": [1, 2]}) == [{"$each": [1, 2]}]
    assert shop.push("anything", [1, 2]) == [{"$each": [1, 2]}, [1, 2]]
    assert shop.pull("anything", {"$each": [1, 2]}) == [[1, 2]]


def test_an_alias_is_followed(app: Any) -> None:
    shop = Shop().save()
    assert shop.push("begun", "b") == ["a", "b"]
    assert stored(shop)["erst"] == ["a", "b"]


@pytest.mark.promise("D12")
def test_an_operator_starts_from_what_a_missing_field_reads_as(app: Any) -> None:
    shop = Shop.get(Shop.collection.insert_one({"name": "bare"}).inserted_id)
    assert (shop.inc("stock"), shop.push("begun", "b"), shop.inc("visits"), shop.push("tags", "x")) == (
        6,
        ["a", "b"],
        1,
        ["x"],
    )
    other = Shop.get(Shop.collection.insert_one({"name": "bare"}).inserted_id)
    assert (other.stock, other.inc("stock", -5), other.pull("begun", "a")) == (5, 0, [])


@pytest.mark.promise("D9")
def test_a_stored_value_of_another_type_is_an_error(app: Any) -> None:
    shop = Shop(visits=1).save()
    Shop.collection.update_one({"_id": shop.id}, {"$set": {"visits": None, "tags": "text"}})
    if quorum.mongodb.is_mock():
        assert stored(shop)["visits"] is None
        return
    with pytest.raises(ValidationError, match="another type"):
        shop.inc("visits")
    with pytest.raises(ValidationError, match="another type"):
        shop.push("tags", "x")


@pytest.mark.promise("D9")
@pytest.mark.parametrize(("name", "wrong", "verb", "value"), [("visits", 3.0, "inc", 1), ("tags", [1], "push", "x")])
def test_an_operator_on_a_wrong_stored_value_changes_nothing(
    app: Any, name: str, wrong: Any, verb: str, value: Any
) -> None:
    identifier = Shop().save().id
    Shop.collection.update_one({"_id": identifier}, {"$set": {name: wrong}})
    shop = Shop.get(identifier)
    before = stored(shop)
    with pytest.raises(StoredValueError, match=f"Shop.{name}"):
        getattr(shop, verb)(name, value)
    assert stored(shop) == before


def test_a_change_that_is_not_saved_is_in_the_way(app: Any) -> None:
    shop = Shop(tags=["a"]).save()
    shop.tags.append("mine")
    shop.visits = 7
    for verb, name, value in (("push", "tags", "x"), ("pull", "tags", "a"), ("inc", "visits", 1)):
        with pytest.raises(ConflictError, match="not saved"):
            getattr(shop, verb)(name, value)
    assert (stored(shop)["tags"], stored(shop)["visits"]) == (["a"], 0)


def test_what_is_not_stored_has_nothing_to_change(app: Any) -> None:
    with pytest.raises(NotFoundError, match="has not been saved"):
        Shop().inc("visits")
    shop = Shop().save()
    shop.delete()
    with pytest.raises(ConflictError):
        shop.inc("visits")


@pytest.mark.promise("D5")
def test_what_another_writer_deleted_is_a_conflict_and_does_not_come_back(app: Any) -> None:
    one, other = two()
    one.delete()
    for verb, name, value in (("inc", "visits", 1), ("inc", "stock", 1), ("push", "tags", "x"), ("push", "few", "x")):
        with pytest.raises(ConflictError, match="deleted by another writer"):
            getattr(other, verb)(name, value)
    assert Shop.collection.count_documents({}) == 0


def test_the_moment_of_the_change_is_kept(app: Any) -> None:
    shop = Shop().save()
    Shop.collection.update_one({"_id": shop.id}, {"$set": {"updated_at": datetime(2000, 1, 1)}})
    shop.inc("visits")
    assert stored(shop)["updated_at"] == shop.updated_at > datetime(2000, 1, 1, tzinfo=UTC)


def test_a_document_behind_a_reference_is_changed_without_being_read(server: Any, commands: Any) -> None:
    shop = Shop(name="S", tags=["a"]).save()
    link = Link.get(Link(shop=shop).save().id)
    commands.clear()
    assert link.shop.inc("visits") == 1
    assert commands.names == ["findAndModify"]
    assert (link.shop.name, link.shop.visits, link.shop.tags) == ("S", 1, ["a"])


def test_an_operator_on_part_of_a_document_leaves_the_rest_unloaded(app: Any) -> None:
    shop = Shop(name="S", tags=["a"]).save()
    found = Shop.find().only("name").first()
    assert found is not None
    assert found.inc("visits") == 1
    assert found.visits == 1
    with pytest.raises(quorum.NotLoadedError):
        _ = found.tags
    assert stored(shop)["tags"] == ["a"]


def test_a_decimal_is_added_to(server: Any) -> None:
    shop = Shop().save()
    assert shop.inc("price", Decimal("0.25")) == Decimal("1.25")
    assert shop.inc("deposit", Decimal("-0.25")) == Decimal("0.75")


@pytest.mark.parametrize("name", ["price", "deposit"])
def test_mongomock_says_that_it_adds_no_decimals(mock_url: str, load: Any, name: str) -> None:
    load(mock_url, Shop, Link)
    shop = Shop().save()
    with pytest.raises(OperationalError, match=r"^Shop: mongomock cannot do this: .* Use the embedded database"):
        shop.inc(name, Decimal("0.25"))
    assert stored(shop)[name].to_decimal() == 1
