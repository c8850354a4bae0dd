"""The data core: models, their fields, and what is done with them. It needs no Flask."""

from . import signals
from .base import Timestamped
from .expressions import Condition
from .fields import field, reference
from .hooks import validates
from .model import EmbeddedModel, Model
from .pages import Page
from .query import Query

__all__ = [
    "Condition",
    "EmbeddedModel",
    "Model",
    "Page",
    "Query",
    "Timestamped",
    "field",
    "reference",
    "signals",
    "validates",
]
