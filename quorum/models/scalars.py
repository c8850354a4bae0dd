"""The scalar types, one kind each, by the annotation that means them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from bson import ObjectId

from .choices import Boolean, EnumKind, LiteralKind
from .dates import Date, DateTime, Time
from .ids import ObjectIdKind, UUIDKind
from .kinds import Scalar
from .numbers import MAX_INT64, MIN_INT64, DecimalKind, Float, Integer
from .texts import Bytes, Pattern, String

__all__ = [
    "MAX_INT64",
    "MIN_INT64",
    "SCALARS",
    "Boolean",
    "Bytes",
    "Date",
    "DateTime",
    "DecimalKind",
    "EnumKind",
    "Float",
    "Integer",
    "LiteralKind",
    "ObjectIdKind",
    "Pattern",
    "String",
    "Time",
    "UUIDKind",
]

#: The kinds that need no argument, by the annotation that means them.
SCALARS: dict[Any, Callable[[], Scalar]] = {
    str: String,
    int: Integer,
    float: Float,
    bool: Boolean,
    bytes: Bytes,
    datetime: DateTime,
    date: Date,
    time: Time,
    Decimal: DecimalKind,
    uuid.UUID: UUIDKind,
    ObjectId: ObjectIdKind,
    re.Pattern: Pattern,
}
