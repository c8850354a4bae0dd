"""The data core: models, their fields, and what is done with them. It needs no Flask."""

from typing import TYPE_CHECKING, Any

from . import signals
from .base import Timestamped
from .expressions import Condition
from .hooks import validates
from .model import EmbeddedModel, Model
from .options import field, file, reference
from .pages import Page
from .query import Query

if TYPE_CHECKING:
    from .files import File

__all__ = [
    "Condition",
    "EmbeddedModel",
    "File",
    "Model",
    "Page",
    "Query",
    "Timestamped",
    "field",
    "file",
    "reference",
    "signals",
    "validates",
]


def __getattr__(name: str) -> Any:
    if name == "File":  # it brings the storages, which an app without files never needs
        from .files import File

        return File
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
