"""What the tests of jobs share: workers behind a broker."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

import pytest
import servers
import shop_jobs

import quorum

ROOT = Path(__file__).resolve().parent.parent.parent
PATH = os.pathsep.join((str(ROOT / "tests"), str(ROOT)))
FLASK = [sys.executable, "-m", "flask", "--app", "shop_jobs", "quorum"]


@pytest.fixture(autouse=True)
def _memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MONGOHQ_URL", "mongomock://")
    monkeypatch.setenv("EXECUTION_GRACE", "5")
    yield
    quorum.unload()


@pytest.fixture(params=["rabbitmq", "redis"])
def broker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A broker's URL in the environment: the test runs twice."""
    url = str(request.getfixturevalue("rabbitmq" if request.param == "rabbitmq" else "redis_url"))
    monkeypatch.setenv("CLOUDAMQP_URL" if request.param == "rabbitmq" else "REDISTOGO_URL", url)
    return url


@pytest.fixture
def shop(broker: str, mongo_url: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The application of `shop_jobs`, loaded to send jobs, with queues of its own."""
    monkeypatch.setenv("MONGOHQ_URL", mongo_url)
    monkeypatch.setenv("NAME", f"shop{uuid.uuid4().hex[:8]}")
    monkeypatch.setenv("PYTHONPATH", PATH)
    shop_jobs.create_app()
    return shop_jobs


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    """What the workers of a module have in their environment beside their servers. Modules have their own."""
    return {}


@pytest.fixture(scope="module", params=["rabbitmq", "redis"])
def workers(
    request: pytest.FixtureRequest, secantus: str, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """Workers that run for a module's tests, on one broker and then on the other; gives their environment."""
    name = f"served{uuid.uuid4().hex[:8]}"
    env = {"MONGOHQ_URL": secantus + name, "NAME": name, "PYTHONPATH": PATH, "SHOP_QUICK": "1", **settings}
    if request.param == "rabbitmq":
        env["CLOUDAMQP_URL"] = request.getfixturevalue("rabbitmq")
    else:
        env["REDISTOGO_URL"] = request.getfixturevalue("valkey")
    folder = tmp_path_factory.mktemp("workers")
    with servers.child([*FLASK, "worker"], ready="Processes: ", cwd=folder, env=env) as child:
        yield {**env, "pid": str(child.pid)}


@pytest.fixture
def served(workers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The application of `shop_jobs`, loaded to send jobs, with workers at work that other tests use, too."""
    for name, value in workers.items():
        monkeypatch.setenv(name, value)
    shop_jobs.create_app()
    database = quorum.get_mongo_db()
    for name in database.list_collection_names():
        database[name].delete_many({})
    return shop_jobs


@pytest.fixture
def work(shop: ModuleType, tmp_path: Path) -> Iterator[Callable[..., servers.Child]]:
    """Starts workers for the length of the test: `work("--processes", "2")`."""
    with ExitStack() as stack:

        def start(*options: str, **env: str) -> servers.Child:
            command = [*FLASK, "worker", *options]
            return stack.enter_context(
                servers.child(command, ready="Processes: ", cwd=tmp_path, env={"SHOP_QUICK": "1", **env})
            )

        yield start


@pytest.fixture
def done() -> Callable[[str], list[dict]]:
    """Gives what jobs noted: `done("mail")`."""
    return lambda what: list(quorum.get_mongo_db()["done"].find({"what": what}))
