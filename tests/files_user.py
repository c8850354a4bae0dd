"""A process that saves, replaces and deletes files, and kills itself: run by `test_crashes.py`.

`python files_user.py INSTANCE KILL_AT` ends by SIGKILL at the line of that number, counted over the modules in which
files and documents are written. With 0 it goes on to its end, and prints how many lines there were.
"""

from __future__ import annotations

import io
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import flask

import quorum
from quorum import runtime
from quorum.jobs import local

WATCHED = ("quorum/models/uploads.py", "quorum/models/writes.py", "quorum/models/atomic.py", "quorum/models/query.py")
WATCHED += ("quorum/models/thumbnails.py", "quorum/storage/", "quorum/amazon.py")


class Post(quorum.Model):
    title: str = ""
    cover: quorum.File | None = quorum.file(default=None, image={"thumbnails": {"small": (8, 8)}})
    attachments: list[quorum.File] = []


def image(color: str) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (16, 16), color).save(stream, "PNG")
    return stream.getvalue()


def wait() -> None:
    """Wait until the thumbnails are made, so that each run has the same lines."""
    end = time.monotonic() + 30
    while local.pool(runtime.current()).has_work:
        assert time.monotonic() < end
        time.sleep(0.001)


def work() -> None:
    """Create, replace, add, take out, delete: one document, and several by a query."""
    large = random.Random(1).randbytes(9 * 1024 * 1024)  # more than one part on S3
    post = Post(title="a", cover=image("red"), attachments=[b"1", b"2"]).save()
    wait()
    post.cover, post.attachments = image("green"), [post.attachments[1], large]
    post.save()
    wait()
    post.push("attachments", b"3")
    post.pull("attachments", post.attachments[0])
    post.cover = None
    post.save()
    other = Post(title="b", cover=image("blue"), attachments=[post.attachments[1]]).save()
    wait()
    post.delete()
    other.attachments.append(b"4")
    other.save()
    Post(title="c", attachments=[b"5"]).save()
    Post.find(title="b").delete()


class Killer:
    """Counts lines, and kills the process at one of them."""

    def __init__(self, kill_at: int) -> None:
        self.kill_at, self.count = kill_at, 0
        self._known: dict[str, bool] = {}

    def __call__(self, frame: Any, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        watched = self._known.get(name)
        if watched is None:
            watched = self._known[name] = any(part in Path(name).as_posix() for part in WATCHED)
        if not watched:
            return None
        if event == "line":
            self.count += 1
            if self.count == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def main() -> None:
    quorum.load(flask.Flask("files", instance_path=sys.argv[1]), models=[Post])
    killer = Killer(int(sys.argv[2]))
    quorum.storage.default()
    threading.settrace(killer)
    sys.settrace(killer)
    work()
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]
    print(killer.count)
    quorum.unload()


if __name__ == "__main__":
    main()
