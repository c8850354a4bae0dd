"""run(): the three servers, where they serve, and how they stop."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import servers

import quorum
from quorum.web import serving

ROOT = Path(quorum.__file__).parents[1]
ALL = ("flask", "waitress", "gunicorn")

SHOP = """
import os, pathlib, sys, time
import flask, quorum
app = quorum.load(name=__name__, logger=os.environ.get("SHOP_LOG"), DEBUG="debug" in sys.argv)
@app.get("/")
def index():
    return f"{flask.request.scheme} of {quorum.get_mongo_db().name}"
@app.get("/big")
def big():
    return "x" * 30_000_000
@app.get("/slow")
def slow():
    print("at work", flush=True)
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
    return "done"
quorum.run()
print("after run()", flush=True)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Callable[..., servers.Child]]:
    """Serves a shop in a process of its own: `shop("waitress", SERVER_THREADS="2")`."""
    (tmp_path / "shop.py").write_text(SHOP)
    with ExitStack() as stack:

        def start(server: str | None, *arguments: str, **variables: str) -> servers.Child:
            environment = {"PYTHONPATH": str(ROOT), "MONGOHQ_URL": "mongomock://", "PORT": "0", **variables}
            if server is not None:
                environment["SERVER"] = server
            return stack.enter_context(
                servers.child(
                    [sys.executable, "shop.py", *arguments],
                    ready=r"Running on (http://[\w.:\[\]]+)",
                    cwd=tmp_path,
                    env=environment,
                )
            )

        yield start


def url(child: servers.Child) -> str:
    assert child.match is not None
    return child.match[1]


def read(address: str, **headers: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=20) as answer:
        return str(answer.read().decode())


def wait(condition: Callable[[], bool], limit: float = 20) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def said(child: servers.Child, text: str) -> bool:
    return any(text in line for line in list(child.lines))


def refuses(address: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), 1):
            return False
    except OSError:
        return True


@pytest.mark.parametrize("server", ALL)
def test_a_server_says_where_it_serves(shop: Callable[..., servers.Child], server: str) -> None:
    child = shop(server)
    assert read(url(child)) == "http of shop"


@pytest.mark.parametrize(
    ("arguments", "told"), [([], "(waitress)"), (["debug"], "Debugger is active")], ids=["plain", "debug"]
)
def test_waitress_serves_and_flask_in_debug_mode(
    shop: Callable[..., servers.Child], arguments: list[str], told: str
) -> None:
    child = shop(None, *arguments, SERVER_THREADS="2")
    wait(lambda: not refuses(url(child)))
    assert read(url(child)) == "http of shop"
    wait(lambda: said(child, told))


@pytest.mark.parametrize(
    ("server", "number"),
    # gunicorn's SIGINT is its quick stop
    [*((server, signal.SIGTERM) for server in ALL), ("flask", signal.SIGINT), ("waitress", signal.SIGINT)],
)
def test_a_request_in_flight_is_answered_before_the_server_stops(
    shop: Callable[..., servers.Child], tmp_path: Path, server: str, number: signal.Signals
) -> None:
    child = shop(server)
    answers: list[str] = []
    client = threading.Thread(target=lambda: answers.append(read(f"{url(child)}/slow")))
    client.start()
    wait(lambda: said(child, "at work"))
    os.kill(child.pid, number)
    wait(lambda: said(child, "Handling signal: term") if server == "gunicorn" else refuses(url(child)))
    assert answers == []
    (tmp_path / "go").touch()
    client.join(20)
    assert answers == ["done"]
    assert child.process.wait(20) == 0
    if server != "gunicorn":
        wait(lambda: said(child, "after run()"))


def test_an_answer_is_sent_to_its_end_before_waitress_stops(shop: Callable[..., servers.Child]) -> None:
    child = shop("waitress")
    with socket.create_connection(("127.0.0.1", int(url(child).rpartition(":")[2])), 20) as client:
        client.sendall(b"GET /big HTTP/1.0\r\n\r\n")
        received = len(client.recv(1000))
        os.kill(child.pid, signal.SIGTERM)
        wait(lambda: refuses(url(child)))
        while part := client.recv(1_000_000):
            received += len(part)
    assert received > 30_000_000
    assert child.process.wait(20) == 0


@pytest.mark.parametrize("server", ["flask", "waitress"])
def test_a_connection_that_waits_for_nothing_stops_no_server(shop: Callable[..., servers.Child], server: str) -> None:
    child = shop(server)
    with socket.create_connection(("127.0.0.1", int(url(child).rpartition(":")[2])), 20) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
        assert client.recv(1000)
        os.kill(child.pid, signal.SIGTERM)
        assert child.process.wait(20) == 0


@pytest.mark.parametrize("server", ["flask", "waitress"])
def test_a_second_signal_cuts_requests_off(shop: Callable[..., servers.Child], server: str) -> None:
    child = shop(server)

    def ask() -> None:
        with pytest.raises((OSError, urllib.error.URLError)):
            read(f"{url(child)}/slow")

    client = threading.Thread(target=ask)
    client.start()
    wait(lambda: said(child, "at work"))
    os.kill(child.pid, signal.SIGTERM)
    wait(lambda: refuses(url(child)))
    os.kill(child.pid, signal.SIGTERM)
    assert child.process.wait(20) == 0
    client.join(20)


def test_gunicorn_serves_with_as_many_workers_as_it_is_told(shop: Callable[..., servers.Child]) -> None:
    child = shop("gunicorn", SERVER_WORKERS="3", SERVER_ACCESSLOG="-")
    wait(lambda: sum("Booting worker" in line for line in list(child.lines)) == 3)
    assert read(f"{url(child)}/?password=c4n4ry") == "http of shop"
    wait(lambda: said(child, "GET /?password=***"))
    assert not said(child, "c4n4ry")


@pytest.mark.promise("L1")
@pytest.mark.parametrize("server", ALL)
@pytest.mark.parametrize("variables", [{}, {"SHOP_LOG": "shop"}], ids=["no log", "log"])
def test_a_password_in_a_url_is_in_no_line_of_a_server(
    shop: Callable[..., servers.Child], server: str, variables: dict[str, str]
) -> None:
    child = shop(server, **variables)
    read(f"{url(child)}/?password=c4n4ry")
    child.stop()
    assert not said(child, "c4n4ry")


@pytest.mark.parametrize(
    ("server", "variables"),
    [
        ("waitress", {"SERVER_TRUSTED_PROXY": "127.0.0.1", "SERVER_TRUSTED_PROXY_HEADERS": "x-forwarded-proto"}),
        ("gunicorn", {"SERVER_FORWARDED_ALLOW_IPS": "127.0.0.1"}),
    ],
)
def test_a_server_knows_https_of_a_proxy_that_it_is_told_to_trust(
    shop: Callable[..., servers.Child], server: str, variables: dict[str, str]
) -> None:
    child = shop(server, FORCE_SSL="1", **variables)
    assert read(url(child), **{"X-Forwarded-Proto": "https"}) == "https of shop"


def test_a_port_that_is_taken_is_told_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for server in ALL:
            environment = {**os.environ, "PYTHONPATH": str(ROOT), "MONGOHQ_URL": "mongomock://", "PORT": str(port)}
            done = subprocess.run(
                [sys.executable, "shop.py"],
                cwd=tmp_path,
                env={**environment, "SERVER": server},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 1
            assert f"Port {port} of 127.0.0.1 is taken. Choose another: PORT={port + 1}" in done.stderr


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(quorum.ConfigurationError, match=r"HOST=192.0.2.1 is no address of this machine"):
        serving.bind("192.0.2.1", 0)
    with pytest.raises(quorum.ConfigurationError, match=r"can't be served on HOST=no.such.host.invalid"):
        serving.bind("no.such.host.invalid", 0)


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("0.0.0.0", "127.0.0.1")])
def test_it_says_an_address_that_can_be_opened(host: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    with serving.bind(host, 0) as opened:
        serving._say("waitress", opened)
        port = opened.getsockname()[1]
    assert f"Running on http://{shown}:{port}" in capsys.readouterr().err


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    monkeypatch.setenv("PORT", "0")
    yield lambda **given: quorum.load(name="shop", **given)
    quorum.unload()


@pytest.mark.parametrize(
    ("server", "option", "value", "told"),
    [
        ("waitress", "THREDS", "4", r"SERVER_THREDS: waitress has no option 'threds'"),
        ("waitress", "WORKERS", "4", r"SERVER_WORKERS: waitress has no option 'workers'"),
        ("gunicorn", "THREDS", "4", r"SERVER_THREDS: gunicorn has no option 'threds'"),
        ("flask", "THREADS", "4", r"SERVER_THREADS: flask has no option 'threads'"),
        ("waitress", "THREADS", "four", r"The value of SERVER_THREADS is not an integer"),
        ("waitress", "THREADS", "0", r"The value of SERVER_THREADS is too small"),
        ("waitress", "EXPOSE_TRACEBACKS", "maybe", r"The value of SERVER_EXPOSE_TRACEBACKS is not a boolean"),
        ("waitress", "TRUSTED_PROXY_COUNT", "2", r"waitress can't serve with what SERVER_\* sets: trusted_proxy"),
        ("gunicorn", "WORKERS", "many", r"The value of SERVER_WORKERS makes no sense to gunicorn"),
        ("gunicorn", "PRELOAD_APP", "maybe", r"The value of SERVER_PRELOAD_APP is not a boolean"),
        ("gunicorn", "BIND", "0.0.0.0:80", r"SERVER_BIND: HOST and PORT say where run\(\) serves"),
        ("waitress", "LISTEN", "*:80", r"SERVER_LISTEN: HOST and PORT say where run\(\) serves"),
        ("flask", "USE_RELOADER", "maybe", r"The value of SERVER_USE_RELOADER is not a boolean"),
    ],
)
def test_an_option_that_makes_no_sense_to_the_server_is_an_error_that_names_it(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, server: str, option: str, value: str, told: str
) -> None:
    monkeypatch.setenv(f"SERVER_{option}", value)
    load()
    with pytest.raises(quorum.ConfigurationError, match=told) as caught:
        quorum.run(server)
    assert "maybe" not in str(caught.value)


def test_all_options_that_make_no_sense_are_told_at_once(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_THREDS", "4")
    load(SERVER_BACKLOG="x")
    with pytest.raises(quorum.ConfigurationError) as caught:
        quorum.run("waitress")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("server", ["waitress", "gunicorn"])
def test_a_server_that_is_not_installed_is_told(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    load(SERVER=server)
    monkeypatch.setitem(sys.modules, f"{server}.server" if server == "waitress" else "gunicorn.app.base", None)
    with pytest.raises(quorum.ConfigurationError, match=rf'{server} is not installed.*pip install "quorum\[server\]"'):
        quorum.run()


def test_without_waitress_flasks_server_serves_with_a_warning(
    load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    load(SERVER_THREADS="4")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    served: list[Any] = []
    monkeypatch.setattr(serving, "_flask", lambda app, settings, options: served.append(options))
    with caplog.at_level(logging.WARNING):
        quorum.run()
    assert served == [{}]
    assert re.search(r'waitress is not installed.*pip install "quorum\[server\]"', caplog.text)


def test_run_without_an_app_says_what_to_do() -> None:
    with pytest.raises(quorum.ConfigurationError, match=r"Call quorum.load\(\)"):
        quorum.run()


def test_run_knows_its_servers(load: Callable[..., Any]) -> None:
    load()
    with pytest.raises(quorum.ConfigurationError, match=r"no server 'uwsgi'.*flask, waitress, gunicorn"):
        quorum.run("uwsgi")


def test_handlers_of_signals_are_given_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    stopped: list[bool] = []
    with serving._stopped_by_signals(lambda: stopped.append(True)) as stopping:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopping.wait(10)
    assert stopped == [True]
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
