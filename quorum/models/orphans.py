"""Files and documents that lost each other: what a process leaves that dies between writing the one and the other.

Whoever removes what no document names must know all that is named. So whole documents are read, also what no field of
their model knows, and only files of collections whose models are loaded are looked at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from .. import errors, images, runtime
from ..storage import Entry, Leftover, Storage, default
from . import store, thumbnails, uploads
from .changes import is_file
from .files import FileKind

#: A file may be stored for this long before the document that names it.
GRACE = timedelta(days=1)

# So many images one after the other that a server did not give are an outage, and no fault of theirs.
_UNANSWERED: Final = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Missing:
    """A file that a document names and that is not there."""

    model: str
    id: Any
    name: str
    key: str


@dataclasses.dataclass(frozen=True, slots=True)
class Unmade:
    """A file whose smaller images were never made; `id` is its document's, as it is stored."""

    model: Any
    id: Any
    field: str
    key: str


@dataclasses.dataclass(slots=True)
class Report:
    """What a check found: files that no document names, what broken uploads left, files that are named and missing,
    and files without the smaller images that their field asks for.

    `named` is the number of files that were looked for; `failed` are those whose smaller images could not be made by
    `repair()`, and why.
    """

    named: int = 0
    unnamed: list[tuple[Storage, Entry]] = dataclasses.field(default_factory=list)
    leftovers: list[tuple[Storage, Leftover]] = dataclasses.field(default_factory=list)
    missing: list[Missing] = dataclasses.field(default_factory=list)
    unmade: list[Unmade] = dataclasses.field(default_factory=list)
    failed: list[tuple[Unmade, str]] = dataclasses.field(default_factory=list)


def check(older_than: timedelta = GRACE) -> Report:
    """Compare the files of the current app with its documents.

    :param older_than: younger files are taken to be on their way into a document; with 0, none are.
    :raises OperationalError: the database or a storage does not answer.
    """
    report = Report()
    # A storage has a clock of its own, and some round up: what is old enough at 0 is not for clocks to say.
    latest = datetime.now(UTC) - older_than if older_than else datetime.max.replace(tzinfo=UTC)
    for model in _collections():
        # First the files, then the documents: what is named then was stored before, or is asked for once more.
        listed = {place: _listed(place, model) for place in _storages(model)}
        named: set[str] = set()
        for stored in _documents(model):
            named.update(_keys(stored))
            _look_for_missing(model, stored, listed, report)
            report.unmade += _unmade(model, stored, latest)
        for place, entries in listed.items():
            report.unnamed += [
                (place, entry)
                for key, entry in entries.items()
                if entry.modified < latest and _of_file(key) not in named
            ]
            report.leftovers += [
                (place, leftover)
                for prefix in uploads.prefixes(model)
                for leftover in place.leftovers(prefix)
                if leftover.modified < latest
            ]
    report.leftovers = list(dict.fromkeys(report.leftovers))
    lost = {missing.key for missing in report.missing}
    report.unmade = [unmade for unmade in report.unmade if unmade.key not in lost]
    return report


def repair(report: Report) -> None:
    """Remove what a check found that no document names, and make the smaller images that were not.

    Where these can't be made, the report is told, and the next ones are made.

    :raises OperationalError: the database or a storage does not answer; for smaller images, again and again.
    """
    for place in {place for place, _ in (*report.unnamed, *report.leftovers)}:
        place.delete(entry.key for other, entry in report.unnamed if other == place)
        place.discard(leftover for other, leftover in report.leftovers if other == place)
    unanswered = 0
    for unmade in report.unmade:
        try:
            thumbnails.make(unmade.model, unmade.id, unmade.key)
            unanswered = 0
        except (errors.QuorumError, images.WrongImage) as error:
            report.failed.append((unmade, str(error)))
            unanswered = unanswered + 1 if isinstance(error, errors.OperationalError) else 0
            if unanswered == _UNANSWERED:
                raise


def _collections() -> Iterator[Any]:
    """Give a model of each collection whose documents may have files."""
    seen = set()
    for model in runtime.current().models:
        root: Any = model.__meta__.family or model  # type: ignore[attr-defined]
        if root.__meta__.collection not in seen and any(one.__files__ for one in root.__family__()):
            seen.add(root.__meta__.collection)
            yield root


def _storages(model: Any) -> set[Storage]:
    kinds = [kind for one in model.__family__() for kind in uploads.kinds(one)]
    return {default(), *(kind.storage() for kind in kinds)}


def _listed(place: Storage, model: Any) -> dict[str, Entry]:
    return {entry.key: entry for prefix in uploads.prefixes(model) for entry in place.entries(prefix)}


def _documents(model: Any) -> Iterator[dict[str, Any]]:
    with store.Translated(model):
        yield from store.primary(model).find({}).sort("_id", 1)


def _keys(stored: Any) -> Iterator[str]:
    """Give the keys of all files in a stored value, those of fields that the model does not know too."""
    if is_file(stored):
        yield str(stored.get("key"))
    for value in stored.values() if isinstance(stored, dict) else stored if isinstance(stored, list) else ():
        yield from _keys(value)


def _of_file(key: str) -> str:
    """Give the key of the file that a smaller image was made of, or the key itself."""
    folder, slash, last = key.rpartition("/")
    return folder + slash + last.partition(".")[0]


def _look_for_missing(
    model: Any, stored: dict[str, Any], listed: dict[Storage, dict[str, Entry]], report: Report
) -> None:
    for kind, facts in uploads.files_in(model.__class_of__(stored), stored):
        for key in (facts["key"], *(f"{facts['key']}.{name}" for name in facts.get("thumbnails") or ())):
            report.named += 1
            if key not in listed[kind.storage()] and _is_missing(model, stored["_id"], kind, key):
                name = model.__class_of__(stored).__name__
                report.missing.append(Missing(name, stored["_id"], str(facts.get("name")), key))


def _unmade(model: Any, stored: dict[str, Any], latest: datetime) -> Iterator[Unmade]:
    cls = model.__class_of__(stored)
    for field in cls.__files__:
        for kind, facts in uploads.files_of(field, stored):
            since = facts.get("uploaded_at")
            if thumbnails.are_due(kind, facts) and since is not None and since.replace(tzinfo=UTC) < latest:
                yield Unmade(cls, stored["_id"], field.name, facts["key"])


def _is_missing(model: Any, identifier: Any, kind: FileKind, key: str) -> bool:
    try:
        kind.storage().head(key)
    except errors.NotFoundError:
        now = store.primary(model).find_one({"_id": identifier}) or {}
        return _of_file(key) in set(_keys(now))
    return False
