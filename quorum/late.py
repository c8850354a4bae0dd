"""marshmallow, imported when it is first needed: that takes longer than importing all of quorum."""

from __future__ import annotations

import importlib
import os
import threading
from typing import TYPE_CHECKING, Any

__all__ = ["importing", "marshmallow"]

#: Held while it is imported: a process that was forked meanwhile would wait for the end of that for ever.
importing = threading.RLock()
os.register_at_fork(before=importing.acquire, after_in_parent=importing.release, after_in_child=importing.release)

if TYPE_CHECKING:
    import marshmallow.validate
else:

    class _Marshmallow:
        def __getattr__(self, name: str) -> Any:
            with importing:
                value = getattr(importlib.import_module("marshmallow"), name)
            setattr(self, name, value)
            return value

    marshmallow = _Marshmallow()
