"""Hooks and signals: each moment once, in order; their changes are validated and stored, their errors stop a write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from blinker import Signal
from commands import Commands

import quorum
from quorum import signals
from quorum.errors import ConflictError, NotFoundError, ValidationError

MOMENTS = (
    "pre_validate", "post_validate", "pre_save", "post_save", "pre_create", "post_create", "pre_update", "post_update",
    "pre_delete", "post_delete",
)  # fmt: skip

CREATING = ["pre_validate", "post_validate", "pre_save", "pre_create", "post_create", "post_save"]
UPDATING = ["pre_validate", "post_validate", "pre_save", "pre_update", "post_update", "post_save"]
DELETING = ["pre_delete", "post_delete"]

happened: list[str] = []


def hook(moment: str) -> Callable[[Any], None]:
    return lambda document: happened.append(moment)


Watched: Any = type(
    "Watched",
    (quorum.Model,),
    {
        "__annotations__": {"title": str, "tags": list[str]},
        "__module__": __name__,
        "title": quorum.field(max_length=5),
        "tags": [],
        **{moment: hook(moment) for moment in MOMENTS},
    },
)


class Slugged(quorum.Model):
    """Each hook writes something into the document."""

    title: str = quorum.field(max_length=12)
    slug: str | None = quorum.field(format="slug", default=None)
    saves: int = 0
    log: list[str] = []

    def pre_validate(self) -> None:
        self.title = self.title.strip()

    def pre_save(self) -> None:
        self.slug = self.title.lower()
        self.saves += 1

    def pre_create(self) -> None:
        self.log.append("created")

    def pre_update(self) -> None:
        self.log.append("updated")


class Plain(quorum.Model):
    title: str = quorum.field(max_length=5)


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    happened.clear()
    yield
    happened.clear()


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Any, Any]]]:
    """What the signals of `Watched` and `Plain` said: (moment, sender, document)."""
    said: list[tuple[str, Any, Any]] = []

    def listener(moment: str) -> Callable[..., None]:
        return lambda sender, document: said.append((moment, sender, document))

    listeners = {moment: listener(moment) for moment in MOMENTS}
    for moment, function in listeners.items():
        getattr(signals, moment).connect(function)
    yield said
    for moment, function in listeners.items():
        getattr(signals, moment).disconnect(function)


def test_every_moment_has_a_hook_and_a_signal() -> None:
    named = {name for name, value in vars(signals).items() if isinstance(value, Signal)}
    assert named == set(MOMENTS)
    assert all(callable(getattr(quorum.Model, moment)) for moment in MOMENTS)


def test_hooks_fire_once_and_in_order(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Watched)
    watched = Watched(title="a")
    assert happened == []
    watched.save()
    assert happened == CREATING
    happened.clear()
    watched.title = "b"
    watched.save()
    assert happened == UPDATING
    happened.clear()
    watched.delete()
    assert happened == DELETING


def test_a_signal_follows_its_hook(
    load: Callable[..., None], mock_url: str, heard: list[tuple[str, Any, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(mock_url, Watched)
    for moment in MOMENTS:
        monkeypatch.setattr(Watched, moment, lambda document, moment=moment: heard.append((moment, "hook", document)))
    watched = Watched(title="a").save()
    assert [(moment, sender) for moment, sender, _ in heard] == [
        (moment, sender) for moment in CREATING for sender in ("hook", Watched)
    ]
    heard.clear()
    watched.delete()
    assert [(moment, sender) for moment, sender, _ in heard] == [
        (moment, sender) for moment in DELETING for sender in ("hook", Watched)
    ]
    assert all(document is watched for _, _, document in heard)


def test_signals_fire_for_models_without_hooks(
    load: Callable[..., None], any_url: str, heard: list[tuple[str, Any, Any]]
) -> None:
    load(any_url, Plain)
    plain = Plain(title="a").save()
    plain.title = "b"
    plain.save()
    plain.delete()
    assert [moment for moment, _, _ in heard] == CREATING + UPDATING + DELETING
    assert {sender for _, sender, _ in heard} == {Plain}


def test_a_signal_can_be_of_one_model(load: Callable[..., None], mock_url: str) -> None:
    load(mock_url, Plain, Watched)
    titles: list[str] = []

    def note(sender: Any, document: Any) -> None:
        titles.append(document.title)

    with signals.post_save.connected_to(note, sender=Plain):
        Plain(title="a").save()
        Watched(title="b").save()
    Plain(title="c").save()
    assert titles == ["a"]


def test_saving_without_a_change_fires_and_sends_nothing(
    load: Callable[..., None], mongo_url: str, commands: Commands
) -> None:
    load(mongo_url, Watched)
    watched = Watched(title="a").save()
    happened.clear()
    commands.clear()
    watched.save()
    assert happened == UPDATING
    assert commands.names == []


def test_an_invalid_document_stops_after_pre_validate(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Watched)
    with pytest.raises(ValidationError):
        Watched(title="longer").save()
    assert happened == ["pre_validate"]
    assert Watched.count() == 0


def test_validating_alone_fires_nothing() -> None:
    Watched(title="a").validate()
    assert happened == []


def test_reading_fires_nothing(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Watched)
    watched = Watched(title="a").save()
    happened.clear()
    assert Watched.get(watched.id).title == Watched.find()[0].title == watched.reload().title == "a"
    assert happened == []


def test_a_delete_by_query_fires_nothing(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Watched)
    Watched(title="a").save()
    happened.clear()
    assert Watched.find().delete() == 1
    assert happened == []


def test_changes_made_in_hooks_are_stored(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Slugged)
    slugged = Slugged(title="  Hello ").save()
    assert Slugged.get(slugged.id).dump() == {
        "id": str(slugged.id), "title": "Hello", "slug": "hello", "saves": 1, "log": ["created"],
    }  # fmt: skip
    slugged.title = "There"
    slugged.save()
    found = Slugged.get(slugged.id)
    assert (found.title, found.slug, found.saves, found.log) == ("There", "there", 2, ["created", "updated"])
    assert slugged.changes() == {}


def test_changes_made_in_hooks_are_in_the_one_update(
    load: Callable[..., None], mongo_url: str, commands: Commands
) -> None:
    load(mongo_url, Slugged)
    slugged = Slugged(title="a").save()
    commands.clear()
    slugged.title = "b"
    slugged.save()
    (update,) = commands.of("update")
    assert update["updates"][0]["u"] == {
        "$set": {"title": "b", "slug": "b", "saves": 2}, "$push": {"log": {"$each": ["updated"]}},
    }  # fmt: skip
    assert commands.names == ["update"]


def test_changes_made_in_hooks_are_validated(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Slugged)
    with pytest.raises(ValidationError, match=r"^Slugged: slug: Not a valid slug\.$"):
        Slugged(title="not a slug").save()
    assert Slugged.count() == 0
    slugged = Slugged(title="a").save()
    slugged.title = "not a slug"
    with pytest.raises(ValidationError, match=r"^Slugged: slug: Not a valid slug\.$"):
        slugged.save()
    assert Slugged.get(slugged.id).title == "a"


def test_pre_validate_can_complete_a_document(load: Callable[..., None], mock_url: str) -> None:
    class Draft(quorum.Model):
        title: str

        def pre_validate(self) -> None:
            if "title" not in self.dump():
                self.title = "untitled"

    load(mock_url, Draft)
    assert Draft.get(Draft().save().id).title == "untitled"


@contextmanager
def broken(moment: str, *, by_signal: bool = False) -> Iterator[None]:
    """Let the hook of a moment raise, or a receiver of its signal."""

    def fail(*args: Any, **options: Any) -> None:
        raise ZeroDivisionError

    with ExitStack() as stack:
        if by_signal:
            stack.enter_context(getattr(signals, moment).connected_to(fail, sender=Watched))
        else:
            stack.enter_context(pytest.MonkeyPatch.context()).setattr(Watched, moment, fail)
        stack.enter_context(pytest.raises(ZeroDivisionError))
        yield


@pytest.mark.parametrize("moment", ["pre_validate", "post_validate", "pre_save", "pre_create"])
@pytest.mark.parametrize("by_signal", [False, True])
def test_an_exception_before_an_insert_stops_it(
    load: Callable[..., None], any_url: str, moment: str, by_signal: bool
) -> None:
    load(any_url, Watched)
    watched = Watched(title="a")
    with broken(moment, by_signal=by_signal):
        watched.save()
    assert happened == CREATING[: CREATING.index(moment) + by_signal]
    assert Watched.count() == 0
    watched.save()
    assert Watched.get(watched.id).title == "a"


@pytest.mark.parametrize("moment", ["pre_validate", "post_validate", "pre_save", "pre_update"])
def test_an_exception_before_an_update_stops_it(load: Callable[..., None], any_url: str, moment: str) -> None:
    load(any_url, Watched)
    watched = Watched(title="a").save()
    watched.title = "b"
    with broken(moment):
        watched.save()
    assert Watched.get(watched.id).title == "a"
    assert watched.changes() == {"$set": {"title": "b"}}
    watched.save()
    assert Watched.get(watched.id).title == "b"


def test_an_exception_before_a_delete_stops_it(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Watched)
    watched = Watched(title="a").save()
    with broken("pre_delete"):
        watched.delete()
    assert Watched.count() == 1
    watched.delete()
    assert Watched.count() == 0


@pytest.mark.parametrize("moment", ["post_create", "post_save"])
def test_an_exception_after_an_insert_leaves_it_stored(load: Callable[..., None], any_url: str, moment: str) -> None:
    load(any_url, Watched)
    watched = Watched(title="a")
    with broken(moment):
        watched.save()
    assert Watched.count() == 1
    watched.title = "b"
    watched.save()
    assert [found.title for found in Watched.find()] == ["b"]


def test_what_follows_the_write_does_not_fire_when_it_fails(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Watched)
    watched = Watched(title="a").save()
    Watched.collection.delete_one({})
    happened.clear()
    watched.title = "b"
    with pytest.raises(ConflictError):
        watched.save()
    assert happened == UPDATING[:4]


class Thread(quorum.Model):
    title: str

    def post_delete(self) -> None:
        Reply.find(thread=self).delete()
        Reply.find(Reply.others == [self]).delete()


class Reply(quorum.Model):
    thread: Thread | None = quorum.reference()
    others: list[Thread] = quorum.reference(default=[])


def test_what_refers_to_a_document_can_be_deleted_after_it(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Thread, Reply)
    gone, stays = Thread(title="a").save(), Thread(title="b").save()
    kept = Reply(thread=stays).save()
    for reply in (Reply(thread=gone), Reply(others=[gone])):
        reply.save()
    gone.delete()
    assert list(Reply.find()) == [kept]
    with pytest.raises(ValidationError, match="has not been saved"):
        Reply.find(thread=Thread(title="c"))


def test_an_object_that_was_deleted_fires_nothing_when_deleted_again(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Watched)
    watched = Watched(title="a").save()
    watched.delete()
    happened.clear()
    watched.delete()
    assert happened == []


def test_a_document_that_was_never_saved_fires_nothing_when_deleted(load: Callable[..., None], any_url: str) -> None:
    load(any_url, Watched)
    with pytest.raises(NotFoundError, match="This Watched has not been saved"):
        Watched(title="a").delete()
    assert happened == []


def test_a_hook_of_a_base_runs_and_super_reaches_the_default(load: Callable[..., None], mock_url: str) -> None:
    class Stamped(Slugged):
        stamp: str = ""

        def pre_save(self) -> None:
            super().pre_save()
            super().post_validate()
            self.stamp = "x"

    load(mock_url, Slugged, Stamped)
    stamped = Stamped(title="A").save()
    assert (stamped.slug, stamped.stamp, stamped.saves, stamped.log) == ("a", "x", 1, ["created"])


def test_a_mixin_can_bring_hooks(load: Callable[..., None], mock_url: str) -> None:
    class Shouting:
        def pre_save(self) -> None:
            self.title = self.title.upper()  # type: ignore[attr-defined,has-type]

    class Loud(Shouting, quorum.Model):
        title: str

    load(mock_url, Loud)
    assert Loud(title="a").save().title == "A"


def test_a_hook_sees_whether_its_document_is_stored(load: Callable[..., None], any_url: str) -> None:
    counts: list[int] = []

    class Counting(quorum.Model):
        title: str

        def pre_create(self) -> None:
            counts.append(Counting.count())

        def post_create(self) -> None:
            counts.append(Counting.count())

        def post_delete(self) -> None:
            counts.append(Counting.count())

    load(any_url, Counting)
    Counting(title="a").save().delete()
    assert counts == [0, 1, 0]
