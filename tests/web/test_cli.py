"""The commands of `flask quorum`."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import quorum
from quorum.web import checks


@pytest.fixture(autouse=True)
def _memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    yield
    quorum.unload()


def test_config_prints_each_variable_and_its_source_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "c4n4ry")
    monkeypatch.setenv("SERVER_THREADS", "4")
    monkeypatch.setenv("SERVER_RAW_ENV", "DB_PASSWORD=c4n4ry")
    app = quorum.load(name="shop", PORT=8080)
    done = app.test_cli_runner().invoke(args=["quorum", "config"])
    rows = dict(line.split(None, 1) for line in done.output.splitlines())
    assert done.exit_code == 0
    assert rows["PORT"].split(None, 1) == ["8080", "load()'s PORT"]
    assert rows["SECRET_KEY"].split() == ["***", "SECRET_KEY"]
    assert rows["SERVER_THREADS"].split() == ["4", "SERVER_THREADS"]
    assert rows["INSTANCE"] == "the default"
    assert "c4n4ry" not in done.output


def test_config_names_the_file_that_the_flask_command_has_read(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / ".env").write_text("PORT=8081\n")
    done = flask_quorum("config", tmp_path, "mongomock://")
    rows = dict(line.split(None, 1) for line in done.stdout.splitlines())
    assert rows["PORT"].split(None, 1) == ["8081", f"PORT, as in {tmp_path / '.env'}"]
    assert rows["MONGOHQ_URL"].split(None, 1) == ["mongomock://", "MONGOHQ_URL"]


def test_config_is_printed_also_where_the_database_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    done = flask_quorum("config", tmp_path, "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=200")
    assert (done.returncode, done.stderr) == (0, "")
    assert "mongodb://127.0.0.1:1/x" in done.stdout


SHOP = """
import quorum
class Item(quorum.Model):
    name: str = quorum.field(unique=True)
app = quorum.load(name=__name__, models=[Item])
"""


def doctor(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    (folder / "shop.py").write_text(SHOP)
    return flask_quorum("doctor", folder, url)


def flask_quorum(command: str, folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "shop", "quorum", command],
        cwd=folder,
        env={**os.environ, "MONGOHQ_URL": url, "PYTHONPATH": str(Path(quorum.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_doctor_says_what_works(tmp_path: Path, mongo_url: str) -> None:
    done = doctor(tmp_path, mongo_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("MongoDB  works  MongoDB 8.")
    assert done.stdout.count("\n") == 1


def test_doctor_says_what_does_not_also_where_the_app_would_not_load(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{closed.getsockname()[1]}"
        done = doctor(tmp_path, f"mongodb://ann:c4n4ry@{host}/x?serverSelectionTimeoutMS=200")
    assert done.returncode == 1
    assert done.stdout.startswith(f"MongoDB  FAILS  MongoDB at {host} (from MONGOHQ_URL) does not answer")
    assert done.stdout.count("\n") == 1
    assert "c4n4ry" not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["config", "doctor"])
def test_a_command_says_what_is_wrong_with_the_configuration(tmp_path: Path, command: str) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    done = flask_quorum(command, tmp_path, "http://c4n4ry")
    assert done.returncode == 1
    assert "The app can't be loaded: The value of MONGOHQ_URL must begin with one of" in done.stderr
    assert "c4n4ry" not in done.stdout + done.stderr


def test_doctor_has_a_line_for_each_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise quorum.OperationalError("it is\nfull of c4n4ry")

    rows = (checks.Check("One", "SMTP_HOST", lambda: "One 1.0"), checks.Check("Another", "SMTP_USER", fail))
    monkeypatch.setattr(checks, "CHECKS", rows)
    app = quorum.load(name="shop", SMTP_HOST="h", SMTP_USER="u", SECRET_KEY="c4n4ry")
    done = app.test_cli_runner().invoke(args=["quorum", "doctor"])
    first, second = done.output.splitlines()
    assert done.exit_code == 1
    assert first.startswith("One      works  One 1.0 (")
    assert second.startswith("Another  FAILS  it is full of *** (")


def test_doctor_without_a_connection_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGOHQ_URL")
    done = quorum.load(name="shop").test_cli_runner().invoke(args=["quorum", "doctor"])
    assert (done.exit_code, done.output) == (0, "No connection is configured.\n")


@pytest.mark.parametrize("command", ["config", "doctor"])
def test_a_command_for_an_app_that_is_not_loaded_says_so(tmp_path: Path, command: str) -> None:
    (tmp_path / "shop.py").write_text("import flask\napp = flask.Flask('shop')\n")
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "shop", "quorum", command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "quorum is not loaded in the app 'shop'" in done.stderr
