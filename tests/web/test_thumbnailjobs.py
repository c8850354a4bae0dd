"""Thumbnails that the process itself makes: what passes is waited for, what does not is told."""

import io

import pymongo
import pytest
from PIL import Image

import quorum
from quorum.web import thumbnailjobs


class Photo(quorum.Model):
    image: quorum.File = quorum.file(image={"thumbnails": {"small": (8, 8)}})


def image():
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(thumbnailjobs, "BACKOFF", 0.01)


@pytest.fixture
def stored(mongo_url):
    """What is stored of the photo, asked for beside the app."""
    with pymongo.MongoClient(mongo_url) as client:
        yield client.get_default_database().photos.find_one


@pytest.fixture
def fail(secantus):
    """Let the app's next commands of a name fail in the server."""
    with pymongo.MongoClient(secantus) as client:

        def fail(command, times):
            data = {"failCommands": [command], "appName": "quorum", "errorCode": 8}
            client.admin.command({"configureFailPoint": "failCommand", "mode": {"times": times}, "data": data})

        yield fail
        client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


@pytest.mark.promise("U9")
def test_a_fault_that_passes_only_delays_thumbnails(load, mongo_url, stored, fail, until, caplog):
    load(mongo_url, Photo)
    fail("find", 2)
    Photo(image=image()).save()
    until(lambda: "thumbnails" in stored()["image"])
    assert caplog.text.count("make failed.") == 2


@pytest.mark.promise("U9")
def test_a_fault_that_stays_is_told_with_what_to_do(load, mongo_url, fail, until, caplog):
    load(mongo_url, Photo)
    fail("find", 100)
    photo = Photo(image=image()).save()
    told = f"{photo.image.key} were not made in 6 attempts. `flask quorum files check --repair` will make them."
    until(lambda: told in caplog.text)
    assert caplog.text.count("make failed.") == 6


@pytest.mark.promise("U9")
def test_a_damaged_image_is_told_at_once(load, mongo_url, stored, until, caplog, monkeypatch):
    load(mongo_url, Photo)
    begin = quorum.web.files.Server.begin_thumbnails

    def damage_and_begin(self, model, id, key):
        quorum.storage.default().put(key, io.BytesIO(b"x" * 100), 100, "image/png")
        begin(self, model, id, key)

    monkeypatch.setattr(quorum.web.files.Server, "begin_thumbnails", damage_and_begin)
    photo = Photo(image=image()).save()
    until(lambda: f"{photo.image.key} of Photo {photo.id} has no thumbnails: It has 100 bytes" in caplog.text)
    quorum.unload()
    assert caplog.text.count("make failed.") == 1
    assert "thumbnails" not in stored()["image"]
