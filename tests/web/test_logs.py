"""The log of a loaded app: ids of requests, secrets that reach no line, and what unload() leaves."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import flask
import pytest
from flask.logging import default_handler

import quorum

C = "c4n4ry-S3cret"


@pytest.fixture(autouse=True)
def _unload(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    yield
    quorum.unload()


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., flask.Flask]:
    """Loads an app with a log in `tmp_path/logs/shop.log`."""

    def make(name: str = "shop", logger: str | None = "shop", folder: str = "", **given: object) -> flask.Flask:
        app = flask.Flask(name, instance_path=str(tmp_path / folder))
        app.config.update(given)
        quorum.load(app, logger=logger)
        app.add_url_rule("/", view_func=index)
        return app

    return make


def index() -> str:
    flask.current_app.logger.warning("Served")
    logging.getLogger("shop.views").info("Seen")
    return "ok"


def log(tmp_path: Path) -> str:
    return (tmp_path / "logs" / "shop.log").read_text(encoding="utf-8")


def test_each_line_has_the_id_of_its_request_which_the_client_gets(
    load: Callable[..., flask.Flask], tmp_path: Path
) -> None:
    client = load().test_client()
    identities = [client.get("/").headers["X-Request-ID"] for _ in range(2)]
    assert len(set(identities)) == 2
    assert re.findall(r"\[(\w+)\] (shop[\w.]*)", log(tmp_path)) == [
        (identity, name) for identity in identities for name in ("shop", "shop.views")
    ]


@pytest.mark.parametrize("given", ["abc-1_2.3=", "f" * 64])
def test_a_clients_id_is_taken(load: Callable[..., flask.Flask], tmp_path: Path, given: str) -> None:
    answer = load().test_client().get("/", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given
    assert f"[{given}] shop: Served" in log(tmp_path)


@pytest.mark.parametrize("given", ["", "f" * 65, "a b", "a]", "\u00e9", "<script>", "a\t"])
def test_a_clients_id_that_is_not_short_and_safe_is_replaced(
    load: Callable[..., flask.Flask], tmp_path: Path, given: str
) -> None:
    answer = load().test_client().get("/", headers={"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-ID"])
    assert not given or f"[{given}]" not in log(tmp_path)


def test_an_error_that_nobody_handled_has_the_id_of_its_request(
    load: Callable[..., flask.Flask], tmp_path: Path
) -> None:
    app = load()
    app.add_url_rule("/bad", view_func=lambda: 1 / 0, endpoint="bad")
    answer = app.test_client().get("/bad")
    assert answer.status_code == 500
    assert f"[{answer.headers['X-Request-ID']}] shop: Exception on /bad [GET]" in log(tmp_path)
    assert "    | ZeroDivisionError: division by zero" in log(tmp_path)


@pytest.mark.promise("L1")
def test_a_canary_in_a_request_or_the_configuration_is_in_no_log_page_or_repr(
    load: Callable[..., flask.Flask],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHOP_API_KEY", f"{C}-1")
    app = load(SECRET_KEY=f"{C}-2", PAYMENT_TOKEN=f"{C}-3", SECRET_KEY_FALLBACKS=[f"{C}-4"])

    @app.post("/bad")
    def bad() -> str:
        request = flask.request
        app.logger.error("%s %s %s", request.url, request.headers, request.form)
        app.logger.error("%r %s", dict(request.headers), request.get_data(as_text=True))
        app.logger.error("%s", {"key": app.secret_key, "password": f"{C}-5"})
        app.logger.error("of %s", quorum.conf("SHOP_API_KEY"), extra={"password": f"{C}-6"})
        raise ValueError(f"password={C}-7 {app.config['PAYMENT_TOKEN']} {app.config['SECRET_KEY_FALLBACKS']}")

    headers = {"Authorization": f"Bearer {C}-8", "X-Api-Key": f"{C}-9", "Cookie": f"session={C}-10; a={C}-11"}
    form = {"new_password": f"{C}-12", "csrf_token": f"{C} 13"}
    page = app.test_client().post(f"/bad?token={C}-14", headers=headers, data=form)
    text = log(tmp_path) + capsys.readouterr().err
    assert text.count("***") > 20
    assert text.count("ValueError") >= 2
    assert C not in text + page.text + str(page.headers)
    assert C not in repr(app.extensions["quorum"].settings)


def test_without_a_logger_nothing_is_added(load: Callable[..., flask.Flask], tmp_path: Path) -> None:
    names = ["", "shop", "quorum", "werkzeug", "waitress"]
    before = [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in names]
    app = load(logger=None)
    assert "X-Request-ID" not in app.test_client().get("/").headers
    after = [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in names]
    after[1] = (after[1][0], [handler for handler in after[1][1] if handler is not default_handler])
    assert after == before
    assert not (tmp_path / "logs").exists()


def test_unload_leaves_the_app_and_the_loggers_as_they_were(load: Callable[..., flask.Flask], tmp_path: Path) -> None:
    root = list(logging.root.handlers)
    app = load()
    app.test_client().get("/")
    said = log(tmp_path)
    quorum.unload(app)
    assert "X-Request-ID" not in app.test_client().get("/").headers
    assert log(tmp_path) == said
    assert app.logger.handlers in ([], [default_handler])
    assert logging.root.handlers == root
    assert logging.getLogger("quorum").handlers == []


def test_an_app_that_is_loaded_again_has_each_line_once(load: Callable[..., flask.Flask], tmp_path: Path) -> None:
    app = load()
    for _ in range(3):
        quorum.unload(app)
        quorum.load(app, logger="shop")
    app.test_client().get("/")
    assert log(tmp_path).count("Served") == 1


def test_that_debug_is_deprecated_is_a_line_of_the_log(
    load: Callable[..., flask.Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEBUG", "1")
    load()
    assert re.search(r"WARNING .* DEBUG is deprecated: set LEVEL=DEBUG", log(tmp_path))


@pytest.mark.parametrize("is_config", [True, False])
def test_that_the_settings_of_mongoengine_are_not_read_is_a_line_of_the_log(
    load: Callable[..., flask.Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_config: bool
) -> None:
    url = f"mongodb://user:{C}@host/shop"
    if is_config:
        load(MONGODB_SETTINGS={"host": url})
    else:
        monkeypatch.setenv("MONGODB_SETTINGS", url)
        load()
    said = log(tmp_path)
    assert said.count("MONGODB_SETTINGS is not read. quorum's database is the one of MONGOHQ_URL.") == 1
    assert "WARNING" in said
    assert C not in said


def test_two_apps_have_a_log_each(load: Callable[..., flask.Flask], tmp_path: Path) -> None:
    first = load(folder="first")
    second = load(folder="second")
    for app in (first, second, first):
        app.test_client().get("/")
    assert [log(tmp_path / folder).count("Served") for folder in ("first", "second")] == [2, 1]


def test_a_load_that_fails_leaves_no_log(load: Callable[..., flask.Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quorum.web.https.start", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        load()
    assert logging.getLogger("quorum").handlers == []


@pytest.mark.promise("L3")
def test_a_log_that_can_not_be_written_fails_no_request(
    load: Callable[..., flask.Flask], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = load(SECRET_KEY=C)

    def fail(*_: object) -> None:
        raise OSError(28, C)

    monkeypatch.setattr("concurrent_log_handler.ConcurrentRotatingFileHandler.do_write", fail)
    answer = app.test_client().get("/")
    assert (answer.status_code, answer.text) == (200, "ok")
    said = capsys.readouterr().err
    assert "A line of the log is lost (OSError)" in said
    assert C not in said
