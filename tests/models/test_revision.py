"""`Meta.revision`: a stale save raises, whatever it would write."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import quorum
from quorum.errors import ConflictError, StoredValueError, ValidationError


class Account(quorum.Model, quorum.Timestamped):
    name: str | None = quorum.field(unique=True, default=None)
    total: int = 0
    tags: list[str] = []
    meta: dict[str, Any] = {}

    class Meta:
        revision = True


class Note(quorum.Model):
    text: str = ""
    account: Account | None = quorum.reference(default=None)


@pytest.fixture
def app(any_url: str) -> Iterator[Any]:
    yield quorum.load(name="revision", models=[Account, Note], MONGOHQ_URL=any_url)
    quorum.unload()


@pytest.fixture
def server(mongo_url: str) -> Iterator[Any]:
    yield quorum.load(name="revision", models=[Account, Note], MONGOHQ_URL=mongo_url)
    quorum.unload()


def stored(account: Account) -> Any:
    return Account.collection.find_one({"_id": account.id})


def two(**values: Any) -> tuple[Account, Account]:
    account = Account(**values).save()
    return Account.get(account.id), Account.get(account.id)


@pytest.mark.promise("D4")
def test_a_stale_save_raises_and_writes_nothing(app: Any) -> None:
    one, other = two(total=1)
    one.total = 2
    one.save()
    other.meta["a"] = 1
    before = stored(one)
    with pytest.raises(ConflictError, match="changed by another writer") as caught:
        other.save()
    assert (stored(one), caught.value.model, caught.value.id) == (before, "Account", one.id)


@pytest.mark.promise("D4")
def test_a_stale_save_without_a_change_raises_too(app: Any) -> None:
    one, other = two()
    one.total = 2
    one.save()
    with pytest.raises(ConflictError):
        other.save()


@pytest.mark.promise("D4")
def test_a_stale_append_raises_too(app: Any) -> None:
    one, other = two(tags=["a"])
    one.tags.append("b")
    other.tags.append("c")
    one.save()
    with pytest.raises(ConflictError):
        other.save()
    assert stored(one)["tags"] == ["a", "b"]


@pytest.mark.promise("D4")
def test_three_saves_in_a_row_pass(app: Any) -> None:
    account = Account().save()
    for total in (1, 2, 2, 3):
        account.total = total
        account.save()
    assert (stored(account)["total"], stored(account)["_revision"]) == (3, 4)
    found = Account.get(account.id)
    found.total = 4
    found.save().save()
    assert stored(account)["total"] == 4


@pytest.mark.promise("D4")
def test_a_stale_save_passes_after_a_reload(app: Any) -> None:
    one, other = two()
    one.total = 2
    one.save()
    with pytest.raises(ConflictError):
        other.save()
    other.reload()
    other.total += 1
    other.save()
    assert stored(one)["total"] == 3


@pytest.mark.promise("D4")
def test_a_unique_violation_is_still_one_and_leaves_the_document_savable(app: Any) -> None:
    Account(name="taken").save()
    account = Account(name="free").save()
    account.name = "taken"
    with pytest.raises(ValidationError) as caught:
        account.save()
    assert caught.value.messages == {"name": ["Already exists."]}
    account.name = "other"
    account.save()
    assert stored(account)["name"] == "other"


@pytest.mark.promise("D4")
def test_increments_from_threads_with_retry_are_all_counted(server: Any) -> None:
    account = Account().save()

    def work(_: int) -> None:
        for _ in range(25):
            while True:
                copy = Account.get(account.id)
                copy.total += 1
                try:
                    copy.save()
                    break
                except ConflictError:
                    continue

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert (stored(account)["total"], stored(account)["_revision"]) == (100, 101)


@pytest.mark.promise("D4")
def test_a_stale_delete_raises_and_deletes_nothing(app: Any) -> None:
    one, other = two()
    one.total = 2
    one.save()
    with pytest.raises(ConflictError):
        other.delete()
    assert stored(one)["total"] == 2
    other.reload().delete()
    assert stored(one) is None


@pytest.mark.promise("D5")
def test_a_document_deleted_meanwhile_is_a_conflict(app: Any) -> None:
    one, other = two()
    one.delete()
    other.total = 5
    with pytest.raises(ConflictError, match="deleted by another writer"):
        other.save()
    other.delete()
    assert Account.collection.count_documents({}) == 0


@pytest.mark.promise("D4")
def test_atomic_operators_count_as_changes(app: Any) -> None:
    one, other = two(tags=["a"])
    assert one.inc("total") == 1
    assert one.push("tags", "b") == ["a", "b"]
    one.total = 10
    one.save()
    with pytest.raises(ConflictError):
        other.save()


@pytest.mark.promise("D4")
def test_an_operator_after_another_writers_change_does_not_hide_it(app: Any) -> None:
    one, other = two(meta={"a": 1})
    one.meta["a"] = 2
    one.save()
    assert other.inc("total") == 1
    other.meta["a"] = 3
    with pytest.raises(ConflictError):
        other.save()
    assert stored(one)["meta"] == {"a": 2}


@pytest.mark.promise("D4")
def test_a_document_from_before_there_were_revisions_gets_one(app: Any) -> None:
    account = Account.get(Account.collection.insert_one({"total": 1}).inserted_id)
    other = Account.get(account.id)
    account.total = 2
    account.save()
    account.total = 3
    account.save()
    assert (stored(account)["total"], stored(account)["_revision"]) == (3, 2)
    with pytest.raises(ConflictError):
        other.save()


@pytest.mark.promise("D4")
def test_a_document_behind_a_reference_is_changed_and_deleted_without_being_read(app: Any) -> None:
    account = Account(total=1).save()
    note = Note.get(Note(account=account).save().id)
    assert note.account is not None
    note.account.total = 5
    note.account.save()
    assert stored(account)["total"] == 5
    again = Note.get(note.id)
    assert again.account is not None
    again.account.delete()
    assert stored(account) is None


@pytest.mark.parametrize("revision", ["x", None, True])
def test_an_operator_names_a_revision_that_is_no_number(server: Any, revision: Any) -> None:
    account = Account(total=1).save()
    Account.collection.update_one({}, {"$set": {"_revision": revision}})
    with pytest.raises(StoredValueError, match=r"^Account\._revision .* Remove it by Account\.collection") as caught:
        account.inc("total")
    assert (caught.value.field, caught.value.id) == ("_revision", account.id)
    Account.collection.update_one({}, {"$unset": {"_revision": ""}})
    assert account.reload().inc("total") == 2


def test_an_operator_names_a_field_that_is_no_number(app: Any) -> None:
    account = Account().save()
    Account.collection.update_one({}, {"$set": {"total": "x"}})
    with pytest.raises(ValidationError, match="total: Something of another type is stored"):
        account.inc("total")


@pytest.mark.promise("D4")
def test_the_revision_is_no_field_of_the_document(app: Any) -> None:
    account = Account.get(Account().save().id)
    assert "_revision" not in account.dump()
    with pytest.raises(TypeError):
        Account(_revision=5)  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        Account.new({"_revision": 5})
