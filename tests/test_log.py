"""The log of an app: its lines, its files, and what is left of it when it is closed."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

from quorum import config, errors, log
from quorum.masking import Masker

C = "c4n4ry"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\w+) +\d+ \[(\S+)\] ([\w.]+): (.*)")


@pytest.fixture
def start(tmp_path):
    """Opens a log at loggers; all are closed after the test."""
    opened = []

    def open_log(name="shop", loggers=("quorum",), *, given=None, secrets=(), folder=tmp_path, displaced=(), **more):
        settings = config.Settings.load(given, instance_path=folder)
        one = log.start(name, settings, masker=Masker([*settings.secrets(), *secrets]), **more)
        opened.append(one)
        one.attach([name, *loggers], displaced=displaced)
        return one

    yield open_log
    for one in opened:
        one.close()


def lines(folder, name="shop"):
    return (Path(folder) / "logs" / f"{name}.log").read_text(encoding="utf-8").splitlines()


def test_a_record_is_a_line_of_the_file_and_of_the_console(start, tmp_path, capsys):
    start(request_id=lambda: "abc")
    logging.getLogger("shop.orders").info("Order %d of %s", 7, "Ann")
    (line,) = lines(tmp_path)
    assert LINE.fullmatch(line).groups() == ("INFO", "abc", "shop.orders", "Order 7 of Ann")
    assert capsys.readouterr().err == line + "\n"


def test_a_record_outside_of_a_request_has_no_id(start, tmp_path):
    start()
    logging.getLogger("shop").warning("Started")
    assert LINE.fullmatch(lines(tmp_path)[0])[2] == "-"


def test_a_record_is_a_json_object_with_what_was_given_as_extra(start, tmp_path):
    start(given={"LOG_FORMAT": "json"}, request_id=lambda: "abc")
    logging.getLogger("shop").warning("A\nb \u2028", extra={"order": 7, "token": C, "items": [{"pin": C[:0]}]})
    (line,) = lines(tmp_path)
    facts = json.loads(line)
    assert facts.pop("time").endswith("Z")
    assert facts.pop("process") > 0
    assert facts == {
        "level": "WARNING",
        "logger": "shop",
        "request_id": "abc",
        "message": "A\nb \u2028",
        "order": 7,
        "token": "***",
        "items": [{"pin": ""}],
    }


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
def test_the_level_rules(start, tmp_path, level):
    start(given={"LEVEL": level})
    names = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    for name in names:
        logging.getLogger("shop").log(logging.getLevelName(name), "x")
    assert [LINE.match(line)[1] for line in lines(tmp_path)] == names[names.index(level) :]


@pytest.mark.parametrize(("given", "level"), [({"DEBUG": True}, "DEBUG"), ({"DEBUG": True, "LEVEL": "ERROR"}, "ERROR")])
def test_debug_is_the_level_debug_where_no_level_is_set(start, given, level):
    start(given=given)
    assert logging.getLogger("shop").level == getattr(logging, level)


def test_instances_have_a_file_each(start, tmp_path):
    start(given={"INSTANCE": "2"})
    logging.getLogger("shop").info("x")
    assert lines(tmp_path / "2", "shop-2")


@pytest.mark.promise("L2")
@pytest.mark.parametrize("breaker", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1e", "\x85", "\u2028", "\u2029"])
def test_a_line_break_starts_no_line(start, tmp_path, breaker):
    start()
    logging.getLogger("shop").warning("x%s%s", breaker, "2026-01-01T00:00:00.000Z INFO    1 [-] shop: forged")
    logging.getLogger(f"shop.{breaker}y").warning("x")
    try:
        raise ValueError(f"x{breaker}2026-01-01T00:00:00.000Z INFO    1 [-] shop: forged")
    except ValueError:
        logging.getLogger("shop").exception("x")
    found = lines(tmp_path)
    assert len([line for line in found if not line.startswith("    | ")]) == 3


@pytest.mark.promise("L2")
@pytest.mark.parametrize("character", ["\x1b", "\x00", "\x7f", "\x9b", "\u202e", "\u2066"])
def test_a_character_that_commands_a_terminal_is_written_as_its_escape(start, tmp_path, character):
    start()
    logging.getLogger("shop").warning("x%sy", character)
    assert character.encode("unicode_escape").decode() in lines(tmp_path)[0]


def test_half_of_a_surrogate_pair_is_written_as_its_escape():
    assert log.escape("a\ud800") == "a\\ud800"


@pytest.mark.promise("L1")
def test_no_secret_is_in_a_line(start, tmp_path, capsys):
    class Shown:
        def __repr__(self):
            return f"<Shown {C}>"

    start(given={"SECRET_KEY": C, "LOG_FORMAT": "json"}, secrets=["an-0ther"])
    logger = logging.getLogger("shop")
    logger.info("%s %r %s", C, Shown(), {"password": "hunter2"}, extra={"thing": Shown(), "an-0ther": 1})
    logger.info("an-0ther" + C)
    try:
        try:
            raise ValueError(C)
        except ValueError as error:
            raise RuntimeError("token=hunter2") from error
    except RuntimeError:
        logger.exception("x", stack_info=True)
    text = "\n".join(lines(tmp_path)) + capsys.readouterr().err
    assert text.count("***") > 10
    assert not [word for word in (C, "hunter2", "an-0ther") if word in text]


@pytest.mark.promise("L1")
def test_what_goes_on_to_handlers_of_the_application_is_masked_too(start, caplog):
    start(given={"SECRET_KEY": C})
    try:
        raise ValueError(C)
    except ValueError:
        logging.getLogger("shop").exception("of %s", C)
    assert "of ***" in caplog.text
    assert "ValueError: ***" in caplog.text
    assert C not in caplog.text


@pytest.mark.promise("L3")
@pytest.mark.parametrize("raises", [True, False])
def test_a_line_that_can_not_be_written_fails_nobody_and_shows_nothing(start, monkeypatch, capsys, raises):
    opened = start(given={"SECRET_KEY": C})
    monkeypatch.setattr(logging, "raiseExceptions", raises)

    def fail(*_):
        raise OSError(28, f"No space left for {C}")

    monkeypatch.setattr(opened.file, "do_write", fail)
    monkeypatch.setattr(opened.console, "format", fail)
    for _ in range(3):
        logging.getLogger("shop").error("of %s", "Ann")
    said = capsys.readouterr().err
    assert said.count("A line of the log is lost (OSError)") == 2  # once for each handler
    assert not [word for word in (C, "Ann", "Traceback") if word in said]


class Unshowable:
    def __str__(self):
        raise RuntimeError(C)


@pytest.mark.promise("L3")
@pytest.mark.parametrize("arguments", [("%d", "x"), ("%s %s", "x"), ("x", "y"), ("%s", Unshowable()), (Unshowable(),)])
def test_a_line_whose_arguments_do_not_fit_is_written_without_them(start, tmp_path, capsys, arguments):
    start()
    logging.getLogger("shop").error(*arguments)
    assert "its arguments can't be shown" in lines(tmp_path)[0]
    assert C not in capsys.readouterr().err


@pytest.mark.promise("L3")
def test_an_extra_that_can_not_be_shown_costs_no_line(start, tmp_path):
    start(given={"LOG_FORMAT": "json"})
    logging.getLogger("shop").error("x", extra={"thing": Unshowable()})
    assert json.loads(lines(tmp_path)[0])["thing"] == "<Unshowable that can't be shown: RuntimeError>"


@pytest.mark.promise("L3")
def test_a_fault_of_the_log_itself_fails_nobody(start, monkeypatch, capsys):
    start()
    monkeypatch.setattr(log, "_settle", lambda *_: 1 / 0)
    logging.getLogger("shop").error("x")
    assert "A line of the log is lost (ZeroDivisionError)" in capsys.readouterr().err


def test_a_long_message_has_an_end(start, tmp_path):
    start()
    logging.getLogger("shop").info("x" * 100_000)
    assert lines(tmp_path)[0].endswith("x... (67232 more characters)")


def test_a_folder_that_can_not_be_made_leaves_the_console(start, tmp_path, capsys):
    (tmp_path / "logs").write_text("in the way")
    start()
    logging.getLogger("shop").info("Still here")
    said = capsys.readouterr().err
    assert said.startswith("The log is on the console only: ")
    assert "Still here" in said


def test_closing_it_leaves_the_loggers_as_they_were(start, tmp_path):
    logger, handler = logging.getLogger("shop"), logging.NullHandler()
    logger.addHandler(handler)
    logger.setLevel(logging.ERROR)
    root = (logging.root.level, list(logging.root.handlers))
    try:
        opened = start(displaced=[handler])
        assert logger.handlers != [handler]
        assert (logging.root.level, logging.root.handlers) == root
        opened.close()
        assert (logger.level, logger.handlers) == (logging.ERROR, [handler])
        assert logging.getLogger("quorum").handlers == []
        assert opened.file.stream is None
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


def test_closing_logs_in_any_order_leaves_the_loggers_as_they_were(start):
    before = logging.getLogger("quorum").level
    first = start("shop", given={"LEVEL": "ERROR"})
    second = start("blog", given={"LEVEL": "DEBUG"})
    first.close()
    assert logging.getLogger("quorum").level == logging.DEBUG
    second.close()
    assert (logging.getLogger("quorum").level, logging.getLogger("quorum").handlers) == (before, [])


def test_a_record_goes_to_the_log_of_the_app_that_is_served(start, tmp_path):
    served = "shop"
    start("shop", is_current=lambda: served == "shop", folder=tmp_path / "a")
    start("blog", is_current=lambda: served == "blog", folder=tmp_path / "b")
    logging.getLogger("quorum").warning("for the shop")
    served = "blog"
    logging.getLogger("quorum.mongodb").warning("for the blog")
    served = None
    logging.getLogger("quorum").warning("for the one that was loaded last")
    assert [LINE.match(line)[4] for line in lines(tmp_path / "a")] == ["for the shop"]
    assert [LINE.match(line)[4] for line in lines(tmp_path / "b", "blog")] == [
        "for the blog",
        "for the one that was loaded last",
    ]


def test_a_record_that_passes_two_loggers_of_a_log_is_one_line(start, tmp_path, capsys):
    start("shop", ["shop.web"])
    logging.getLogger("shop.web").info("x")
    assert len(lines(tmp_path)) == 1
    assert capsys.readouterr().err.count("shop.web: x") == 1


def test_the_console_is_left_to_an_application_that_writes_there(start, capsys):
    handler = logging.StreamHandler(sys.stderr)
    logging.root.addHandler(handler)
    try:
        start()
        logging.getLogger("shop").error("x")
    finally:
        logging.root.removeHandler(handler)
    assert capsys.readouterr().err == "x\n"


@pytest.mark.parametrize("name", ["../shop", "", "root", "a/b", "a\nb", ".", "shop.", "x" * 65, "\u00e9"])
def test_a_name_that_names_no_file_is_refused(name):
    with pytest.raises(errors.ConfigurationError, match="logger is no name of a log"):
        log.check(name)


WRITER = """
import logging, pathlib, sys, time
from quorum import config, log, masking
log.SIZE = 20_000
log.KEPT = 100
opened = log.start("shop", config.Settings.load(instance_path=sys.argv[1]), masker=masking.Masker())
opened.attach(["shop"])
print("ready", flush=True)
while not pathlib.Path(sys.argv[1], "go").exists():
    time.sleep(0.001)
for number in range(1000):
    logging.getLogger("shop").info("%s-%d", sys.argv[2], number)
opened.close()
"""


def written(folder):
    """Give the messages of a log's files; each file but the one that is written is full."""
    files = list((folder / "logs").glob("shop.log*"))
    assert len(files) > 5
    assert [file.name for file in files if file.stat().st_size < 19_000] in ([], ["shop.log"])
    return sorted(LINE.fullmatch(line)[4] for file in files for line in file.read_text().splitlines())


def messages(writers):
    return sorted(f"{writer}-{number}" for writer in writers for number in range(1000))


def test_processes_that_write_and_rotate_one_file_lose_no_line(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    writers = [subprocess.Popen([*command, str(number)], **streams) for number in range(4)]
    for writer in writers:
        assert writer.stdout.readline()
    (tmp_path / "go").touch()
    for writer in writers:
        writer.communicate(timeout=60)
    assert [writer.returncode for writer in writers] == [0] * 4
    assert written(tmp_path) == messages(range(4))


def test_a_child_after_fork_writes_to_the_same_file(tmp_path):
    fork = "import os\nchild = os.fork()\nfor number in"
    wait = "opened.close()\nif child: sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    code = WRITER.replace("for number in", fork).replace("opened.close()", wait)
    code = code.replace("sys.argv[2]", '"parent" if child else "child"')
    (tmp_path / "go").touch()
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60, capture_output=True)
    assert written(tmp_path) == messages(["parent", "child"])
