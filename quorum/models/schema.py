"""A model's marshmallow schema: what outside input is cast and checked by, and what tools of that world understand."""

from __future__ import annotations

from typing import Any

from ..late import marshmallow
from .containers import Nullable
from .kinds import MISSING


def schema_of(model: Any) -> type[marshmallow.Schema]:
    """Make the schema class of a model: its public fields by their Python names.

    Loading takes only what may be written from outside and refuses unknown names; it gives a dict of Python values.
    Dumping takes a document of the model.
    """
    fields: dict[str, Any] = {}
    for name, field in model.__fields__.items():
        if field.options.private:
            continue
        options: dict[str, Any] = {"dump_only": not writable(field)}
        if options["dump_only"]:
            options["required"] = False
        default = field.options.default
        if default is not MISSING and not options["dump_only"]:
            options["load_default"] = field.default
        elif isinstance(field.kind, Nullable) and not field.required and not options["dump_only"]:
            options["load_default"] = None
        fields[name] = field.schema_field(**options)
    return type(f"{model.__name__}Schema", (marshmallow.Schema,), {**fields, "__module__": model.__module__})


def writable(field: Any) -> bool:
    """Say whether outside input may set a field."""
    options = field.options
    return not (options.readonly or options.private or options.increment or options.moment) and field.key != "_id"
