"""Images: decoded in full, without what the camera wrote, upright, and no larger than asked."""

import io
import random
from contextlib import ExitStack

import pytest
from PIL import Image

import quorum
from quorum import images


@pytest.fixture
def renewed():
    """Makes images anew, and closes them after the test."""
    with ExitStack() as stack:

        def renew(*args):
            made = images.renewed(*args)
            stack.enter_context(made.stream)
            return made

        yield renew


def make(form, size=(80, 40), mode="RGB", **options):
    stream = io.BytesIO()
    Image.new(mode, size, "red" if mode == "RGB" else (255, 0, 0, 100)).save(stream, form, **options)
    stream.seek(0)
    return stream


def exif():
    found = Image.Exif()
    found[0x0112] = 6  # to be turned by 90 degrees
    found[0x010F] = "a camera"
    found.get_ifd(0x8825)[2] = (52.0, 31.0, 0.0)  # the latitude
    return found


@pytest.mark.promise("U2")
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_what_the_camera_wrote_is_gone_and_the_image_is_upright(renewed, form):
    stream = make(form, exif=exif())
    assert Image.open(stream).getexif().get_ifd(0x8825)
    made = renewed(stream, None)
    found = Image.open(made.stream)
    assert (found.format, found.size) == (form, (40, 80))
    assert not found.getexif()
    made.stream.seek(0)
    assert b"camera" not in made.stream.read()


@pytest.mark.promise("U2")
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_whatever_is_damaged_is_no_image_or_one(form):
    chance, whole = random.Random(1), make(form, (16, 16)).getvalue()
    refused = 0
    for _ in range(100):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 12)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        for use in (lambda stream: images.renewed(stream, None), lambda stream: images.thumbnail(stream, (8, 8))):
            try:
                use(io.BytesIO(damaged[: chance.randrange(len(damaged) // 2, len(damaged) * 2)])).stream.close()
            except images.WrongImage:
                refused += 1
    assert refused > 20


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_an_image_is_made_no_wider_than_asked(renewed, form):
    made = renewed(make(form, (400, 100)), 200)
    assert (made.width, made.height, made.content_type) == (200, 50, f"image/{form.lower()}")
    assert renewed(make(form, (100, 400)), 200).width == 100


def test_an_animation_stays_one(renewed):
    frames = [Image.new("RGB", (40, 20), color) for color in ("red", "green", "blue")]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0)
    found = Image.open(renewed(stream, 20).stream)
    assert (found.n_frames, found.size) == (3, (20, 10))


def test_transparency_stays(renewed):
    for form in ("PNG", "WEBP"):
        found = Image.open(renewed(make(form, mode="RGBA"), None).stream)
        assert found.mode == "RGBA"


def test_what_was_hidden_behind_an_image_is_gone(renewed):
    stream = io.BytesIO(make("PNG").getvalue() + b"<script>alert(1)</script>")
    assert b"script" not in renewed(stream, None).stream.read()


@pytest.mark.parametrize("data", [b"", b"x", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_what_is_no_image_is_refused(data):
    with pytest.raises(images.WrongImage, match="Not an image"):
        images.renewed(io.BytesIO(data), None)


def test_all_frames_together_count():
    frames = [Image.new("L", (100, 100), color) for color in range(0, 250, 50)]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(images.WrongImage, match="more than 40,000 pixels"):
        images.renewed(stream, None, 40_000)


class Photo(quorum.Model):
    image: quorum.File = quorum.file(image={"thumbnails": {"small": (32, 32), "large": (64, 64)}})
    other: quorum.File | None = None


def test_a_field_stores_the_image_with_its_thumbnails(load_files):
    storage = load_files(Photo, execution=False)
    photo = Photo(image=make("JPEG", (300, 150), exif=exif()), other=make("PNG", (10, 20)).getvalue()).save()
    photo = Photo.get(photo.id)
    assert (photo.image.width, photo.image.height) == (150, 300)
    assert (photo.other.width, photo.other.height) == (10, 20)
    small = photo.image.thumbnail("small")
    assert (small.width, small.height, small.content_type, small.name) == (16, 32, "image/webp", "file-small.webp")
    assert Image.open(io.BytesIO(small.read())).size == (16, 32)
    assert sorted(photo.image.thumbnails) == ["large", "small"]
    with pytest.raises(KeyError):
        photo.image.thumbnail("huge")
    assert len(list(storage.entries(""))) == 4
    photo.delete()
    assert list(storage.entries("")) == []
