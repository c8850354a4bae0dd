"""The embedded database: a MongoDB-compatible server of our own, shared by every process that uses its folder.

`acquire()` starts the server of a folder when there is none, and holds it until `release()` or until the process ends,
in whatever way. The server (SecantusDB) is a process of its own and is never imported here; `embedded_server` is the
program that keeps it, and tells which files they share.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import select
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import embedded_server, errors

#: Seconds until the server must be there.
LIMIT = 20.0
#: Lines of the server's log that an error shows.
LINES = 15

# What the server needs of our environment. The rest may hold secrets, and it outlives us.
_ENVIRONMENT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
)

# The descriptors of our locks. A forked child closes its copies at once: it isn't a user until it acquires.
_descriptors: set[int] = set()
_guard = threading.Lock()


class Server:
    """A held server: its folder, and the URL at which it answers.

    A child made by fork does not hold it.
    """

    def __init__(self, folder: Path, options: tuple[str, ...], descriptor: int, port: int) -> None:
        self.folder = folder
        self.options = options
        self.port = port
        self._descriptor = descriptor
        self._process = os.getpid()

    @property
    def uri(self) -> str:
        """The server's URL, without a database."""
        return f"mongodb://127.0.0.1:{self.port}/?directConnection=true"

    def revive(self) -> bool:
        """Start the server again if it is gone; say whether its URL changed, which is rare. A released one stays.

        :raises OperationalError: it does not start.
        """
        if self._descriptor < 0:
            return False
        before = self.port
        with _explained(self.folder):
            self.port = _ensure(self.folder, self.options, time.monotonic() + LIMIT)
        return self.port != before

    def release(self) -> None:
        """Let the server go; it ends soon after its last user."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0 and self._process == os.getpid():
            _close(descriptor)


def acquire(folder: str | os.PathLike[str], options: Sequence[str] = ()) -> Server:
    """Hold the server of a folder, started when there is none.

    :param folder: absolute; made, for this user alone, when it is missing.
    :param options: more of the server's own options, for tests. All users of a folder at one time give the same.
    :raises ConfigurationError: the server's package is missing, or the folder can't be used.
    :raises OperationalError: the server does not start within `LIMIT` seconds; the end of its log is in the message.
    """
    path, given, end = Path(folder), tuple(options), time.monotonic() + LIMIT
    _check_package()
    _prepare(path)
    with _explained(path):
        descriptor = _hold(path, end)
        try:
            return Server(path, given, descriptor, _ensure(path, given, end))
        except BaseException:
            _close(descriptor)
            raise


def _check_package() -> None:
    if importlib.util.find_spec("secantus") is None:
        raise errors.ConfigurationError(
            'The embedded database needs the package SecantusDB: pip install "quorum[embedded]". '
            "Or set MONGOHQ_URL=mongodb://host/database to use a server, "
            "or MONGOHQ_URL=mongomock:// to keep documents in memory, for tests."
        )


def _prepare(folder: Path) -> None:
    if not folder.is_absolute():
        raise errors.ConfigurationError(f"The embedded database's folder must be absolute, not {folder}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        _check_folder(folder)
        (folder / embedded_server.DATA).mkdir(mode=0o700, exist_ok=True)
        _check_contents(folder)
    except OSError as error:
        raise errors.ConfigurationError(
            f"The embedded database can't use the folder {folder}: {error.strerror}. "
            "Set MONGOHQ_URL=embedded:///another/folder to put it elsewhere."
        ) from error


def _check_folder(folder: Path) -> None:
    status = folder.stat()
    if status.st_uid != os.geteuid():
        raise errors.ConfigurationError(
            f"The embedded database's folder {folder} belongs to another user (uid {status.st_uid}). Run as that user, "
            "or set MONGOHQ_URL=embedded:///another/folder to put it elsewhere."
        )
    if status.st_mode & 0o022:
        raise errors.ConfigurationError(
            f"Other users of this machine can write to the embedded database's folder {folder}. "
            "Give the database a folder of its own, or chmod 700 this one."
        )


def _check_contents(folder: Path) -> None:
    # Somebody else can have made them, before the folder was closed to others.
    kinds = ((embedded_server.FOLDERS, stat.S_ISDIR, "folder"), (embedded_server.FILES, stat.S_ISREG, "regular file"))
    for names, is_kind, kind in kinds:
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                status = (folder / name).lstat()
                if not is_kind(status.st_mode) or status.st_uid != os.geteuid():
                    raise errors.ConfigurationError(
                        f"The embedded database can't use {folder / name} as it is not a {kind} of this user's own. "
                        "Remove it, or set MONGOHQ_URL=embedded:///another/folder."
                    )


def _hold(folder: Path, end: float) -> int:
    """Take a share of the folder's user lock, which waits while a server is stopping there."""
    while True:
        descriptor = _open(folder / embedded_server.USERS)
        try:
            while not embedded_server.lock(descriptor, fcntl.LOCK_SH):
                _pause(folder, end)
            if os.path.samestat(os.fstat(descriptor), (folder / embedded_server.USERS).stat()):
                os.utime(descriptor)
                return descriptor
        except BaseException:
            _close(descriptor)
            raise
        # The file was replaced meanwhile: what we hold is not what the others look at.
        _close(descriptor)


def _ensure(folder: Path, options: tuple[str, ...], end: float) -> int:
    state = embedded_server.read_state(folder) or _start(folder, options, end)
    if state.options != options:
        raise errors.ConfigurationError(
            f"The embedded database in {folder} runs with the options {list(state.options)}, not {list(options)}."
        )
    return state.port


def _start(folder: Path, options: tuple[str, ...], end: float) -> embedded_server.State:
    """Start a keeper, or wait for the one that another process starts."""
    descriptor = _open(folder / embedded_server.START)
    try:
        while not embedded_server.lock(descriptor, fcntl.LOCK_EX):
            if (state := embedded_server.read_state(folder)) is not None:
                return state
            _pause(folder, end)
        if (state := embedded_server.read_state(folder)) is not None:
            return state
        said = _spawn(folder, options, end)
        while (state := embedded_server.read_state(folder)) is None:
            if said:
                raise _not_started(folder, said)
            _pause(folder, end)
        return state
    finally:
        _close(descriptor)


def _spawn(folder: Path, options: tuple[str, ...], end: float) -> str:
    """Start a keeper and give what it says until its server listens: nothing, if all is well."""
    command = [sys.executable, "-I", "-S", embedded_server.__file__, str(folder), *options]
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    said = b""
    with subprocess.Popen(  # noqa: S603
        command,
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        while select.select([process.stderr], [], [], max(0.0, end - time.monotonic()))[0]:
            read = os.read(process.stderr.fileno(), 65536)
            if not read:
                break
            said += read
    return said.decode(errors="replace").strip()


def _pause(folder: Path, end: float) -> None:
    if time.monotonic() > end:
        raise _not_started(folder, f"it is not there after {LIMIT:g} seconds")
    time.sleep(0.01)


def _not_started(folder: Path, reason: str) -> errors.OperationalError:
    log = folder / embedded_server.LOG
    try:
        lines = log.read_text(errors="replace").splitlines()[-LINES:]
    except OSError:
        lines = []
    end = "\n".join(["The end of its log, " + f"{log}:", *lines]) if lines else f"It wrote no log to {log}."
    return errors.OperationalError(f"The embedded database in {folder} did not start: {reason}. {end}")


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise errors.OperationalError(
            f"The embedded database's folder {folder} can't be used: {error.strerror}. "
            "It must be on a local disk, and stay where it is while the database is in use."
        ) from error


def _open(path: Path) -> int:
    with _guard:
        descriptor = embedded_server.open_lock(path)
        _descriptors.add(descriptor)
    return descriptor


def _close(descriptor: int) -> None:
    with _guard:
        _descriptors.discard(descriptor)
        # Unlocked first: a process forked without Python's knowledge may have a copy.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _after_fork_in_child() -> None:
    for descriptor in _descriptors:
        os.close(descriptor)
    _descriptors.clear()
    _guard.release()


os.register_at_fork(before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_after_fork_in_child)
