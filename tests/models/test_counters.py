"""Numbers that count up, and pages that keep their order (D19)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import quorum

Load = Callable[..., None]

pytestmark = pytest.mark.promise("D19")


class Ticket(quorum.Model):
    number: int = quorum.field(increment=True, readonly=True, alias="n")
    kind: str = "a"


def test_a_number_is_given_when_a_document_is_first_saved(any_url: str, load: Load) -> None:
    load(any_url, Ticket)
    ticket = Ticket(kind="b")
    assert ticket.changes()["$set"].keys() == {"_id", "kind"}
    assert [ticket.save().number, ticket.save().number, Ticket().save().number] == [1, 1, 2]
    assert Ticket.get(ticket.id).number == 1


def test_numbers_taken_by_sixteen_threads_are_all_different(mongo_url: str, load: Load) -> None:
    load(mongo_url, Ticket)
    with ThreadPoolExecutor(16) as pool:
        numbers = list(pool.map(lambda _: Ticket().save().number, range(160)))
    assert sorted(numbers) == list(range(1, 161))


def test_numbers_go_on_from_documents_that_were_there_before_the_counter(any_url: str, load: Load) -> None:
    load(any_url, Ticket)
    Ticket.collection.insert_many([{"n": 7, "kind": "a"}, {"n": 41, "kind": "a"}, {"n": "99", "kind": "a"}])
    assert [Ticket().save().number, Ticket().save().number] == [42, 43]


def test_a_number_that_code_gives_is_kept(any_url: str, load: Load) -> None:
    load(any_url, Ticket)
    assert Ticket(number=100).save().number == 100
    assert Ticket().save().number == 101


@pytest.mark.parametrize("order", [(), ("kind",), ("-kind",), ("kind", "-id")])
def test_a_document_is_on_one_page_where_all_sort_keys_are_equal(any_url: str, load: Load, order: Any) -> None:
    load(any_url, Ticket)
    ids = {Ticket().save().id for _ in range(25)}
    query = Ticket.find().sort(*order)
    shown = [ticket.id for number in range(1, 5) for ticket in query.paginate(number, 7)]
    assert len(shown) == 25
    assert set(shown) == ids


def test_the_order_of_a_page_is_completed_by_the_id(mongo_url: str, load: Load, commands: Any) -> None:
    load(mongo_url, Ticket)
    Ticket().save()
    commands.clear()
    Ticket.find().sort("-kind").paginate()
    assert [dict(command["sort"]) for command in commands.of("find")] == [{"kind": -1, "_id": 1}]
