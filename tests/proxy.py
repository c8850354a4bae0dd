"""A network that fails on demand: a TCP proxy in front of a MongoDB server, which reads the messages that pass."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import bson

_HEADER = struct.Struct("<iiii")
_OP_MSG = 2013


class Proxy:
    """Stands between a client and a server.

    - `drop_request("insert")`: the next `insert` never reaches the server, and the client's connection is closed.
    - `drop_reply("insert")`: the server does it, the client never hears of it, and its connection is closed.
    - `stall()`, `resume()`: bytes are held back, as in a network that lost them.
    - `disconnect()`: every connection is closed.
    - `down()`, `up()`: nobody listens on the port; somebody does again.
    - `seen`: the names of the commands that came, but for heartbeats (`hello`).
    """

    def __init__(self, host: str, port: int, path: str = "/") -> None:
        self._server = (host, port)
        self._path = path
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lose: dict[tuple[str, str], int] = {}
        self._flows = threading.Event()
        self._flows.set()
        self._listener: socket.socket | None = None
        self.seen: list[str] = []
        self.port = 0
        self.up()

    @property
    def url(self) -> str:
        """The URL of the server and database through this proxy.

        `directConnection`: a member of a replica set tells clients its own address, and they would go there.
        """
        return f"mongodb://127.0.0.1:{self.port}{self._path}?directConnection=true"

    def drop_request(self, command: str, times: int = 1) -> None:
        with self._lock:
            self._lose["request", command] = times

    def drop_reply(self, command: str, times: int = 1) -> None:
        with self._lock:
            self._lose["reply", command] = times

    def stall(self) -> None:
        self._flows.clear()

    def resume(self) -> None:
        self._flows.set()

    def disconnect(self) -> None:
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            self._close(pair)

    def down(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            # Without the shutdown, close() leaves the port listening for as long as accept() waits on it.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.disconnect()

    def up(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._thread(self._accept, self._listener)

    def close(self) -> None:
        self.down()
        self.resume()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._server, timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            pair = (client, server)
            with self._lock:
                self._pairs.add(pair)
            # The requests, by number, whose replies are to be lost.
            lost: set[int] = set()
            self._thread(self._forward, pair, lost, True)
            self._thread(self._forward, pair, lost, False)

    def _forward(self, pair: tuple[socket.socket, socket.socket], lost: set[int], requests: bool) -> None:
        source, target = pair if requests else pair[::-1]
        try:
            while (message := _read(source)) is not None:
                _, number, reply_to, code = _HEADER.unpack_from(message)
                if requests:
                    if self._to_lose(message, code, number, lost):
                        return
                elif reply_to in lost:
                    return
                self._flows.wait()
                target.sendall(message)
        except OSError:
            return
        finally:
            self._close(pair)

    def _to_lose(self, message: bytes, code: int, number: int, lost: set[int]) -> bool:
        name = _command(message) if code == _OP_MSG else "hello"
        with self._lock:
            if name != "hello":
                self.seen.append(name)
            if self._take("request", name):
                return True
            if self._take("reply", name):
                lost.add(number)
        return False

    def _take(self, what: str, name: str) -> bool:
        left = self._lose.get((what, name), 0)
        if left:
            self._lose[what, name] = left - 1
        return left > 0

    def _close(self, pair: tuple[socket.socket, socket.socket]) -> None:
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    @staticmethod
    def _thread(target: object, *args: object) -> None:
        threading.Thread(target=target, args=args, daemon=True).start()  # type: ignore[arg-type]


def _read(source: socket.socket) -> bytes | None:
    header = _exactly(source, _HEADER.size)
    if header is None:
        return None
    body = _exactly(source, _HEADER.unpack(header)[0] - _HEADER.size)
    return None if body is None else header + body


def _exactly(source: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = source.recv(size - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)


def _command(message: bytes) -> str:
    # Header, flags, then sections; the section of kind 0 holds the command, whose first key is its name.
    position = _HEADER.size + 4
    while message[position] != 0:
        position += 1 + int.from_bytes(message[position + 1 : position + 5], "little")
    size = int.from_bytes(message[position + 1 : position + 5], "little")
    return next(iter(bson.decode(message[position + 1 : position + 1 + size])))


@contextmanager
def proxy(url: str) -> Iterator[Proxy]:
    """Put a proxy in front of the server of a URL."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    between = Proxy(parts.hostname, parts.port, parts.path or "/")
    try:
        yield between
    finally:
        between.close()
