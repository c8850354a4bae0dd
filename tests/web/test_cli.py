"""The commands of `flask quorum`."""

from collections.abc import Iterator

import pytest

import quorum


@pytest.fixture(autouse=True)
def _memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    yield
    quorum.unload()


def test_config_prints_each_variable_and_its_source_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "c4n4ry")
    monkeypatch.setenv("SERVER_THREADS", "4")
    app = quorum.load(name="shop", PORT=8080)
    done = app.test_cli_runner().invoke(args=["quorum", "config"])
    rows = dict(line.split(None, 1) for line in done.output.splitlines())
    assert done.exit_code == 0
    assert rows["PORT"].split(None, 1) == ["8080", "load()'s PORT"]
    assert rows["SECRET_KEY"].split() == ["***", "SECRET_KEY"]
    assert rows["SERVER_THREADS"].split() == ["4", "SERVER_THREADS"]
    assert rows["INSTANCE"] == "the default"
    assert "c4n4ry" not in done.output
