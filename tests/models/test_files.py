"""The field: what can be assigned, what is stored, and that no file and no document is ever without the other."""

import copy
import hashlib
import io
import os
import pickle
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import ANY

import pytest
from werkzeug.datastructures import FileStorage, MultiDict

import quorum
from quorum import errors
from quorum.storage import FolderStorage, MemoryStorage

DATA = b"Some text that is told apart from other text."


class Part(quorum.EmbeddedModel):
    file: quorum.File
    label: str = ""


class Profile(quorum.EmbeddedModel):
    avatar: quorum.File | None = None
    city: str = ""


class Post(quorum.Model):
    title: str = quorum.field(default="", unique=True)
    cover: quorum.File | None = quorum.file(default=None, max_size="100kB")
    attachments: list[quorum.File] = quorum.file(default=[], max_length=3)
    by_name: dict[str, quorum.File] = {}
    parts: list[Part] = []
    profile: Profile | None = None


class Article(Post):
    extra: quorum.File | None = None


def keys(storage):
    return sorted(entry.key for entry in storage.entries(""))


def named(*posts):
    found = []
    for post in posts:
        stored = Post.collection.find_one({"_id": post.id}) or {}
        found += [file["key"] for file in _files(stored)]
    return sorted(found)


def _files(value):
    if isinstance(value, dict):
        if "sha256" in value:
            yield value
        for inner in value.values():
            yield from _files(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _files(inner)


def upload(data=DATA, name="notes.txt"):
    return FileStorage(io.BytesIO(data), filename=name, content_type="text/plain")


@pytest.mark.promise("U1")
def test_a_saved_file_is_read_as_it_was_and_its_facts_are_stored(load_files):
    storage = load_files(Post)
    before = datetime.now(UTC) - timedelta(seconds=1)
    post = Post(title="a", cover=upload()).save()
    for found in (post, Post.get(post.id)):
        file = found.cover
        assert (file.name, file.size, file.content_type) == ("notes.txt", len(DATA), "text/plain")
        assert file.sha256 == hashlib.sha256(DATA).hexdigest()
        assert before < file.uploaded_at <= datetime.now(UTC)
        assert (file.width, file.height, file.thumbnails) == (None, None, {})
        assert file.read() == DATA
    assert keys(storage) == named(post) == [post.cover.key]


def test_each_kind_of_source_can_be_assigned(load_files, tmp_path):
    load_files(Post)
    path = tmp_path / "on disk.txt"
    path.write_bytes(DATA)
    other = Post(title="other", cover=DATA).save()
    read, write = os.pipe()
    os.write(write, DATA)
    os.close(write)
    with path.open("rb") as opened, os.fdopen(read, "rb") as pipe:
        opened.read(5)
        sources = [
            (DATA, "file"),
            (bytearray(DATA), "file"),
            (path, "on disk.txt"),
            (opened, "on disk.txt"),
            (pipe, "file"),
            (io.BytesIO(DATA), "file"),
            (upload(), "notes.txt"),
            (other.cover, "file"),
            (quorum.File(DATA, name="mine.txt"), "mine.txt"),
        ]
        for number, (source, name) in enumerate(sources):
            post = Post(title=str(number))
            post.cover = source
            assert post.cover.read() == DATA, "before it is saved"
            post.save()
            assert (post.cover.read(), post.cover.name) == (DATA, name)
        assert not opened.closed


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("/etc/passwd", "Not a file. A path is given as a pathlib.Path"),
        (5, "Not a file."),
        ({"key": "files/posts/cover/0"}, "Not a file."),
        (io.StringIO("text"), "opened as text"),
        (Path("/nowhere/x"), "can't be read: No such file or directory"),
    ],
)
def test_what_has_no_bytes_is_refused_on_the_field(load, mock_url, value, problem):
    load(mock_url, Post)
    with pytest.raises(errors.ValidationError) as caught:
        Post(title="a", cover=value).save()
    assert problem in caught.value.messages["cover"][0]
    assert not Post.exists()


@pytest.mark.promise("U5")
@pytest.mark.parametrize("value", ["/etc/passwd", "files/posts/cover/" + "0" * 32, {"key": "x", "storage": "y"}, 5])
def test_outside_data_name_neither_a_path_nor_a_key(load, mock_url, value):
    load(mock_url, Post)
    with pytest.raises(errors.ValidationError) as caught:
        Post.new({"title": "a", "cover": value})
    assert caught.value.messages == {"cover": ["Not a file. Send it in a form of type multipart/form-data."]}
    with pytest.raises(errors.ValidationError):
        Post.new({"title": "a", "attachments": [value]})


def test_a_form_brings_files(load_files):
    load_files(Post)
    form = MultiDict(
        [("title", "a"), ("cover", upload()), ("attachments", upload(b"1")), ("attachments", upload(b"2"))]
    )
    post = Post.new(form).save()
    assert post.cover.read() == DATA
    assert [file.read() for file in post.attachments] == [b"1", b"2"]


def test_an_input_in_which_nothing_was_chosen_changes_nothing(load, mock_url):
    load(mock_url, Post)
    empty = FileStorage(io.BytesIO(b""), filename="")
    post = Post.new(MultiDict([("title", "a"), ("cover", empty), ("attachments", empty)])).save()
    assert (post.cover, post.attachments) == (None, [])
    post.cover, post.attachments = DATA, [DATA]
    post.save()
    post.apply(MultiDict([("cover", empty), ("attachments", empty)])).save()
    post.apply(MultiDict([("title", "b")]), ["title", "attachments"]).save()
    assert (post.cover.read(), len(post.attachments)) == (DATA, 1)
    post.cover = empty
    assert post.cover is None


class Report(quorum.Model):
    title: str = quorum.field(min_length=1)
    scan: quorum.File = quorum.file(max_size=10)
    pages: list[quorum.File] = quorum.file(default=[], extensions=[".txt"])

    @quorum.validates("title")
    def check_title(self, value):
        if value == "odd":
            raise quorum.ValidationError("Not that.")


SHORT, LARGE, ODD = "Shorter than minimum length 1.", "Larger than 10 bytes.", "Not that."
MISSING, NAME = "Missing data for required field.", {0: ["Its name must end with one of: .txt."]}
EMPTY = FileStorage(io.BytesIO(b""), filename="")

TOGETHER = [
    ({"title": ""}, {"scan": DATA}, {"title": [SHORT], "scan": [LARGE]}),
    ({"title": ""}, {"scan": quorum.File(DATA)}, {"title": [SHORT], "scan": [LARGE]}),
    ({"title": ""}, {"scan": "/etc/passwd"}, {"title": [SHORT], "scan": [ANY]}),
    ({"title": "odd"}, {"scan": quorum.File(DATA)}, {"title": [ODD], "scan": [LARGE]}),
    ({"title": ""}, {"scan": b"1", "pages": [quorum.File(b"1", name="a.exe")]}, {"title": [SHORT], "pages": NAME}),
    ({"nosuch": 1, "title": "a"}, {"scan": DATA}, {"nosuch": ["Unknown field."], "scan": [LARGE]}),
    (MultiDict({"title": "", "scan": upload()}), {}, {"title": [SHORT], "scan": [LARGE]}),
    (MultiDict({"title": "", "scan": EMPTY}), {}, {"title": [SHORT], "scan": [MISSING]}),
    (MultiDict({"title": ""}), {"scan": EMPTY}, {"title": [SHORT], "scan": ["Field may not be null."]}),
]


@pytest.mark.promise("U2")
@pytest.mark.parametrize(("data", "trusted", "problems"), TOGETHER)
def test_problems_of_files_and_of_other_fields_come_together(load, mock_url, data, trusted, problems):
    load(mock_url, Report)
    with pytest.raises(errors.ValidationError) as caught:
        Report.new(data, **trusted)
    assert caught.value.messages == problems
    assert caught.value.model == "Report"
    report = Report(title="a", scan=b"1").save()
    if MISSING not in problems["scan" if "scan" in problems else "title"]:
        with pytest.raises(errors.ValidationError) as caught:
            report.apply(data, **trusted)
        assert caught.value.messages == problems
    assert (report.title, report.scan.read(), report.pages, report.changes()) == ("a", b"1", [], {})
    assert keys(quorum.storage.default()) == [report.scan.key]


def test_what_is_missing_is_told_together_with_a_file_that_does_not_fit(load, mock_url):
    load(mock_url, Report)
    with pytest.raises(errors.ValidationError) as caught:
        Report.new({}, scan=DATA).save()
    assert caught.value.messages == {"title": [MISSING], "scan": [LARGE]}
    assert keys(quorum.storage.default()) == []


@pytest.mark.promise("U1")
def test_replacing_and_clearing_remove_the_old_object(load_files):
    storage = load_files(Post)
    post = Post(title="a", cover=b"one").save()
    first = post.cover.key
    post.cover = b"two"
    post.save()
    assert keys(storage) == named(post) != [first]
    post.title = "b"
    post.save()
    assert Post.get(post.id).cover.read() == b"two"
    post.cover = None
    post.save()
    assert keys(storage) == []


@pytest.mark.promise("U1")
def test_lists_dicts_and_embedded_documents_of_files_keep_in_step(load_files):
    storage = load_files(Post)
    post = Post(title="a", attachments=[b"1", b"2", b"3"], by_name={"x": b"x", "y": b"y"}).save()
    post.parts = [Part(file=b"p1"), Part(file=b"p2")]
    post.profile = Profile(avatar=b"a1")
    post.save()
    assert len(keys(storage)) == 8
    assert keys(storage) == named(post)
    post = Post.get(post.id)
    post.attachments = [post.attachments[2], b"4"]
    post.by_name["x"] = quorum.File(b"new")
    del post.by_name["y"]
    post.parts[0].file = b"p3"
    post.profile.avatar = b"a2"
    post.save()
    assert keys(storage) == named(post)
    post = Post.get(post.id)
    assert [file.read() for file in post.attachments] == [b"3", b"4"]
    assert {name: file.read() for name, file in post.by_name.items()} == {"x": b"new"}
    assert [part.file.read() for part in post.parts] == [b"p3", b"p2"]
    assert post.profile.avatar.read() == b"a2"
    post.parts.pop()
    post.profile = None
    post.attachments.append(post.cover or b"5")
    post.save()
    assert keys(storage) == named(post)
    post.delete()
    assert keys(storage) == []


@pytest.mark.promise("U1")
def test_push_and_pull_keep_in_step(load_files):
    storage = load_files(Post)
    post = Post(title="a").save()
    post.push("attachments", b"1")
    post.push("attachments", upload(b"2"))
    post.push("parts", Part(file=b"p"))
    assert keys(storage) == named(post)
    assert len(keys(storage)) == 3
    post.pull("attachments", post.attachments[0])
    post.pull("parts", post.parts[0])
    assert [file.read() for file in Post.get(post.id).attachments] == [b"2"]
    assert keys(storage) == named(post)
    post.push("attachments", b"3")
    post.push("attachments", b"4")
    with pytest.raises(errors.ValidationError, match="Longer than maximum length 3"):
        post.push("attachments", b"5")
    assert keys(storage) == named(post)
    assert len(post.attachments) == 3


@pytest.mark.promise("U1")
def test_a_file_that_another_writer_moved_is_not_removed_by_a_pull(load, mock_url):
    load(mock_url, Post)
    storage = quorum.storage.default()
    post = Post(attachments=[DATA]).save()
    stale = Post.get(post.id)
    post.cover, post.attachments = post.attachments[0], []
    post.save()
    assert stale.pull("attachments", stale.attachments[0]) == []
    assert keys(storage) == named(post)
    assert Post.get(post.id).cover.read() == DATA


@pytest.mark.promise("U1")
def test_a_document_that_is_not_stored_leaves_no_file_and_can_be_saved_again(load_files):
    storage = load_files(Post)
    Post(title="taken").save()
    post = Post(title="taken", cover=upload(), attachments=[b"1"])
    with pytest.raises(errors.ValidationError, match="title: Already exists"):
        post.save()
    assert keys(storage) == []
    post.title = "free"
    post.save()
    assert (post.cover.read(), post.attachments[0].read()) == (DATA, b"1")
    assert keys(storage) == named(post)
    post.title, post.cover = "taken", b"other"
    with pytest.raises(errors.ValidationError, match="title: Already exists"):
        post.save()
    assert keys(storage) == named(post)
    assert Post.get(post.id).cover.read() == DATA


@pytest.mark.promise("U1")
def test_a_storage_that_fails_leaves_the_document_as_it_was(load, mock_url, monkeypatch):
    load(mock_url, Post)
    storage = quorum.storage.default()
    post = Post(title="a", cover=b"one").save()
    post.attachments, post.title = [b"1", b"2"], "b"
    put = storage.put
    monkeypatch.setattr(
        storage, "put", lambda key, source, *rest: put(key, source, *rest) if b"1" in _peek(source) else _fail()
    )
    with pytest.raises(errors.OperationalError, match="no room"):
        post.save()
    assert keys(storage) == named(post)
    assert Post.get(post.id).title == "a"


def _peek(source):
    return source._stream.getvalue()


def _fail():
    raise errors.OperationalError("no room")


@pytest.mark.promise("U1")
def test_two_writers_who_replace_one_file_leave_one(load, any_url):
    load(any_url, Post)
    storage = quorum.storage.default()
    post = Post(title="a", cover=b"one", profile=Profile(avatar=b"a")).save()
    mine, theirs = Post.get(post.id), Post.get(post.id)
    mine.cover, theirs.cover = b"mine", b"theirs"
    mine.profile.avatar, theirs.profile.avatar = b"my", b"their"
    mine.save()
    with pytest.raises(errors.ConflictError):
        theirs.save()
    assert Post.get(post.id).cover.read() == b"mine"
    assert keys(storage) == named(post)
    theirs.delete()
    assert keys(storage) == []


@pytest.mark.promise("U1")
def test_a_file_that_stands_in_a_second_place_is_copied(load_files):
    storage = load_files(Post)
    post = Post(cover=DATA).save()
    stale = Post.get(post.id)
    post.attachments += [post.cover, stale.cover]
    post.save()
    post.push("parts", Part(file=post.cover))
    stale.cover = None
    stale.save()
    assert len(keys(storage)) == 3
    assert keys(storage) == named(post)
    assert [file.read() for file in Post.get(post.id).attachments] == [DATA, DATA]


def test_a_file_that_moves_within_its_document_keeps_its_object(load_files):
    storage = load_files(Post)
    post = Post(cover=DATA, attachments=[b"a", b"b"]).save()
    before = keys(storage)
    post.attachments = [*reversed(post.attachments), post.cover]
    post.cover = None
    post.save()
    assert keys(storage) == named(post) == before
    assert [file.read() for file in Post.get(post.id).attachments] == [b"b", b"a", DATA]


def test_a_file_of_another_document_is_copied(load_files):
    storage = load_files(Post)
    first = Post(title="a", cover=upload(), profile=Profile(avatar=b"x")).save()
    second = Post(title="b", cover=first.cover, profile=Post.get(first.id).profile).save()
    assert second.cover.key != first.cover.key
    assert (second.cover.name, second.cover.read()) == ("notes.txt", DATA)
    assert len(keys(storage)) == 4
    first.delete()
    assert keys(storage) == named(second)
    assert second.profile.avatar.read() == b"x"


@pytest.mark.promise("U1")
def test_files_of_a_document_that_was_loaded_in_part_are_replaced_too(load, any_url):
    load(any_url, Post)
    storage = quorum.storage.default()
    post = Post(title="a", cover=b"one", attachments=[b"1"]).save()
    part = Post.find(id=post.id).only("title").first()
    part.cover = b"two"
    part.save()
    assert Post.get(post.id).cover.read() == b"two"
    assert keys(storage) == named(post)
    part.delete()
    assert keys(storage) == []


@pytest.mark.promise("U1")
def test_a_query_that_deletes_removes_the_files_of_all_classes(load_files):
    storage = load_files(Post, Article)
    kept = Post(title="kept", cover=b"k").save()
    for number in range(3):
        Post(title=f"p{number}", cover=b"c", parts=[Part(file=b"p")]).save()
        Article(title=f"a{number}", extra=b"e").save()
    assert Post.find(Post.title != "kept").delete() == 6
    assert keys(storage) == named(kept)


@pytest.mark.promise("U1")
def test_a_lost_answer_removes_no_file(load, mongo_url, fail, tmp_path, monkeypatch):
    load(mongo_url, Post)
    storage = quorum.storage.default()
    post = Post(title="a", cover=b"one").save()
    post.cover = b"two"
    fail("update", times=2, closeConnection=True)
    with pytest.raises(errors.OperationalError):
        post.save()
    assert len(keys(storage)) == 2
    post.save()
    assert keys(storage) == named(post)
    assert Post.get(post.id).cover.read() == b"two"
    new = Post(title="b", cover=b"three")
    fail("insert", times=2, closeConnection=True)
    with pytest.raises(errors.OperationalError):
        new.save()
    new.cover = b"four"
    new.save()
    assert keys(storage) == named(post, new)


@pytest.mark.parametrize("is_new", [True, False])
def test_a_file_whose_save_has_no_answer_is_copied_for_another_document(load, proxy, is_new):
    load(proxy.url, Post)
    storage = quorum.storage.default()
    post = Post(title="a") if is_new else Post(title="a").save()
    post.cover = file = quorum.File(DATA, name="a.txt")
    proxy.drop_reply("insert" if is_new else "update", times=2)
    with pytest.raises(errors.OperationalError):
        post.save()
    other = Post(title="b", cover=file).save()
    post.save()
    assert keys(storage) == named(post, other)
    other.delete()
    assert keys(storage) == named(post)
    assert (Post.get(post.id).cover.name, Post.get(post.id).cover.read()) == ("a.txt", DATA)


def test_a_file_that_was_given_a_name_has_it_in_a_second_place_too(load, mock_url):
    load(mock_url, Post)
    file = quorum.File(DATA, name="a.txt")
    post = Post(cover=file, attachments=[file, quorum.File(file), quorum.File(file, name="b.txt")]).save()
    assert [file.name for file in (post.cover, *post.attachments)] == ["a.txt", "a.txt", "a.txt", "b.txt"]


def test_hooks_see_files_and_may_replace_them(load, mock_url):
    class Hooked(quorum.Model):
        cover: quorum.File | None = None

        def pre_save(self):
            if self.cover is not None and self.cover.size < 5:
                self.cover = quorum.File(b"longer text", name="hook.txt")

        def post_save(self):
            seen.append(self.cover.read())

        def post_delete(self):
            seen.append(len(keys(quorum.storage.default())))

    seen = []
    load(mock_url, Hooked)
    document = Hooked(cover=b"abc").save()
    document.delete()
    assert seen == [b"longer text", 0]


def test_a_query_and_a_dump_know_files(load, mock_url):
    load(mock_url, Post)
    post = Post(title="a", cover=upload()).save()
    Post(title="b").save()
    assert [found.title for found in Post.find({"cover.size": {"$gt": 3}})] == ["a"]
    assert [found.title for found in Post.find(Post.cover == None)] == ["b"]  # noqa: E711
    shown = post.dump()["cover"]
    assert shown["name"] == "notes.txt"
    assert "key" not in shown
    with pytest.raises(errors.ValidationError):
        Post.find(cover={"key": post.cover.key})


def test_a_field_without_a_file_stays_required(load, mock_url):
    load(mock_url, Needy := type("Needy", (quorum.Model,), {"__annotations__": {"file": quorum.File}}))
    with pytest.raises(errors.ValidationError, match="file: Missing data"):
        Needy().save()
    with pytest.raises(errors.ValidationError, match="file: Field may not be null"):
        Needy(file=FileStorage(io.BytesIO(b""), filename="")).save()


def test_copies_share_the_stored_file_and_pickles_keep_it(load, mock_url):
    load(mock_url, Post)
    post = Post(title="a", cover=DATA)
    with pytest.raises(TypeError, match="not stored yet"):
        pickle.dumps(post.cover)
    copied = copy.deepcopy(post)
    assert copied.cover.read() == DATA
    post.save()
    again = pickle.loads(pickle.dumps(post))
    assert again.cover == post.cover
    assert again.changes() == copy.deepcopy(post).changes() == {}


def test_a_reader_seeks_and_a_path_gets_all_or_nothing(load_files, tmp_path):
    storage = load_files(Post)
    post = Post(title="a", cover=DATA).save()
    with post.cover.open() as reader:
        reader.seek(-5, io.SEEK_END)
        assert reader.read() == DATA[-5:]
    post.cover.save_to(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == DATA
    storage.delete([post.cover.key])
    with pytest.raises(errors.NotFoundError):
        post.cover.save_to(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".partial")] == []


def test_a_file_that_is_not_saved_has_no_url(load, mock_url):
    load(mock_url, Post)
    for use in (lambda file: file.url(), lambda file: file.response()):
        with pytest.raises(errors.NotFoundError, match="not stored yet"):
            use(Post(cover=DATA).cover)


def test_a_model_and_a_field_may_have_storages_of_their_own(load, mock_url, tmp_path):
    folder, memory = FolderStorage(tmp_path), MemoryStorage()

    class Kept(quorum.Model):
        cover: quorum.File | None = None
        other: quorum.File | None = quorum.file(default=None, storage=memory)
        files: list[quorum.File] = []

        class Meta:
            storage = folder

    load(mock_url, Kept)
    document = Kept(cover=b"1", other=b"2", files=[b"3"]).save()
    assert (len(keys(folder)), len(keys(memory)), keys(quorum.storage.default())) == (2, 1, [])
    document.files = [document.other]
    document.save()
    assert (len(keys(folder)), len(keys(memory))) == (2, 1)
    assert document.files[0].read() == b"2"
    document.delete()
    assert (keys(folder), keys(memory)) == ([], [])


@pytest.mark.promise("U3")
def test_a_key_is_ours_with_a_part_that_the_field_gives(load, mock_url):
    class Keyed(quorum.Model):
        slug: str
        cover: quorum.File | None = quorum.file(default=None, key=lambda document, file: f"{document.slug}/{file.name}")

    load(mock_url, Keyed)
    document = Keyed(slug="../../x", cover=quorum.File(DATA, name="a b.txt")).save()
    folder, _, last = document.cover.key.rpartition("/")
    assert folder.endswith("/keyeds/cover/-/-/x/a-b-txt")
    assert len(last) == 32


WRONG = [
    ({"max_sise": 5}, "there is no option 'max_sise'; did you mean 'max_size'"),
    ({"max_size": "5 apples"}, "a size is a number of bytes, or a text like '5MB', not '5 apples'"),
    ({"max_size": 0}, "a size is a number of bytes"),
    ({"content_types": "image/png"}, "content_types is a list"),
    ({"content_types": ["png"]}, "content_types has 'png'"),
    ({"extensions": ["png"]}, "extensions has 'png'"),
    ({"extensions": []}, "extensions is empty"),
    ({"key": "covers/"}, "key is a callable"),
    ({"storage": "s3"}, "storage is a quorum.storage.Storage"),
    ({"image": True}, "image is a dict"),
    ({"image": {"width": 5}}, "image has no option 'width'"),
    ({"image": {"max_width": "5"}}, "max_width is a number of pixels"),
    ({"image": {"thumbnails": {"../x": (5, 5)}}}, "a thumbnail's name is a word"),
    ({"image": {"thumbnails": {"small": 5}}}, "has a width and a height"),
    ({"default": "x"}, "no default but None"),
    ({"unique": True}, "there is no option 'unique'"),
]


@pytest.mark.parametrize(("options", "problem"), WRONG, ids=lambda value: str(value)[:40])
def test_an_option_that_makes_no_sense_is_refused_when_the_class_is_made(options, problem):
    with pytest.raises(errors.ConfigurationError) as caught:

        class Wrong(quorum.Model):
            cover: quorum.File | None = quorum.file(**options)

    assert problem in str(caught.value)


def test_file_is_for_files_only():
    with pytest.raises(errors.ConfigurationError, match=r"file\(\) is for quorum.File"):

        class Wrong(quorum.Model):
            name: str = quorum.file()


def test_threads_save_files_at_once(load_files):
    storage = load_files(Post)
    posts = [Post(title=str(number), cover=b"x" * (number + 1)) for number in range(12)]
    threads = [threading.Thread(target=post.save) for post in posts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert keys(storage) == named(*posts)
    assert [post.cover.read() for post in posts] == [b"x" * (number + 1) for number in range(12)]
