"""Where a model's documents are: its collection in the app that holds now."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.errors import BSONError, InvalidDocument, InvalidStringData
from pymongo import ReadPreference
from pymongo.collection import Collection
from pymongo.errors import (
    ConnectionFailure,
    DocumentTooLarge,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
)

from .. import errors, mongodb, runtime
from .registry import is_model

_PLAIN: CodecOptions[dict[str, Any]] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)

#: What the driver raises, before anything is sent, for a document that BSON cannot hold.
ENCODING_ERRORS = (InvalidDocument, InvalidStringData, DocumentTooLarge, OverflowError, UnicodeEncodeError, BSONError)

# Reads that failed so have waited as long as they may.
_FINAL = (ServerSelectionTimeoutError, WaitQueueTimeoutError, ExecutionTimeout)

#: The codes of a server that found a document too large: BSONObjectTooLarge, and two for one that an update made so.
TOO_LARGE = frozenset({10334, 17419, 17420})


def raw(model: Any) -> Collection[dict[str, Any]]:
    """Give a model's collection as this layer reads it: datetimes are decoded naive, which is a third cheaper, and made
    aware when a field is read.

    :raises ConfigurationError: no app is loaded, or the model is not among the app's.
    """
    return one(model).collection


def one(model: Any) -> _Finder:
    """Give what finds one document of a model: it does as the driver's `find_one`, for a sixth less of the time.

    :raises ConfigurationError: as `raw`.
    """
    context = runtime.current()
    finder: _Finder | None = context.cache.get(model)
    if finder is None:
        public = of(model)
        codec = public.codec_options.with_options(tz_aware=False, tzinfo=None)
        finder = context.cache[model] = _Finder(public.with_options(codec_options=codec))
    return finder


class _Finder:
    """Finds one document of a collection by a command of its own, without the driver's cursor."""

    __slots__ = ("_codec", "_command", "_is_plain", "_name", "_preference", "collection")

    def __init__(self, collection: Collection[dict[str, Any]]) -> None:
        self.collection = collection
        # A command would have no read concern, and mongomock knows none.
        self._is_plain = type(collection) is Collection and collection.read_concern.level is None
        self._command, self._name = collection.database.command, collection.name
        self._codec, self._preference = collection.codec_options, collection.read_preference

    def __call__(
        self,
        filter: dict[str, Any],
        projection: dict[str, int] | None = None,
        sort: tuple[tuple[str, int], ...] = (),
        skip: int = 0,
    ) -> dict[str, Any] | None:
        command: dict[str, Any] = {"find": self._name, "filter": filter, "limit": 1, "singleBatch": True}
        if projection is not None:
            command["projection"] = projection
        if sort:
            command["sort"] = dict(sort)
        if skip:
            command["skip"] = skip
        found = self._run(command)
        if found is None:
            check_size(self.collection, filter)
            return self.collection.find_one(filter, projection, sort=list(sort) or None, skip=skip)
        return found[0] if found else None

    def aggregate(self, pipeline: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        """Run a pipeline that gives few documents; None where it must be done in another way."""
        return self._run({"aggregate": self._name, "pipeline": pipeline, "cursor": {}})

    def _run(self, command: dict[str, Any]) -> list[dict[str, Any]] | None:
        """Run a reading command, and give its first batch; None where the driver must do it by a cursor: it reads again
        over another connection, but repeats no command.
        """
        if not self._is_plain:
            return None
        try:
            answer = self._command(command, codec_options=self._codec, read_preference=self._preference)
        except (ConnectionFailure, OperationFailure) as error:
            options = self.collection.database.client.options
            is_over = isinstance(error, _FINAL) or (error.timeout and options.timeout is not None)
            if is_over or not options.retry_reads:
                raise
            return None
        return answer["cursor"]["firstBatch"]  # type: ignore[no-any-return]


def primary(model: Any) -> Collection[dict[str, Any]]:
    """Give a model's collection for a read that a write depends on: a secondary may not have seen the last writes."""
    return raw(model).with_options(read_preference=ReadPreference.PRIMARY)


def of(model: Any) -> Collection[dict[str, Any]]:
    """Give a model's collection as pymongo users know it: datetimes are aware."""
    context = runtime.current()
    if model.__meta__.abstract:
        raise errors.ConfigurationError(
            f"{model.__name__} is abstract and has no collection. Use one of its subclasses."
        )
    if model not in context.models:
        raise errors.ConfigurationError(
            f"{model.__name__} is not among the models of this app. Add it to load(models=...)."
        )
    return mongodb.get_database()[model.__meta__.collection]


def check_size(collection: Any, document: Any) -> None:
    """On mongomock, which encodes nothing, refuse what BSON cannot hold."""
    if type(collection) is not Collection:
        bson.encode({"document": document}, codec_options=_PLAIN)


def failed(model: Any, error: PyMongoError) -> errors.QuorumError:
    """Make the error for a command that failed, with the model's name."""
    if getattr(error, "code", None) in TOO_LARGE:
        return errors.ValidationError("The document would be too large for the server.", model=model.__name__)
    translated = mongodb.translate(error)
    translated.args = (f"{model.__name__}: {translated.args[0]}", *translated.args[1:])
    return translated


#: What a reading command raises, of the driver, of the encoder and of mongomock.
READING_ERRORS = (PyMongoError, InvalidDocument, OverflowError, NotImplementedError)


def unread(model: Any, error: Exception, filters: tuple[Any, ...] = ()) -> Exception:
    """Make the error for a reading command that raised one of `READING_ERRORS`.

    :param filters: what it was told to find, to say what is wrong there.
    """
    if isinstance(error, PyMongoError):
        return failed(model, error)
    if isinstance(error, NotImplementedError):
        return errors.OperationalError(
            f"{model.__name__}: mongomock cannot do this: {error} Use the embedded database or a server."
        )
    if isinstance(error, OverflowError):
        return errors.ValidationError("Number too large.", model=model.__name__)  # JSON can bring one
    if isinstance(error, DocumentTooLarge):
        return errors.ValidationError("The filter is too large to be sent.", model=model.__name__)
    return _unsendable(model, filters)


#: What a filter in MongoDB's own form has in the place of a Python value.
_IN_A_FILTER: Final = (
    (Decimal, "a bson.Decimal128"),
    (date, "a datetime"),
    (enum.Enum, "its .value"),
    ((set, frozenset), "a list"),
)


def _unsendable(model: Any, filters: tuple[Any, ...]) -> TypeError:
    found = next(_unencodable(filters, ""), None)
    if found is None:
        return TypeError(f"{model.__name__}: the filter cannot be sent. Its keys are text, without a null character.")
    path, value = found
    key, dot, rest = path.partition(".")
    name = next((field.name for field in model.__fields__.values() if field.key == key), key or "field") + dot + rest
    remedy = next((f"{text}, or " for kind, text in _IN_A_FILTER if isinstance(value, kind)), "")
    if is_model(type(value)):
        remedy = "its .id, or "
    return TypeError(
        f"{model.__name__}: a filter in MongoDB's own form cannot hold {type(value).__name__}, which BSON has no type "
        f"for. Write {remedy}an expression, which takes it as it is: {model.__name__}.{name} >= value."
    )


def _unencodable(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Give (path, value) for each value that BSON has no type for."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _unencodable(inner, path if str(key).startswith("$") else str(key))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _unencodable(inner, path)
    else:
        try:
            bson.encode({"": value}, codec_options=_PLAIN)
        except InvalidDocument:
            yield path, value


class Translated:
    """Raises what a reading command of a model raises as quorum's errors: `with store.Translated(model): ...`."""

    __slots__ = ("_filters", "_model")

    def __init__(self, model: Any, filters: tuple[Any, ...] = ()) -> None:
        self._model, self._filters = model, filters

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, READING_ERRORS):
            raise unread(self._model, error, self._filters) from error


def too_large(model: Any, error: Exception) -> errors.ValidationError:
    """Make the error for a document that BSON cannot hold."""
    problem = str(error)
    if isinstance(error, InvalidDocument) and not isinstance(error, DocumentTooLarge):
        problem = "it holds a value that BSON has no type for."  # the driver's own words would show the value
    return errors.ValidationError(f"The document cannot be stored: {problem}", model=model.__name__)
