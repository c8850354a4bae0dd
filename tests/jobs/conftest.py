"""What the tests of jobs share: an app in memory, and waiting for a condition."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

import quorum


@pytest.fixture(autouse=True)
def _memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    monkeypatch.setenv("EXECUTION_GRACE", "5")
    yield
    quorum.unload()


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits until a condition is true: `until(lambda: done, 10)`."""

    def wait(condition: Callable[[], object], limit: float = 10) -> None:
        end = time.monotonic() + limit
        while not condition():
            if time.monotonic() > end:
                pytest.fail(f"It is not so after {limit:g} seconds.", pytrace=False)
            time.sleep(0.005)

    return wait
