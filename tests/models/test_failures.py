"""What a failing network, server or value does: an error that says so, and never half of an answer."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from faults import MODELS, Comment, Post, Rating, Tag, Ticket, loaded, stored

from quorum.errors import ConflictError, OperationalError, QuorumError, ValidationError

Load = Callable[..., None]


@pytest.fixture
def app(proxy: Any, load: Load) -> None:
    """An app behind the proxy."""
    load(proxy.url, *MODELS)


# Write concerns.

NOT_CONFIRMED = {"code": 100, "codeName": "UnsatisfiableWriteConcern", "errmsg": "Not enough data-bearing nodes"}


@pytest.fixture
def unconfirmed(load: Load, mongo_url: str, fail: Callable[..., None]) -> Callable[[str, Callable[[], Any]], None]:
    """Make a call whose write is stored and not confirmed; it raises, as the write concern was not met."""
    load(mongo_url, *MODELS)

    def call(command: str, function: Callable[[], Any]) -> None:
        fail(command, writeConcernError=NOT_CONFIRMED)
        with pytest.raises(OperationalError, match=r"stored.*(not confirm|Not enough)") as caught:
            function()
        assert caught.value.code == 100

    return call


@pytest.mark.promise("D15")
def test_an_insert_that_is_not_confirmed_is_settled_as_stored(unconfirmed: Callable[..., None]) -> None:
    post = Post(title="a", comments=[Comment(text="c")])
    unconfirmed("insert", post.save)
    post.comments[0].text = "d"
    assert post.changes() == {"$set": {"comments.0.text": "d"}}
    post.save()
    assert [document["comments"][0]["text"] for document in stored()] == ["d"]


@pytest.mark.promise("D15")
@pytest.mark.parametrize("model", [Post, Ticket])
def test_an_update_that_is_not_confirmed_is_settled_as_stored(unconfirmed: Callable[..., None], model: Any) -> None:
    document = loaded(model, tags=["a"])
    document.tags.append("b")
    unconfirmed("update", document.save)
    assert document.changes() == {}
    document.save()
    document.tags.append("c")
    document.save()
    assert [found["tags"] for found in stored(model)] == [["a", "b", "c"]]


@pytest.mark.promise("D15")
@pytest.mark.promise("D6")
def test_an_update_of_a_part_that_is_not_confirmed_leaves_the_rest(unconfirmed: Callable[..., None]) -> None:
    Post(rating=Rating(score=1.0, votes=10)).save()
    post = Post.find().only("rating.score")[0]
    assert post.rating is not None
    post.rating.score = 2.0
    unconfirmed("update", post.save)
    post.rating.score = 3.0
    post.save()
    assert stored()[0]["rating"] == {"score": 3.0, "votes": 10}


@pytest.mark.promise("D15")
def test_the_moment_of_an_update_that_is_not_confirmed_is_known(unconfirmed: Callable[..., None]) -> None:
    post = loaded(title="a")
    post.title = "b"
    unconfirmed("update", post.save)
    assert post.updated_at == Post.get(post.id).updated_at


@pytest.mark.promise("D5")
@pytest.mark.promise("D15")
def test_an_update_of_a_deleted_document_that_is_not_confirmed_is_a_conflict(
    load: Load, mongo_url: str, fail: Callable[..., None], commands: Any
) -> None:
    load(mongo_url, *MODELS)
    post = loaded(title="a")
    Post.collection.delete_one({})
    post.title = "b"
    fail("update", writeConcernError=NOT_CONFIRMED)
    with pytest.raises(ConflictError, match="deleted"):
        post.save()
    assert any("writeConcernError" in reply for reply in commands.replies)


@pytest.mark.promise("D15")
def test_a_delete_that_is_not_confirmed_is_done(unconfirmed: Callable[..., None]) -> None:
    post = loaded()
    unconfirmed("delete", post.delete)
    assert stored() == []
    with pytest.raises(ConflictError, match="deleted through this object"):
        post.save()


@pytest.mark.promise("D4")
@pytest.mark.promise("D15")
def test_a_delete_that_is_not_confirmed_and_met_a_newer_revision_is_a_conflict(
    load: Load, mongo_url: str, fail: Callable[..., None], commands: Any
) -> None:
    load(mongo_url, *MODELS)
    ticket = loaded(Ticket)
    Ticket.get(ticket.id).inc("views")
    fail("delete", writeConcernError=NOT_CONFIRMED)
    with pytest.raises(ConflictError, match="changed"):
        ticket.delete()
    assert any("writeConcernError" in reply for reply in commands.replies)
    assert len(stored(Ticket)) == 1


@pytest.mark.promise("D15")
@pytest.mark.parametrize("model", [Post, Ticket])
def test_an_increment_that_is_not_confirmed_is_known(unconfirmed: Callable[..., None], model: Any) -> None:
    document = loaded(model, views=1)
    unconfirmed("findAndModify", lambda: document.inc("views"))
    assert document.views == 2
    document.title = "b"
    document.save()
    assert [(found["views"], found["title"]) for found in stored(model)] == [(2, "b")]


# Reading.


def fill(count: int) -> None:
    Post.collection.insert_many([{"title": f"{number}"} for number in range(count)])


READS = {
    "list": lambda: list(Post.find()),
    "len": lambda: len(Post.find()),
    "sorted": lambda: list(Post.find().sort("-title").only("title")),
    "stream": lambda: list(Post.find().stream(100)),
    "values": lambda: Post.find().values("title"),
    "page": lambda: Post.find().paginate(1, 240, max_per_page=240),
}


@pytest.mark.promise("D18")
@pytest.mark.parametrize("read", READS)
def test_a_connection_lost_while_iterating_raises(app: None, proxy: Any, read: str) -> None:
    fill(250)
    proxy.drop_reply("getMore")
    with pytest.raises(OperationalError, match=str(proxy.port)):
        READS[read]()
    assert "getMore" in proxy.seen


@pytest.mark.promise("D18")
def test_a_stream_gives_what_came_before_the_connection_was_lost_and_then_raises(app: None, proxy: Any) -> None:
    fill(250)
    stream = Post.find().stream(100)
    assert len(list(itertools.islice(stream, 100))) == 100
    proxy.drop_reply("getMore")
    with pytest.raises(OperationalError, match=str(proxy.port)):
        next(stream)


@pytest.mark.promise("D18")
@pytest.mark.parametrize("read", READS)
def test_a_cursor_that_the_server_forgot_raises(
    load: Load, mongo_url: str, fail: Callable[..., None], read: str
) -> None:
    load(mongo_url, *MODELS)
    fill(250)
    fail("getMore", errorCode=43)
    with pytest.raises(OperationalError) as caught:
        READS[read]()
    assert caught.value.code == 43


@pytest.mark.promise("D18")
def test_a_list_that_failed_is_read_anew(app: None, proxy: Any) -> None:
    fill(250)
    query = Post.find()
    proxy.drop_reply("getMore")
    with pytest.raises(OperationalError):
        len(query)
    assert len(query) == 250


ONE = {"get": lambda post: Post.get(post.id), "first": lambda post: Post.first(), "exists": lambda post: Post.exists()}


@pytest.mark.promise("D18")
@pytest.mark.parametrize("read", ONE)
@pytest.mark.parametrize("lose", ["drop_request", "drop_reply"])
def test_a_document_is_read_again_when_the_connection_was_lost(app: None, proxy: Any, read: str, lose: str) -> None:
    post = loaded()
    proxy.seen.clear()
    getattr(proxy, lose)("find")
    assert ONE[read](post) in (post, True)
    assert proxy.seen.count("find") == 2


@pytest.mark.promise("D18")
@pytest.mark.parametrize("read", ONE)
def test_a_document_is_not_read_again_where_the_url_forbids_it(proxy: Any, load: Load, read: str) -> None:
    load(f"{proxy.url}&retryReads=false", *MODELS)
    post = loaded()
    proxy.seen.clear()
    proxy.drop_reply("find")
    with pytest.raises(OperationalError, match=str(proxy.port)):
        ONE[read](post)
    assert proxy.seen.count("find") == 1


@pytest.mark.promise("D18")
def test_a_read_that_took_too_long_is_not_tried_again(load: Load, mongo_url: str, fail: Callable[..., None]) -> None:
    load(mongo_url, *MODELS)
    post = loaded()
    fail("find", errorCode=50)
    with pytest.raises(OperationalError):
        Post.get(post.id)


@pytest.mark.promise("D18")
@pytest.mark.parametrize("read", ONE)
def test_the_limit_of_the_url_holds_for_all_attempts_of_a_read(
    load: Load, mongo_url: str, fail: Callable[..., None], read: str
) -> None:
    load(f"{mongo_url}?timeoutMS=300", *MODELS)
    post = loaded()
    fail("find", blockConnection=True, blockTimeMS=1000)
    with pytest.raises(OperationalError):
        ONE[read](post)


VERBS: dict[str, Callable[[Any], Any]] = {
    "get": lambda post: Post.get(post.id),
    "first": lambda post: Post.first(),
    "find": lambda post: list(Post.find()),
    "stream": lambda post: list(Post.find().stream()),
    "count": lambda post: Post.count(),
    "exists": lambda post: Post.exists(title="a"),
    "distinct": lambda post: Post.find().distinct("title"),
    "paginate": lambda post: Post.find().paginate(),
    "explain": lambda post: Post.find().explain(),
    "query delete": lambda post: Post.find(title="a").delete(),
    "insert": lambda post: Post().save(),
    "update": lambda post: setattr(post, "title", "b") or post.save(),
    "delete": lambda post: post.delete(),
    "reload": lambda post: post.reload(),
    "inc": lambda post: post.inc("views"),
    "push": lambda post: post.push("tags", "x"),
    "pull": lambda post: post.pull("tags", "x"),
    "indexes": lambda post: Post.ensure_indexes(),
}


@pytest.mark.promise("D18")
@pytest.mark.parametrize("how", ["down", "stall"])
def test_every_verb_fails_within_its_limit_and_works_when_the_server_is_back(proxy: Any, load: Load, how: str) -> None:
    load(
        f"{proxy.url}&serverSelectionTimeoutMS=700&socketTimeoutMS=200&connectTimeoutMS=200&heartbeatFrequencyMS=500",
        *MODELS,
    )
    posts = [loaded() for _ in VERBS]
    with ThreadPoolExecutor(len(VERBS)) as pool:
        getattr(proxy, how)()
        calls = [pool.submit(call, post) for call, post in zip(VERBS.values(), posts, strict=True)]
        errors = dict(zip(VERBS, [call.exception(60) for call in calls], strict=True))
        {"down": proxy.up, "stall": proxy.resume}[how]()
    assert {name: type(error) for name, error in errors.items()} == dict.fromkeys(VERBS, OperationalError)
    assert [name for name, error in errors.items() if f"127.0.0.1:{proxy.port} (from " not in str(error)] == []
    assert Post.get(posts[0].id) == posts[0]


@pytest.mark.promise("D18")
def test_an_error_hides_the_password(proxy: Any, load: Load) -> None:
    proxy.down()
    url = proxy.url.replace("mongodb://", "mongodb://ann:hush%40hush@")
    with pytest.raises(OperationalError) as caught:
        load(f"{url}&serverSelectionTimeoutMS=100", *MODELS)
    told = "".join(traceback.format_exception(caught.value))
    assert f"127.0.0.1:{proxy.port}" in told
    assert "hush" not in told


# Values that cannot be stored.


@pytest.mark.promise("D18")
def test_a_document_that_is_too_large_is_a_validation_error(load: Load, mongo_url: str) -> None:
    load(mongo_url, *MODELS)
    post = Post(title="a", blob=b"x" * (17 << 20))
    with pytest.raises(ValidationError, match="too large"):
        post.save()
    assert stored() == []
    post.blob = b"x"
    post.save()
    post.blob = b"x" * (17 << 20)
    with pytest.raises(ValidationError, match="too large"):
        post.save()
    post.blob = b"y"
    post.save()
    assert [document["blob"] for document in stored()] == [b"y"]


LARGE: dict[str, Callable[[str], Any]] = {
    "get": Tag.get,
    "first": lambda text: Tag.first(text=text),
    "find": lambda text: list(Tag.find(text=text)),
    "stream": lambda text: list(Tag.find(text=text).stream()),
    "exists": lambda text: Tag.exists(text=text),
    "count": lambda text: Tag.count(text=text),
}


@pytest.mark.promise("D18")
@pytest.mark.parametrize("read", LARGE)
def test_a_filter_that_is_too_large_is_a_validation_error(load: Load, mongo_url: str, read: str) -> None:
    load(mongo_url, *MODELS)
    with pytest.raises(ValidationError, match="too large"):
        LARGE[read]("x" * (48 << 20))


@pytest.mark.promise("D18")
def test_an_item_that_is_too_large_to_push_is_a_validation_error(load: Load, mongo_url: str) -> None:
    load(mongo_url, *MODELS)
    post = loaded(tags=["a"])
    with pytest.raises(ValidationError, match="too large"):
        post.push("tags", "x" * (17 << 20))
    assert [document["tags"] for document in stored()] == [["a"]]


@pytest.mark.promise("D18")
@pytest.mark.parametrize("code", [10334, 17419])
def test_a_document_that_grows_too_large_on_the_server_is_a_validation_error(
    load: Load, mongo_url: str, fail: Callable[..., None], code: int
) -> None:
    load(mongo_url, *MODELS)
    post = loaded(tags=["a"])
    post.tags.append("b")
    fail("update", "findAndModify", times=2, errorCode=code)
    with pytest.raises(ValidationError, match="too large"):
        post.save()
    post.reload()
    with pytest.raises(ValidationError, match="too large"):
        post.push("tags", "b")
    assert [document["tags"] for document in stored()] == [["a"]]


def _deep() -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(200):
        value = {"a": value}
    return value


UNSTORABLE = {
    "object": object(),
    "class": dict,
    "int": 2**63,
    "surrogate": "\ud800",
    "NUL": {"a\0b": 1},
    "key": {1: 2},
    "deep": _deep(),
    "decimal": Decimal("1e7000"),
}


@pytest.mark.promise("D10")
@pytest.mark.parametrize("what", UNSTORABLE)
def test_a_value_that_bson_cannot_hold_is_refused_before_anything_is_sent(
    load: Load, any_url: str, commands: Any, what: str
) -> None:
    load(any_url, *MODELS)
    value = UNSTORABLE[what]
    post = loaded(title="a")
    new = Post()
    new.meta["x"] = value
    post.meta["x"] = value
    commands.clear()
    for document in (new, post):
        with pytest.raises(ValidationError):
            document.save()
        with pytest.raises(ValidationError):
            document.meta = {"x": value}
    with pytest.raises(QuorumError):
        Post(meta={"x": value})
    assert commands.names == []
    assert [document["meta"] for document in stored()] == [{}]


@pytest.mark.promise("D10")
@pytest.mark.parametrize("value", [2**63, "\ud800", object(), 3.7, True])
def test_a_value_that_does_not_fit_is_not_sent_by_an_atomic_verb(
    load: Load, any_url: str, commands: Any, value: Any
) -> None:
    load(any_url, *MODELS)
    post = loaded(title="a")
    commands.clear()
    with pytest.raises(ValidationError):
        post.inc("views", value)
    if value != "a":
        with pytest.raises(ValidationError):
            post.push("tags", value)
        with pytest.raises(ValidationError):
            post.push("kinds", value)
    assert commands.names == []
