"""Measure files beside plain boto3, and the memory that a large one takes: `python benchmarks/files.py [--rounds N]`.

It starts an S3 server, and keeps documents in memory. Each figure is a ratio within one run: quorum's storage and
boto3's own functions, by a client as it comes, do the same work in turn, on the same server; the median of the rounds
is given. With `--memory` a file of 1 GiB goes up and down, on S3 and in a folder; told is by how much the process grew
over its start.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flask

import quorum

MIB = 1024 * 1024
LARGE = 200 * MIB
SMALL, SMALL_COUNT = 20 * 1024, 1000
GIB = 1024 * MIB
BAR = 1.10


class Document(quorum.Model):
    file: quorum.File | None = quorum.file(default=None, max_size="2GiB")


ID, SECRET = "benchmark", "a secret of some length"


def fast() -> str | None:
    """Give a folder in memory where there is one: how a disk writes back what it got is no property of a client."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > 2 * GIB else None


@contextmanager
def server(place: str | None) -> Iterator[str]:
    """Run nanio, which keeps parts and objects in a folder of its own; yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    with tempfile.TemporaryDirectory(dir=place) as folder:
        command = [sys.executable, "-m", "nanio", "serve", "--host", "127.0.0.1", "--port", str(port)]
        command += ["--data-dir", folder, "--no-access-log"]
        env = {**os.environ, "NANIO_ACCESS_KEY": ID, "NANIO_SECRET_KEY": SECRET}
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while process.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def configure(url: str) -> Any:
    """Make the bucket and set quorum's variables; give the client of boto3's own guide, as it comes."""
    import boto3

    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    client = boto3.client("s3", endpoint_url=url, aws_access_key_id=ID, aws_secret_access_key=SECRET)
    client.create_bucket(Bucket="bench")
    names = {"AMAZON_ID": ID, "AMAZON_SECRET": SECRET, "AMAZON_BUCKET": "bench", "AMAZON_ENDPOINT": url}
    os.environ.update(names)
    return client


def tasks(client: Any, folder: Path) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """Give each task as quorum does it, and as boto3 does it by the functions of its own guide."""
    storage = quorum.storage.default()
    path = folder / "large"
    path.write_bytes(os.urandom(MIB) * (LARGE // MIB))
    small = os.urandom(SMALL)
    document = Document(file=path).save()

    def put_many() -> None:
        for number in range(SMALL_COUNT):
            storage.put(f"q/{number}", io.BytesIO(small), SMALL, "text/plain")

    def put_many_plain() -> None:
        for number in range(SMALL_COUNT):
            client.put_object(Bucket="bench", Key=f"p/{number}", Body=small, ContentType="text/plain")

    def get_many() -> None:
        for number in range(SMALL_COUNT):
            with storage.open(f"q/{number}", SMALL) as reader:
                reader.read()

    def get_many_plain() -> None:
        for number in range(SMALL_COUNT):
            client.get_object(Bucket="bench", Key=f"p/{number}")["Body"].read()

    def put_large() -> None:
        document.file = path
        document.save()

    return {
        "put 200 MiB": (put_large, lambda: client.upload_file(str(path), "bench", "plain")),
        "get 200 MiB": (
            lambda: document.file.save_to(folder / "got"),
            lambda: client.download_file("bench", "plain", str(folder / "plain")),
        ),
        "put 1,000 of 20 KiB": (put_many, put_many_plain),
        "get 1,000 of 20 KiB": (get_many, get_many_plain),
    }


def seconds(task: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    task()
    return time.perf_counter() - begun


def measure(client: Any, rounds: int) -> None:
    print(f"{'task':24} {'quorum':>8} {'boto3':>8} {'ratio':>6}   met")
    with tempfile.TemporaryDirectory(dir=fast()) as folder:
        for name, (ours, plain) in tasks(client, Path(folder)).items():
            seconds(ours), seconds(plain)
            pairs = []
            for number in range(rounds):
                first, second = (ours, plain) if number % 2 else (plain, ours)
                one, two = seconds(first), seconds(second)
                pairs.append((one, two) if number % 2 else (two, one))
            ratio = statistics.median(one / two for one, two in pairs)
            mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
            print(f"{name:24} {mine:7.2f}s {theirs:7.2f}s {ratio:6.2f}   {'yes' if ratio <= BAR else 'no'}")


def status(name: str) -> int:
    """Give a figure of the process, in bytes: `VmRSS`, `VmHWM`."""
    return int(re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024


def measure_memory(place: str) -> None:
    """Store and read 1 GiB in this process, and print by how many MiB it grew."""
    with tempfile.TemporaryDirectory() as folder:
        app = flask.Flask("benchmark", instance_path=folder)
        if place == "folder":
            storage: Any = quorum.storage.FolderStorage(folder)
        quorum.load(app, models=[Document])
        storage = quorum.storage.default() if place == "s3" else storage
        kind = Document.__fields__["file"].innermost()
        kind.options.storage = storage
        path = Path(folder) / "source"
        with path.open("wb") as file:
            for _ in range(GIB // (16 * MIB)):
                file.write(os.urandom(16 * MIB))
        start = status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        document = Document(file=path).save()
        up = status("VmHWM") - start
        Path("/proc/self/clear_refs").write_text("5")
        with document.file.open() as reader:
            count = 0
            while data := reader.read(MIB):
                count += len(data)
        assert count == GIB
        down = status("VmHWM") - start
        print(f"{place}: {up / MIB:.0f} MiB while storing 1 GiB, {down / MIB:.0f} MiB while reading it")
        quorum.unload()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true", help="measure the memory that 1 GiB takes")
    parser.add_argument("--place", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["MONGOHQ_URL"] = "mongomock://"
    if options.place:
        measure_memory(options.place)
        return
    with server(None if options.memory else fast()) as url:
        client = configure(url)
        if options.memory:
            for place in ("s3", "folder"):
                subprocess.run([sys.executable, __file__, "--place", place], check=True)
            return
        quorum.load(name="benchmark", models=[Document])
        try:
            measure(client, options.rounds)
        finally:
            quorum.unload()


if __name__ == "__main__":
    main()
