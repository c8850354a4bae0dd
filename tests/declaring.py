"""Classes made in a test, and what is said of those that make no sense."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from quorum import Model
from quorum.errors import ConfigurationError


def declare(annotation: Any = str, value: Any = ..., /, name: str = "x", base: Any = Model, **body: Any) -> Any:
    """Make the class `M` of the caller's module with one field: `x` unless told."""
    body = {"__annotations__": {name: annotation}, "__module__": sys._getframe(1).f_globals["__name__"], **body}
    if value is not ...:
        body[name] = value
    return type("M", base if isinstance(base, tuple) else (base,), body)


def meta(**options: Any) -> type:
    return type("Meta", (), options)


def problems_of(make: Callable[[], Any]) -> tuple[str, ...]:
    """Give the problems that a declaration is refused for."""
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems
