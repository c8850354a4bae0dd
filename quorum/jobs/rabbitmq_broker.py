"""dramatiq's broker for RabbitMQ, with fewer connections and fewer turns on the network, and no job held for long.

It needs the packages of the extra `queue`: `brokers` imports it when a broker is RabbitMQ.
"""

from __future__ import annotations

import logging
import threading
import types
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import dramatiq.brokers.rabbitmq
import pika
import pika.exceptions

from .. import errors
from .backlog import Backlog

if TYPE_CHECKING:
    from dramatiq import Broker, Message

_log = logging.getLogger("quorum.jobs")

# Seconds that a worker waits for messages in one go while it takes no more than its threads can begin.
_NARROW: Final = 0.02

_driver: Any = dramatiq.brokers.rabbitmq
_closed: Any = _driver.ConnectionClosed


class Consumer(_driver._RabbitmqConsumer):  # type: ignore[misc]
    """Confirms together what ended together, and gives back what waits behind long jobs.

    It is narrow while it takes no more than there are idle threads. RabbitMQ counts what is not confirmed by
    consumer, and not what an earlier one of the same channel was given.
    """

    def __init__(self, broker: Any, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)
        # Those of the delay queue are never given to threads.
        self._backlog: Backlog | None = None if queue_name.endswith(".DQ") else broker.backlog
        self._prefetch, self._width, self._timeout = prefetch, prefetch, timeout / 1000
        self._consumes = True
        self._last = self._last_of_others = 0
        self._ended: deque[tuple[int, bool]] = deque()
        self._telling = False

    def __next__(self) -> Any:
        try:
            if not self._is_ready():
                return None
        except pika.exceptions.AMQPError as error:
            raise _closed(error) from None
        message = super().__next__()
        if message is not None:
            message.consumer = self
            self._last = message._tag
        return message

    def ack(self, message: Any) -> None:
        self._end(message, done=True)

    def nack(self, message: Any) -> None:
        self._end(message, done=False)

    def _nack(self, tag: int) -> None:
        self.known_tags.add(tag)
        self._settle(tag, done=False)

    def _end(self, message: Any, *, done: bool) -> None:
        # A message of a connection that broke comes again, and its tag is that of another one by now.
        if message.consumer is self:
            try:
                self._settle(message._tag, done=done)
            except pika.exceptions.ConnectionWrongStateError:
                _log.warning("The job %s can't be confirmed: its connection broke.", message.message_id)

    def _settle(self, tag: int, *, done: bool) -> None:
        self._ended.append((tag, done))
        if not self._telling:
            self._telling = True
            self.connection.add_callback_threadsafe(self._tell)

    def _tell(self) -> None:
        """Tell RabbitMQ what ended since the last time; one message confirms all up to the first that runs."""
        self._telling = False
        done = []
        while self._ended:
            tag, is_done = self._ended.popleft()
            if is_done:
                done.append(tag)
            else:
                self.known_tags.discard(tag)
                self.channel.basic_nack(tag, requeue=False)
        self.known_tags.difference_update(done)
        first = min(self.known_tags, default=self._last + 1)
        if together := [tag for tag in done if tag < first]:
            self.channel.basic_ack(max(together), multiple=True)
        for tag in done:
            if tag > first:
                self.channel.basic_ack(tag)

    def _is_ready(self) -> bool:
        """Say whether messages are to be taken now, and see that as many come as are wanted."""
        backlog = self._backlog
        if backlog is None:
            return True
        if self._consumes and backlog.is_stuck:
            self._stop()
            for message in backlog.take(self.queue_name):
                self.known_tags.discard(message._tag)
                self.channel.basic_nack(message._tag, requeue=True)
        elif self._consumes and self._width < self._prefetch and backlog.idle:
            own = sum(tag > self._last_of_others for tag in list(self.known_tags))
            if backlog.is_quick or own >= self._width:
                self._stop()
        if not self._consumes:
            if not backlog.idle:
                self.connection.process_data_events(self._timeout)
                return False
            self._start(self._prefetch if backlog.is_quick else min(backlog.idle, self._prefetch) or 1)
        return True

    def _stop(self) -> None:
        self.channel.cancel()
        self._consumes = False

    def _start(self, width: int) -> None:
        self._consumes, self._width, self._last_of_others = True, width, self._last
        self.channel.basic_qos(prefetch_count=width)
        timeout = self._timeout if width == self._prefetch else _NARROW
        self.iterator = self.channel.consume(self.queue_name, inactivity_timeout=timeout)


class Rabbitmq(_driver.RabbitmqBroker):  # type: ignore[misc]
    """Has one connection for all threads that send, one at a time: dramatiq has one a thread and keeps it after the
    thread's end, and a server may have a thread a request.
    """

    def __init__(self, parameters: pika.URLParameters) -> None:
        super().__init__(confirm_delivery=True, middleware=[])
        self.parameters = parameters
        self.state: Any = types.SimpleNamespace()
        self.backlog: Backlog | None = None
        self._one = threading.RLock()

    @property
    def consumer_class(self) -> Any:
        return Consumer

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        with self._one:
            sent: Message[Any] = super().enqueue(message, delay=delay)
            return sent

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        with self._one:
            super().declare_queue(queue_name, ensure=ensure)


def connect(url: str, connecting: float, blocked: float) -> Broker:
    """Make the broker of a URL, which connects when it is used.

    :param connecting: seconds that connecting may take.
    :param blocked: seconds that RabbitMQ may hold what is sent to it.
    :raises ConfigurationError: the URL makes no sense.
    """
    try:
        parameters = pika.URLParameters(url)
    except (ValueError, TypeError):
        # The cause quotes parts of the URL.
        raise errors.ConfigurationError("CLOUDAMQP_URL has options that pika can't use.") from None
    parameters.socket_timeout = parameters.stack_timeout = connecting
    parameters.blocked_connection_timeout = blocked
    broker: Broker = Rabbitmq(parameters)
    return broker
