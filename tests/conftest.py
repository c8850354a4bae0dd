"""The fixtures of the tests. Servers start when the first test asks for them, one of a kind for each worker."""

from __future__ import annotations

import functools
import logging
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import commands as recording
import hypothesis
import proxy as network
import pymongo
import pytest
import servers
from mailserver import Certificates, Mailserver, mailserver
from pymongo import monitoring

from quorum import log, runtime, variables

# Every variable that could reach the tests from the shell of whoever runs them.
NAMES = [name for variable in variables.VARIABLES.values() for name in (variable.name, *variable.aliases)]

# The time limit of an example says more about the machine than about the code.
hypothesis.settings.register_profile("quorum", deadline=None, print_blob=True)
hypothesis.settings.register_profile("soak", hypothesis.settings.get_profile("quorum"), max_examples=5000)
hypothesis.settings.load_profile("quorum")

_commands = recording.Commands()
monitoring.register(_commands)


@pytest.fixture(scope="session")
def secantus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a MongoDB-compatible server with fail points and transactions; it ends with a slash."""
    with servers.secantus(tmp_path_factory.mktemp("secantus")) as url:
        yield url


@pytest.fixture
def mongo_url(secantus: str) -> Iterator[str]:
    """The URL of a database on the server, new for this test and dropped after it."""
    name = _database_name()
    yield secantus + name
    with pymongo.MongoClient[dict[str, Any]](secantus) as client:
        client.drop_database(name)


@pytest.fixture
def mock_url() -> str:
    """The URL of a database in memory, new for this test."""
    return f"mongomock:///{_database_name()}"


@pytest.fixture(params=["mongomock", "server"])
def any_url(request: pytest.FixtureRequest) -> str:
    """`mock_url`, then `mongo_url`: the test runs twice."""
    return str(request.getfixturevalue("mock_url" if request.param == "mongomock" else "mongo_url"))


@pytest.fixture
def proxy(mongo_url: str) -> Iterator[network.Proxy]:
    """A network in front of `mongo_url` that fails on demand; its `url` names the same database."""
    with network.proxy(mongo_url) as between:
        yield between


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that speaks Redis' protocol."""
    with servers.valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server.url


@pytest.fixture
def redis_url(valkey: str) -> Iterator[str]:
    """The same, empty before this test and after it."""
    import redis

    with redis.Redis.from_url(valkey) as client:
        client.flushall()
        yield valkey
        client.flushall()


@pytest.fixture(scope="session")
def rabbitmq_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Child]:
    """The RabbitMQ server of all tests: who stops its process lets it go on, too."""
    with servers.rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq(rabbitmq_server: servers.Child) -> str:
    """The URL of a RabbitMQ server; tests give their queues names of their own."""
    return rabbitmq_server.url


@pytest.fixture
def commands() -> Iterator[recording.Commands]:
    """The commands that this process sent to MongoDB servers since the test began: `names`, `of(name)`, `clear()`."""
    _commands.record(True)
    yield _commands
    _commands.record(False)


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an S3 server that has all of Amazon's commands and checks no signature."""
    with servers.moto(tmp_path_factory.mktemp("moto")) as url:
        yield url


@pytest.fixture(scope="session")
def nanio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an S3 server that checks signatures."""
    with servers.nanio(tmp_path_factory.mktemp("nanio")) as url:
        yield url


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of OpenStack Swift's S3 API, for the soak."""
    with servers.swift(tmp_path_factory.mktemp("swift")) as url:
        yield url


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Sets `AMAZON_*` to a new bucket of an S3 server, and gives boto3's `Bucket`: `bucket(moto)`."""

    def make(url: str) -> Any:
        import boto3
        import botocore.session

        # Each session reads all that it has to know of S3 anew, which takes longer than most tests.
        monkeypatch.setattr(botocore.session, "create_loader", _loader)
        name = f"test-{uuid.uuid4().hex[:12]}"
        for variable, value in {
            "AMAZON_ID": servers.AMAZON_ID,
            "AMAZON_SECRET": servers.AMAZON_SECRET,
            "AMAZON_BUCKET": name,
            "AMAZON_ENDPOINT": url,
        }.items():
            monkeypatch.setenv(variable, value)
        session = boto3.session.Session(servers.AMAZON_ID, servers.AMAZON_SECRET, region_name="us-east-1")
        return session.resource("s3", endpoint_url=url).create_bucket(Bucket=name)

    return make


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Callable[..., None]]:
    """Loads models on a database for the length of the test: `load(any_url, Book, Author)`.

    What the app stores in its instance folder is the test's own, as tests run at the same time.
    """
    import flask

    import quorum

    def load(url: str, *models: Any, **options: Any) -> None:
        monkeypatch.setenv("MONGOHQ_URL", url)
        app = flask.Flask("library", instance_path=str(tmp_path / "instance"))
        quorum.load(app, models=models, **options)

    yield load
    quorum.unload()


@pytest.fixture(params=servers.FILES)
def load_files(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> Iterator[Callable[..., Any]]:
    """Loads models with files: in memory, in a folder, and on two S3 servers; the test runs four times. The soak
    runs it on a third S3 server.

    `storage = load_files(Post)`. The documents are in memory, or on a server, half of the times each.
    """
    import flask

    import quorum

    if request.param not in ("memory", "folder"):
        request.getfixturevalue("bucket")(request.getfixturevalue(request.param))
    url = "mongo_url" if request.param in ("folder", "nanio") else "mock_url"
    monkeypatch.setenv("MONGOHQ_URL", request.getfixturevalue(url))

    def load(*models: Any, **options: Any) -> Any:
        app = flask.Flask("files", instance_path=str(tmp_path / "instance"))
        quorum.load(app, models=models, SECRET_KEY="a key of the tests", **options)
        return quorum.storage.default()

    yield load
    quorum.unload()


@pytest.fixture
def storage(load_files: Callable[..., Any]) -> Any:
    """A storage, each of `load_files`."""
    return load_files()


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits until a condition is true: `until(lambda: done, 10)`."""

    def wait(condition: Callable[[], object], limit: float = 20) -> None:
        end = time.monotonic() + limit
        while not condition():
            if time.monotonic() > end:
                pytest.fail(f"It is not so after {limit:g} seconds.", pytrace=False)
            time.sleep(0.005)

    return wait


@pytest.fixture
def serve() -> Iterator[Callable[[Any], str]]:
    """Serves WSGI apps for the length of the test: `url = serve(app)`."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(servers.web(app))


@pytest.fixture
def chromium() -> Iterator[Any]:
    """A headless browser (playwright's `Browser`): `page = chromium.new_page()`."""
    with servers.chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates for 127.0.0.1 and for another host, and the file of the authority that signed them."""
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def trusted(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """`certificates`, and for the length of the test this process trusts who signed them."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    return certificates


@pytest.fixture
def run_mailserver() -> Iterator[Callable[..., Mailserver]]:
    """Runs mail servers for the length of the test: `server = run_mailserver(auth=True)`."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(mailserver(**options))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fails a test that leaves an app loaded, a context pushed, a handler of a logger or a signal, or a thread that
    would keep the process alive."""
    before = set(threading.enumerate())
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    yield
    left = []
    while (context := runtime.last()) is not None:
        runtime.stop(context)
        left.append(f"a loaded app: {context.app!r}")
    if (flask := sys.modules.get("flask")) is not None and flask.has_app_context():
        left.append(f"an app context of {flask.current_app!r}")
    left += [f"a log at {name!r}" for name in logging.root.manager.loggerDict if _is_tapped(name)]
    if [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] != handlers:
        left.append("a handler of a signal")
    for thread in set(threading.enumerate()) - before:
        if not thread.daemon:
            thread.join(2)
            if thread.is_alive():
                left.append(f"a thread: {thread!r}")
    if left:
        pytest.fail("The test left behind " + "; ".join(left), pytrace=False)


@functools.cache
def _loader(path: str | None = None) -> Any:
    import botocore.loaders

    return botocore.loaders.create_loader(path)


def _is_tapped(name: str) -> bool:
    return any(isinstance(handler, log.Junction) for handler in logging.getLogger(name).handlers)


def _database_name() -> str:
    return f"test_{uuid.uuid4().hex[:12]}"
