"""Whether the connections of an app work: one table, for `/health` and for `flask quorum doctor`.

To add a connection, add a row to `CHECKS`. Its `ping()` asks the server and says what it is, `"MongoDB 8.0.4"`, or
raises a `QuorumError`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Final

from quorum import amazon, amqp, errors, mail, mongodb, pusherc, redisdb, runtime

from . import secret


@dataclass(frozen=True)
class Check:
    """A connection: what it is called, the variable that configures it, and what asks its server."""

    label: str
    variable: str
    ping: Callable[[], str]


@dataclass(frozen=True)
class Result:
    """How a check went: `text` says what the server is, or what is wrong; `seconds` how long it took to say so."""

    label: str
    works: bool
    text: str
    seconds: float


CHECKS: Final = (
    Check("MongoDB", "MONGOHQ_URL", mongodb.ping),
    Check("Redis", "REDISTOGO_URL", redisdb.ping),
    Check("RabbitMQ", "CLOUDAMQP_URL", amqp.ping),
    Check("Mail", "SMTP_HOST", mail.ping),
    Check("Pusher", "PUSHER_APP_ID", pusherc.ping),
    Check("S3", "AMAZON_BUCKET", amazon.ping),
)


def configured(context: runtime.Context) -> list[Check]:
    """Give the checks of the connections that an app has. Models need a database, also where no variable names one."""
    settings = context.settings
    return [
        check
        for check in CHECKS
        if settings.is_set(check.variable) or (check.variable == "MONGOHQ_URL" and context.models)
    ]


def run(context: runtime.Context, limit: float) -> list[Result]:
    """Try every connection of an app, all at once, and give the results.

    A check that is under way already is shared, so that it does no harm to ask often.

    :param limit: seconds after which a server that did not answer counts as one that does not.
    """
    pending = context.client("checks", _Pending, _Pending.close)
    started = [(check, pending.future(check, context)) for check in configured(context)]
    wait([future for _, future in started], limit)
    late = f"did not answer within {limit:g} seconds"
    return [
        future.result() if future.done() else Result(check.label, works=False, text=late, seconds=limit)
        for check, future in started
    ]


class _Pending:
    """The checks that are under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._futures: dict[str, Future[Result]] = {}

    def future(self, check: Check, context: runtime.Context) -> Future[Result]:
        with self._lock:
            future = self._futures.get(check.label)
            if future is None or future.done():
                future = self._futures[check.label] = Future()
                # A thread that does not keep the process alive, whatever the server does.
                threading.Thread(
                    target=_answer, args=(future, check, context), name=f"check of {check.label}", daemon=True
                ).start()
            return future

    def close(self) -> None:
        self._futures.clear()


def _answer(future: Future[Result], check: Check, context: runtime.Context) -> None:
    start = time.monotonic()
    try:
        with context.app.app_context():
            text, works = check.ping(), True
    except errors.QuorumError as error:
        text, works = str(error), False
    except Exception as error:  # noqa: BLE001 - a check that fails in a way of its own is still one that fails
        text, works = f"{type(error).__name__}: {error}", False
    if not works:
        text = " ".join(secret.masker(context.app, context.settings).text(text).split())
    future.set_result(Result(check.label, works, text, time.monotonic() - start))
