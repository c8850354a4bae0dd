"""The program that keeps the server of an embedded database: `python embedded_server.py FOLDER [server options]`.

`quorum.embedded` starts it, by its path and with the standard library alone. It leaves the process group and the parent
that started it, runs the server on a free port of the loopback interface, starts it again when it dies, and stops it
when nobody uses it any more. What it agrees on with its users are files in the folder:

- `users.lock`: each user process holds it shared. A shared lock ends with its process, however that ends; who can have
  it exclusively knows that there is no user. It is held exclusively while the server stops, so a new user waits.
- `server.json`: where the server is. Its writer holds an exclusive lock on the very file that it wrote, so a file that
  can be locked tells of the past.
- `keeper.lock`: held by the one keeper. `server.lock`: held by the keeper and the server; the server's process id is in
  it. `start.lock`: held by the user that starts a keeper.
- `data`, `server.log`, and `server.log.old` of the run before.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

USERS, STATE, KEEPER, SERVER, START = "users.lock", "server.json", "keeper.lock", "server.lock", "start.lock"
DATA, LOG, EMPTY, OPTIONS = "data", "server.log", "empty", "empty.toml"

#: All that is in the folder.
FOLDERS = (DATA, EMPTY)
FILES = (USERS, STATE, f"{STATE}.new", KEEPER, SERVER, START, LOG, f"{LOG}.old", OPTIONS)

#: Seconds without a user until the server stops.
GRACE = 1.0
#: Seconds until a server must listen, and until one that was asked to stop is killed.
LISTEN, STOP = 15.0, 10.0
#: Seconds between two looks at the server and its users.
TICK = 0.1
#: A server that dies more often than this, within so many seconds, is given up.
RESTARTS, WITHIN = 5, 60.0
#: Bytes that the log may have before it is emptied.
LOG_LIMIT = 10_000_000

_LISTENING = re.compile(rb"listening on [\d.]+:(\d+)")
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class State:
    """Where the server is: its port, the processes, and the server options it was started with."""

    port: int
    server: int
    keeper: int
    options: tuple[str, ...] = ()


def open_file(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file of the folder, never through a symbolic link, and give its descriptor; a new one is its owner's."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def open_lock(path: Path) -> int:
    """Open a lock file, made if missing, and give its descriptor."""
    return open_file(path, os.O_RDWR | os.O_CREAT)


def lock(descriptor: int, operation: int) -> bool:
    """Try to lock a file, `fcntl.LOCK_SH` or `LOCK_EX`, without waiting; say whether it worked."""
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for(condition: Callable[[], bool], seconds: float, every: float = 0.01) -> bool:
    """Wait until a condition holds; say whether it did in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True


def read_state(folder: Path, *, stale: bool = False) -> State | None:
    """Read where the server is; None when nobody keeps one.

    :param stale: give what a keeper that is gone has left, too.
    """
    try:
        descriptor = open_file(folder / STATE, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor) as file:
        if lock(descriptor, fcntl.LOCK_SH) and not stale:
            return None
        try:
            values = json.load(file)
            return State(values["port"], values["server"], values["keeper"], tuple(values["options"]))
        except (ValueError, KeyError, TypeError):
            # What a power cut left.
            return None


class KeeperError(Exception):
    """The server can't be kept. The message is shown to the user that waits for it."""


class PortTakenError(KeeperError):
    """Somebody else has the port."""


class Keeper:
    """The server of one folder, from its start to its end."""

    def __init__(self, folder: Path, options: Sequence[str]) -> None:
        self.folder = folder
        self.options = tuple(options)
        self.stopping = False
        self._server: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._state_file: int | None = None
        self._deaths: list[float] = []
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._users, self._keeper, self._lock = (open_lock(folder / name) for name in (USERS, KEEPER, SERVER))

    def take_over(self) -> bool:
        """Become the folder's one keeper; False when another one serves already.

        :raises KeeperError: another keeper, or the server of one, does not end.
        """
        end = time.monotonic() + STOP + 2
        while not lock(self._keeper, fcntl.LOCK_EX):
            if read_state(self.folder) is not None:
                return False
            if time.monotonic() > end:
                raise KeeperError(f"another process holds {self.folder / KEEPER}, but its server does not answer")
            time.sleep(0.01)
        self._end_orphan()
        return True

    def start(self) -> None:
        """Start the server and publish its port; the port it had before is taken again when it is free.

        :raises KeeperError: the server does not start.
        """
        before = read_state(self.folder, stale=True)
        if (self.folder / LOG).exists():
            (self.folder / LOG).replace(self.folder / f"{LOG}.old")
        self._run(before.port if before is not None else 0)

    def keep(self) -> None:
        """Return when there is no user any more, or when it is asked to end.

        :raises KeeperError: the server dies again and again.
        """
        idle = seen = 0.0
        while not self.stopping and self._is_in_place():
            time.sleep(TICK)
            if self._server is not None and self._server.poll() is not None:
                self._revive()
            self._limit_log()
            used = os.fstat(self._users).st_mtime
            if not lock(self._users, fcntl.LOCK_EX):
                idle = 0.0
            elif idle and used == seen and time.monotonic() - idle > GRACE:
                return
            else:
                fcntl.flock(self._users, fcntl.LOCK_UN)
                idle = idle if idle and used == seen else time.monotonic()
            seen = used

    def stop(self) -> None:
        """Stop the server: SIGTERM, and SIGKILL when it takes longer than `STOP`."""
        if self._state_file is not None and self._is_published():
            (self.folder / STATE).unlink()
        server = self._server
        if server is None or server.poll() is not None:
            return
        server.terminate()
        try:
            server.wait(STOP)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

    def _limit_log(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            if (self.folder / LOG).lstat().st_size > LOG_LIMIT:
                os.close(open_file(self.folder / LOG, os.O_WRONLY | os.O_TRUNC))

    def _revive(self) -> None:
        now = time.monotonic()
        self._deaths = [*(death for death in self._deaths if now - death < WITHIN), now]
        if len(self._deaths) > RESTARTS:
            raise KeeperError(f"the server died {len(self._deaths)} times within {WITHIN:g} seconds")
        self._run(self._port)

    def _run(self, port: int) -> None:
        try:
            self._port = self._launch(port)
        except PortTakenError:
            self._port = self._launch(0)
        self._publish()

    def _launch(self, port: int) -> int:
        empty = self.folder / EMPTY
        empty.mkdir(exist_ok=True)
        os.close(open_file(self.folder / OPTIONS, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
        command = [sys.executable, "-m", "secantus", "--config", str(self.folder / OPTIONS)]
        command += ["--host", "127.0.0.1", "--port", str(port), "--storage-path", str(self.folder / DATA)]
        command += ["--sync-on-commit", *self.options]
        os.ftruncate(self._lock, 0)
        with open(self.folder / LOG, "ab", opener=open_file) as log:
            begin = log.seek(0, os.SEEK_END)
            self._server = subprocess.Popen(  # noqa: S603
                command,
                cwd=empty,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[self._lock],
                preexec_fn=self._bind(os.getpid()),  # noqa: PLW1509 - this program has one thread
            )
        os.pwrite(self._lock, str(self._server.pid).encode(), 0)
        return self._wait_until_it_listens(self._server, begin)

    def _wait_until_it_listens(self, server: subprocess.Popen[bytes], begin: int) -> int:
        end = time.monotonic() + LISTEN
        while True:
            ended = server.poll()
            with (self.folder / LOG).open("rb") as log:
                log.seek(begin)
                said = log.read()
            if (found := _LISTENING.search(said)) is not None:
                return int(found[1])
            if ended is not None and b"ddress already in use" in said:
                raise PortTakenError("its port is taken")
            if ended is not None:
                raise KeeperError(f"the server ended with code {ended}")
            if time.monotonic() > end or self.stopping:
                server.kill()
                server.wait()
                raise KeeperError(f"the server did not listen within {LISTEN:g} seconds")
            time.sleep(0.005)

    def _bind(self, parent: int) -> Callable[[], None]:
        libc = self._libc

        def end_with_parent() -> None:
            if libc is not None:
                # Not SIGTERM: the server can hang in its shutdown when a client comes meanwhile, and ours are there.
                libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != parent:
                    os._exit(1)

        return end_with_parent

    def _end_orphan(self) -> None:
        # The server of a keeper that was killed: on Linux the kernel has ended it, or is about to.
        if lock(self._lock, fcntl.LOCK_EX):
            return
        written = os.pread(self._lock, 20, 0)
        pid = int(written) if written.isdigit() else 0
        if self._libc is None:
            _signal(pid, signal.SIGTERM)
        if not wait_for(lambda: lock(self._lock, fcntl.LOCK_EX), STOP):
            _signal(pid, signal.SIGKILL)
            if not wait_for(lambda: lock(self._lock, fcntl.LOCK_EX), 2):
                raise KeeperError(f"the server before this one does not end (process {pid})")

    def _publish(self) -> None:
        assert self._server is not None
        state = State(self._port, self._server.pid, os.getpid(), self.options)
        new = self.folder / f"{STATE}.new"
        new.unlink(missing_ok=True)
        descriptor = open_lock(new)
        lock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, json.dumps(asdict(state)).encode())
        new.replace(self.folder / STATE)
        if self._state_file is not None:
            os.close(self._state_file)
        self._state_file = descriptor

    def _is_published(self) -> bool:
        return _is_same(self._state_file, self.folder / STATE)

    def _is_in_place(self) -> bool:
        return _is_same(self._users, self.folder / USERS)


def _is_same(descriptor: int | None, path: Path) -> bool:
    try:
        return descriptor is not None and os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        if pid:
            os.kill(pid, number)


def _let_go(log: Path) -> None:
    for path, descriptors in ((os.devnull, (0, 1)), (log, (2,))):
        file = open_file(path, os.O_RDWR | os.O_APPEND)
        for descriptor in descriptors:
            os.dup2(file, descriptor)
        os.close(file)


def main(arguments: Sequence[str]) -> int:
    """Keep the server of a folder; the starter reads the standard error until it listens."""
    if os.fork():
        return 0
    os.umask(0o077)
    keeper = Keeper(Path(arguments[0]), arguments[1:])

    def stop(_number: int, _frame: object) -> None:
        keeper.stopping = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        if keeper.take_over():
            keeper.start()
            _let_go(keeper.folder / LOG)
            keeper.keep()
    except KeeperError as error:
        # Nobody may be at the other end any more.
        with contextlib.suppress(OSError):
            os.write(2, f"{error}\n".encode())
        return 1
    finally:
        keeper.stop()
    return 0


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]))
