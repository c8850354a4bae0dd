"""Images that strangers send: decoded in full and written anew, without what the camera put into them.

It takes Pillow, the extra `images`.
"""

from __future__ import annotations

import dataclasses
import io
import struct
import tempfile
import warnings
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from . import errors

#: The formats that are read, and the types that they have.
FORMATS: Final[Mapping[str, str]] = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
}

#: Pixels that an image may have, all its frames together: 50 million are 200 MB while it is worked on.
MAX_PIXELS: Final = 50_000_000

#: Bytes of an image that are kept in memory.
IN_MEMORY: Final = 4 * 1024 * 1024

THUMBNAIL_FORMAT: Final = "WEBP"
_QUALITY: Final = {"JPEG": 88, "WEBP": 82, "AVIF": 70}

# What Pillow raises for bytes that are no image, or not all of one.
_BROKEN: Final = (
    OSError, ValueError, SyntaxError, EOFError, MemoryError, TypeError, LookupError, OverflowError, RuntimeError,
    struct.error,
)  # fmt: skip


class WrongImage(Exception):  # noqa: N818  it tells of a file, and is no error until a field says so
    """A file that is no image, or not one that is taken; its text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    """An image that was made: its bytes, its type, its size in pixels."""

    stream: BinaryIO
    content_type: str
    width: int
    height: int


def check() -> None:
    """Check that there is what images take.

    :raises ConfigurationError: Pillow is not installed.
    """
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise errors.ConfigurationError('Images need Pillow: pip install "quorum[images]".') from error


def measure(stream: BinaryIO) -> tuple[int, int] | None:
    """Give the width and the height that an image's first bytes tell, or None: it is none, or Pillow is not there."""
    try:
        check()
    except errors.ConfigurationError:
        return None
    try:
        return _open(stream).size  # type: ignore[no-any-return]
    except WrongImage:
        return None


def renewed(stream: BinaryIO, max_width: int | None, max_pixels: int = MAX_PIXELS) -> Image:
    """Decode an image in full and write it anew: upright, without EXIF, and no wider than `max_width`.

    :raises WrongImage: it is no image that can be read, or has too many pixels.
    :raises ConfigurationError: Pillow is not installed.
    """
    check()
    image = _open(stream, max_pixels)
    form: str = image.format
    try:
        frames, durations = _frames(image, max_width)
    except _BROKEN as error:
        raise WrongImage("The image is damaged.") from error
    options: dict[str, Any] = {"quality": _QUALITY[form]} if form in _QUALITY else {}
    profile = image.info.get("icc_profile")
    if profile:
        options["icc_profile"] = profile
    if len(frames) > 1:
        loop = image.info.get("loop", 0)
        options |= {"save_all": True, "append_images": frames[1:], "duration": durations, "loop": loop}
    return _written(frames[0], form, options)


def thumbnail(stream: BinaryIO, size: tuple[int, int], max_pixels: int = MAX_PIXELS) -> Image:
    """Make a smaller image that fits into a width and a height.

    :raises WrongImage: it is no image that can be read, or has too many pixels.
    """
    image = _open(stream, max_pixels)
    try:
        image.draft("RGB", (size[0] * 2, size[1] * 2))  # JPEG can be decoded at a fraction of its size
        image.seek(0)
        small = _plain(image)
    except _BROKEN as error:
        raise WrongImage("The image is damaged.") from error
    small.thumbnail(size)
    return _written(small, THUMBNAIL_FORMAT, {"quality": _QUALITY[THUMBNAIL_FORMAT]})


def _open(stream: BinaryIO, max_pixels: int | None = None) -> Any:
    import PIL.Image

    stream.seek(0)
    try:
        with warnings.catch_warnings():
            # Its own limit is a process's, and only warns up to twice as many: ours is below.
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            image: Any = PIL.Image.open(stream, formats=list(FORMATS))
    except PIL.Image.DecompressionBombError as error:
        raise WrongImage(f"The image has more than {MAX_PIXELS:,} pixels.") from error
    except _BROKEN as error:
        raise WrongImage("Not an image that can be read.") from error
    width, height = image.size
    if max_pixels is not None and width * height * getattr(image, "n_frames", 1) > max_pixels:
        raise WrongImage(f"The image has more than {max_pixels:,} pixels.")
    return image


def _frames(image: Any, max_width: int | None) -> tuple[list[Any], list[int]]:
    import PIL.ImageSequence

    frames, durations = [], []
    for frame in PIL.ImageSequence.Iterator(image):
        plain = _plain(frame)
        if max_width is not None and plain.width > max_width:
            plain = plain.resize((max_width, max(1, round(plain.height * max_width / plain.width))))
        frames.append(plain)
        durations.append(int(frame.info.get("duration", 100)))
    return frames, durations


def _plain(image: Any) -> Any:
    """Give an image upright and in a mode that every format can write, with nothing beside its pixels."""
    import PIL.ImageOps

    upright = PIL.ImageOps.exif_transpose(image)
    has_alpha = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
    mode = "RGBA" if has_alpha else "L" if upright.mode in ("1", "L") else "RGB"
    plain = upright.convert(mode)
    plain.info = {}
    return plain


def _written(image: Any, form: str, options: dict[str, Any]) -> Image:
    if form == "JPEG" and image.mode == "RGBA":
        image = image.convert("RGB")
    stream: Any = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  it outlives this function
    image.save(stream, form, **options)
    stream.seek(0, io.SEEK_SET)
    return Image(stream, FORMATS[form], image.width, image.height)
