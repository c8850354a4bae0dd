"""The connection: which database, one client, errors that name the server and hide the password."""

from __future__ import annotations

import datetime as dt
import logging
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import bson
import pymongo
import pymongo.errors
import pytest
import servers
from bson.datetime_ms import DatetimeMS

from quorum import address, config, embedded_server, errors, mongodb, runtime

CANARY = "c4n4ry"
SECRET = "c4n4ry/@:%"
ESCAPED = "c4n4ry%2F%40%3A%25"

Load = Callable[..., runtime.Context]


@pytest.fixture
def load() -> Iterator[Load]:
    loaded = []

    def load(url: str | None = None, **settings: object) -> runtime.Context:
        context = runtime.Context(config.Settings.load({"MONGOHQ_URL": url}, **settings))
        runtime.start(context)
        loaded.append(context)
        return context

    yield load
    for context in reversed(loaded):
        runtime.stop(context)


def ping() -> None:
    try:
        mongodb.get_database().command("ping")
    except pymongo.errors.PyMongoError as error:
        raise mongodb.translate(error) from error


def told(error: BaseException) -> str:
    """Everything that a log would show of an error, its causes included."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(getattr(error, "__context__", None))


@pytest.mark.parametrize(
    ("url", "given", "app", "name"),
    [
        ("mongomock:///in_url", "given", "app", "in_url"),
        ("mongodb://host/in_url?appName=x", "given", "app", "in_url"),
        ("mongodb+srv://host.example.com/in_url", None, "app", "in_url"),
        ("mongodb://host/", "given", "app", "given"),
        ("mongodb://host", None, "blog", "blog"),
        ("mongomock://", None, "my.blog app", "my_blog_app"),
        (None, None, "__main__", "main"),
        (None, None, "admin", "admin_db"),
        (None, None, "...", "quorum"),
        (None, None, "ä" * 80, "ä" * 30),
        ("embedded:///srv/data", "given", "app", "given"),
    ],
)
def test_the_database_is_named_by_the_url_else_load_else_the_app(url, given, app, name):
    settings = config.Settings.load({"MONGOHQ_URL": url}, name=app, mongo_database=given)
    assert address.database_name(settings) == name


@pytest.mark.parametrize(
    ("url", "app", "name"), [("mongomock:///db", "a", "db_2"), ("mongomock://", "ä" * 80, "ä" * 29 + "_2")]
)
def test_an_instance_has_a_database_of_its_own(monkeypatch, url, app, name):
    monkeypatch.setenv("INSTANCE", "2")
    assert address.database_name(config.Settings.load({"MONGOHQ_URL": url}, name=app)) == name


@pytest.mark.parametrize("name", ["a b", "a.b", "a/b", "$a", "", "x" * 64, "a\0"])
def test_a_name_that_no_database_can_have_is_an_error(load, name):
    load("mongomock://", mongo_database=name)
    with pytest.raises(errors.ConfigurationError, match="can't be a database's name"):
        mongodb.get_database()


@pytest.mark.promise("D17")
def test_the_client_is_made_once_by_sixteen_threads(load, mongo_url):
    load(mongo_url)
    barrier = threading.Barrier(16)
    clients = []

    def use():
        barrier.wait()
        clients.append(mongodb.get_connection())
        mongodb.get_database().things.insert_many([{} for _ in range(10)])

    threads = [threading.Thread(target=use) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, clients))) == 1
    assert mongodb.get_database().things.count_documents({}) == 160


def test_stop_closes_the_client(load, mongo_url):
    context = load(mongo_url)
    client = mongodb.get_connection()
    ping()
    runtime.stop(context)
    with pytest.raises(pymongo.errors.InvalidOperation) as caught:
        client.admin.command("ping")
    assert "load() the app again" in str(mongodb.translate(caught.value))


def test_what_came_from_a_client_that_was_replaced_is_made_again(load, mongo_url):
    context = load(mongo_url)
    stale = mongodb.get_database()
    context.close()
    context.cache["mongodb.database"] = stale
    with pytest.raises(errors.OperationalError, match="call again"):
        ping()
    ping()


def test_two_apps_have_each_its_own_database(load, secantus):
    first = load(secantus, name="first")
    assert mongodb.get_database().name == "first"
    load(secantus, name="second")
    assert mongodb.get_database().name == "second"
    runtime.stop(runtime.current())
    assert runtime.current() is first
    assert mongodb.get_database().name == "first"


def test_mongomock_keeps_the_data_of_each_load_apart(load):
    load("mongomock:///same")
    assert mongodb.is_mock()
    mongodb.get_database().things.insert_one({})
    load("mongomock:///same")
    assert mongodb.get_database().things.count_documents({}) == 0
    runtime.stop(runtime.current())
    assert mongodb.get_database().things.count_documents({}) == 1


def test_is_mock_is_false_on_a_server(load, mongo_url):
    load(mongo_url)
    assert not mongodb.is_mock()


def test_a_missing_mongomock_is_an_error_with_the_install_line(load, monkeypatch):
    monkeypatch.setitem(sys.modules, "mongomock", None)
    load("mongomock://")
    with pytest.raises(errors.ConfigurationError, match=r"pip install mongomock\b"):
        mongodb.get_database()


def test_datetimes_are_aware_and_uuids_standard(load, mongo_url):
    load(f"{mongo_url}?tz_aware=false&uuidRepresentation=pythonLegacy")
    now = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    value = uuid.uuid4()
    mongodb.get_database().things.insert_one({"at": now, "id": value})
    stored = mongodb.get_database().things.find_one({}, {"_id": 0})
    assert stored == {"at": now, "id": value}


@pytest.mark.promise("D11")
def test_a_date_outside_of_pythons_range_does_not_break_a_document(load):
    load("mongodb://127.0.0.1:1/db")
    codec = mongodb.get_database().codec_options
    document = bson.decode(bson.encode({"at": DatetimeMS(2**60), "x": 1}), codec)
    assert document == {"at": DatetimeMS(2**60), "x": 1}


def test_time_limits_hold_unless_the_url_says_otherwise(load):
    load("mongodb://127.0.0.1:1/?connectTimeoutMS=123&appName=mine")
    options = mongodb.get_connection().options
    assert options.server_selection_timeout == 5
    assert options.pool_options.connect_timeout == 0.123
    assert options.pool_options.socket_timeout == 30
    assert options.pool_options.appname == "mine"
    assert options.retry_writes is True


@pytest.mark.parametrize(
    "url",
    [
        f"mongodb://user:{SECRET}@host/db",
        f"mongodb://user:{CANARY}/x@host/db",
        f"mongodb://user:{CANARY}@host:99999/db",
        f"mongodb://user:{CANARY}@host:{CANARY}/db",
        f"mongodb://user:{CANARY}%zz@host/db",
        f"mongodb://user:{CANARY}@/db",
        f"mongodb://user:{CANARY}@host/db?{CANARY}=1",
        f"mongodb://user:{CANARY}@host/db?connectTimeoutMS={CANARY}",
        f"mongodb://user:{CANARY}@host/d b",
        f"mongodb://host/?tlsCertificateKeyFilePassword={CANARY}&nonsense=1",
        f"mongodb+srv://user:{CANARY}@host:27017/db",
        f"mongodb+srv://user:{CANARY}@a,b/db",
        f"mongodb+srv://user:{CANARY}@one.two.invalid/db",
    ],
)
def test_a_wrong_url_is_an_error_that_names_the_variable_and_hides_the_password(load, url, caplog):
    caplog.set_level(logging.DEBUG)
    load(url)
    with pytest.raises(errors.ConfigurationError, match="MONGOHQ_URL") as caught:
        mongodb.get_connection()
    assert CANARY not in told(caught.value)
    assert CANARY not in caplog.text


def test_an_unknown_option_is_named_where_no_password_can_be_near(load):
    load("mongodb://host/?retryWrite=true")
    with pytest.raises(errors.ConfigurationError, match="Unknown option: retryWrite"):
        mongodb.get_connection()


@pytest.mark.parametrize("url", ["mongodb://host/?w=0", "mongodb+srv://host.example.com/db?retryWrites=false&W=0"])
def test_writes_that_nobody_acknowledges_are_refused(load, url):
    load(url)
    with pytest.raises(errors.ConfigurationError, match=r"MONGOHQ_URL.*w=0"):
        mongodb.get_connection()


def test_a_name_that_does_not_resolve_is_told_as_such(load):
    load(f"mongodb+srv://user:{CANARY}@one.two.invalid/db")
    with pytest.raises(errors.ConfigurationError, match=r"one\.two\.invalid.*does not resolve") as caught:
        mongodb.get_connection()
    assert "options" not in str(caught.value)
    assert CANARY not in told(caught.value)


@pytest.mark.promise("D18")
def test_an_unreachable_server_is_an_error_with_host_port_and_variable_in_time(load, caplog, monkeypatch):
    monkeypatch.setenv("MONGO_URL", f"mongodb://user:{ESCAPED}@127.0.0.1:1/db?serverSelectionTimeoutMS=300")
    caplog.set_level(logging.DEBUG)
    load()
    begin = time.monotonic()
    with pytest.raises(errors.OperationalError, match=r"127\.0\.0\.1:1 \(from MONGO_URL\).*refused") as caught:
        ping()
    assert time.monotonic() - begin < 3
    assert CANARY not in told(caught.value)
    assert CANARY not in caplog.text


@pytest.mark.promise("D18")
def test_a_refused_password_is_an_error_that_hides_it(load, mongo_url):
    load(mongo_url.replace("mongodb://", f"mongodb://user:{ESCAPED}@"))
    with pytest.raises(errors.OperationalError, match="user name or password is wrong") as caught:
        ping()
    assert caught.value.code == 18
    assert CANARY not in told(caught.value)
    assert CANARY not in repr(address.read(runtime.current().settings))


@pytest.mark.promise("D18")
def test_calls_fail_in_time_while_the_server_is_away_and_work_when_it_is_back(load, proxy):
    load(f"{proxy.url}&serverSelectionTimeoutMS=300&heartbeatFrequencyMS=500")
    ping()
    proxy.down()
    begin = time.monotonic()
    with pytest.raises(errors.OperationalError, match=str(proxy.port)):
        ping()
    assert time.monotonic() - begin < 3
    proxy.up()
    assert embedded_server.wait_for(_answers, 10)


def _answers() -> bool:
    try:
        ping()
    except errors.OperationalError:
        return False
    return True


def test_closing_takes_no_time_when_the_server_is_away(load, proxy):
    context = load(proxy.url)
    ping()
    proxy.down()
    begin = time.monotonic()
    runtime.stop(context)
    assert time.monotonic() - begin < 2


WRITE_CONCERN = {"code": 64, "errmsg": "waiting for replication timed out"}


@pytest.mark.parametrize(
    ("error", "text", "code"),
    [
        (pymongo.errors.WriteConcernError("no", 64, WRITE_CONCERN), "stored the write, but did not confirm", 64),
        (pymongo.errors.WTimeoutError("no", 64, WRITE_CONCERN), "stored the write, but did not confirm", 64),
        (pymongo.errors.DuplicateKeyError(f"E11000 {CANARY}", 11000, {"errmsg": CANARY}), "unique index", 11000),
        (pymongo.errors.BulkWriteError({"writeErrors": [{"code": 121, "op": CANARY}]}), "refused 1 of the", 65),
        (pymongo.errors.BulkWriteError({"writeConcernErrors": [WRITE_CONCERN]}), "did not confirm", 65),
        (pymongo.errors.OperationFailure(f"no, full error: {CANARY}", 13), "user is not allowed", 13),
        (pymongo.errors.ExecutionTimeout("operation exceeded time limit", 50), "longer than the time limit", 50),
        (pymongo.errors.NetworkTimeout("db:27017: timed out"), "did not answer: db:27017: timed out", None),
        (pymongo.errors.AutoReconnect(f"db: {CANARY}/@:% {ESCAPED}"), r"db: \*\*\* \*\*\*", None),
    ],
)
def test_an_error_of_the_driver_is_told_without_documents_and_secrets(load, error, text, code):
    load(f"mongodb://user:{ESCAPED}@db.example.com:27018,other/db")
    translated = mongodb.translate(error)
    assert str(translated).startswith("MongoDB at db.example.com:27018, other:27017 (from load()'s MONGOHQ_URL) ")
    with pytest.raises(errors.OperationalError, match=text):
        raise translated
    assert CANARY not in str(translated)
    assert translated.code == code


def test_an_error_is_translated_without_an_app():
    assert "refused" in str(mongodb.translate(pymongo.errors.AutoReconnect("db:1: refused")))


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    servers.require("secantus")
    return tmp_path / "instance"


def test_an_unset_url_is_the_embedded_database_under_the_instance_folder(load, instance, caplog):
    load(name="blog", instance_path=instance)
    mongodb.get_database().things.insert_one({})
    assert (instance / "mongodb" / "data" / "WiredTiger").exists()
    lines = [record for record in caplog.records if str(instance / "mongodb") in record.getMessage()]
    assert [record.levelname for record in lines] == ["WARNING"]
    assert "development" in caplog.text


def test_an_embedded_url_is_logged_once_and_calmly(load, instance, caplog):
    caplog.set_level(logging.INFO, "quorum.mongodb")
    context = load(f"embedded://{instance}/my%20data")
    ping()
    context.close()
    ping()
    assert [record.levelname for record in caplog.records if record.name == "quorum.mongodb"] == ["INFO"]
    assert (instance / "my data").is_dir()


def test_a_hundred_loads_use_one_embedded_server(load, instance):
    url = f"embedded://{instance}"
    seen = set()
    begin = time.monotonic()
    for _ in range(100):
        context = load(url)
        mongodb.get_database().things.insert_one({})
        state = embedded_server.read_state(instance)
        assert state is not None
        seen.add(state.server)
        runtime.stop(context)
    assert len(seen) == 1
    assert time.monotonic() - begin < 20


def test_an_error_on_the_embedded_database_names_its_folder(load, instance):
    load(f"embedded://{instance}")
    ping()
    with pytest.raises(errors.OperationalError, match=f"embedded database in {instance} answered"):
        _fail()


def _fail() -> None:
    try:
        mongodb.get_database().command("noSuchCommand")
    except pymongo.errors.PyMongoError as error:
        raise mongodb.translate(error) from error
