"""Fixtures of the tests of the data core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pymongo
import pytest


@pytest.fixture
def fail(secantus: str) -> Iterator[Callable[..., None]]:
    """Set the server's fail point for commands of an app: `fail("insert", times=1, errorCode=6)`."""
    with pymongo.MongoClient[dict[str, Any]](secantus) as client:

        def fail(*commands: str, times: int = 1, **data: Any) -> None:
            data = {"failCommands": list(commands), "appName": "quorum", **data}
            client.admin.command({"configureFailPoint": "failCommand", "mode": {"times": times}, "data": data})

        yield fail
        client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
