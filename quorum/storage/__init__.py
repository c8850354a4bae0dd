"""Where the bytes of files are kept. `Meta.storage` and `quorum.file(storage=...)` take one of these."""

from .amazon import AmazonStorage
from .base import Entry, Leftover, Storage
from .choice import default
from .folder import FolderStorage
from .memory import MemoryStorage

__all__ = ["AmazonStorage", "Entry", "FolderStorage", "Leftover", "MemoryStorage", "Storage", "default"]
