"""dramatiq's broker for Redis, which loses track of no job and holds none for long.

It needs the packages of the extra `queue`: `brokers` imports it when a broker is Redis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import dramatiq.brokers.redis
import dramatiq.errors
import redis.exceptions

from .backlog import Backlog

if TYPE_CHECKING:
    from dramatiq import Broker

# Milliseconds without a sign of life after which a worker counts as dead, and out of how many million commands those
# that look for the dead: a worker sends five a second, so that they are found within 60 seconds.
_DEAD: Final = 20_000
_SEARCHES: Final = 200_000

_driver: Any = dramatiq.brokers.redis
_closed: Any = dramatiq.errors.ConnectionClosed
_ERRORS: Final[tuple[type[Exception], ...]] = (dramatiq.errors.BrokerError, OSError, redis.exceptions.RedisError)


class Consumer(_driver._RedisConsumer):  # type: ignore[misc]
    """Notes what it gave out and was not confirmed since, and gives back what waits behind long jobs."""

    def __init__(self, broker: Any, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)
        # Those of the delay queue are never given to threads.
        self._backlog: Backlog | None = None if queue_name.endswith(".DQ") else broker.backlog
        self._most = prefetch

    def __next__(self) -> Any:
        if self._backlog is not None:
            self._adapt(self._backlog)
        message = super().__next__()
        if message is not None:
            self.broker.held[self.queue_name].add(message.options["redis_message_id"])
        return message

    def _adapt(self, backlog: Backlog) -> None:
        if backlog.is_stuck:
            waiting = backlog.take(self.queue_name)
            for message in waiting:
                self.queued_message_ids.discard(message.message_id)
                self.broker.held[self.queue_name].discard(message.options["redis_message_id"])
            self.prefetch = backlog.threads
            try:
                self.requeue(waiting)
            except _ERRORS as error:
                raise _closed(error) from None
        elif self.prefetch < self._most and backlog.is_quick and backlog.idle:
            self.prefetch = self._most

    def ack(self, message: Any) -> None:
        super().ack(message)
        self.broker.held[self.queue_name].discard(message.options["redis_message_id"])

    def nack(self, message: Any) -> None:
        super().nack(message)
        self.broker.held[self.queue_name].discard(message.options["redis_message_id"])


class Redis(_driver.RedisBroker):  # type: ignore[misc]
    """Takes back what was fetched and never came, as the connection broke: dramatiq leaves it with the worker, and
    nobody else gets it before that ends.
    """

    consumer_class = Consumer

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.held: dict[str, set[str]] = {}
        self.backlog: Backlog | None = None

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Any:
        held = self.held.setdefault(queue_name, set())
        if queue_name.endswith(".DQ"):
            # What was kept until it is due was let go of with the connection.
            held.clear()
        known = frozenset(held)
        try:
            fetched = self.client.smembers(f"{self.namespace}:__acks__.{self.broker_id}.{queue_name}")
            if lost := {member.decode() for member in fetched} - known:
                self.do_requeue(queue_name, *lost)
        except _ERRORS as error:
            raise _closed(error) from None
        return super().consume(queue_name, prefetch, timeout)


def connect(client: Any, namespace: str) -> Broker:
    """Make the broker of a client of Redis.

    :param namespace: what its keys begin with.
    """
    broker: Broker = Redis(
        client=client,
        middleware=[],
        namespace=namespace,
        heartbeat_timeout=_DEAD,
        maintenance_chance=_SEARCHES,
    )
    return broker
