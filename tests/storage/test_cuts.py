"""S3 over a network that cuts connections: what was begun goes on, and what can't is told."""

import io
import socket
import threading

import pytest

import quorum
from quorum import errors

DATA = bytes(range(256)) * 4096


class Server:
    """Answers each request by HTTP, with at most `most` bytes of a body that was announced in full."""

    def __init__(self, most):
        self.most, self.starts = most, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                header = b"".join(iter(lines.readline, b"\r\n")).decode().lower()
                if header.startswith(("put", "post")):
                    continue  # cut off before an answer
                start = int(header.partition("bytes=")[2].partition("-")[0] or 0)
                self.starts.append(start)
                rest = DATA[start:]
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(rest) + rest[: self.most])

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


@pytest.fixture
def server(monkeypatch, mock_url):
    made = Server(400_000)
    names = {"AMAZON_ID": "a", "AMAZON_SECRET": "b", "AMAZON_BUCKET": "some-bucket", "AMAZON_ENDPOINT": made.url}
    for name, value in {**names, "MONGOHQ_URL": mock_url}.items():
        monkeypatch.setenv(name, value)
    quorum.load(name="files")
    yield made
    quorum.unload()
    made.close()


def test_a_download_that_is_cut_off_goes_on_where_it_was(server):
    with quorum.storage.default().open("a", len(DATA)) as reader:
        assert reader.read() == DATA
    assert server.starts[0] == 0
    assert server.starts == sorted(set(server.starts))
    assert len(server.starts) > 2


def test_a_download_that_stays_cut_off_is_told(server):
    server.most = 0
    with pytest.raises(errors.OperationalError, match="the bucket 'some-bucket'"):
        quorum.storage.default().open("a", len(DATA)).read()


@pytest.mark.parametrize("size", [10, 9 * 1024 * 1024])
def test_an_upload_that_is_cut_off_is_told(server, monkeypatch, size):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(errors.OperationalError, match="did not answer"):
        quorum.storage.default().put("a", io.BytesIO(b"x" * size), size, "text/plain")
