"""marshmallow, imported when it is first needed: that takes longer than importing all of quorum."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__all__ = ["marshmallow"]

if TYPE_CHECKING:
    import marshmallow.validate
else:

    class _Marshmallow:
        def __getattr__(self, name: str) -> Any:
            value = getattr(importlib.import_module("marshmallow"), name)
            setattr(self, name, value)
            return value

    marshmallow = _Marshmallow()
