"""Where a model's documents are: its collection in the app that holds now."""

from __future__ import annotations

from typing import Any

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from bson.errors import BSONError, InvalidDocument, InvalidStringData
from pymongo import ReadPreference
from pymongo.collection import Collection
from pymongo.errors import DocumentTooLarge, PyMongoError

from .. import errors, mongodb, runtime

_PLAIN: CodecOptions[dict[str, Any]] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)

#: What the driver raises, before anything is sent, for a document that BSON cannot hold.
ENCODING_ERRORS = (InvalidDocument, InvalidStringData, DocumentTooLarge, OverflowError, UnicodeEncodeError, BSONError)

#: The codes of a server that found a document too large: BSONObjectTooLarge, and two for one that an update made so.
TOO_LARGE = frozenset({10334, 17419, 17420})


def raw(model: Any) -> Collection[dict[str, Any]]:
    """Give a model's collection as this layer reads it: datetimes are decoded naive, which is a third cheaper, and made
    aware when a field is read.

    :raises ConfigurationError: no app is loaded, or the model is not among the app's.
    """
    context = runtime.current()
    collection: Collection[dict[str, Any]] | None = context.cache.get(model)
    if collection is None:
        public = of(model)
        codec = public.codec_options.with_options(tz_aware=False, tzinfo=None)
        collection = context.cache[model] = public.with_options(codec_options=codec)
    return collection


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


def unread(model: Any, error: Exception) -> errors.QuorumError:
    """Make the error for a reading command that raised one of `READING_ERRORS`."""
    if isinstance(error, PyMongoError):
        return failed(model, error)
    if isinstance(error, NotImplementedError):
        return errors.OperationalError(
            f"{model.__name__}: mongomock cannot do this: {error} Use the embedded database or a server."
        )
    return errors.ValidationError("The filter is too large to be sent.", model=model.__name__)


class Translated:
    """Raises what a reading command of a model raises as quorum's errors: `with store.Translated(model): ...`."""

    __slots__ = ("_model",)

    def __init__(self, model: Any) -> None:
        self._model = model

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, READING_ERRORS):
            raise unread(self._model, error) from error


def too_large(model: Any, error: Exception) -> errors.ValidationError:
    """Make the error for a document that BSON cannot hold."""
    problem = str(error)
    if isinstance(error, InvalidDocument) and not isinstance(error, DocumentTooLarge):
        problem = "it holds a value that BSON has no type for."  # the driver's own words would show the value
    return errors.ValidationError(f"The document cannot be stored: {problem}", model=model.__name__)
