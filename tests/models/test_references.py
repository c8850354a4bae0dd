"""References: no command for an id, one for all siblings, an error for what does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from bson import DBRef, ObjectId

import quorum
from quorum.errors import ConfigurationError, DanglingReferenceError, StoredValueError, ValidationError
from quorum.models import batches
from quorum.models.documents import set_doc, set_state
from quorum.models.references import ReferenceKind


class Team(quorum.Model):
    name: str = ""


class Person(quorum.Model):
    name: str = ""
    team: Team | None = quorum.reference(default=None)
    boss: Person | None = quorum.reference(default=None)
    friends: list[Person] = quorum.reference(default=[])


class Tag(quorum.Model):
    slug: str = quorum.field(primary=True)
    text: str = ""


class Comment(quorum.EmbeddedModel):
    text: str = ""
    by: Person | None = quorum.reference(default=None)
    replies: list[Comment] = []


class Post(quorum.Model):
    title: str = ""
    author: Person = quorum.reference()
    editor: Person | None = quorum.reference(default=None, alias="ed")
    tags: list[Tag] = quorum.reference(default=[])
    words: list[str] = []
    comments: list[Comment] = []
    by_role: dict[str, Person] = quorum.reference(default={})
    next: Post | None = quorum.reference(default=None)


MODELS = [Team, Person, Tag, Post]


@pytest.fixture
def app(any_url: str) -> Iterator[Any]:
    yield quorum.load(name="references", models=MODELS, MONGOHQ_URL=any_url)
    quorum.unload()


@pytest.fixture
def server(mongo_url: str) -> Iterator[Any]:
    yield quorum.load(name="references", models=MODELS, MONGOHQ_URL=mongo_url)
    quorum.unload()


@pytest.fixture
def page(server: Any, commands: Any) -> Any:
    """50 posts of 10 authors in 3 teams, with tags and comments."""
    teams = [Team(name=f"team {n}").save() for n in range(3)]
    people = [Person(name=f"person {n}", team=teams[n % 3]).save() for n in range(10)]
    tags = [Tag(slug=f"tag{n}", text=f"Tag {n}").save() for n in range(5)]
    for n in range(50):
        comments = [Comment(text=str(i), by=people[(n + i) % 10]) for i in range(3)]
        Post(
            title=f"post {n}",
            author=people[n % 10],
            tags=[tags[n % 5], tags[(n + 1) % 5]],
            words=["a", "b"],
            comments=comments,
        ).save()
    commands.clear()
    return commands


# How many commands.


def test_a_page_of_posts_with_authors_and_words_is_two_commands(page: Any) -> None:
    rows = [(post.title, post.author.name, post.words) for post in Post.find().sort("title").limit(50)]
    assert (len(rows), page.names) == (50, ["find", "find"])
    assert rows[0] == ("post 0", "person 0", ["a", "b"])


def test_the_second_command_asks_for_each_author_once(page: Any) -> None:
    assert {post.author.name for post in Post.find()} == {f"person {n}" for n in range(10)}
    (wanted,) = page.of("find")[1]["filter"].values()
    assert len(wanted["$in"]) == 10


def test_the_authors_own_references_are_one_more_command(page: Any) -> None:
    names = {post.author.team.name for post in Post.find()}
    assert (names, page.names) == ({"team 0", "team 1", "team 2"}, ["find"] * 3)


def test_lists_of_references_are_one_more_command(page: Any) -> None:
    texts = {tag.text for post in Post.find() for tag in post.tags}
    assert (texts, page.names) == ({f"Tag {n}" for n in range(5)}, ["find"] * 2)


def test_references_in_embedded_documents_are_one_more_command(page: Any) -> None:
    names = {comment.by.name for post in Post.find() for comment in post.comments}
    assert (len(names), page.names) == (10, ["find"] * 2)


def test_an_id_needs_no_command(page: Any) -> None:
    posts = list(Post.find())
    ids = [post.author.id for post in posts]
    ids += [comment.by.id for post in posts for comment in post.comments]
    slugs = {tag.slug for post in posts for tag in post.tags}
    assert all(type(one) is ObjectId for one in ids)
    assert (len(slugs), page.names) == (5, ["find"])


def test_comparing_and_showing_references_needs_no_command(page: Any) -> None:
    first, second = Post.find().sort("title")[:2]
    assert first.author != second.author
    assert len({first.author, second.author}) == 2
    assert str(first.author.id) in repr(first.author)
    assert first.dump()["author"] == str(first.author.id)
    assert page.names == ["find"]


def test_a_document_that_was_only_compared_is_saved_without_a_command(page: Any) -> None:
    post = Post.find().first()
    assert post is not None
    post.author = post.author
    post.save()
    assert page.names == ["find"]


@pytest.mark.parametrize(
    ("paths", "count"),
    [
        (["author"], 2),
        (["author.team"], 3),
        (["comments.by"], 2),
        (["comments.by.team"], 3),
        (["author.team", "tags"], 4),
        (["author", "author.team"], 4),
    ],
)
def test_prefetch_loads_each_level_by_one_command(page: Any, paths: list[str], count: int) -> None:
    posts = list(Post.find().prefetch(*paths))
    assert len(page.names) <= count
    page.clear()
    for post in posts:
        for path in paths:
            if path.startswith("author"):
                assert post.author.name
            if path.endswith("team") and path.startswith("author"):
                assert post.author.team.name
            if path.startswith("comments"):
                assert all(comment.by.name for comment in post.comments)
            if path == "comments.by.team":
                assert all(comment.by.team.name for comment in post.comments)
            if path == "tags":
                assert all(tag.text for tag in post.tags)
    assert page.names == []


def test_a_stream_loads_the_references_of_each_batch_together(page: Any) -> None:
    names = [post.author.name for post in Post.find().stream(batch_size=25)]
    finds = [command for command in page.of("find") if command["find"] == Person.collection.name]
    assert (len(names), len(finds)) == (50, 2)


@pytest.mark.parametrize(
    ("paths", "sent"),
    [
        (["author"], ["aggregate"]),
        (["author", "editor", "next"], ["aggregate"]),
        (["author.team"], ["aggregate", "find"]),
        (["author", "tags"], ["aggregate", "find"]),
        (["comments.by"], ["find", "find"]),
    ],
)
def test_one_document_and_what_it_refers_to_are_one_command(page: Any, paths: list[str], sent: list[str]) -> None:
    post = Post.find(title="post 7").sort("-title").prefetch(*paths).first()
    assert post is not None
    read = {
        "author": lambda: post.author.name == "person 7",
        "author.team": lambda: post.author.team.name == "team 1",
        "editor": lambda: post.editor is None,
        "next": lambda: post.next is None,
        "tags": lambda: [tag.text for tag in post.tags] == ["Tag 2", "Tag 3"],
        "comments.by": lambda: [comment.by.name for comment in post.comments] == ["person 7", "person 8", "person 9"],
    }
    assert all(read[path]() for path in paths)
    assert page.names == sent


def test_what_was_joined_is_no_part_of_the_document(page: Any) -> None:
    post = Post.find(title="post 7").prefetch("author").first()
    assert post is not None
    assert post._doc == Post.collection.find_one({"title": "post 7"})
    assert post.author._doc == Person.collection.find_one({"name": "person 7"})
    post.author.name = "new"
    post.author.save()
    assert Person.count(name="new") == 1


def test_one_document_is_joined_within_what_was_asked_for(page: Any) -> None:
    posts = Post.find().sort("title").skip(1)
    assert posts.prefetch("author").first().title == posts.first().title
    post = posts.only("title").prefetch("author").first()
    with pytest.raises(quorum.errors.NotLoadedError):
        post.author  # noqa: B018
    post = posts.only("author").prefetch("author").first()
    page.clear()
    assert (post.author.name, page.names) == ("person 1", [])


def test_where_the_server_refuses_to_join_one_document_is_loaded_in_two_commands(page: Any, fail: Any) -> None:
    fail("aggregate", errorCode=51)
    post = Post.find(title="post 7").prefetch("author").first()
    assert page.names == ["aggregate", "find", "find"]
    assert post is not None
    assert post.author.name == "person 7"


def test_nothing_found_is_nothing_joined(app: Any) -> None:
    assert Post.find(title="none").prefetch("author").first() is None


def test_a_stream_prefetches(page: Any) -> None:
    for post in Post.find().prefetch("author.team").stream(batch_size=50):
        assert post.author.team.name
    assert [command["find"] for command in page.of("find")] == ["posts", "persons", "teams"]


def test_a_page_of_paginate_knows_its_siblings(page: Any) -> None:
    names = [post.author.name for post in Post.find().paginate(1, 20).items]
    assert (len(names), len(page.of("find"))) == (20, 2)


def test_a_reference_that_nobody_has_is_no_command(page: Any) -> None:
    assert [post.editor for post in Post.find()] == [None] * 50
    assert [list(post.by_role) for post in Post.find(title="none")] == []
    assert page.names == ["find", "find"]


@pytest.mark.promise("D17")
def test_a_document_can_be_read_while_another_thread_loads_it(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    author = Post.get(title="post 7").author
    read: list[Any] = []

    def in_between(document: Any, state: Any) -> None:
        if document is author:
            read.extend([author.team.name, author.friends])
        set_state(document, state)

    monkeypatch.setattr(batches, "set_state", in_between)
    assert author.name == "person 7"
    assert read == [author.team.name, author.friends]


def test_one_document_for_one_id_among_siblings(page: Any) -> None:
    posts = list(Post.find().sort("title"))
    one, other = [post for post in posts if post.author.name == "person 3"][:2]
    assert one.author is other.author


# What is stored, and what it reads as.


def test_a_reference_is_stored_as_the_id_alone(app: Any) -> None:
    ann = Person(name="Ann").save()
    tag = Tag(slug="x").save()
    post = Post(author=ann, editor=ann, tags=[tag], by_role={"r": ann}, comments=[Comment(by=ann)]).save()
    found = Post.collection.find_one({"_id": post.id})
    assert found is not None
    assert (found["author"], found["ed"], found["tags"], found["by_role"]) == (ann.id, ann.id, ["x"], {"r": ann.id})
    assert found["comments"][0]["by"] == ann.id


def test_an_id_is_taken_for_a_reference(app: Any) -> None:
    ann = Person(name="Ann").save()
    post = Post(author=ann.id, tags=["later"]).save()  # type: ignore[arg-type, list-item]
    Tag(slug="later", text="Later").save()
    assert (post.author.name, post.tags[0].text) == ("Ann", "Later")
    assert Post.get(post.id).author == ann


def test_a_reference_by_name_and_to_the_model_itself(app: Any) -> None:
    ann = Person(name="Ann").save()
    bob = Person(name="Bob", boss=ann, friends=[ann]).save()
    again = Person.get(bob.id)
    assert again.boss is not None
    assert (again.boss.name, [friend.name for friend in again.friends]) == ("Ann", ["Ann"])


@pytest.mark.promise("D20")
def test_cycles_end(server: Any, commands: Any) -> None:
    ann, bob = Person(name="Ann").save(), Person(name="Bob").save()
    ann.boss, bob.boss = bob, ann
    ann.friends = [ann, bob]
    ann.save()
    bob.save()
    commands.clear()
    found = list(Person.find().prefetch("boss.boss.boss", "friends.friends"))
    assert len(commands.names) <= 6
    again = next(person for person in found if person.name == "Ann")
    assert again.boss is not None
    assert again.boss.boss is not None
    assert (again.boss.name, again.boss.boss.name, [friend.name for friend in again.friends]) == (
        "Bob",
        "Ann",
        ["Ann", "Bob"],
    )
    assert (again.dump()["boss"], again.dump()["friends"]) == (str(bob.id), [str(ann.id), str(bob.id)])
    again.boss.name = "Rob"
    again.boss.save()
    assert Person.get(bob.id).name == "Rob"


def test_a_document_that_refers_to_itself(app: Any) -> None:
    ann = Person(name="Ann").save()
    ann.boss = ann
    ann.save()
    again = Person.get(ann.id)
    assert again.boss == again
    assert again.boss is not None
    assert again.boss.boss is not None
    assert again.boss.boss.name == "Ann"


def test_what_was_not_saved_cannot_be_referred_to(app: Any) -> None:
    with pytest.raises(ValidationError, match="has not been saved") as caught:
        Post(author=Person(name="New"), comments=[Comment(by=Person())]).save()
    assert caught.value.messages.keys() == {"author", "comments"}
    assert Post.collection.count_documents({}) == 0


def test_what_was_deleted_cannot_be_referred_to(app: Any) -> None:
    ann = Person(name="Ann").save()
    gone, there = Tag(slug="a").save(), Tag(slug="b").save()
    post = Post(author=ann, tags=[gone, there]).save()
    gone.delete()
    with pytest.raises(ValidationError) as caught:
        Post(author=ann, tags=[there, gone]).save()
    assert caught.value.messages == {"tags": {1: ["This Tag has been deleted."]}}
    post.title = "what refers to it already is saved as any other"
    post.save()
    post.tags.append(there)
    with pytest.raises(ValidationError, match="This Tag has been deleted"):
        post.save()
    post.tags.remove(gone)
    assert Post.get(post.save().id).tags == [there, there]


def test_a_document_of_another_model_is_refused(app: Any) -> None:
    team = Team(name="t").save()
    with pytest.raises(ValidationError, match="Not a Person"):
        Post(author=team)  # type: ignore[arg-type]


def test_a_required_reference_is_required(app: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Post(title="T").save()
    assert caught.value.messages == {"author": ["Missing data for required field."]}


def test_a_document_can_be_changed_and_saved_through_a_reference(app: Any) -> None:
    ann = Person(name="Ann", team=Team(name="t").save()).save()
    post = Post.get(Post(author=ann).save().id)
    post.author.name = "Anna"
    post.author.save()
    stored = Person.collection.find_one({"_id": ann.id})
    assert stored is not None
    assert (stored["name"], stored["team"]) == ("Anna", ann.team.id if ann.team else None)


def test_lists_of_references_are_changed_in_place(server: Any, commands: Any) -> None:
    tags = [Tag(slug=slug, text=slug.upper()).save() for slug in "abc"]
    post = Post.get(Post(author=Person().save(), tags=tags[:2]).save().id)
    post.tags.append(tags[2])
    commands.clear()
    post.save()
    assert commands.of("update")[0]["updates"][0]["u"] == {"$push": {"tags": {"$each": ["c"]}}}
    post.tags.remove(tags[0])
    post.save()
    assert [tag.text for tag in Post.get(post.id).tags] == ["B", "C"]


def test_references_are_found_by_document_and_by_id(app: Any) -> None:
    ann, bob = Person(name="Ann").save(), Person(name="Bob").save()
    tag = Tag(slug="x").save()
    post = Post(author=ann, tags=[tag]).save()
    Post(author=bob).save()
    for found in (
        Post.find(author=ann),
        Post.find(author=ann.id),
        Post.find(Post.author == ann),
        Post.find(tags=tag),
        Post.find(tags="x"),
        Post.find(Post.author.in_([ann])),
    ):
        assert list(found) == [post]


# Dangling.


@pytest.mark.promise("D20")
def test_a_dangling_reference_raises_when_it_is_read_and_not_in_the_list(app: Any) -> None:
    ann, bob = Person(name="Ann").save(), Person(name="Bob").save()
    Post(title="a", author=ann).save()
    Post(title="b", author=bob).save()
    ann.delete()
    first, second = Post.find().sort("title")
    assert second.author.name == "Bob"
    assert first.author.id == ann.id
    with pytest.raises(DanglingReferenceError, match=r"Post\.author refers to Person .* does not exist") as caught:
        _ = first.author.name
    assert caught.value.model == "Person"
    assert first.dump()["author"] == str(ann.id)


@pytest.mark.promise("D20")
def test_a_dangling_reference_is_asked_for_once(server: Any, commands: Any) -> None:
    post = Post.get(Post(author=Person.get(Person().save().id)).save().id)
    Person.collection.delete_many({})
    commands.clear()
    for _ in range(3):
        with pytest.raises(DanglingReferenceError):
            _ = post.author.name
    assert commands.names == ["find"]


@pytest.mark.promise("D20")
def test_a_document_with_a_dangling_reference_is_saved_as_any_other(app: Any) -> None:
    ann = Person(name="Ann").save()
    post = Post.get(Post(author=ann, comments=[Comment(by=ann)]).save().id)
    ann.delete()
    with pytest.raises(DanglingReferenceError):
        _ = post.author.name
    post.title = "New"
    post.comments[0].text = "c"
    post.save()
    stored = Post.collection.find_one({"_id": post.id})
    assert stored is not None
    assert (stored["title"], stored["author"], stored["comments"][0]["by"]) == ("New", ann.id, ann.id)


@pytest.mark.promise("D20")
def test_a_joined_reference_that_dangles_is_left_for_whoever_reads_it(app: Any) -> None:
    Post(author=Person.collection.insert_one({}).inserted_id, title="a").save()
    Person.collection.delete_many({})
    post = Post.find().prefetch("author").first()
    assert post is not None
    with pytest.raises(DanglingReferenceError):
        post.author.name  # noqa: B018


@pytest.mark.promise("D20")
def test_a_document_that_a_server_finds_by_an_id_like_its_own_is_another_one(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [{"_id": "ONE", "text": "One"}]  # as under a collation that compares no case
    monkeypatch.setattr(ReferenceKind, "fetch", staticmethod(lambda model, identifiers: found))
    tag = Post(tags=["one"]).tags[0]  # type: ignore[list-item]
    with pytest.raises(DanglingReferenceError):
        _ = tag.text


def test_prefetch_leaves_dangling_references_for_whoever_reads_them(app: Any) -> None:
    ann = Person(name="Ann").save()
    Post(author=ann, comments=[Comment(by=ann)]).save()
    ann.delete()
    (post,) = Post.find().prefetch("author.team", "comments.by")
    with pytest.raises(DanglingReferenceError):
        _ = post.author.name


@pytest.mark.promise("D9")
def test_a_stored_reference_of_the_wrong_type_raises_when_it_is_read(app: Any) -> None:
    ann = Person(name="Ann").save()
    Post.collection.insert_many([{"title": "a", "author": "Ann"}, {"title": "b", "author": ann.id}])
    first, second = Post.find().sort("title")
    assert second.author.name == "Ann"
    with pytest.raises(StoredValueError) as caught:
        _ = first.author
    assert (caught.value.model, caught.value.field, caught.value.id) == ("Post", "author", first.id)


# Classes that store different things under one name.


class Car(quorum.EmbeddedModel):
    owner: Person = quorum.reference()


class Bus(quorum.EmbeddedModel):
    owner: Team = quorum.reference()


class Garage(quorum.Model):
    places: list[Car | Bus] = []
    either: str | Car | None = None


def test_members_of_a_union_may_refer_to_different_models_under_one_name(mongo_url: str, commands: Any) -> None:
    quorum.load(name="garage", models=[*MODELS, Garage], MONGOHQ_URL=mongo_url)
    try:
        for n in range(3):
            person, team = Person(name=f"p{n}").save(), Team(name=f"t{n}").save()
            Garage(places=[Car(owner=person), Bus(owner=team)], either=Car(owner=person)).save()
        commands.clear()
        found = list(Garage.find())
        names = [place.owner.name for garage in found for place in garage.places]
        assert (sorted(names), len(commands.names)) == (["p0", "p1", "p2", "t0", "t1", "t2"], 3)
        owners = [garage.either.owner.name for garage in found if isinstance(garage.either, Car)]
        assert (sorted(owners), len(commands.names)) == (["p0", "p1", "p2"], 4)
    finally:
        quorum.unload()


# Threads.


@pytest.mark.promise("D17")
def test_siblings_read_from_many_threads_are_right(page: Any) -> None:
    posts = list(Post.find().sort("title"))
    wanted = {n: person.name for person in Person.find() for n in [person.id]}
    teams = {person.id: person.team.name for person in Person.find() if person.team}

    def read(post: Post) -> bool:
        return (post.author.name, post.author.team.name if post.author.team else "") == (
            wanted[post.author.id],
            teams[post.author.id],
        )

    with ThreadPoolExecutor(16) as pool:
        for _ in range(5):
            assert all(pool.map(read, posts))
            posts = list(Post.find().sort("title"))


@pytest.mark.promise("D17")
def test_a_document_that_another_thread_loads_meanwhile_reads_as_it_is_stored(app: Any) -> None:
    Post(author=Person(name="Ann").save()).save()
    author = Post.find()[0].author

    class Meanwhile(dict[str, Any]):
        """What is known of a document while another thread is loading it."""

        def __missing__(self, key: str) -> Any:
            loader.load()
            raise KeyError(key)

    loader = author._state
    set_doc(author, Meanwhile(author._doc))
    assert author.name == "Ann"


# Declarations.


def test_a_reference_to_a_model_outside_of_the_app_fails_at_load(mock_url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Person\.team refers to Team, which is not among the models"):
        quorum.load(name="references", models=[Person], MONGOHQ_URL=mock_url)


def test_a_reference_to_nothing_fails_at_load(mock_url: str) -> None:
    class Lost(quorum.Model):
        other: Nowhere = quorum.reference()  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(ConfigurationError, match=r"Lost\.other refers to 'Nowhere', and no model of that name exists"):
        quorum.load(name="references", models=[Lost], MONGOHQ_URL=mock_url)


def test_prefetch_of_what_is_no_reference_is_refused(app: Any) -> None:
    for path in ("title", "author.name", "nothing", "comments", "comments.text"):
        with pytest.raises(ValidationError):
            Post.find().prefetch(path)


@pytest.mark.parametrize("kind", [DBRef, str])
def test_an_old_form_of_a_reference_is_told_with_a_remedy_that_can_be_followed(app: Any, kind: Any) -> None:
    ann = Person(name="Ann").save()
    old = DBRef("people", ann.id) if kind is DBRef else str(ann.id)
    Post.collection.insert_one({"author": old, "by_role": {"a": old}, "comments": [{"by": old}]})
    post = Post.find().first()
    assert post is not None
    told = (
        rf"{kind.__name__} is stored where a reference to Person .* its id there \(ObjectId\) .* of a DBRef, its `\.id`"
    )
    for read in (lambda: post.author, lambda: post.by_role, lambda: post.comments[0].by, post.dump):
        with pytest.raises(StoredValueError, match=told):
            read()
    Post.collection.update_one({}, {"$set": {"by_role.a": getattr(old, "id", ann.id)}})
    assert Post.find().only("by_role")[0].by_role["a"].name == "Ann"
    post.author = ann
    post.save()
    assert Post.find().only("author")[0].author == ann


def test_nothing_in_the_place_of_a_reference_asks_for_a_wider_annotation(app: Any) -> None:
    Post.collection.insert_many([{"author": None}, {"title": "a"}, {"tags": "a"}])
    for post, name in zip(Post.find(), ("author", "author", "tags"), strict=True):
        with pytest.raises(StoredValueError, match="or widen the annotation to what is stored"):
            getattr(post, name)
