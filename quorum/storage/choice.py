"""Which storage an app has where a field names none."""

from __future__ import annotations

from pathlib import Path

from .. import amazon, mongodb, runtime
from .amazon import AmazonStorage
from .base import Storage
from .folder import FolderStorage
from .memory import MemoryStorage


def default() -> Storage:
    """Give the current app's storage: S3 where `AMAZON_*` is set, memory where its documents are in memory, else the
    folder `files` under the instance folder.

    :raises ConfigurationError: nothing is loaded, or only a part of `AMAZON_*` is set.
    """
    context = runtime.current()
    storage: Storage | None = context.cache.get("storage")
    if storage is None:
        if amazon.is_configured(context.settings):
            storage = AmazonStorage()
        elif mongodb.is_mock():
            storage = MemoryStorage(context.client("storage.memory", dict, dict.clear))
        else:
            storage = FolderStorage(Path(context.settings.instance_path, "files"))
        context.cache["storage"] = storage
    return storage
