"""Smaller images that are made after the document was stored, while others may change it."""

import io
import json
import threading
from datetime import timedelta

import pytest
from PIL import Image

import quorum
from quorum import errors, images
from quorum.models import orphans, thumbnails, uploads


class Part(quorum.EmbeddedModel):
    picture: quorum.File | None = quorum.file(default=None, image={"thumbnails": {"small": (8, 8)}})


class Photo(quorum.Model):
    title: str = ""
    cover: quorum.File | None = quorum.file(default=None, image={"thumbnails": {"small": (8, 8), "mid": (12, 12)}})
    more: list[quorum.File] = quorum.file(default=[], image={"thumbnails": {"small": (8, 8)}})
    by_name: dict[str, quorum.File] = quorum.file(default={}, image={"thumbnails": {"small": (8, 8)}})
    parts: list[Part] = []

    class Meta:
        revision = True


def image(color="red"):
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), color).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def begun(monkeypatch):
    """Holds the jobs back: gives what `save()` asked for, as `(model, id, key)`."""
    asked = []
    monkeypatch.setattr("quorum.web.files.Server.begin_thumbnails", lambda self, *facts: asked.append(facts))
    return asked


def keys(storage):
    return sorted(entry.key for entry in storage.entries(uploads.prefix()))


def named():
    """The keys that all documents name."""
    return sorted(
        key
        for stored in Photo.collection.find()
        for _, facts in uploads.files_in(Photo, stored)
        for key in (facts["key"], *(f"{facts['key']}.{name}" for name in facts.get("thumbnails") or ()))
    )


@pytest.mark.promise("U9")
def test_thumbnails_are_made_in_the_background_of_the_save(load_files, until):
    storage = load_files(Photo)
    photo = Photo(cover=image(), more=[image("green")]).save()
    photo.push("more", image("blue"))
    until(lambda: len(keys(storage)) == 7 and keys(storage) == named())
    photo = Photo.get(photo.id)
    assert [one.thumbnail("small").width for one in (photo.cover, *photo.more)] == [8, 8, 8]
    assert sorted(photo.cover.thumbnails) == ["mid", "small"]
    photo.delete()
    assert keys(storage) == []


def test_a_dump_has_the_facts_of_thumbnails_and_no_key(load, mock_url):
    load(mock_url, Photo, execution=False)
    photo = Photo.get(Photo(cover=quorum.File(image(), name="cat.png"), more=[image("green")]).save().id)
    shown = photo.dump()
    whole = shown["cover"].pop("thumbnails")
    assert list(whole) == ["small", "mid"]
    assert whole["small"].keys() == shown["cover"].keys()
    assert whole["small"]["name"] == "cat-small.webp"
    assert (whole["small"]["width"], whole["mid"]["width"]) == (8, 12)
    assert whole["small"]["sha256"] == photo.cover.thumbnails["small"].sha256
    assert whole["small"]["uploaded_at"] == shown["cover"]["uploaded_at"]
    assert shown["more"][0]["thumbnails"]["small"]["height"] == 8
    text = json.dumps(photo.dump())
    assert "key" not in text
    assert photo.cover.key not in text
    assert Photo(cover=image()).dump()["cover"]["thumbnails"] == {}


@pytest.mark.promise("U9")
def test_a_thumbnail_that_is_not_made_yet_is_the_image_itself(load, mock_url, begun):
    load(mock_url, Photo)
    photo = Photo(cover=image()).save()
    assert Photo.get(photo.id).cover.thumbnail("small") == photo.cover
    assert Photo.get(photo.id).cover.thumbnails == {}
    with pytest.raises(KeyError):
        photo.cover.thumbnail("huge")
    assert begun == [(Photo, photo.id, photo.cover.key)]


def test_without_jobs_thumbnails_are_made_before_the_document_is_stored(load_files, begun):
    storage = load_files(Photo, execution=False)
    photo = Photo(cover=image()).save()
    assert (photo.cover.thumbnail("small").width, begun) == (8, [])
    assert keys(storage) == named()


@pytest.mark.promise("U9")
def test_files_wherever_they_are_in_a_document_get_thumbnails(load, any_url, begun):
    load(any_url, Photo)
    photo = Photo(by_name={"a": image(), "b.c": image("green")}, parts=[Part(picture=image("blue"))], cover=image())
    photo.save()
    photo.more = [image("black")]
    photo.save()
    assert len(begun) == 5
    for facts in begun:
        thumbnails.make(*facts)
    found = Photo.get(photo.id)
    every = [*found.by_name.values(), *found.more, found.parts[0].picture, found.cover]
    assert [one.thumbnail("small").width for one in every] == [8] * 5
    assert [len(one.thumbnail("small").read()) for one in every] == [one.thumbnail("small").size for one in every]
    photo.title = "who saves next knows nothing of this, and needs not"
    photo.save()
    assert Photo.get(photo.id).cover.thumbnail("small").width == 8


def act_after(monkeypatch, place, name, number, act):
    """Let another writer act right after a module's function was called for the time of a number."""
    original, calls = getattr(place, name), []

    def called(*args):
        found = original(*args)
        calls.append(args)
        if len(calls) == number:
            act()
        return found

    monkeypatch.setattr(place, name, called)


#: When another writer comes: before the job, before it reads the image, before it stores either thumbnail, before it
#: looks whether the document still has the file, and before it tells it.
MOMENTS = [
    None,
    (thumbnails, "_read", 1),
    (images, "thumbnail", 1),
    (images, "thumbnail", 2),
    (thumbnails, "_made", 1),
    (thumbnails, "_read", 2),
]


@pytest.mark.promise("U9")
@pytest.mark.parametrize("change", ["replace", "clear", "delete", "delete by a query"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_file_that_goes_while_its_thumbnails_are_made_leaves_none(load, any_url, begun, monkeypatch, change, moment):
    load(any_url, Photo)
    storage = quorum.storage.default()
    photo = Photo(cover=image(), title="a").save()

    def go():
        if change == "replace":
            photo.cover = image("green")
        elif change == "clear":
            photo.cover = None
        if change == "delete":
            photo.delete()
        elif change == "delete by a query":
            Photo.find(title="a").delete()
        else:
            photo.save()

    facts = begun[0]
    if moment is None:
        go()
    else:
        act_after(monkeypatch, *moment, go)
    thumbnails.make(*facts)
    assert keys(storage) == named()
    assert len(keys(storage)) == (change == "replace")


@pytest.mark.promise("U9")
@pytest.mark.parametrize("moment", MOMENTS[-2:])
def test_a_file_that_moves_while_its_thumbnails_are_made_keeps_them(load, any_url, begun, monkeypatch, moment):
    load(any_url, Photo)
    photo = Photo(more=[image(), image("green"), image("blue")]).save()

    def move():
        photo.more = photo.more[::-1][:2]
        photo.save()

    act_after(monkeypatch, *moment, move)
    thumbnails.make(*begun[1])
    assert [sorted(one.thumbnails) for one in Photo.get(photo.id).more] == [[], ["small"]]
    assert keys(quorum.storage.default()) == named()


def test_a_file_from_before_its_field_was_for_images_needs_no_thumbnails(load, mock_url, begun):
    load(mock_url, Photo)
    photo = Photo(cover=image()).save()
    Photo.collection.update_one({"_id": photo.id}, {"$unset": {"cover.width": 1, "cover.height": 1}})
    quorum.storage.default().put(photo.cover.key, io.BytesIO(b"no image"), 8, "text/plain")
    thumbnails.make(*begun[0])
    assert orphans.check(timedelta(0)).unmade == []


@pytest.mark.parametrize("execution", [True, False])
def test_an_image_of_more_pixels_than_usual_has_thumbnails(load, mock_url, monkeypatch, begun, execution):
    class Large(quorum.Model):
        image: quorum.File = quorum.file(image={"max_pixels": 300, "thumbnails": {"small": (8, 8)}})

    monkeypatch.setattr(images, "MAX_PIXELS", 200)
    load(mock_url, Large, execution=execution)
    photo = Large(image=image()).save()
    for facts in begun:
        thumbnails.make(*facts)
    assert Large.get(photo.id).image.thumbnail("small").width == 8


def test_making_thumbnails_twice_changes_nothing(load, mock_url, begun):
    load(mock_url, Photo)
    photo = Photo(cover=image()).save()
    thumbnails.make(*begun[0])
    stored = Photo.collection.find_one()
    thumbnails.make(*begun[0])
    assert Photo.collection.find_one() == stored
    assert Photo.get(photo.id).cover.thumbnail("small").read()


def test_who_makes_the_same_thumbnails_at_once_removes_nothing(load, any_url, begun):
    load(any_url, Photo)
    Photo(cover=image()).save()
    threads = [threading.Thread(target=thumbnails.make, args=begun[0]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert keys(quorum.storage.default()) == named()
    assert len(named()) == 3


def test_an_image_that_is_missing_is_told_and_nothing_is_stored(load, mock_url, begun):
    load(mock_url, Photo)
    photo = Photo(cover=image()).save()
    quorum.storage.default().delete([photo.cover.key])
    with pytest.raises(errors.NotFoundError):
        thumbnails.make(*begun[0])
    assert keys(quorum.storage.default()) == []


@pytest.mark.promise("U9")
def test_the_check_makes_thumbnails_that_were_never_made(load_files, begun):
    storage = load_files(Photo)
    photo = Photo(cover=image(), more=[image("green")]).save()
    assert orphans.check().unmade == [], "they are young, and their jobs may be on their way"
    found = orphans.check(timedelta(0))
    assert [(one.model, one.id, one.key) for one in found.unmade] == [
        (Photo, photo.id, photo.cover.key),
        (Photo, photo.id, photo.more[0].key),
    ]
    orphans.repair(found)
    assert sorted(Photo.get(photo.id).cover.thumbnails) == ["mid", "small"]
    assert keys(storage) == named()
    assert orphans.check(timedelta(0)).unmade == []


def test_a_job_that_is_not_taken_is_told_in_the_log_and_the_document_is_stored(load, mock_url, monkeypatch, caplog):
    load(mock_url, Photo)

    def refuse(*args, **options):
        raise errors.OperationalError("The broker does not answer.")

    monkeypatch.setattr("quorum.jobs.run_background", refuse)
    photo = Photo(cover=image()).save()
    assert Photo.get(photo.id).cover.read() == photo.cover.read()
    assert "The broker does not answer. `flask quorum files check --repair` will make them." in caplog.text


def test_a_save_that_is_repeated_after_a_lost_answer_has_thumbnails_made(load, mongo_url, fail, begun):
    load(mongo_url, Photo)
    photo = Photo(cover=image())
    fail("insert", times=2, closeConnection=True)
    with pytest.raises(errors.OperationalError):
        photo.save()
    assert begun == []
    photo.save()
    assert begun == [(Photo, photo.id, photo.cover.key)]
    assert not photo.cover.is_pending
