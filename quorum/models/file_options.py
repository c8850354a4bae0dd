"""Whether what `quorum.file()` says makes sense, each option brought into its normal form."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .. import content
from ..storage import Storage
from .containers import Container, core
from .files import THUMBNAIL, FileOptions, file_kind
from .kinds import MISSING, Kind

_TYPE = re.compile(r"[a-z]+/(\*|[a-z0-9][a-z0-9.+-]*)")
_EXTENSION = re.compile(r"\.[^./\\\s]+")
_IMAGE = ("max_pixels", "max_width", "thumbnails")


def problems_of(kind: Kind, options: Any) -> Iterator[str]:
    """Give what is wrong with the options of a field of files."""
    files = file_kind(kind)
    if files is None:
        if options.file is not None:
            yield "file() is for quorum.File, or a list or a dict of it"
        return
    if options.default is not MISSING and options.default is not None and not isinstance(core(kind), Container):
        yield "a field of a file has no default but None"
    if options.index or options.unique or options.primary:
        yield "a field of files has no index; query it by MongoDB's own filter"
    yield from _wrong_limits(files.options)
    yield from _wrong_image(files.options)


def _wrong_limits(options: FileOptions) -> Iterator[str]:
    try:
        options.max_size = content.read_size(options.max_size)
    except ValueError as error:
        yield f"max_size: {error}"
    for name, pattern, wanted in (
        ("content_types", _TYPE, "types like 'image/png' or 'image/*'"),
        ("extensions", _EXTENSION, "extensions like '.png'"),
    ):
        values = getattr(options, name)
        if values is None:
            continue
        if isinstance(values, str) or not all(isinstance(value, str) for value in values):
            yield f"{name} is a list of {wanted}, not {values!r}"
            continue
        values = tuple(value.strip().lower() for value in values)
        if wrong := [value for value in values if not pattern.fullmatch(value)]:
            yield f"{name} has {wrong[0]!r}: it is a list of {wanted}"
        elif not values:
            yield f"{name} is empty"
        setattr(options, name, values)
    key: Any = options.key
    if key is not None and not callable(key):
        yield f"key is a callable that gives a text, not {key!r}"
    storage: Any = options.storage
    if storage is not None and not isinstance(storage, Storage):
        yield f"storage is a quorum.storage.Storage, not {storage!r}"


def _wrong_image(options: FileOptions) -> Iterator[str]:
    image: Any = options.image
    if image is None:
        return
    if not isinstance(image, Mapping):
        yield f"image is a dict of {', '.join(_IMAGE)}, not {image!r}"
        return
    if unknown := sorted(set(image) - set(_IMAGE)):
        yield f"image has no option {unknown[0]!r}; it is a dict of {', '.join(_IMAGE)}"
    for name in ("max_width", "max_pixels"):
        if name in image and not _is_count(image[name]):
            yield f"image's {name} is a number of pixels, not {image[name]!r}"
    thumbnails = image.get("thumbnails", {})
    if not isinstance(thumbnails, Mapping):
        yield f"image's thumbnails are a dict, {{'small': (320, 320)}}, not {thumbnails!r}"
        return
    for name, size in thumbnails.items():
        if not isinstance(name, str) or not re.fullmatch(THUMBNAIL, name):
            yield f"a thumbnail's name is a word in lower case, not {name!r}"
        if not isinstance(size, (tuple, list)) or len(size) != 2 or not all(map(_is_count, size)):
            yield f"the thumbnail {name!r} has a width and a height in pixels, not {size!r}"
    if importlib.util.find_spec("PIL") is None:
        yield 'images need Pillow: pip install "quorum[images]"'


def _is_count(value: Any) -> bool:
    return type(value) is int and value > 0
