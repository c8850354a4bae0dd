"""What is confirmed to RabbitMQ, and what comes again."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from quorum import runtime
from quorum.jobs import brokers

pytestmark = pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)

NUMBER = 5


@pytest.fixture
def consume(shop):
    """Takes messages from a queue that has five, on a connection of its own."""
    context = runtime.current()
    for number in range(NUMBER):
        brokers.send(context, brokers.message(context, "default", {"number": number}))
    broker = brokers.get(context)

    @contextmanager
    def consume():
        consumer = broker.consume(brokers.queue_name(context.settings, "default"), prefetch=NUMBER, timeout=500)
        try:
            yield consumer
        finally:
            consumer.close()

    return consume


def take(consumer, number=NUMBER):
    return [next(consumer) for _ in range(number)]


def numbers(messages):
    return [message.options[brokers.OPTION]["number"] for message in messages]


@pytest.mark.promise("J2")
def test_what_is_not_confirmed_comes_again_in_its_order(consume):
    with consume() as consumer:
        messages = take(consumer)
        for number in (1, 3, 0):
            consumer.ack(messages[number])
    with consume() as consumer:
        assert numbers(take(consumer, 2)) == [2, 4]
        assert next(consumer) is None


def test_what_is_refused_does_not_come_again(consume):
    with consume() as consumer:
        messages = take(consumer)
        consumer.ack(messages[0])
        consumer.nack(messages[1])
        consumer.ack(messages[2])
    with consume() as consumer:
        assert numbers(take(consumer, 2)) == [3, 4]
        assert next(consumer) is None


@pytest.mark.promise("J2")
def test_a_message_of_a_connection_that_broke_confirms_no_other(consume):
    with consume() as consumer:
        old = take(consumer)
    with consume() as consumer:
        new = take(consumer)
        assert old[0]._tag == new[0]._tag
        consumer.ack(old[0])
    with consume() as consumer:
        assert numbers(take(consumer)) == list(range(NUMBER))
