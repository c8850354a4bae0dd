"""The client of Pusher Channels, against a server that checks what it is sent as Pusher's documentation says."""

import builtins
import hashlib
import hmac
import json
import os
import socket
import threading
from urllib.parse import parse_qsl

import pytest
from werkzeug.wrappers import Request, Response

import quorum
from quorum import pusherc, runtime

SECRET = "7ad3773142a6692b25b8"
KEYS = {"PUSHER_APP_ID": "3", "PUSHER_KEY": "278d425bdf160c739803", "PUSHER_SECRET": SECRET, "PUSHER_CLUSTER": "eu"}


class Channels:
    """Pusher's HTTP API as far as it is needed: it answers 401 to what is not signed with the secret."""

    def __init__(self) -> None:
        self.events: list[dict] = []
        self.answer: Response | None = None

    def __call__(self, environ, start_response):
        request = Request(environ)
        return (self.answer or self._answer(request))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        query = dict(parse_qsl(request.query_string.decode()))
        signature = query.pop("auth_signature", "")
        signed = "\n".join([request.method, request.path, "&".join(f"{k}={v}" for k, v in sorted(query.items()))])
        body = request.get_data()
        right = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
        if signature != right or query["body_md5"] != hashlib.md5(body).hexdigest():
            return Response(f"Invalid signature: you should have sent HmacSHA256Hex({signed!r})", 401)
        if request.method == "POST" and request.path == "/apps/3/events":
            self.events.append(json.loads(body))
            return Response("{}", mimetype="application/json")
        if request.path == "/apps/3/channels":
            return Response('{"channels": {}}', mimetype="application/json")
        return Response("unknown", 404)


@pytest.fixture
def channels() -> Channels:
    return Channels()


@pytest.fixture
def load(monkeypatch, mock_url):
    """Loads an app with all variables, and those given in their place; None takes one away."""

    def load(**changes):
        for name, value in {**KEYS, "MONGOHQ_URL": mock_url, **changes}.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        quorum.load(name="shop")

    yield load
    quorum.unload()


def test_an_event_arrives_signed(load, serve, channels):
    load(PUSHER_ENDPOINT=serve(channels))
    quorum.get_pusher().trigger("posts", "created", {"title": "\u00e9"})
    (event,) = channels.events
    assert event["channels"] == ["posts"]
    assert event["name"] == "created"
    assert json.loads(event["data"]) == {"title": "\u00e9"}


def test_ping_asks_the_server(load, serve, channels):
    url = serve(channels)
    load(PUSHER_ENDPOINT=url)
    assert pusherc.ping() == f"Pusher Channels at {url.removeprefix('http://')}"


def test_the_cluster_says_where_the_server_is(load):
    load()
    client = quorum.get_pusher()._pusher_client
    assert (client.scheme, client.host, client.port) == ("https", "api-eu.pusher.com", 443)
    assert client.timeout == pusherc.TIMEOUT


def test_there_is_one_client_for_all_threads(load):
    load()
    found = []
    threads = [threading.Thread(target=lambda: found.append(quorum.get_pusher())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_a_forked_process_makes_its_own(load, serve, channels):
    load(PUSHER_ENDPOINT=serve(channels))
    pusherc.ping()
    parents = quorum.get_pusher()
    pid = os.fork()
    if pid == 0:
        try:
            own = quorum.get_pusher() is not parents
            quorum.get_pusher().trigger("posts", "from_the_child", {})
            os._exit(0 if own else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert quorum.get_pusher() is parents
    assert pusherc.ping()
    assert [event["name"] for event in channels.events] == ["from_the_child"]


def test_unload_ends_it(load, serve, channels):
    load(PUSHER_ENDPOINT=serve(channels))
    pusherc.ping()
    before = quorum.get_pusher()
    quorum.unload()
    with pytest.raises(quorum.ConfigurationError):
        quorum.get_pusher()
    load()
    assert quorum.get_pusher() is not before


@pytest.mark.parametrize("name", KEYS)
def test_a_missing_variable_is_named(load, name):
    load(**{name: None})
    with pytest.raises(quorum.ConfigurationError, match=f"needs {name}:"):
        quorum.get_pusher()


def test_all_that_is_missing_is_told_at_once(load):
    load(**dict.fromkeys(KEYS))
    with pytest.raises(quorum.ConfigurationError, match=", ".join(KEYS)):
        pusherc.ping()


def test_a_missing_package_is_told_with_what_to_install(load, monkeypatch):
    load()
    imported = builtins.__import__

    def refuse(name, *arguments, **options):
        if name.split(".")[0] == "pusher":
            raise ImportError(name)
        return imported(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(quorum.ConfigurationError, match=r'pip install "quorum\[pusher\]"'):
        quorum.get_pusher()


def test_a_wrong_secret_is_told_without_showing_it(load, serve, channels):
    load(PUSHER_ENDPOINT=serve(channels), PUSHER_SECRET="not-the-right-one")
    with pytest.raises(quorum.OperationalError, match="PUSHER_SECRET is wrong") as caught:
        quorum.get_pusher().trigger("posts", "created", {})
    assert caught.value.code == 401
    assert "PUSHER_ENDPOINT" in str(caught.value)
    assert "not-the-right-one" not in f"{caught.value} {caught.value.__cause__!r}"
    assert channels.events == []


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (Response("over quota", 403), 403, "over its limits"),
        (Response("bad", 400), 400, "did not understand"),
        (Response(SECRET, 500), 500, "can't do what was asked: [*]{3}"),
        (Response("", 302, {"Location": "http://127.0.0.1:1/"}), 302, "can't do what was asked"),
        (Response("<html>", 200), 200, "no JSON"),
    ],
)
def test_an_answer_that_is_no_success_is_an_error(load, serve, channels, answer, code, told):
    load(PUSHER_ENDPOINT=serve(channels))
    channels.answer = answer
    with pytest.raises(quorum.OperationalError, match=told) as caught:
        pusherc.ping()
    assert caught.value.code == code
    assert SECRET not in str(caught.value)


def test_a_server_that_is_not_there_is_told(load):
    load(PUSHER_ENDPOINT="http://127.0.0.1:1")
    with pytest.raises(quorum.OperationalError, match=r"127\.0\.0\.1:1 .* does not answer") as caught:
        pusherc.ping()
    assert "auth_signature" not in f"{caught.value} {caught.value.__cause__!r}"


def test_a_server_that_says_nothing_is_given_up(load, monkeypatch):
    monkeypatch.setattr(pusherc, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        load(PUSHER_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(quorum.OperationalError, match="ReadTimeout"):
            pusherc.ping()


def test_the_secret_is_in_no_repr(load):
    load()
    client = quorum.get_pusher()
    assert SECRET not in f"{client!r} {client._pusher_client.http!r} {runtime.last().settings!r}"
