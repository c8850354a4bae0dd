"""Writes whose answer was lost: saving again stores nothing twice, and overwrites nothing that another one wrote."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pymongo
import pytest
from bson import ObjectId
from faults import MODELS, Color, Comment, Everything, Post, Rating, Tag, Ticket, loaded, stored
from pymongo.collection import Collection

from quorum.errors import ConflictError, NotLoadedError, OperationalError, ValidationError

Lose = Callable[[Any, str], None]


@pytest.fixture
def app(proxy: Any, load: Callable[..., None]) -> None:
    """An app behind the proxy, whose driver sends nothing twice: one reply that is lost is lost."""
    load(f"{proxy.url}&retryWrites=false", *MODELS)


@pytest.fixture
def retrying(proxy: Any, load: Callable[..., None]) -> None:
    """An app behind the proxy, whose driver sends a write a second time."""
    load(proxy.url, *MODELS)


def lose_reply(proxy: Any, command: str) -> None:
    proxy.seen.clear()
    proxy.drop_reply(command)


def lose_request(proxy: Any, command: str) -> None:
    proxy.seen.clear()
    proxy.drop_request(command)


def fails(proxy: Any, command: str, call: Callable[[], Any], times: int = 1) -> None:
    """Call what fails as the network does; say that the fault did happen."""
    with pytest.raises(OperationalError, match=str(proxy.port)):
        call()
    assert proxy.seen.count(command) == times


# Inserts.


@pytest.mark.promise("D15")
def test_an_insert_whose_reply_is_lost_once_is_repeated_by_the_driver(retrying: None, proxy: Any) -> None:
    proxy.drop_reply("insert")
    post = Post(title="a").save()
    assert proxy.seen.count("insert") == 2
    assert [document["_id"] for document in stored()] == [post.id]


@pytest.mark.promise("D15")
def test_an_insert_that_the_driver_repeated_over_a_restart_of_the_server_is_no_duplicate(
    load: Callable[..., None], mongo_url: str
) -> None:
    load(mongo_url, *MODELS)
    ticket = Ticket(title="a")
    # A server that was restarted in between does not know that it has done this insert.
    Ticket.collection.insert_one({**ticket.changes()["$set"], "_revision": 1})
    ticket.save()
    ticket.title = "b"
    ticket.save()
    assert [document["title"] for document in stored(Ticket)] == ["b"]


@pytest.mark.promise("D15")
def test_saving_again_stores_one_document_where_the_driver_gave_up_too(retrying: None, proxy: Any) -> None:
    post = Post(title="a")
    proxy.drop_reply("insert", times=2)
    fails(proxy, "insert", post.save, times=2)
    post.save()
    assert [document["_id"] for document in stored()] == [post.id]


@pytest.mark.promise("D15")
def test_saving_again_pushes_once_where_the_driver_gave_up_too(retrying: None, proxy: Any) -> None:
    post = loaded(tags=["a"])
    post.tags.append("b")
    proxy.drop_reply("update", times=2)
    fails(proxy, "update", post.save, times=2)
    post.save()
    assert [document["tags"] for document in stored()] == [["a", "b"]]


@pytest.mark.promise("D15")
@pytest.mark.parametrize("lose", [lose_reply, lose_request])
def test_saving_again_after_an_insert_without_a_reply_stores_one_document(app: None, proxy: Any, lose: Lose) -> None:
    post = Post(title="a", name="ann")
    lose(proxy, "insert")
    fails(proxy, "insert", post.save)
    assert len(stored()) == (1 if lose is lose_reply else 0)
    post.save()
    assert [document["_id"] for document in stored()] == [post.id]
    assert post.changes() == {}
    post.title = "b"
    post.save()
    assert [document["title"] for document in stored()] == ["b"]


@pytest.mark.promise("D15")
def test_what_was_changed_before_saving_again_is_stored(app: None, proxy: Any) -> None:
    post = Post(title="a", tags=["x"])
    lose_reply(proxy, "insert")
    fails(proxy, "insert", post.save)
    post.title = "b"
    post.tags.append("y")
    post.save()
    assert [(document["title"], document["tags"]) for document in stored()] == [("b", ["x", "y"])]


@pytest.mark.promise("D15")
def test_an_insert_that_was_tried_in_two_forms_is_taken_up_in_the_form_that_was_stored(app: None, proxy: Any) -> None:
    post = Post(title="a")
    lose_request(proxy, "insert")
    fails(proxy, "insert", post.save)
    post.title = "b"
    lose_reply(proxy, "insert")
    fails(proxy, "insert", post.save)
    post.title = "c"
    post.save()
    assert [document["title"] for document in stored()] == ["c"]


@pytest.mark.promise("D15")
def test_another_embedded_document_that_was_assigned_before_saving_again_keeps_its_values(
    app: None, proxy: Any
) -> None:
    theirs = loaded(rating=Rating(score=2.0, votes=2))
    post = Post(rating=Rating(score=1.0, votes=1))
    lose_reply(proxy, "insert")
    fails(proxy, "insert", post.save)
    post.rating = theirs.rating
    post.rating.score = 3.0
    post.save()
    assert [document["rating"] for document in stored()] == [{"score": 2.0, "votes": 2}, {"score": 3.0, "votes": 2}]
    assert post.rating.dump() == {"score": 3.0, "votes": 2}
    assert post.changes() == {}


@pytest.mark.promise("D15")
def test_an_embedded_document_that_was_assigned_for_none_before_saving_again_is_stored(app: None, proxy: Any) -> None:
    post = Post()
    lose_reply(proxy, "insert")
    fails(proxy, "insert", post.save)
    post.rating = Rating(votes=1)
    post.save()
    assert [document["rating"] for document in stored()] == [{"score": 0.0, "votes": 1}]
    assert post.changes() == {}


@pytest.mark.promise("D15")
def test_a_document_of_every_type_is_taken_up(app: None, proxy: Any) -> None:
    document = Everything(
        text="é", number=2**40, real=1.5, yes=True, data=b"\0\1", moment=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        day=date(2026, 1, 2), hour=time(1, 2, 3, 4), price=Decimal("1.10"), key=uuid4(), color=Color.RED,
        ids=[ObjectId(), ObjectId()], kinds={3, 1, 2}, pair=(1, "a"),
        extra={"a": {"b": [1, None, 2.5, {"c": datetime(2026, 1, 1, tzinfo=UTC)}]}, "u": uuid4(), "d": Decimal("2.50")},
        one=Comment(text="one"), many=[Comment(text="two"), Comment(text="three")],
    )  # fmt: skip
    lose_reply(proxy, "insert")
    fails(proxy, "insert", document.save)
    proxy.seen.clear()
    document.save()
    assert "update" not in proxy.seen
    assert len(stored(Everything)) == 1


@pytest.mark.promise("D15")
def test_a_natural_key_is_taken_up_where_the_document_is_ours(app: None, proxy: Any) -> None:
    tag = Tag(slug="a", text="mine")
    lose_reply(proxy, "insert")
    fails(proxy, "insert", tag.save)
    tag.save()
    assert stored(Tag) == [{"_id": "a", "text": "mine"}]


@pytest.mark.promise("D15")
def test_a_natural_key_that_another_process_stored_is_not_taken_for_ours(app: None, proxy: Any) -> None:
    tag = Tag(slug="a", text="mine")
    lose_request(proxy, "insert")
    fails(proxy, "insert", tag.save)
    Tag.collection.insert_one({"_id": "a", "text": "theirs"})
    with pytest.raises(ValidationError) as caught:
        tag.save()
    assert caught.value.messages == {"slug": ["Already exists."]}
    assert stored(Tag) == [{"_id": "a", "text": "theirs"}]


@pytest.mark.promise("D15")
def test_a_unique_value_that_another_took_meanwhile_is_still_a_violation(app: None, proxy: Any) -> None:
    post = Post(name="ann")
    lose_request(proxy, "insert")
    fails(proxy, "insert", post.save)
    other = Post(name="ann").save()
    with pytest.raises(ValidationError) as caught:
        post.save()
    assert caught.value.messages == {"name": ["Already exists."]}
    post.name = "bob"
    post.save()
    assert {document["_id"] for document in stored()} == {post.id, other.id}


@pytest.mark.promise("D15")
def test_a_revision_goes_on_after_an_insert_without_a_reply(app: None, proxy: Any) -> None:
    ticket = Ticket(title="a")
    lose_reply(proxy, "insert")
    fails(proxy, "insert", ticket.save)
    for title in "bcd":
        ticket.title = title
        ticket.save()
    assert [(document["title"], document["_revision"]) for document in stored(Ticket)] == [("d", 4)]


@pytest.mark.promise("D15")
def test_an_insert_that_the_server_says_it_may_have_done_is_taken_up(
    load: Callable[..., None], mongo_url: str, fail: Callable[..., None]
) -> None:
    """Codes as a mongos gives them when it lost a shard: no connection of ours failed."""
    load(mongo_url, *MODELS)
    post = Post(title="a")
    fail("insert", times=2, errorCode=6, errorLabels=["RetryableWriteError"])
    with pytest.raises(OperationalError) as caught:
        post.save()
    assert caught.value.code == 6
    moments = {"created_at": post.created_at, "updated_at": post.updated_at}
    Post.collection.insert_one({**loaded(title="a")._doc, **moments, "_id": post.id})
    Post.find(Post.id != post.id).delete()
    post.save()
    assert [document["_id"] for document in stored()] == [post.id]


@pytest.mark.promise("D4")
@pytest.mark.promise("D15")
@pytest.mark.parametrize("model", [Post, Ticket])
def test_what_became_of_a_write_is_read_from_the_primary(
    mongo_url: str, load: Callable[..., None], fail: Callable[..., None], model: Any
) -> None:
    """The server is a replica set without a secondary, so that a read from one fails."""
    load(f"{mongo_url}?readPreference=secondary&serverSelectionTimeoutMS=100", *MODELS)
    with pytest.raises(OperationalError):
        model.first()
    document = model(tags=["a"]).save()
    document.tags.append("b")
    fail("update", times=2, errorCode=6, errorLabels=["RetryableWriteError"])
    with pytest.raises(OperationalError) as caught:
        document.save()
    assert caught.value.code == 6
    document.save()
    document.save()
    model.collection.update_one({"_id": document.id}, {"$set": {"_revision": 9}, "$unset": {"tags": ""}})
    document.tags = ["c", "d", "e"]
    with pytest.raises(ConflictError):
        document.save()


def interrupted(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Interrupt the program once, after the server did it and before the driver's method returns."""
    real = getattr(Collection, method)

    def once(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(Collection, method, real)
        real(*args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(Collection, method, once)


@pytest.mark.promise("D15")
def test_saving_again_after_an_interrupted_insert_stores_one_document(
    load: Callable[..., None], mongo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(mongo_url, *MODELS)
    post = Post(title="a")
    interrupted(monkeypatch, "insert_one")
    with pytest.raises(KeyboardInterrupt):
        post.save()
    post.save()
    assert [document["_id"] for document in stored()] == [post.id]


@pytest.mark.promise("D15")
def test_an_insert_past_its_time_limit_is_taken_up(proxy: Any, load: Callable[..., None]) -> None:
    load(proxy.url, *MODELS)
    post = Post(title="a")
    Post.count()
    proxy.drop_reply("insert", times=20)
    with pytest.raises(OperationalError), pymongo.timeout(0.3):
        post.save()
    proxy.drop_reply("insert", times=0)
    post.save()
    assert [document["_id"] for document in stored()] == [post.id]


@pytest.mark.promise("D15")
def test_a_network_that_keeps_bytes_back_is_an_error_and_then_one_document(
    proxy: Any, load: Callable[..., None]
) -> None:
    load(f"{proxy.url}&socketTimeoutMS=300&serverSelectionTimeoutMS=500", *MODELS)
    post = Post(title="a")
    proxy.stall()
    with pytest.raises(OperationalError, match="timed out"):
        post.save()
    proxy.resume()
    post.save()
    assert [document["_id"] for document in stored()] == [post.id]


# Updates.


@pytest.mark.promise("D15")
@pytest.mark.parametrize("lose", [lose_reply, lose_request])
@pytest.mark.parametrize("model", [Post, Ticket])
def test_saving_again_after_a_push_without_a_reply_pushes_once(app: None, proxy: Any, lose: Lose, model: Any) -> None:
    document = loaded(model, tags=["a"])
    document.tags.append("b")
    lose(proxy, "update")
    fails(proxy, "update", document.save)
    document.save()
    assert [found["tags"] for found in stored(model)] == [["a", "b"]]
    assert document.changes() == {}
    document.title = "more"
    document.save()
    assert [(found["title"], found.get("_revision")) for found in stored(model)] == [
        ("more", 3 if model is Ticket else None)
    ]


@pytest.mark.promise("D15")
def test_an_update_whose_reply_is_lost_once_is_done_once(retrying: None, proxy: Any) -> None:
    post = loaded(tags=["a"])
    post.tags.append("b")
    proxy.drop_reply("update")
    post.save()
    assert proxy.seen.count("update") == 2
    assert [document["tags"] for document in stored()] == [["a", "b"]]


@pytest.mark.promise("D15")
def test_what_another_thread_assigns_while_an_answer_is_lost_is_stored_by_saving_again(
    load: Callable[..., None], mongo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(mongo_url, *MODELS)
    post = loaded(rating=Rating(votes=1))
    update_one = Collection.update_one

    def lose(self: Any, *arguments: Any) -> None:
        update_one(self, *arguments)
        post.views = post.rating.votes = 3
        raise pymongo.errors.AutoReconnect("lost")

    post.title, post.rating.score = "b", 2.0
    monkeypatch.setattr(Collection, "update_one", lose)
    with pytest.raises(OperationalError, match="lost"):
        post.save()
    monkeypatch.setattr(Collection, "update_one", update_one)
    post.save()
    (found,) = stored()
    assert (found["title"], found["views"], found["rating"]) == ("b", 3, {"score": 2.0, "votes": 3})
    assert post.changes() == {}


@pytest.mark.promise("D15")
def test_what_was_pushed_before_saving_again_is_pushed_too(app: None, proxy: Any) -> None:
    post = loaded(tags=["a"])
    post.tags.append("b")
    lose_reply(proxy, "update")
    fails(proxy, "update", post.save)
    post.tags.append("c")
    post.save()
    assert [document["tags"] for document in stored()] == [["a", "b", "c"]]


@pytest.mark.promise("D15")
@pytest.mark.promise("D3")
@pytest.mark.parametrize("lose", [lose_reply, lose_request])
def test_what_another_writer_pushed_after_a_lost_reply_is_a_conflict_and_kept(
    app: None, proxy: Any, lose: Lose
) -> None:
    post = loaded(tags=["a"])
    post.tags.append("b")
    lose(proxy, "update")
    fails(proxy, "update", post.save)
    Post.get(post.id).push("tags", "c")
    before = stored()
    for _ in range(2):
        with pytest.raises(ConflictError):
            post.save()
    assert stored() == before
    assert "c" in post.reload().tags
    post.title = "b"
    post.save()
    assert stored()[0]["title"] == "b"


@pytest.mark.promise("D15")
@pytest.mark.promise("D4")
def test_a_revision_that_another_writer_made_after_a_lost_reply_is_not_taken_for_ours(app: None, proxy: Any) -> None:
    ticket = loaded(Ticket, title="a")
    ticket.title = "b"
    lose_reply(proxy, "update")
    fails(proxy, "update", ticket.save)
    other = Ticket.get(ticket.id)
    other.tags.append("theirs")
    other.save()
    with pytest.raises(ConflictError):
        ticket.save()


@pytest.mark.promise("D15")
@pytest.mark.parametrize("lose", [lose_reply, lose_request])
def test_items_of_a_set_are_added_after_an_update_without_a_reply(app: None, proxy: Any, lose: Lose) -> None:
    post = loaded(kinds={5, 3})
    post.kinds.add(1)
    lose(proxy, "update")
    fails(proxy, "update", post.save)
    post.save()
    assert Post.get(post.id).kinds == {1, 3, 5}


@pytest.mark.promise("D15")
def test_embedded_documents_that_move_after_a_lost_reply_keep_their_values(app: None, proxy: Any) -> None:
    post = loaded(comments=[Comment(text="a", by="ann"), Comment(text="b", by="bob"), Comment(text="c", by="eve")])
    post.comments[1].text = "B"
    lose_reply(proxy, "update")
    fails(proxy, "update", post.save)
    del post.comments[0]
    post.save()
    assert stored()[0]["comments"] == [{"text": "B", "by": "bob"}, {"text": "c", "by": "eve"}]
    assert [(comment.text, comment.by) for comment in post.comments] == [("B", "bob"), ("c", "eve")]


@pytest.mark.promise("D15")
@pytest.mark.promise("D6")
@pytest.mark.parametrize("lose", [lose_reply, lose_request])
def test_a_part_that_was_loaded_alone_is_saved_again_without_touching_the_rest(
    app: None, proxy: Any, lose: Lose
) -> None:
    Post(rating=Rating(score=1.0, votes=10)).save()
    post = Post.find().only("rating.score")[0]
    assert post.rating is not None
    post.rating.score = 2.0
    lose(proxy, "update")
    fails(proxy, "update", post.save)
    post.save()
    post.rating.score = 3.0
    post.save()
    assert stored()[0]["rating"] == {"score": 3.0, "votes": 10}
    with pytest.raises(NotLoadedError):
        post.rating.votes  # noqa: B018


@pytest.mark.promise("D15")
@pytest.mark.parametrize("lose", [lose_reply, lose_request])
def test_a_field_that_was_not_loaded_is_saved_again(app: None, proxy: Any, lose: Lose) -> None:
    Post(title="a", views=3).save()
    post = Post.find().only("views")[0]
    post.title = "b"
    lose(proxy, "update")
    fails(proxy, "update", post.save)
    post.save()
    assert [(document["title"], document["views"]) for document in stored()] == [("b", 3)]


@pytest.mark.promise("D1")
@pytest.mark.promise("D15")
@pytest.mark.parametrize("lose", [lose_reply, lose_request])
def test_what_another_writer_changed_beside_an_update_without_a_reply_is_kept(
    app: None, proxy: Any, lose: Lose
) -> None:
    post = loaded(rating=Rating(score=1.0, votes=10))
    post.rating.score = 2.0
    lose(proxy, "update")
    fails(proxy, "update", post.save)
    Post.collection.update_one({}, {"$set": {"rating.votes": 11}})
    post.save()
    assert stored()[0]["rating"] == {"score": 2.0, "votes": 11}


@pytest.mark.promise("D15")
def test_the_moment_of_an_update_without_a_reply_is_known_after_saving_again(app: None, proxy: Any) -> None:
    post = loaded(title="a")
    post.title = "b"
    lose_reply(proxy, "update")
    fails(proxy, "update", post.save)
    post.save()
    assert post.updated_at == Post.get(post.id).updated_at


@pytest.mark.promise("D15")
def test_a_moment_that_was_assigned_gives_way_after_a_lost_reply_too(app: None, proxy: Any) -> None:
    post = loaded(title="a")
    post.title, post.updated_at = "b", datetime(2000, 1, 1, tzinfo=UTC)
    lose_reply(proxy, "update")
    fails(proxy, "update", post.save)
    post.save()
    assert post.updated_at == Post.get(post.id).updated_at
    assert post.changes() == {}


@pytest.mark.promise("D15")
def test_saving_again_after_an_interrupted_push_pushes_once(
    load: Callable[..., None], mongo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(mongo_url, *MODELS)
    post = loaded(tags=["a"])
    post.tags.append("b")
    interrupted(monkeypatch, "update_one")
    with pytest.raises(KeyboardInterrupt):
        post.save()
    post.save()
    assert [document["tags"] for document in stored()] == [["a", "b"]]


@pytest.mark.promise("D5")
@pytest.mark.promise("D15")
def test_a_document_deleted_after_a_lost_reply_is_not_brought_back(app: None, proxy: Any) -> None:
    post = loaded(title="a")
    post.title = "b"
    lose_reply(proxy, "update")
    fails(proxy, "update", post.save)
    Post.collection.delete_one({})
    with pytest.raises(ConflictError, match="deleted"):
        post.save()
    assert stored() == []


@pytest.mark.promise("D15")
@pytest.mark.parametrize("model", [Post, Ticket])
def test_deleting_again_after_a_delete_without_a_reply_is_no_error(app: None, proxy: Any, model: Any) -> None:
    document = loaded(model)
    lose_reply(proxy, "delete")
    fails(proxy, "delete", document.delete)
    document.delete()
    assert stored(model) == []


@pytest.mark.promise("D15")
def test_an_increment_whose_reply_is_lost_once_counts_once(retrying: None, proxy: Any) -> None:
    post = loaded(views=1)
    proxy.drop_reply("findAndModify")
    assert post.inc("views", 2) == 3
    assert proxy.seen.count("findAndModify") == 2
    assert stored()[0]["views"] == 3


@pytest.mark.promise("D15")
def test_an_increment_without_a_reply_raises_and_was_done_at_most_once(app: None, proxy: Any) -> None:
    post = loaded(views=1)
    lose_reply(proxy, "findAndModify")
    fails(proxy, "findAndModify", lambda: post.inc("views", 2))
    assert stored()[0]["views"] == 3
    assert post.reload().views == 3


@pytest.mark.promise("D15")
def test_a_document_that_another_writer_changed_after_a_lost_insert_is_a_conflict(app: None, proxy: Any) -> None:
    post = Post(title="a")
    lose_reply(proxy, "insert")
    fails(proxy, "insert", post.save)
    Post.collection.update_one({}, {"$set": {"title": "theirs"}})
    with pytest.raises(ConflictError, match="another writer"):
        post.save()
    assert [document["title"] for document in stored()] == ["theirs"]


@pytest.mark.promise("D15")
def test_an_embedded_document_that_moved_without_an_answer_changes_nothing_where_it_came_from(
    app: None, proxy: Any
) -> None:
    ones = [{"text": "a", "by": "b"}, {"by": "c", "text": "d", "more": 1}]
    first, second = [Everything.get(Everything.collection.insert_one({"one": one}).inserted_id) for one in ones]
    lose_reply(proxy, "update")
    second.one = first.one
    fails(proxy, "update", second.save)
    second.save()
    second.one.text = "new"
    assert first._doc["one"] == {"text": "a", "by": "b"}
    assert first.changes()["$set"]["one.text"] == "new"
