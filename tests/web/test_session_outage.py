"""Sessions while Redis is away: who needs none is served, who needs one is told to come again, nobody is changed."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import flask
import pytest
import servers
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException

import quorum
from quorum import redisdb
from quorum.web import session_store

#: Requests a second, by so many visitors.
RATE = 50
VISITORS = 10

#: Seconds in which all visitors must be served again.
RECOVERY = 5.0


class Redis:
    """A server that can go away and come back with its data."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._port: int | None = None
        self.start()

    def start(self) -> None:
        options = ("--appendonly", "yes", "--appendfsync", "always")
        self.server = self._stack.enter_context(servers.valkey(self._folder, *options, port=self._port))
        self.url = self.server.url
        self._port = int(self.url.rpartition(":")[2])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Redis]:
    with ExitStack() as stack:
        yield Redis(tmp_path, stack)


@pytest.fixture
def app(server: Redis) -> Iterator[flask.Flask]:
    # With two languages, as the choice of one may stand in the session.
    locales = ("en_us", "pt_pt")
    app = quorum.load(
        name="shop", redis_session=True, locales=locales, REDISTOGO_URL=server.url, MONGOHQ_URL="mongomock://"
    )

    @app.get("/plain")
    def plain() -> str:
        return flask.render_template_string("plain {{ get_locale() }}")

    @app.get("/who")
    def who() -> str:
        return str(flask.session.get("user"))

    @app.get("/login/<user>")
    def login(user: str) -> str:
        quorum.renew_session(user)
        flask.session["user"] = user
        return user

    @app.get("/logout")
    def logout() -> str:
        flask.session.clear()
        return "out"

    @app.get("/count")
    def count() -> dict[str, object]:
        flask.session["count"] = flask.session.get("count", 0) + 1
        return {"user": flask.session.get("user"), "count": flask.session["count"]}

    @app.after_request
    def add_header(response: flask.Response) -> flask.Response:
        response.headers["X-Site"] = "shop"
        return response

    yield app
    quorum.unload()


def log_in(app: flask.Flask) -> FlaskClient:
    client = app.test_client()
    assert client.get("/login/ada").status_code == 200
    return client


@pytest.fixture
def ada(app: flask.Flask) -> FlaskClient:
    """Somebody who is logged in; an app takes no more pages from then on."""
    return log_in(app)


def cookie_of(client: FlaskClient) -> str | None:
    cookie = client.get_cookie("session")
    return None if cookie is None else cookie.value


PATHS = ["/who", "/count", "/logout", "/login/bob"]


@pytest.mark.promise("S11")
def test_a_request_that_needs_no_session_is_served(server: Redis, ada: FlaskClient) -> None:
    server.server.kill()
    assert ada.get("/plain").text == "plain en_US"


@pytest.mark.promise("S11")
@pytest.mark.parametrize("path", PATHS)
def test_a_request_that_needs_one_is_a_503_and_the_cookie_stays(server: Redis, ada: FlaskClient, path: str) -> None:
    before = cookie_of(ada)
    server.server.kill()
    answer = ada.get(path)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert answer.headers["X-Site"] == "shop"
    assert cookie_of(ada) == before
    assert not any(word in answer.text for word in ("127.0.0.1", "Redis", "out", "bob"))
    server.start()
    assert ada.get("/who").text == "ada"


@pytest.mark.promise("S11")
@pytest.mark.parametrize("path", PATHS)
def test_a_server_that_hangs_is_given_up_soon(server: Redis, ada: FlaskClient, path: str) -> None:
    server.server.process.send_signal(signal.SIGSTOP)
    try:
        assert ada.get(path).status_code == 503
    finally:
        server.server.process.send_signal(signal.SIGCONT)
    assert sum(session_store.LIMITS.values()) < 1


@pytest.mark.promise("S11")
def test_a_visitor_without_a_session_reads_one_without_redis(server: Redis, app: flask.Flask) -> None:
    server.server.kill()
    stranger = app.test_client()
    assert stranger.get("/who").text == "None"
    assert stranger.get("/login/bob").status_code == 503
    assert cookie_of(stranger) is None


@pytest.mark.promise("S11")
def test_a_session_that_cannot_be_written_replaces_the_answer(server: Redis, app: flask.Flask) -> None:
    @app.get("/stream")
    def stream() -> flask.Response:
        flask.session["user"] = "bob"
        server.server.kill()
        return flask.Response(iter(["secret"]), headers={"Location": "/bob", "ETag": "x"})

    ada = log_in(app)
    answer = ada.get("/stream")
    assert answer.status_code == 503
    assert "secret" not in answer.text
    assert not {"Location", "ETag", "Set-Cookie"} & set(answer.headers.keys())
    assert answer.headers["X-Site"] == "shop"
    server.start()
    assert ada.get("/who").text == "ada"


def test_an_application_that_goes_on_without_it_never_takes_it_for_an_empty_one(
    server: Redis, app: flask.Flask
) -> None:
    @app.get("/tries")
    def tries() -> str:
        failures = 0
        for _ in range(3):
            try:
                flask.session.get("user")
            except quorum.OperationalError:
                failures += 1
                if failures == 1:
                    server.start()
        return str(failures)

    ada = log_in(app)
    server.server.kill()
    answer = ada.get("/tries")
    assert answer.text == "3"
    assert "Set-Cookie" not in answer.headers
    assert ada.get("/who").text == "ada"


@pytest.mark.parametrize("path", ["/who", "/count", "/login/bob"])
def test_the_page_of_the_error_can_use_the_session(server: Redis, app: flask.Flask, path: str) -> None:
    @app.errorhandler(503)
    def show(error: Exception) -> tuple[str, int]:
        flask.session["csrf_token"] = "new"
        return f"Sorry, {flask.session.get('user')}", 503

    ada = log_in(app)
    server.server.kill()
    answer = ada.get(path)
    assert (answer.status_code, answer.text) == (503, "Sorry, None")
    assert "Set-Cookie" not in answer.headers
    server.start()
    assert ada.get("/who").text == "ada"


def test_the_page_of_another_error_that_needs_the_session_is_a_503_too(server: Redis, app: flask.Flask) -> None:
    @app.errorhandler(HTTPException)
    def show(error: HTTPException) -> tuple[str, int]:
        return f"Sorry, {flask.session.get('user')}", error.code or 0

    ada = log_in(app)
    assert (ada.get("/nowhere").status_code, ada.get("/nowhere").text) == (404, "Sorry, ada")
    server.server.kill()
    answer = ada.get("/nowhere")
    assert (answer.status_code, answer.text) == (503, "Sorry, None")


def test_what_redis_refuses_names_the_variable_and_no_password(app: flask.Flask, ada: FlaskClient) -> None:
    with app.app_context():
        quorum.get_redis().config_set("requirepass", "another-one")
        quorum.unload()
    url = app.config["REDISTOGO_URL"].replace("//", "//:c4n4ry@")
    quorum.load(app=app, redis_session=True, REDISTOGO_URL=url)
    assert ada.get("/who").status_code == 503
    with app.app_context(), pytest.raises(quorum.OperationalError, match="refuses the user") as caught:
        redisdb.ping()
    assert "REDISTOGO_URL" in str(caught.value)
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize("path", PATHS)
def test_a_redis_that_may_not_run_what_sessions_need_is_a_500_and_the_cookie_stays(app: flask.Flask, path: str) -> None:
    @app.errorhandler(500)
    def failed(_error: Exception) -> tuple[str, int]:
        return f"Sorry, {flask.session.get('user')}", 500

    ada = log_in(app)
    before = cookie_of(ada)
    with app.app_context():
        quorum.get_redis().acl_setuser("default", enabled=True, nopass=True, keys="*", commands=["-evalsha", "-eval"])
    answer = ada.get(path)
    assert (answer.status_code, answer.text) == (500, "Sorry, None")
    assert "Retry-After" not in answer.headers
    assert cookie_of(ada) == before


class Visitor(threading.Thread):
    """Somebody who is logged in and comes again and again; `wrong` are the answers that should not be."""

    def __init__(self, app: flask.Flask, name: str, over: threading.Event) -> None:
        super().__init__(name=name)
        self.client = app.test_client()
        assert self.client.get(f"/login/{name}").status_code == 200
        self.over = over
        self.wrong: list[object] = []
        self.served = 0
        self.refused = 0
        self.back = threading.Event()

    def run(self) -> None:
        least = most = 0
        while not self.over.wait(VISITORS / RATE):
            answer = self.client.get("/count")
            if answer.status_code == 503 and "Set-Cookie" not in answer.headers:
                # It may have been counted, and the answer lost.
                self.refused += 1
                most += 1
                continue
            found = answer.get_json(silent=True) or {}
            if answer.status_code != 200 or found["user"] != self.name or not least < found["count"] <= most + 1:
                self.wrong.append((answer.status_code, answer.text, least, most))
                return
            least = most = found["count"]
            self.served += 1
            self.back.set()


def _wait_for_all(visitors: list[Visitor], limit: float) -> bool:
    """Wait until each of them was served once more."""
    for visitor in visitors:
        visitor.back.clear()
    deadline = time.monotonic() + limit
    return all(visitor.back.wait(max(0.0, deadline - time.monotonic())) for visitor in visitors)


@pytest.mark.promise("S11")
@pytest.mark.parametrize("kill", [False, True], ids=["SIGTERM", "SIGKILL"])
def test_redis_restarted_under_load_gives_no_wrong_answer_and_recovers(
    server: Redis, app: flask.Flask, kill: bool
) -> None:
    over = threading.Event()
    visitors = [Visitor(app, f"visitor-{number}", over) for number in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    try:
        assert _wait_for_all(visitors, 30)
        (server.server.kill if kill else server.server.stop)()
        while not all(visitor.refused for visitor in visitors):
            assert not over.wait(0.05)
        server.start()
        assert _wait_for_all(visitors, RECOVERY)
        assert _wait_for_all(visitors, RECOVERY)
    finally:
        over.set()
        for visitor in visitors:
            visitor.join()
    assert [visitor.wrong for visitor in visitors if visitor.wrong] == []
    assert all(visitor.client.get("/who").text == visitor.name for visitor in visitors)
