"""The smaller images of a stored file, made after its document was stored: by a job, or by the check of all files.

Another writer may replace the file meanwhile. So the document is only told of them while it still has the file, and
what it was not told of is removed again. Until then, and if whoever makes them dies, the file has none.
"""

from __future__ import annotations

import copy
from typing import Any, Final

from .. import errors, images
from . import store, uploads
from .changes import Update
from .files import FileKind

# How often another writer may change a document between reading and updating it.
_ATTEMPTS: Final = 20


def are_due(kind: FileKind, facts: dict[str, Any]) -> bool:
    """Say whether a stored image lacks a smaller one that its field asks for."""
    return "width" in facts and not kind.options.thumbnails.keys() <= (facts.get("thumbnails") or {}).keys()


def make(model: Any, identifier: Any, key: str) -> None:
    """Make the smaller images of a file that a document has, and store their facts in it.

    Nothing is done where the document has the file no more, or has its smaller images already.

    :param identifier: the document's `_id`, as it is stored.
    :param key: the key of the file.
    :raises WrongImage: the object is damaged.
    :raises NotFoundError: the document names the file, and its object is not there.
    :raises OperationalError: the database or the storage does not answer.
    :raises ConflictError: other writers changed the document again and again.
    """
    stored = _read(model, identifier)
    found = _find(model, stored, key)
    if found is None or not are_due(*found):
        return
    kind, facts = found
    try:
        made = _made(kind, facts)
    except errors.NotFoundError:
        if _find(model, _read(model, identifier), key) is not None:
            raise
        made = None
    if made is None or not _tell(model, identifier, key, made):
        place = kind.storage()
        uploads.remove((place, one) for one in uploads.keys_of(kind, facts) if one != key)


def _made(kind: FileKind, facts: dict[str, Any]) -> dict[str, Any]:
    place, made = kind.storage(), {}
    there = place.head(facts["key"]).size
    if there != facts["size"]:
        raise images.WrongImage(f"It has {there} bytes in place of {facts['size']}.")
    for name in kind.options.thumbnails:
        with place.open(facts["key"], facts["size"]) as stream:
            made[name] = uploads.store_thumbnail(kind, facts["key"], name, stream)
    return made


def _tell(model: Any, identifier: Any, key: str, made: dict[str, Any]) -> bool:
    """Store the facts of smaller images where a document has their file; say whether it has."""
    for _ in range(_ATTEMPTS):
        stored = _read(model, identifier)
        before = copy.deepcopy(stored)
        found = _find(model, stored, key)
        if found is None:
            return False
        found[1]["thumbnails"] = made
        update = Update()
        for field in model.__class_of__(stored).__files__:
            if field.key in stored:
                update.change(field.key, stored[field.key], before[field.key])
        if not update:
            return True  # another has made the same
        with store.Translated(model):
            told = store.raw(model).update_one({"_id": identifier, **update.guards}, update.operators())
        if told.matched_count:
            return True
    raise errors.ConflictError(
        f"{model.__name__} {identifier!r} changes too fast to be told of the thumbnails of a file.",
        model=model.__name__, id=identifier,
    )  # fmt: skip


def _read(model: Any, identifier: Any) -> dict[str, Any]:
    with store.Translated(model):
        return store.primary(model).find_one({"_id": identifier}, uploads.projection(model)) or {}


def _find(model: Any, stored: dict[str, Any], key: str) -> tuple[FileKind, dict[str, Any]] | None:
    every = uploads.files_in(model.__class_of__(stored), stored) if stored else ()
    return next(((kind, facts) for kind, facts in every if facts["key"] == key), None)
