"""Worker processes: one that watches, and those that it forks, which run dramatiq's worker.

The one that watches does nothing else, so that no job can end it: it starts another process where one has died, and
counts that death for the jobs that were begun in it.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from .. import errors, runtime
from . import brokers, records
from .backlog import Backlog
from .clock import Clock
from .journal import Journal
from .performing import Letter, Performer

_log = logging.getLogger("quorum.jobs")

#: What ends the workers: a supervisor, and Ctrl-C.
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

# Milliseconds after which idle threads look up: for what is due now, and on Redis for new messages.
_IDLE: Final = 200

# Seconds that a process must live for its successor to be started at once, or after the pause; and between looks for
# the parent.
_LIVED: Final = 0.5
_PAUSE: Final = 1.0
_LOOK: Final = 0.5

# Seconds that a process has for closing its connections.
_CLOSING: Final = 5.0


@dataclass
class _Process:
    id: str
    journal: Journal
    started: float


class Watcher:
    """Keeps worker processes at work until it gets SIGTERM or SIGINT."""

    def __init__(self, context: runtime.Context, processes: int, threads: int, queues: Sequence[str]) -> None:
        self._context = context
        self._number = processes
        self._threads = threads
        self._queues = tuple(queues)
        self._running: dict[int, _Process] = {}
        self._stopping = False

    def run(self) -> None:
        """Start the processes, and replace each that ends, until a signal says to stop; then wait for them."""
        before = {number: signal.signal(number, self._stop) for number in _SIGNALS}
        # What all children need is done once: what they import, and the indexes. A child has no use for the sockets and
        # threads of its parent.
        brokers.get(self._context)
        with self._context.enter():
            records.prepare()
        self._context.close()
        try:
            for _ in range(self._number):
                self._start()
            while self._running:
                self._replace(*os.waitpid(-1, 0))
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, frame: Any) -> None:
        self._stopping = True
        for pid in self._running:
            os.kill(pid, signal.SIGTERM)

    def _start(self) -> None:
        """Start a process, unless a signal came that ends them all."""
        journal, id = Journal(self._threads), str(uuid.uuid4())  # noqa: A001
        watcher = os.getpid()
        # A signal that came between the fork and the note of it would not reach the child.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        if self._stopping:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            return
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = _work(self._context, id, self._threads, self._queues, journal, watcher)
            except BaseException:  # noqa: BLE001  it ends with that
                _log.exception("A worker process ends.")
            finally:
                os._exit(status)
        self._running[pid] = _Process(id, journal, time.monotonic())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _replace(self, pid: int, status: int) -> None:
        process = self._running.pop(pid, None)
        if process is None:
            return
        code = os.waitstatus_to_exitcode(status)
        begun = process.journal.unfinished()
        if self._stopping and code == 0:
            if not begun:
                return
        else:
            _log.error("A worker process ended with %d while it ran %d jobs.", code, len(begun))
        try:
            with self._context.enter():
                brokers.note_death(self._context, process.id)
                if code != 0 or not self._stopping:
                    records.note_crash(begun)
        except errors.QuorumError as error:
            _log.error("Its end is not counted: %s", error)
        finally:
            self._context.close()
        if time.monotonic() - process.started < _LIVED:
            time.sleep(_PAUSE)
        self._start()


def _work(
    context: runtime.Context, id: str, threads: int, queues: Sequence[str], journal: Journal, watcher: int
) -> int:
    """Be a worker process until SIGTERM, SIGINT or the end of the one that watches."""
    stop = threading.Event()
    for number in _SIGNALS:
        signal.signal(number, lambda *_: stop.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    grace: float = context.settings.get("EXECUTION_GRACE")
    performer = Performer(context, journal, _limiter())
    with context.enter():
        performer.crashed = records.crashes()
    broker: Any = brokers.get(context)
    broker.broker_id = id
    worker = _consume(context, performer, threads, queues)
    clock = Clock(context, performer)
    clock.start()
    while not stop.wait(_LOOK) and os.getppid() == watcher:
        pass
    clock.stop(_LOOK)
    # It waits for threads, then for consumers, each as long; and a connection that both still use may never close.
    ending = threading.Thread(target=worker.stop, kwargs={"timeout": int(grace * 1000)}, daemon=True)
    ending.start()
    ending.join(2 * grace + _CLOSING)
    clock.stop(0)
    if left := journal.unfinished():
        _log.error("%d jobs still run after %g s: they start again elsewhere.", len(left), grace)
    context.close()
    return 0


def _consume(context: runtime.Context, performer: Performer, threads: int, queues: Sequence[str]) -> Any:
    import dramatiq

    current = threading.local()

    class Hooks(dramatiq.Middleware):
        """Hands each message to the performer, and keeps what dramatiq itself gives up."""

        def before_process_message(self, broker: Any, message: Any) -> None:
            current.message, current.begun = message, backlog.begin()

        def after_process_message(self, broker: Any, message: Any, **outcome: Any) -> None:
            backlog.end(current.begun)

        def after_nack(self, broker: Any, message: Any) -> None:
            with context.enter():
                performer.bury(Letter.read(message), f"there is no actor {str(message.actor_name)[:100]!r}")

    broker: Any = brokers.get(context)
    broker.add_middleware(Hooks())
    names = [brokers.queue_name(context.settings, queue) for queue in queues]
    dramatiq.actor(actor_name=brokers.ACTOR, queue_name=names[0], broker=broker)(
        lambda: performer.perform(current.message)
    )
    for name in names:
        broker.declare_queue(name)
    worker = dramatiq.Worker(broker, queues=set(names), worker_timeout=_IDLE, worker_threads=threads)
    backlog = broker.backlog = Backlog(worker.work_queue, threads)
    worker.start()
    return worker


def _limiter() -> Any:
    """Give a context manager that ends what a thread does after so many seconds."""
    from dramatiq.middleware import TimeLimit

    manager: Any = TimeLimit().manager
    manager.start()

    @contextmanager
    def limit(seconds: float) -> Iterator[None]:
        manager.add_timeout(threading.get_ident(), seconds * 1000)
        try:
            yield
        finally:
            manager.remove_timeout(threading.get_ident())

    return limit
