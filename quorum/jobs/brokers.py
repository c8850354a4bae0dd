"""The broker of an app: dramatiq on RabbitMQ (`CLOUDAMQP_URL`), else on Redis (`REDISTOGO_URL`).

A message carries a job among its options, where dramatiq logs nothing: `{"quorum": {"path": "shop.tasks:clean", "args":
[], "kwargs": {}, "callback": null, "attempt": 0, ...}}`. All of them are for one actor.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final

from .. import config, errors, redisdb, runtime

if TYPE_CHECKING:
    from dramatiq import Broker, Message

ACTOR: Final = "quorum"

#: Where a message has its job.
OPTION: Final = "quorum"

#: Seconds that a broker may hold a job in the memory of a worker before it is due. Later ones wait in the database.
FAR: Final = 300.0

_KEY: Final = "jobs.broker"

# Seconds: connecting, and how long a broker may hold what is sent to it.
_CONNECTING: Final = 5.0
_BLOCKED: Final = 15.0


def get(context: runtime.Context) -> Broker:
    """Give this process's broker for an app, made on first use. It connects when something is sent.

    :raises ConfigurationError: no broker's URL is set, or a package is missing.
    """
    return context.client(_KEY, lambda: _open(context.settings), _close, forget=lambda _: None)


def check(settings: config.Settings) -> None:
    """Check what a broker needs, without connecting.

    :raises ConfigurationError: no broker's URL is set, or a package is missing.
    """
    variable = _variable(settings)
    try:
        import dramatiq  # noqa: F401

        if variable == "CLOUDAMQP_URL":
            import pika  # noqa: F401
        else:
            import redis  # noqa: F401
    except ImportError as error:
        raise errors.ConfigurationError(
            f"execution='queue' needs the package {error.name}: pip install \"quorum[queue]\"."
        ) from error


def is_rabbitmq(settings: config.Settings) -> bool:
    """Say whether the broker is RabbitMQ.

    :raises ConfigurationError: no broker's URL is set.
    """
    return _variable(settings) == "CLOUDAMQP_URL"


def prefix(settings: config.Settings) -> str:
    """Give what the names of an app's queues, keys and collections begin with: its own, and its instance's."""
    return _prefix(settings.qualified())


@functools.lru_cache(maxsize=100)
def _prefix(qualified: str) -> str:
    name = re.sub(r"[^A-Za-z0-9.-]", lambda found: f"_{ord(found[0]):x}_", qualified)
    return name if name[0].isalpha() else f"_{name}"


def queue_name(settings: config.Settings, queue: str) -> str:
    """Give the broker's name of a queue."""
    return f"{prefix(settings)}.{queue}"


def message(context: runtime.Context, queue: str, job: dict[str, Any]) -> Message[Any]:
    """Make the message of a job; its `message_id` is the job's id."""
    import dramatiq

    name = queue_name(context.settings, queue)
    return dramatiq.Message(queue_name=name, actor_name=ACTOR, args=(), kwargs={}, options={OPTION: job})


def send(context: runtime.Context, message: Message[Any], delay: float | None = None) -> None:
    """Send a message, and wait until the broker has confirmed it.

    :param delay: seconds until it is due, at most `FAR`.
    :raises OperationalError: the broker did not take it, or did not confirm it in time.
    """
    broker = get(context)
    try:
        broker.enqueue(message, delay=None if delay is None else max(0, int(delay * 1000)))
    except _driver_errors(context.settings) as error:
        raise _translated(context.settings, error) from error


def note_death(context: runtime.Context, worker: str) -> None:
    """Tell Redis that a worker is dead, so that what it had is handed over at once. RabbitMQ sees it by itself.

    :param worker: the `broker_id` that its broker had.
    """
    if is_rabbitmq(context.settings):
        return
    broker: Any = get(context)
    try:
        # The time of its last sign of life; without any, it had nothing.
        broker.client.zadd(f"{broker.namespace}:__heartbeats__", {worker: 0}, xx=True)
    except _driver_errors(context.settings) as error:
        raise _translated(context.settings, error) from error


def show_life(context: runtime.Context) -> None:
    """Tell Redis that this worker is alive: it says so itself only when it asks for messages, which it does not while
    all of its threads are at work.
    """
    if is_rabbitmq(context.settings):
        return
    broker: Any = get(context)
    try:
        broker.do_qsize(queue_name(context.settings, "default"))
    except _driver_errors(context.settings) as error:
        raise _translated(context.settings, error) from error


def _driver_errors(settings: config.Settings) -> tuple[type[Exception], ...]:
    import dramatiq.errors

    if is_rabbitmq(settings):
        import pika.exceptions

        return (dramatiq.errors.BrokerError, OSError, pika.exceptions.AMQPError)
    import redis.exceptions

    return (dramatiq.errors.BrokerError, OSError, redis.exceptions.RedisError)


def _translated(settings: config.Settings, error: Exception) -> errors.OperationalError:
    variable = _variable(settings)
    url: str = settings.get(variable)
    text = str(error) or type(error).__name__
    for secret in config.spellings(config.secrets_in(url)):
        text = text.replace(secret, "***")
    return errors.OperationalError(f"{config.hide(url)} ({variable}) did not take the job: {text}. Check that it runs.")


def _variable(settings: config.Settings) -> str:
    for variable in ("CLOUDAMQP_URL", "REDISTOGO_URL"):
        if settings.get(variable):
            return variable
    raise errors.ConfigurationError(
        "execution='queue' needs a broker. Set CLOUDAMQP_URL=amqp://host for RabbitMQ, or REDISTOGO_URL=redis://host."
    )


def _open(settings: config.Settings) -> Broker:
    check(settings)
    variable = _variable(settings)
    if variable == "CLOUDAMQP_URL":
        from . import rabbitmq_broker

        return rabbitmq_broker.connect(settings.get(variable), _CONNECTING, _BLOCKED)
    if redisdb.read(settings).kind.endswith("+cluster"):
        raise errors.ConfigurationError("REDISTOGO_URL: jobs can't be in a cluster of Redis. Use RabbitMQ for them.")
    from . import redis_broker

    client = redisdb.connect(settings, {"socket_timeout": _BLOCKED, "socket_connect_timeout": _CONNECTING})
    return redis_broker.connect(client, f"{prefix(settings)}.jobs")


def _close(broker: Broker) -> None:
    broker.close()
    client = getattr(broker, "client", None)
    if client is not None:
        client.close()
