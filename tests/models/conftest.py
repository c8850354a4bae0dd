"""Fixtures of the tests of the data core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import quorum


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Loads models on a database for the length of the test: `load(any_url, Book, Author)`."""

    def load(url: str, *models: Any, **options: Any) -> None:
        monkeypatch.setenv("MONGOHQ_URL", url)
        quorum.load(name="library", models=models, **options)

    yield load
    quorum.unload()
