"""The connection to RabbitMQ: one a thread, process and app; what it survives; what it says when something is wrong."""

import builtins
import os
import select
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pika
import pika.exceptions
import pytest
import servers

import quorum
from quorum import amqp, runtime

#: The files that this process has open.
OPEN = Path("/proc/self/fd")


@pytest.fixture
def load(monkeypatch, mock_url):
    """Loads an app with a URL of RabbitMQ, or none."""
    monkeypatch.setenv("MONGOHQ_URL", mock_url)

    def load(url: str | None, name: str = "shop") -> None:
        if url is not None:
            monkeypatch.setenv("CLOUDAMQP_URL", url)
        # Without jobs, which would have a handler of SIGTERM, as one test unloads in another thread than the main one.
        quorum.load(name=name, execution=False)

    yield load
    quorum.unload()


@pytest.fixture
def queue() -> str:
    return f"test_{uuid.uuid4().hex[:12]}"


def until(condition: Callable[[], bool], limit: float = 10) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def in_thread(use: Callable[[], object]) -> object:
    """Run something in a thread that has ended when this gives its result."""
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(use()))
    thread.start()
    thread.join(30)
    return results[0]


def test_a_message_goes_there_and_back(load, rabbitmq, queue):
    load(rabbitmq)
    with quorum.get_amqp().channel() as channel:
        channel.queue_declare(queue, exclusive=True)
        channel.confirm_delivery()
        channel.basic_publish("", queue, b"hello")
        assert channel.basic_get(queue, auto_ack=True)[2] == b"hello"


def test_a_thread_has_one_connection_and_another_thread_another(load, rabbitmq):
    load(rabbitmq)
    mine = quorum.get_amqp()
    assert quorum.get_amqp() is mine
    assert in_thread(quorum.get_amqp) is not mine


def test_two_apps_have_a_connection_each(load, rabbitmq):
    load(rabbitmq)
    first = quorum.get_amqp()
    load(rabbitmq, name="other")
    assert quorum.get_amqp() is not first


def test_the_connection_of_a_thread_that_ended_is_closed_by_the_next_that_asks(load, rabbitmq):
    load(rabbitmq)
    left = in_thread(quorum.get_amqp)
    assert left.is_open
    quorum.get_amqp()
    assert left.is_closed


def test_many_threads_one_after_another_leave_nothing_open(load, rabbitmq):
    load(rabbitmq)
    quorum.get_amqp()
    before = len(list(OPEN.iterdir()))
    for _ in range(20):
        in_thread(amqp.ping)
    quorum.get_amqp()
    assert len(list(OPEN.iterdir())) <= before + 3


def test_unload_closes_the_connections_of_all_threads(load, rabbitmq):
    load(rabbitmq)
    connections = [quorum.get_amqp(), in_thread(quorum.get_amqp)]
    asked, done = threading.Event(), threading.Event()

    def idle() -> None:
        connections.append(quorum.get_amqp())
        asked.set()
        done.wait(30)

    thread = threading.Thread(target=idle)
    thread.start()
    asked.wait(30)
    quorum.unload()
    assert [connection.is_closed for connection in connections] == [True] * 3
    done.set()
    thread.join(10)


def test_unload_ends_a_thread_that_waits_for_messages(load, rabbitmq, queue):
    load(rabbitmq)
    started, ended = threading.Event(), []

    def consume() -> None:
        channel = quorum.get_amqp().channel()
        channel.queue_declare(queue, exclusive=True)
        channel.basic_consume(queue, lambda *_: None)
        started.set()
        try:
            channel.start_consuming()
        except pika.exceptions.AMQPError as error:
            ended.append(error)

    thread = threading.Thread(target=consume)
    thread.start()
    started.wait(30)
    quorum.unload()
    thread.join(10)
    assert not thread.is_alive()


def test_an_app_that_was_unloaded_gives_no_connection(load, rabbitmq):
    load(rabbitmq)
    quorum.get_amqp()
    pool = runtime.last()._clients["amqp"].client
    quorum.unload()
    with pytest.raises(quorum.ConfigurationError, match="No app is loaded"):
        quorum.get_amqp()
    with pytest.raises(quorum.ConfigurationError, match="was unloaded"):
        pool.get()


@pytest.mark.promise("D17")
def test_a_forked_process_opens_its_own_connection(load, rabbitmq):
    load(rabbitmq)
    parents = quorum.get_amqp()
    pid = os.fork()
    if pid == 0:
        try:
            works = amqp.ping().startswith("RabbitMQ ") and quorum.get_amqp() is not parents
            quorum.unload()
            os._exit(0 if works else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert quorum.get_amqp() is parents
    assert amqp.ping().startswith("RabbitMQ ")


def test_a_connection_that_was_closed_is_replaced(load, rabbitmq):
    load(rabbitmq)
    closed = quorum.get_amqp()
    closed.close()
    assert quorum.get_amqp().is_open


def test_a_connection_that_the_network_dropped_is_replaced(load, rabbitmq):
    load(rabbitmq)
    dropped = quorum.get_amqp()
    _socket(dropped).shutdown(socket.SHUT_RDWR)
    assert quorum.get_amqp() is not dropped
    assert amqp.ping().startswith("RabbitMQ ")


def test_a_connection_that_was_idle_past_its_heartbeats_is_replaced(load, rabbitmq, queue):
    # The server closes it after two seconds of silence.
    load(f"{rabbitmq}?heartbeat=1")
    idle = quorum.get_amqp()
    hung_up = select.poll()
    hung_up.register(_socket(idle), select.POLLRDHUP)
    until(lambda: bool(hung_up.poll(0)), 20)
    with quorum.get_amqp().channel() as channel:
        channel.queue_declare(queue, exclusive=True)
    assert quorum.get_amqp() is not idle


def _socket(connection) -> socket.socket:
    return connection._impl._transport._sock


def test_a_call_fails_while_the_server_is_not_there_and_works_when_it_is(load, tmp_path):
    port = servers.free_port()
    load(f"amqp://guest:guest@127.0.0.1:{port}/")
    told = rf"RabbitMQ at 127\.0\.0\.1:{port} \(from CLOUDAMQP_URL\)"
    with pytest.raises(quorum.OperationalError, match=told):
        quorum.get_amqp()
    with servers.rabbitmq(tmp_path / "data", port):
        assert amqp.ping().startswith("RabbitMQ ")
    with pytest.raises(quorum.OperationalError, match=told):
        quorum.get_amqp()


@pytest.mark.soak
def test_the_next_call_works_after_the_server_was_stopped_and_started(load, tmp_path):
    with servers.rabbitmq(tmp_path / "data") as server:
        url, port = server.url, int(server.url.rpartition(":")[2].strip("/"))
        load(url)
        first = quorum.get_amqp()
    with pytest.raises(quorum.OperationalError, match=rf"RabbitMQ at 127\.0\.0\.1:{port} \(from CLOUDAMQP_URL\)"):
        quorum.get_amqp()
    with servers.rabbitmq(tmp_path / "data", port):
        assert amqp.ping().startswith("RabbitMQ ")
        assert quorum.get_amqp() is not first
        quorum.unload()


def test_a_server_that_hangs_does_not_hold_up_unload(load, rabbitmq_server):
    load(rabbitmq_server.url)
    connections = [quorum.get_amqp(), in_thread(quorum.get_amqp)]
    os.kill(rabbitmq_server.pid, signal.SIGSTOP)
    try:
        # A close that waits for the server would wait for 35 seconds here, until a heartbeat is missed.
        thread = threading.Thread(target=quorum.unload, daemon=True)
        thread.start()
        thread.join(15)
        assert not thread.is_alive()
        assert all(connection.is_closed for connection in connections)
    finally:
        os.kill(rabbitmq_server.pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda url: url.replace("guest:guest", "guest:s3cr3t%2Fword"), "The user name or password is wrong"),
        (lambda url: f"{url}nowhere", "There is no such virtual host"),
        (lambda url: url.replace("127.0.0.1", "name.invalid"), "does not answer"),
        (lambda url: url.replace("amqp://", "amqps://"), "SSL"),
    ],
)
def test_a_server_that_refuses_is_told_with_its_address_and_no_password(load, rabbitmq, change, told):
    load(change(rabbitmq))
    with pytest.raises(quorum.OperationalError, match=told) as caught:
        amqp.ping()
    assert "CLOUDAMQP_URL" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_a_server_that_says_nothing_is_given_up(load):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        load(f"amqp://127.0.0.1:{port}/?stack_timeout=0.3")
        with pytest.raises(quorum.OperationalError, match="does not answer"):
            quorum.get_amqp()


def test_every_wait_has_a_limit(load, rabbitmq):
    load(f"{rabbitmq}?blocked_connection_timeout=3")
    parameters = amqp._address(runtime.current().settings).parameters
    limits = {name: getattr(parameters, name) for name in amqp.OPTIONS}
    assert limits == {**amqp.OPTIONS, "blocked_connection_timeout": 3}


@pytest.mark.parametrize(
    "url", ["amqp://host/?foo=1", "amqp://u:s3cr3t@host/?heartbeat=x", "amqp://host:5672/?frame_max=1"]
)
def test_a_url_that_makes_no_sense_is_told_without_showing_it(load, url):
    with pytest.raises(quorum.ConfigurationError, match="CLOUDAMQP_URL is not a URL of RabbitMQ") as caught:
        load(url)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_variable_is_named(load):
    load(None)
    with pytest.raises(quorum.ConfigurationError, match="CLOUDAMQP_URL is not set"):
        amqp.ping()


def test_a_missing_package_is_told_with_what_to_install(load, monkeypatch):
    load("amqp://127.0.0.1:1/")
    imported = builtins.__import__

    def refuse(name, *arguments, **options):
        if name.split(".")[0] == "pika":
            raise ImportError(name)
        return imported(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    for use in (quorum.get_amqp, amqp.ping):
        with pytest.raises(quorum.ConfigurationError, match=r'pip install "quorum\[queue\]"'):
            use()


def test_what_a_channel_raises_is_translated(load, rabbitmq, queue):
    load(rabbitmq)
    channel = quorum.get_amqp().channel()
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as caught:
        channel.queue_declare(queue, passive=True)
    error = amqp.translate(caught.value)
    assert isinstance(error, quorum.OperationalError)
    assert error.code == 404
    assert "There is no such queue or exchange" in str(error)
    assert quorum.get_amqp().is_open


def test_the_server_sees_which_app_and_instance_a_connection_is_of(load, rabbitmq, monkeypatch):
    monkeypatch.setenv("INSTANCE", "blue")
    load(rabbitmq)
    assert amqp._address(runtime.current().settings).parameters.client_properties == {"connection_name": "shop-blue"}


@pytest.mark.soak
def test_a_restart_of_the_server_under_load_gives_no_wrong_answer(load, tmp_path):
    """50 requests a second, before, while and after it is away: each is right or a 503, and in 5 s all are right."""
    folder = tmp_path / "data"
    answers: list[tuple[float, int, bool]] = []
    ready = threading.Event()

    def echo(number: str) -> str:
        try:
            with quorum.get_amqp().channel() as channel:
                name = channel.queue_declare("", exclusive=True).method.queue
                channel.confirm_delivery()
                channel.basic_publish("", name, number.encode())
                body = channel.basic_get(name, auto_ack=True)[2]
                channel.queue_delete(name)
                return body.decode()
        except pika.exceptions.AMQPError as error:
            raise amqp.translate(error) from error

    def ask(first: int) -> None:
        client = quorum.APP.test_client()
        number = first
        while not ready.is_set():
            begun = time.monotonic()
            answer = client.get(f"/echo/{number}")
            answers.append((time.monotonic(), answer.status_code, answer.text == str(number)))
            number += 10
            ready.wait(max(0, 0.2 - (time.monotonic() - begun)))

    with servers.rabbitmq(folder) as server:
        port = int(server.url.rpartition(":")[2].strip("/"))
        load(server.url)
        quorum.APP.add_url_rule("/echo/<number>", view_func=echo)
        threads = [threading.Thread(target=ask, args=(first,)) for first in range(10)]
        for thread in threads:
            thread.start()
        until(lambda: len(answers) > 200, 30)
    away = time.monotonic()
    until(lambda: sum(when > away for when, *_ in answers) > 50, 30)
    with servers.rabbitmq(folder, port):
        back = time.monotonic()
        until(lambda: time.monotonic() - back > 5 and sum(when > back + 5 for when, *_ in answers) > 100, 60)
        ready.set()
        for thread in threads:
            thread.join(30)
        quorum.unload()
    assert {status for _, status, _ in answers} == {200, 503}
    assert all(right for _, status, right in answers if status == 200)
    assert all(status == 200 for when, status, _ in answers if when > back + 5)
    failed = [when - back for when, status, _ in answers if status != 200]
    print(f"{len(answers)} answers, {len(failed)} of them 503; the last at {max(failed):.2f} s")
