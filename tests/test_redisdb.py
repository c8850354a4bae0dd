"""The connection to Redis: one client, every kind of URL, errors that name the server and hide the password."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import servers

from quorum import config, errors, redisdb, runtime
from quorum.web import session_store

SECRET = "c4n4ry/@:%"
ESCAPED = "c4n4ry%2F%40%3A%25"
CANARY = "c4n4ry"

Load = Callable[[str | None], runtime.Context]


@pytest.fixture
def load() -> Iterator[Load]:
    loaded = []

    def load(url: str | None) -> runtime.Context:
        context = runtime.Context(config.Settings.load({"REDISTOGO_URL": url}, name="shop"))
        runtime.start(context)
        loaded.append(context)
        return context

    yield load
    for context in loaded:
        runtime.stop(context)


def _store(context: runtime.Context) -> session_store.Store:
    return session_store.Store(context, idle=600, lifetime=6000)


def _works(context: runtime.Context) -> None:
    """Use the client, and the scripts of sessions, which must find their keys in one slot."""
    client = redisdb.get_redis()
    client.set("shop:a", "1")
    assert client.get("shop:a") == b"1"
    store = _store(context)
    assert store.replace(None, "a", {"x": b"1"}, [], keep=False, user="u")
    assert store.replace("a", "b", {"y": b"2"}, ["x"], keep=True)
    assert store.write("b", {"z": b"3"}, ["y"])
    assert not store.write("a", {"z": b"3"}, [])
    assert store.read("a") is None
    assert store.read("b") == {"z": b"3"}
    assert [entry.hash for entry in store.find("u")] == ["b"]
    assert store.end_all("u") == 1


def test_a_server_answers_with_its_name_and_version(redis_url: str, load: Load) -> None:
    _works(load(redis_url))
    name, version = redisdb.ping().split(" ")
    assert name == "Valkey"
    assert version[0].isdigit()


def test_the_database_of_the_url_is_used(redis_url: str, load: Load) -> None:
    load(f"{redis_url}/3")
    redisdb.get_redis().set("a", "1")
    with redis.Redis.from_url(redis_url, db=3) as client:
        assert client.keys() == [b"a"]


def test_a_socket_is_reached(tmp_path: Path, load: Load) -> None:
    with servers.valkey(tmp_path, "--unixsocket", str(tmp_path / "s")):
        _works(load(f"unix://{tmp_path}/s?db=2"))
        assert redisdb.ping().startswith("Valkey ")


def test_tls_is_spoken_and_the_certificate_checked(tmp_path: Path, load: Load) -> None:
    with servers.redis_tls(tmp_path) as server:
        _works(load(server.url))
        assert redisdb.ping().startswith("Redis ")
        load(server.url.partition("?")[0])
        with pytest.raises(errors.OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
            redisdb.ping()


def test_a_sentinel_names_the_server(tmp_path: Path, redis_url: str, load: Load) -> None:
    port = int(redis_url.rpartition(":")[2])
    with servers.sentinel(tmp_path, "main", port) as sentinel:
        dead = servers.free_port()
        url = sentinel.url.replace("//", f"//127.0.0.1:{dead},")
        _works(load(f"{url}/4"))
        assert redisdb.ping().startswith("Valkey ")
        with redis.Redis.from_url(redis_url, db=4) as client:
            assert client.keys() == [b"shop:a"]
        load(f"{sentinel.url}-unknown")
        with pytest.raises(errors.OperationalError, match=r"No master found for .*main-unknown"):
            redisdb.ping()


def test_a_cluster_is_found_by_one_of_its_nodes(tmp_path: Path, load: Load) -> None:
    with servers.valkey(tmp_path, "--cluster-enabled", "yes", "--cluster-port", str(servers.free_port())) as server:
        with redis.Redis.from_url(server.url) as node:
            node.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            turns = itertools.count()
            while node.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
                assert next(turns) < 100_000
        port = server.url.rpartition(":")[2]
        _works(load(f"redis+cluster://127.0.0.1:{servers.free_port()},127.0.0.1:{port}"))
        assert redisdb.ping().startswith("Valkey ")


def test_a_cluster_that_is_away_is_an_operational_error_and_found_later(load: Load) -> None:
    load(f"redis+cluster://127.0.0.1:{servers.free_port()}")
    for _ in range(2):
        with pytest.raises(errors.OperationalError, match="does not answer"):
            redisdb.get_redis()


# One client


def test_first_use_from_many_threads_makes_one_client(redis_url: str, load: Load) -> None:
    context = load(f"{redis_url}?client_name=shop")
    found: list[redis.Redis] = []
    together = threading.Barrier(16)

    def use() -> None:
        together.wait()
        client = redisdb.get_redis()
        for _ in range(20):
            client.incr("n")
        found.append(client)

    threads = [threading.Thread(target=use) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1
    assert redisdb.get_redis().get("n") == b"320"
    runtime.stop(context)
    over = threading.Event()
    with redis.Redis.from_url(redis_url) as server:
        while any(client["name"] == "shop" for client in server.client_list()):
            assert not over.wait(0.01)


def test_every_app_has_a_client_of_its_own(redis_url: str, load: Load) -> None:
    load(redis_url)
    first = redisdb.get_redis()
    load(f"{redis_url}/1")
    assert redisdb.get_redis() is not first


def test_a_forked_child_has_its_own_connections_and_leaves_the_parents_alone(redis_url: str, load: Load) -> None:
    store = _store(load(redis_url))
    client = redisdb.get_redis()
    client.set("a", "parent")
    store.read("a")
    children = []
    for number in range(4):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                mine = redisdb.get_redis()
                right = mine is not client and all(mine.incr(f"n{number}") == turn for turn in range(1, 51))
                right = right and store.read("a") is None and mine.get("a") == b"parent"
                runtime.current().close()
                code = 0 if right else 2
            finally:
                os._exit(code)
        children.append(child)
    for _ in range(50):
        assert client.get("a") == b"parent"
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0, 0]
    assert client.get("a") == b"parent"
    assert store.read("a") is None


def test_after_a_restart_of_the_server_the_next_call_works(tmp_path: Path, load: Load) -> None:
    port = servers.free_port()
    with servers.valkey(tmp_path, port=port) as server:
        load(server.url)
        assert redisdb.get_redis().ping()
    with pytest.raises(errors.OperationalError, match=r"does not answer.*Check that it runs"):
        redisdb.ping()
    with servers.valkey(tmp_path, port=port):
        assert redisdb.get_redis().ping()


def test_a_command_whose_answer_was_lost_is_not_sent_again(redis_url: str, load: Load) -> None:
    load(f"{redis_url}?socket_timeout=0.3")
    client = redisdb.get_redis()
    connection = client.connection_pool.get_connection()
    connection.send_command("CLIENT", "REPLY", "SKIP")  # the server does the next command, and does not say so
    client.connection_pool.release(connection)
    with pytest.raises(redis.TimeoutError):
        client.incr("n")
    assert client.get("n") == b"1"


# What is wrong


def test_without_a_url_the_variable_is_named(load: Load) -> None:
    load(None)
    for call in (redisdb.get_redis, redisdb.ping):
        with pytest.raises(errors.ConfigurationError, match="REDISTOGO_URL is not set"):
            call()


def test_without_the_package_the_extra_is_named(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    load("redis://localhost")
    for name in [name for name in sys.modules if name.partition(".")[0] == "redis"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(errors.ConfigurationError, match=r'pip install "quorum\[redis\]"'):
        redisdb.get_redis()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://h/blog", "the database must be a number"),
        ("redis://h/-1", "the database must be a number"),
        ("redis://h/1/2", "its path must be the number of a database"),
        ("redis://a,b", r"several hosts.*redis\+sentinel:// or redis\+cluster://"),
        ("redis://a,", "a host is missing"),
        ("redis://h?bogus=1", "unknown option: bogus"),
        ("redis://h?socket_timeout=soon", "socket_timeout"),
        ("redis://h?decode_responses=1", "gives bytes"),
        ("redis+sentinel://h", "the service is missing"),
        ("redis+sentinel://h/a/b/0", "its path must be /service/database"),
        ("redis+sentinel://h/a/b", "the database must be a number"),
        ("redis+cluster://h/1", "a cluster has no database but 0"),
        ("unix://", "the socket is missing"),
    ],
)
def test_a_url_that_makes_no_sense_is_told_without_its_password(load: Load, url: str, told: str) -> None:
    load(url if url.startswith("unix") else url.replace("//", f"//me:{ESCAPED}@"))
    with pytest.raises(errors.ConfigurationError, match=f"The value of load\\(\\)'s REDISTOGO_URL .*{told}") as caught:
        redisdb.get_redis()
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster", "redis+sentinel"])
def test_no_password_is_in_an_error_or_a_repr(load: Load, scheme: str) -> None:
    path = f"/main?sentinel_password={ESCAPED}" if scheme.endswith("sentinel") else ""
    context = load(f"{scheme}://me:{ESCAPED}@127.0.0.1:{servers.free_port()}{path}")
    with pytest.raises(errors.OperationalError, match=r"Redis at 127\.0\.0\.1:\d+ \(from load\(\)'s REDIS") as caught:
        redisdb.ping()
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(redisdb.read(context.settings))
    assert CANARY not in str(redisdb.translate(redis.ConnectionError(f"AUTH {SECRET} {ESCAPED}")))


def test_a_wrong_password_is_told_as_such(tmp_path: Path, load: Load) -> None:
    with servers.valkey(tmp_path, "--requirepass", "another") as server:
        for url in (server.url.replace("//", f"//:{ESCAPED}@"), server.url):
            load(url)
            with pytest.raises(errors.OperationalError, match=r"refuses the user.*Check the user name and") as caught:
                redisdb.ping()
            assert CANARY not in str(caught.value)


def test_an_error_of_the_server_quotes_no_arguments(redis_url: str, load: Load) -> None:
    load(redis_url)
    with pytest.raises(redis.ResponseError) as caught:
        redisdb.get_redis().execute_command("BOGUS", CANARY)
    told = str(redisdb.translate(caught.value))
    assert "answered with an error: unknown command" in told
    assert CANARY not in told


@pytest.mark.parametrize(
    ("cause", "refused"),
    [
        (redis.ResponseError("unknown command 'BOGUS'"), True),
        (redis.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"), True),
        (redis.exceptions.NoPermissionError("this user has no permissions to run the 'evalsha' command"), True),
        (redis.DataError("Invalid input of type: 'dict'"), True),
        (redis.ResponseError("MISCONF Redis is configured to save RDB snapshots"), False),
        (redis.ResponseError("BUSY Redis is busy running a script"), False),
        (redis.exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'"), False),
        (redis.ReadOnlyError("You can't write against a read only replica"), False),
        (redis.exceptions.ClusterDownError("The cluster is down"), False),
        (redis.ConnectionError("Connection refused"), False),
        (redis.AuthenticationError("invalid username-password pair"), False),
        (redis.TimeoutError("Timeout reading from socket"), False),
        (OSError("of something else"), False),
    ],
)
def test_what_redis_refused_is_told_from_what_may_work_later(cause: Exception, refused: bool) -> None:
    error = errors.OperationalError("Redis answered with an error.")
    error.__cause__ = cause
    assert redisdb.is_refused(error) is refused
