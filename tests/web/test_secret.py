"""Where the key that signs sessions comes from."""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import flask
import pytest

import quorum
from quorum.web import secret


@pytest.fixture(autouse=True)
def _unload() -> Iterator[None]:
    yield
    quorum.unload()


def make_app(folder: Path) -> flask.Flask:
    return flask.Flask("shop", instance_path=str(folder))


def test_the_argument_wins_then_the_variable_then_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert quorum.load(make_app(tmp_path), SECRET_KEY="configured").secret_key == "configured"
    monkeypatch.setenv("SECRET_KEY", "variable")
    assert quorum.load(make_app(tmp_path), SECRET_KEY="configured").secret_key == "variable"
    assert quorum.load(make_app(tmp_path), secret_key=b"argument").secret_key == b"argument"
    assert list(tmp_path.iterdir()) == []


def test_on_the_embedded_database_one_is_kept_for_the_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    first = quorum.load(make_app(folder)).secret_key
    assert isinstance(first, str)
    assert len(first) == 64
    assert [path.name for path in folder.iterdir()] == ["secret_key"]
    assert stat.S_IMODE((folder / "secret_key").stat().st_mode) == 0o600
    quorum.unload()
    assert quorum.load(make_app(folder)).secret_key == first


def test_in_memory_one_is_made_for_each_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    first, second = (quorum.load(make_app(tmp_path)).secret_key for _ in range(2))
    assert first
    assert second
    assert first != second
    assert list(tmp_path.iterdir()) == []


def test_with_a_server_none_is_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGOHQ_URL", "mongodb://127.0.0.1:1/shop")
    assert quorum.load(make_app(tmp_path)).secret_key is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("empty", ["", b""])
def test_an_empty_one_is_none(tmp_path: Path, empty: str | bytes) -> None:
    key = quorum.load(make_app(tmp_path), SECRET_KEY=empty).secret_key
    assert key == (tmp_path / "secret_key").read_text()


def test_all_who_start_at_once_share_one_key(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)

    def ask(folder: Path) -> str:
        barrier.wait()
        return secret.kept(folder)

    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            folder = tmp_path / str(number)
            assert len(set(pool.map(ask, [folder] * 8))) == 1
            assert [path.name for path in folder.iterdir()] == ["secret_key"]


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    path.write_bytes(content)
    path.chmod(mode)


KEY = b"k" * 64

UNFIT: dict[str, Callable[[Path], None]] = {
    "readable by others": lambda path: _write(path, KEY, 0o644),
    "writable by others": lambda path: _write(path, KEY, 0o606),
    "a link": lambda path: (_write(path.with_name("other"), KEY), path.symlink_to("other"))[1],
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a pipe": lambda path: os.mkfifo(path, 0o600),
    "a folder": lambda path: path.mkdir(0o700),
    "empty": lambda path: _write(path, b""),
    "blank": lambda path: _write(path, b" " * 64 + b"\n"),
    "short": lambda path: _write(path, b"secret\n"),
    "long": lambda path: _write(path, b"k" * 100_000),
    "no text": lambda path: _write(path, "ä".encode() * 64),
}


@pytest.mark.parametrize("make", UNFIT.values(), ids=UNFIT)
def test_a_kept_one_that_can_not_be_trusted_is_an_error(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "secret_key")
    with pytest.raises(quorum.ConfigurationError, match=r"secret_key.*Remove it.*SECRET_KEY"):
        quorum.load(make_app(tmp_path))
    assert quorum.APP is None


def test_a_kept_one_of_another_user_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path / "secret_key", KEY)
    assert secret.kept(tmp_path) == KEY.decode()
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(quorum.ConfigurationError, match="another user"):
        secret.kept(tmp_path)


def test_a_folder_that_can_not_keep_one_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(quorum.ConfigurationError, match="Set SECRET_KEY"):
        quorum.load(make_app(tmp_path / "file"))


def test_an_instance_has_a_cookie_and_a_key_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for instance in ("1", "2"):
        monkeypatch.setenv("INSTANCE", instance)
        app = quorum.load(make_app(tmp_path))
        assert app.config["SESSION_COOKIE_NAME"] == f"session_{instance}"
    assert (tmp_path / "1" / "secret_key").read_text() != (tmp_path / "2" / "secret_key").read_text()
