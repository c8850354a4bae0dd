"""An application whose jobs workers do: the tests send them, `flask --app shop_jobs quorum worker` does them."""

from __future__ import annotations

import os
import time
from typing import Any

from flask import Flask

import quorum
from quorum.jobs import worker
from quorum.mail import transport

if "SHOP_QUICK" in os.environ:
    # What tests would wait for in workers, and don't look at: the pause after a process that died soon, and those
    # between attempts to hand over a mail.
    worker._PAUSE = 0.05
    transport.PAUSES = (0.05, 0.05)


class Item(quorum.Model):
    name: str
    tags: list[str] = []


class Photo(quorum.Model):
    image: quorum.File = quorum.file(image={"thumbnails": {"small": (8, 8)}})


def create_app() -> Flask:
    return quorum.load(name="shop_jobs", execution="queue", models=[Item, Photo], jobs="shop_jobs")


def note(what: str, **more: Any) -> None:
    """Tell the test, by the database, what was done."""
    quorum.get_mongo_db()["done"].insert_one({"what": what, "pid": os.getpid(), **more})


@quorum.job(result=True)
def add(a: Any, b: Any = 0) -> Any:
    return a + b


@quorum.job(result=True)
def echo(value: Any) -> Any:
    return value


@quorum.job(result=True)
def rename(item: Item, name: str) -> None:
    item.name = name
    item.save()


def plain(what: str) -> None:
    note(what)


@quorum.job(retries=2, backoff="20ms", result=True)
def fail(secret: str) -> None:
    note("fail")
    raise ValueError("it is broken")


@quorum.job(retries=5, backoff="20ms", result=True)
def fail_until(times: int) -> int:
    note("fail_until")
    done: int = quorum.get_mongo_db()["done"].count_documents({"what": "fail_until"})
    if done <= times:
        raise ValueError(done)
    return done


@quorum.job(unique=True)
def once(order: int) -> None:
    note("once", order=order)


@quorum.job(unique=lambda order, by: f"order {order}")
def once_by_order(order: int, by: str) -> None:
    note("once", order=order)


def called_back(error: BaseException | None, result: Any) -> None:
    note("called back", error=None if error is None else type(error).__name__, result=result)


def called_back_and_dead(error: BaseException | None, result: Any) -> None:
    note("died")
    os._exit(0)


@quorum.job(retries=0)
def leak() -> None:
    raise ValueError("password=hunter22222")


@quorum.job(timeout="1s", retries=0)
def too_long() -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        time.sleep(0.01)


@quorum.job(result=True)
def hold(seconds: float, again: float | None = None) -> None:
    """Run for so long, or when it was begun before for another time; and tell how far it is."""
    if again is not None and quorum.get_mongo_db()["done"].count_documents({"what": "begun"}):
        seconds = again
    note("begun")
    end = time.monotonic() + seconds
    quorum.progress(1, 2)
    while time.monotonic() < end:
        time.sleep(0.01)
    note("ended")


@quorum.job()
def die() -> None:
    note("died")
    os._exit(0)


@quorum.job(queue="mail")
def mail(to: str) -> None:
    note("mail", to=to)


@quorum.job()
def count(number: int) -> None:
    """Be done at least once."""
    quorum.get_mongo_db()["counted"].insert_one({"number": number})


def empty() -> None:
    """Do nothing."""


if os.environ.get("SHOP_REPEATS"):

    @quorum.background(timeout=float(os.environ["SHOP_REPEATS"]))
    def tick() -> None:
        note("tick", at=time.time())
