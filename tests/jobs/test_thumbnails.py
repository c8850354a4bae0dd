"""Thumbnails that workers make, from behind a broker."""

import io

import pytest
from PIL import Image

import quorum
from quorum.jobs import dead
from quorum.web import thumbnailjobs


@pytest.fixture
def bucketed(bucket, moto):
    """A bucket in the environment, which workers share."""
    return bucket(moto)


def image():
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.promise("U9")
def test_a_worker_makes_thumbnails(bucketed, shop, work, until):
    photo = shop.Photo(image=image()).save()
    gone = shop.Photo(image=image()).save()
    gone.delete()
    assert shop.Photo.get(photo.id).image.thumbnails == {}
    work()
    until(lambda: shop.Photo.get(photo.id).image.thumbnails)
    assert len(shop.Photo.get(photo.id).image.thumbnail("small").read()) > 0
    until(lambda: len(list(bucketed.objects.all())) == 2)
    assert dead.number() == 0


def test_a_model_that_the_app_does_not_have_is_given_up(shop, work, until):
    quorum.run_background(thumbnailjobs.make, ["Nosuch", 1, "key"])
    work()
    until(dead.number)
    (letter,) = dead.letters(10)
    assert "there is no model 'Nosuch'" in letter["reason"]


@pytest.mark.promise("U9")
def test_a_damaged_image_is_given_up_at_once(bucketed, shop, work, until):
    photo = shop.Photo(image=image()).save()
    bucketed.put_object(Key=photo.image.key, Body=b"x" * photo.image.size)
    work()
    until(dead.number)
    (letter,) = dead.letters(10)
    reason = f"the file {photo.image.key} of Photo {photo.id} has no thumbnails: Not an image that can be read."
    assert (letter["reason"], letter["attempts"]) == (reason, 1)
