"""HEALTH: the page that says whether the connections work; and the checks behind it."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator

import flask
import pytest

import quorum
from quorum import mongodb
from quorum.web import checks, health

C = "c4n4ry"


@pytest.fixture(autouse=True)
def _unload(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    monkeypatch.setenv("HEALTH", "/health")
    yield
    quorum.unload()


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the table of checks: `table(One=ping, Two=ping)`; each counts as configured."""

    def use(**pings: Callable[[], str]) -> None:
        rows = tuple(checks.Check(label, "MONGOHQ_URL", ping) for label, ping in pings.items())
        monkeypatch.setattr(checks, "CHECKS", rows)

    return use


def fail() -> str:
    raise quorum.OperationalError(f"host.example does not answer {C}")


def test_it_tells_each_configured_connection_with_its_latency(mongo_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGOHQ_URL", mongo_url)
    answer = quorum.load(name="shop").test_client().get("/health")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    facts = answer.get_json()
    assert 0 < facts["connections"]["MongoDB"].pop("milliseconds") < health.LIMIT * 1000
    assert facts == {"status": "ok", "connections": {"MongoDB": {"works": True}}}


def test_one_that_fails_makes_it_a_503_and_the_reason_is_for_the_log(
    table: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    table(One=lambda: "One 1.0", Two=fail)
    app = quorum.load(name="shop", SECRET_KEY=C)
    with caplog.at_level(logging.WARNING):
        answer = app.test_client().get("/health")
    assert answer.status_code == 503
    facts = answer.get_json()
    assert facts["status"] == "failing"
    assert {label: one["works"] for label, one in facts["connections"].items()} == {"One": True, "Two": False}
    assert "host" not in answer.text
    assert "Two: host.example does not answer ***" in caplog.text


def test_a_check_that_breaks_in_a_way_of_its_own_is_one_that_fails(table: Callable[..., None]) -> None:
    table(One=lambda: str(1 / 0))
    (result,) = checks.run(quorum.load(name="shop").extensions["quorum"], 10)
    assert (result.works, result.text) == (False, "ZeroDivisionError: division by zero")


def test_a_server_that_hangs_is_given_up_and_asked_once(
    table: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    release, asked = threading.Event(), []

    def hang() -> str:
        asked.append(1)
        release.wait(20)
        return "late"

    monkeypatch.setattr(health, "LIMIT", 0.05)
    table(One=hang, Two=lambda: "Two 2.0")
    client = quorum.load(name="shop").test_client()
    try:
        for _ in range(5):
            answer = client.get("/health")
            assert answer.status_code == 503
            assert answer.get_json()["connections"]["One"]["works"] is False
            assert answer.get_json()["connections"]["Two"]["works"] is True
        assert asked == [1]
    finally:
        release.set()


def test_checks_run_at_the_same_time(table: Callable[..., None]) -> None:
    together = threading.Barrier(3, timeout=10)

    def meet() -> str:
        together.wait()
        return "met"

    table(One=meet, Two=meet, Three=meet)
    assert all(result.works for result in checks.run(quorum.load(name="shop").extensions["quorum"], 10))


def test_a_check_asks_the_connection_of_its_own_app(table: Callable[..., None]) -> None:
    table(One=lambda: quorum.get_mongo_db().name)
    first = quorum.load(name="first").extensions["quorum"]
    quorum.load(name="second")
    assert [result.text for result in checks.run(first, 10)] == ["first"]


def test_nothing_of_the_application_comes_before_it() -> None:
    app = flask.Flask("shop")
    seen: list[str] = []
    app.before_request(lambda: seen.append(flask.request.path))
    quorum.load(app)
    app.before_request(lambda: flask.abort(403))
    assert app.test_client().get("/health").status_code == 200
    assert app.test_client().get("/other").status_code == 403
    assert seen == ["/other"]


def test_it_touches_no_session() -> None:
    answer = quorum.load(name="shop").test_client().get("/health", headers={"Cookie": "session=x"})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert "Vary" not in answer.headers


@pytest.mark.parametrize(("method", "path"), [("POST", "/health"), ("GET", "/health/"), ("GET", "/healthy")])
def test_it_is_one_page(method: str, path: str) -> None:
    assert quorum.load(name="shop").test_client().open(path, method=method).status_code == 404


def test_it_is_off_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEALTH")
    assert quorum.load(name="shop").test_client().get("/health").status_code == 404


def test_after_unload_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    app = quorum.load(name="shop")
    client = app.test_client()
    assert client.get("/health").status_code == 200
    quorum.unload(app)
    assert client.get("/health").status_code == 404
    monkeypatch.setenv("HEALTH", "/up")
    quorum.load(app)
    assert [client.get(path).status_code for path in ("/health", "/up")] == [404, 200]


def test_an_app_without_models_and_url_has_no_database_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGOHQ_URL")
    answer = quorum.load(name="shop").test_client().get("/health")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok", "connections": {}})


def test_a_ping_says_what_the_server_is(mongo_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    quorum.load(name="shop")
    assert mongodb.ping() == "mongomock, in memory"
    monkeypatch.setenv("MONGOHQ_URL", mongo_url)
    quorum.load(name="blog")
    assert mongodb.ping().startswith("MongoDB 8.")


def test_a_ping_of_a_server_that_is_gone_is_an_error_within_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        monkeypatch.setenv("MONGOHQ_URL", f"mongodb://ann:{C}@127.0.0.1:{port}/x?serverSelectionTimeoutMS=100")
        quorum.load(name="shop")
        with pytest.raises(quorum.OperationalError, match=f"127.0.0.1:{port} .* does not answer") as caught:
            mongodb.ping()
    assert C not in str(caught.value)
