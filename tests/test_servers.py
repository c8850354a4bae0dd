import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pika
import pymongo
import pymongo.errors
import pytest
import redis
import servers


@pytest.fixture
def client(proxy):
    with pymongo.MongoClient(
        proxy.url, retryWrites=False, retryReads=False, serverSelectionTimeoutMS=1000, timeoutMS=2000
    ) as client:
        yield client


@pytest.fixture
def direct(mongo_url):
    with pymongo.MongoClient(mongo_url) as client:
        yield client.get_default_database()


def test_commands_tell_what_was_sent(direct, commands):
    direct.posts.insert_one({"_id": 1})
    direct.posts.update_one({"_id": 1}, {"$set": {"title": "a"}})
    assert commands.names == ["insert", "update"]
    assert commands.of("update")[0]["updates"][0]["u"] == {"$set": {"title": "a"}}
    assert [reply["n"] for reply in commands.replies] == [1, 1]
    commands.clear()
    assert commands.names == []


def test_a_lost_request_never_reaches_the_server(proxy, client, direct):
    client.admin.command("ping")
    proxy.drop_request("insert")
    with pytest.raises(pymongo.errors.AutoReconnect):
        client.get_default_database().posts.insert_one({"_id": 1})
    assert direct.posts.count_documents({}) == 0
    client.get_default_database().posts.insert_one({"_id": 1})
    assert direct.posts.count_documents({}) == 1
    assert proxy.seen.count("insert") == 2


def test_a_lost_reply_leaves_the_write_done(proxy, client, direct):
    client.admin.command("ping")
    proxy.drop_reply("insert")
    with pytest.raises(pymongo.errors.AutoReconnect):
        client.get_default_database().posts.insert_one({"_id": 1})
    assert direct.posts.count_documents({}) == 1


def test_a_stalled_network_ends_in_the_time_limit(proxy, client):
    client.admin.command("ping")
    proxy.stall()
    with pytest.raises(pymongo.errors.PyMongoError) as raised:
        client.get_default_database().posts.find_one()
    assert raised.value.timeout
    proxy.resume()


def test_a_server_that_was_down_is_found_again(proxy, client):
    client.admin.command("ping")
    proxy.down()
    with pytest.raises(pymongo.errors.ConnectionFailure):
        client.admin.command("ping")
    proxy.up()
    assert client.admin.command("ping")["ok"] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_server_ends_with_the_process_that_started_it(tmp_path):
    script = """
        import sys, time
        from pathlib import Path
        import servers
        with servers.child(["sh", "-c", "echo ready $$; exec sleep 60"], ready=r"ready (\\d+)", cwd=Path(".")) as child:
            print(child.pid, flush=True)
            time.sleep(60)
    """
    starter = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(servers.__file__).parent)},
    )
    with starter:
        assert starter.stdout is not None
        server = int(starter.stdout.readline())
        handle = os.pidfd_open(server)
        starter.send_signal(signal.SIGKILL)
        try:
            assert select.select([handle], [], [], 10)[0], "the server outlived its starter"
        finally:
            os.close(handle)


def test_a_server_that_does_not_start_tells_what_it_said(tmp_path):
    command = [sys.executable, "-c", "print('no room'); raise SystemExit(3)"]
    with (
        pytest.raises(RuntimeError, match=r"ended with 3[^$]*no room"),
        servers.child(command, ready="never", cwd=tmp_path),
    ):
        pass


@pytest.mark.parametrize(("value", "error"), [("1", pytest.fail.Exception), ("0", pytest.skip.Exception)])
def test_what_is_missing_skips_or_fails(monkeypatch, value, error):
    monkeypatch.setenv("QUORUM_TEST_REQUIRE", value)
    monkeypatch.setitem(servers.NEEDS, "fridge", (lambda: None, "buy one"))
    with pytest.raises(error, match="fridge is not installed: buy one"):
        servers.require("fridge")


def test_a_browser_sees_what_is_served(chromium, serve):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"<h1>Hello</h1>"]

    page = chromium.new_page()
    page.goto(serve(app))
    assert page.inner_text("h1") == "Hello"


def test_a_redis_server_comes_back_at_its_port_with_its_data(tmp_path):
    keep = ("--appendonly", "yes", "--appendfsync", "always")
    with servers.valkey(tmp_path / "valkey", *keep) as server:
        url = server.url
        with redis.Redis.from_url(url) as client:
            client.set("key", "value")
        server.kill()
    with (
        servers.valkey(tmp_path / "valkey", *keep, port=int(url.rpartition(":")[2])),
        redis.Redis.from_url(url) as client,
    ):
        assert client.get("key") == b"value"


@pytest.mark.soak
def test_a_rabbitmq_server_comes_back_at_its_port_with_its_messages(tmp_path):
    durable = pika.BasicProperties(delivery_mode=2)
    with servers.rabbitmq(tmp_path / "rabbitmq") as server:
        url = server.url
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.queue_declare("jobs", durable=True)
            channel.basic_publish("", "jobs", b"work", durable)
        server.kill()
    port = int(url.rstrip("/").rpartition(":")[2])
    with servers.rabbitmq(tmp_path / "rabbitmq", port), pika.BlockingConnection(pika.URLParameters(url)) as connection:
        assert connection.channel().basic_get("jobs")[2] == b"work"
