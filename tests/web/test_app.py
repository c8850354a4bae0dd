"""The life of an app: loaded, served, unloaded."""

import gc
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest

import quorum
from quorum import runtime

MOCK = "mongomock://"


class Unmakable(quorum.Model):
    """A model whose indexes cannot be made."""

    class Meta:
        indexes = ["nothing"]


@pytest.fixture(autouse=True)
def _unload(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MONGOHQ_URL", MOCK)
    yield
    quorum.unload()


def test_load_makes_an_app_of_the_calling_module() -> None:
    app = quorum.load()
    assert isinstance(app, flask.Flask)
    assert app.import_name == __name__
    assert quorum.APP is app


def test_load_makes_an_app_of_a_name() -> None:
    assert quorum.load(name="shop").name == "shop"


def test_load_uses_an_app() -> None:
    app = flask.Flask("shop")
    assert quorum.load(app) is app
    assert quorum.load(app=flask.Flask("other")).name == "other"


def test_a_factory_can_load_its_app() -> None:
    def create_app() -> flask.Flask:
        app = flask.Flask("shop")
        app.config["TESTING"] = True
        quorum.load(app=app)
        app.add_url_rule("/<object_id:id>", view_func=dict)
        return app

    assert create_app().test_client().get(f"/{'a' * 24}").json == {"id": "a" * 24}


def test_keyword_arguments_are_flasks_configuration() -> None:
    app = quorum.load(name="shop", DEBUG=True, MAX_CONTENT_LENGTH=1000, OWN_THING=1)
    assert app.debug
    assert app.config["MAX_CONTENT_LENGTH"] == 1000
    assert app.config["OWN_THING"] == 1


def test_what_the_environment_sets_wins_over_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    assert quorum.load(name="shop", PORT=8080).extensions["quorum"].settings.get("PORT") == 8080
    monkeypatch.setenv("PORT", "9090")
    assert quorum.load(name="shop", PORT=8080).extensions["quorum"].settings.get("PORT") == 9090


def test_the_url_can_come_from_an_apps_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGOHQ_URL")
    app = flask.Flask("shop")
    app.config["MONGOHQ_URL"] = "mongomock:///configured"
    quorum.load(app=app)
    assert quorum.get_mongo_db().name == "configured"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"debug": True}, "no argument 'debug'"),
        ({"mongo_databse": "x"}, "no argument 'mongo_databse'"),
        ({"Debug": True}, "no argument 'Debug'"),
        ({"MONGO_URL": MOCK}, "MONGOHQ_URL in place of MONGO_URL"),
        ({"app": flask.Flask("a"), "name": "a"}, "app and name"),
        ({"logger": "../shop"}, "logger is no name of a log"),
        ({"logger": ""}, "logger is no name of a log"),
        ({"logger": logging.getLogger("shop")}, "logger is no name of a log"),
        ({"redis_session": True}, "REDISTOGO_URL is not set"),
        ({"secret_key": ""}, "secret_key is empty"),
        ({"secret_key": 5}, "secret_key must be str or bytes"),
        ({"name": 5}, "name must be str"),
        ({"mongo_database": 5}, "mongo_database must be str"),
        ({"mongo_database": "a/b"}, "can't be a database's name"),
        ({"locales": None}, "locales=None is no list of locales"),
        ({"secret_key": "a", "SECRET_KEY": "b"}, "secret_key and SECRET_KEY"),
        ({"PORT": "http"}, "PORT"),
        ({"app": [Unmakable]}, r"models=\[\.\.\.\]"),
        ({"app": "shop"}, r"not a str.*load\(name=\.\.\.\)"),
    ],
)
def test_an_argument_that_makes_no_sense_is_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(quorum.ConfigurationError, match=told):
        quorum.load(**arguments)
    assert quorum.APP is None


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(quorum.ConfigurationError) as caught:
        quorum.load(debug=True, secret_key="")
    assert len(caught.value.problems) == 2


def test_all_variables_that_are_wrong_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("MONGOHQ_URL", "mongodb://host/?bogus=1")
    monkeypatch.setenv("REDISTOGO_URL", "redis://host/first")
    monkeypatch.setenv("CLOUDAMQP_URL", "amqp://host/?heartbeat=often")
    with pytest.raises(quorum.ConfigurationError) as caught:
        quorum.load(name="shop")
    names = [problem.split()[3] for problem in caught.value.problems]
    assert names == ["PORT", "MONGOHQ_URL", "REDISTOGO_URL", "CLOUDAMQP_URL"]


def test_a_wrong_variable_that_is_needed_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDISTOGO_URL", "http://host")
    with pytest.raises(quorum.ConfigurationError, match="must begin with one of redis://") as caught:
        quorum.load(name="shop", redis_session=True)
    assert len(caught.value.problems) == 1


def test_what_load_takes_without_effect_is_silent_at_its_default(caplog: pytest.LogCaptureFixture) -> None:
    quorum.load(name="shop", locales=["en_us"], execution=False, redis_session=False, logger=None)
    assert not caplog.records


def test_an_app_is_loaded_once() -> None:
    app = quorum.load(name="shop")
    with pytest.raises(quorum.ConfigurationError, match=r"loaded already. Call quorum.unload\(\)"):
        quorum.load(app=app)
    assert quorum.APP is app


def test_app_is_right_at_every_moment() -> None:
    assert quorum.APP is None
    first = quorum.load(name="first")
    assert quorum.APP is first
    second = quorum.load(name="second")
    assert quorum.APP is second
    quorum.unload(second)
    assert quorum.APP is first
    quorum.unload()
    assert quorum.APP is None


def test_unload_releases_every_app() -> None:
    apps = [quorum.load(name="first"), quorum.load(name="second")]
    quorum.unload()
    assert runtime.last() is None
    assert ["quorum" in app.extensions for app in apps] == [False, False]


def test_unload_with_nothing_loaded_does_nothing() -> None:
    quorum.unload()
    assert quorum.APP is None
    quorum.unload(flask.Flask("shop"))


def test_an_app_can_be_loaded_again_even_after_it_served() -> None:
    app = quorum.load(name="shop")
    assert app.test_client().get("/").status_code == 404
    quorum.unload()
    assert quorum.load(app=app) is app
    assert app.test_client().get("/", headers={"Accept": "application/json"}).json["error"]["code"] == 404


def test_each_time_an_app_is_loaded_its_cookie_is_that_of_the_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    app = flask.Flask("shop")
    names = []
    for instance in ("blue", "green", ""):
        monkeypatch.setenv("INSTANCE", instance)
        quorum.load(app=app)
        names.append(app.config["SESSION_COOKIE_NAME"])
        quorum.unload()
    assert names == ["session_blue", "session_green", "session"]
    assert app.config["SESSION_COOKIE_NAME"] == "session"


def test_debug_is_flasks_debug_mode_until_unload(monkeypatch: pytest.MonkeyPatch) -> None:
    app = flask.Flask("shop")
    monkeypatch.setenv("DEBUG", "1")
    quorum.load(app=app)
    assert app.debug
    quorum.unload()
    assert not app.debug


def test_after_unload_using_the_database_says_that_nothing_is_loaded() -> None:
    quorum.load(name="shop")
    quorum.unload()
    with pytest.raises(quorum.ConfigurationError, match=r"Call quorum\.load"):
        quorum.get_mongo_db()


def test_the_database_is_named_by_the_argument_else_by_the_app() -> None:
    quorum.load(name="first", mongo_database="chosen")
    assert quorum.get_mongo_db().name == "chosen"
    quorum.load(name="second")
    assert quorum.get_mongo_db().name == "second"


def test_two_apps_keep_their_databases_apart() -> None:
    first, second = quorum.load(name="first"), quorum.load(name="second")

    def seen(app: flask.Flask) -> str:
        with app.app_context():
            return quorum.get_mongo_db().name

    assert (seen(first), seen(second), quorum.get_mongo_db().name) == ("first", "second", "second")
    with first.app_context(), second.app_context():
        assert quorum.get_mongo_db().name == "second"


def test_requests_of_two_apps_at_once_reach_their_own_databases() -> None:
    apps = [quorum.load(name=name) for name in ("first", "second")]
    for app in apps:
        app.add_url_rule("/", view_func=lambda: quorum.get_mongo_db().name)
    barrier = threading.Barrier(8)
    wrong: list[str] = []

    def work(app: flask.Flask) -> None:
        client = app.test_client()
        barrier.wait()
        wrong.extend(found for _ in range(50) if (found := client.get("/").text) != app.name)

    threads = [threading.Thread(target=work, args=(apps[number % 2],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_app_that_is_not_loaded_uses_the_one_loaded_last() -> None:
    quorum.load(name="shop")
    with flask.Flask("plain").app_context():
        assert quorum.get_mongo_db().name == "shop"


def test_an_app_that_was_unloaded_uses_no_other_apps_database() -> None:
    app = quorum.load(name="first")
    quorum.load(name="second")
    with app.app_context():
        quorum.unload(app)
        with pytest.raises(quorum.ConfigurationError, match="The app 'first' was unloaded: load it again"):
            quorum.get_mongo_db()
        quorum.load(app=app)
        assert quorum.get_mongo_db().name == "first"


def test_a_load_that_fails_leaves_an_unloaded_app_unloaded() -> None:
    app = quorum.load(name="first")
    quorum.unload(app)
    quorum.load(name="second")
    with pytest.raises(quorum.ConfigurationError, match="models"):
        quorum.load(app=app, models=7)  # type: ignore[arg-type]
    with app.app_context(), pytest.raises(quorum.ConfigurationError, match="was unloaded"):
        quorum.get_mongo_db()


@pytest.mark.parametrize("arguments", [{"models": 7}, {"PORT": "http"}, {"models": [Unmakable]}])
def test_a_load_that_fails_leaves_the_configuration_as_it_was(arguments: dict[str, Any]) -> None:
    app = flask.Flask("shop")
    app.config["OWN_THING"] = 1
    before = dict(app.config)
    with pytest.raises(quorum.ConfigurationError):
        quorum.load(app=app, secret_key="key", OWN_THING=2, OTHER_THING=3, **arguments)
    assert dict(app.config) == before


def test_a_load_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("MONGOHQ_URL", f"mongodb://u:hidden@127.0.0.1:{port}/x?serverSelectionTimeoutMS=200")

    class Item(quorum.Model):
        name: str = quorum.field(index=True)

    app = flask.Flask("shop")
    threads = set(threading.enumerate())
    with pytest.raises(quorum.OperationalError, match=rf"127\.0\.0\.1:{port}") as caught:
        quorum.load(app=app, models=[Item])
    assert "hidden" not in str(caught.value)
    assert quorum.APP is None
    assert app.extensions == {}
    deadline = time.monotonic() + 30
    while not set(threading.enumerate()) <= threads:
        assert time.monotonic() < deadline
    monkeypatch.setenv("MONGOHQ_URL", MOCK)
    assert quorum.load(app=app, models=[Item]) is app


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_hundreds_of_apps_leak_nothing_in_memory() -> None:
    refs: list[weakref.ref[Any]] = []
    for number in range(300):
        app = quorum.load(name=f"app{number}")
        app.add_url_rule("/", view_func=lambda: {"names": quorum.get_mongo_db().list_collection_names()})
        assert app.test_client().get("/").json == {"names": []}
        refs += [weakref.ref(app), weakref.ref(app.extensions["quorum"])]
        quorum.unload()
        if number == 9:
            gc.collect()
            before = (_descriptors(), threading.active_count(), len(gc.get_objects()))
        del app
    gc.collect()
    assert [ref() for ref in refs if ref() is not None] == []
    refs.clear()
    after = (_descriptors(), threading.active_count(), len(gc.get_objects()))
    assert after[:2] == before[:2]
    # Less than one object for each app: what grows is not an app's.
    assert after[2] - before[2] < 290


def test_apps_on_a_server_leave_no_thread_and_no_socket(monkeypatch: pytest.MonkeyPatch, mongo_url: str) -> None:
    monkeypatch.setenv("MONGOHQ_URL", mongo_url)
    before = (_descriptors(), threading.active_count())
    for number in range(40):
        quorum.load(name=f"app{number}")
        assert quorum.get_mongo_db().command("ping")["ok"] == 1
        quorum.unload()
    # The driver's threads notice that their client is closed when they wake.
    deadline = time.monotonic() + 30
    while (_descriptors(), threading.active_count()) > before:
        gc.collect()
        assert time.monotonic() < deadline


def test_the_data_of_a_script_are_beside_it(tmp_path: Path) -> None:
    elsewhere, home = tmp_path / "elsewhere", tmp_path / "home"
    elsewhere.mkdir()
    home.mkdir()
    (home / "shop.py").write_text(
        "import quorum\nprint(quorum.load(name=__name__).instance_path, quorum.load().name)\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "MONGOHQ_URL"}
    environment["PYTHONPATH"] = str(Path(quorum.__file__).parents[1])
    for script, cwd in ((home / "shop.py", elsewhere), (Path("home", "shop.py"), tmp_path)):
        told = subprocess.check_output([sys.executable, script], cwd=cwd, env=environment, text=True)
        assert told.split() == [str(home / "instance"), "shop"]
    assert (home / "instance" / "secret_key").exists()
    assert list(elsewhere.iterdir()) == []


def test_unacknowledged_writes_are_refused_by_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGOHQ_URL")
    monkeypatch.setenv("MONGO_URL", "mongodb://host/shop?w=0")
    with pytest.raises(quorum.ConfigurationError, match=r"MONGO_URL.*w=0"):
        quorum.load(name="shop")
    assert quorum.APP is None
