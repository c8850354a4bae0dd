"""The log of an app, where `load(logger=...)` asks for one: to the console, and to files that rotate.

A junction stands at each logger that takes part: the one that was named, the app's, and those of quorum and of the
servers. It masks a record and hands it to the log of the app that it belongs to. The root logger, and what an
application set up of its own, stay as they are; what goes on to their handlers is masked too.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from . import config, errors
from .masking import Masker

#: When a file is full, in bytes, and how many older ones are kept.
SIZE: Final = 10_000_000
KEPT: Final = 5

#: The loggers of quorum and of the servers that it runs.
SHARED: Final = ("quorum", "waitress", "werkzeug")

#: How many characters of a message are written.
LONGEST: Final = 32_768

# Seconds between two complaints about a file that can't be written.
_COMPLAINT = 60.0

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?", re.ASCII)
# Line breaks and other control characters, marks that turn the direction of writing, halves of surrogate pairs.
_UNSAFE = re.compile("[\\x00-\\x08\\x0a-\\x1f\\x7f-\\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_OWN = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "quorum_logs", "request_id"})


class Log:
    """An app's log, open until `close()`.

    :param name: the logger that was named; its file is `folder/name.log`.
    :param level: the least level that is written, `"INFO"`.
    :param masker: knows the app's secrets.
    :param as_json: whether a line is a JSON object.
    :param request_id: gives the id of the request that is being served, or None.
    :param is_current: says whether the app is the one whose request is being served.
    """

    def __init__(
        self,
        name: str,
        *,
        file: Path,
        level: str,
        masker: Masker,
        as_json: bool,
        request_id: Callable[[], str | None],
        is_current: Callable[[], bool],
    ) -> None:
        self.name = name
        self.level = logging.getLevelNamesMapping()[level]
        self.masker = masker
        self.request_id = request_id
        self.is_current = is_current
        self.formatter: logging.Formatter = _JSONLines() if as_json else _Lines()
        self.console = _Console()
        self.console.setFormatter(self.formatter)
        self.file = self._open(file)

    def close(self) -> None:
        """Let go of every logger, and close the file."""
        with _lock:
            for logger in _loggers():
                for junction in [handler for handler in logger.handlers if isinstance(handler, Junction)]:
                    junction.remove(self)
        for handler in (self.console, self.file):
            if handler is not None:
                handler.close()

    def attach(self, names: Iterable[str], *, displaced: Iterable[logging.Handler] = ()) -> None:
        """Take the records of some loggers.

        :param displaced: handlers that stand aside as long as this log is open.
        """
        for name in dict.fromkeys(names):
            logger = logging.getLogger(name)
            with _lock:
                junction = next((one for one in logger.handlers if isinstance(one, Junction)), None)
                (junction or Junction(logger, displaced)).add(self)

    def _open(self, path: Path) -> logging.Handler | None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handler = _file_handler(path)
        except OSError as error:
            sys.stderr.write(f"The log is on the console only: {path}: {error.strerror}.\n")
            return None
        handler.setFormatter(self.formatter)
        return handler


class _Careful(logging.Handler):
    """A handler that fails no one who logs, and shows nothing of the record that it could not write."""

    _complained = -_COMPLAINT

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        now = time.monotonic()
        if sys.stderr is None or now - self._complained < _COMPLAINT:
            return
        self._complained = now
        kind = sys.exc_info()[0]
        try:
            sys.stderr.write(f"A line of the log is lost ({kind.__name__ if kind else 'unknown'}): {self}\n")
        except (OSError, ValueError):
            return


class Junction(_Careful):
    """Stands at a logger, and keeps what the logger was like before."""

    def __init__(self, logger: logging.Logger, displaced: Iterable[logging.Handler]) -> None:
        super().__init__()
        self._logger = logger
        self._level_before = logger.level
        self._displaced = [handler for handler in displaced if handler in logger.handlers]
        self._logs: tuple[Log, ...] = ()

    def add(self, log: Log) -> None:
        """Hand records to one more log."""
        if not self._logs:
            for handler in self._displaced:
                self._logger.removeHandler(handler)
            self._logger.addHandler(self)
        self._logs = (*self._logs, log)
        self._logger.setLevel(min(one.level for one in self._logs))

    def remove(self, log: Log) -> None:
        """Hand no more records to a log; after the last one the logger is as it was."""
        self._logs = tuple(one for one in self._logs if one is not log)
        if self._logs:
            self._logger.setLevel(min(one.level for one in self._logs))
            return
        self._logger.removeHandler(self)
        self._logger.setLevel(self._level_before)
        for handler in self._displaced:
            self._logger.addHandler(handler)
        self.close()

    def emit(self, record: logging.LogRecord) -> None:
        logs = self._logs
        if not logs:
            return
        log = next((one for one in reversed(logs) if one.is_current()), logs[-1])
        taken: set[Log] = record.__dict__.setdefault("quorum_logs", set())
        if log in taken or record.levelno < log.level:
            return
        taken.add(log)
        _settle(record, log)
        if not self._console_follows():
            log.console.handle(record)
        if log.file is not None:
            log.file.handle(record)

    def handle(self, record: logging.LogRecord) -> Any:
        # Without a lock of its own: the handlers behind it have theirs.
        try:
            self.emit(record)
        except Exception:  # noqa: BLE001 - whatever goes wrong with a line, who logs goes on
            self.handleError(record)
        return record

    def _console_follows(self) -> bool:
        """Say whether the application itself writes what goes on from here to the console."""
        logger: logging.Logger | None = self._logger
        while logger is not None and logger.propagate:
            logger = logger.parent
            for handler in logger.handlers if logger is not None else ():
                if isinstance(handler, logging.StreamHandler) and handler.stream in (sys.stderr, sys.stdout):
                    return True
        return False


class _Console(_Careful, logging.StreamHandler[IO[str]]):
    """Writes to what is standard error at the moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> IO[str]:  # type: ignore[override]
        return sys.stderr


class _Lines(logging.Formatter):
    """One line a record; the lines of a traceback follow it, each behind a bar."""

    def format(self, record: logging.LogRecord) -> str:
        head = f"{_time(record)} {record.levelname:<7} {record.process} [{_id(record) or '-'}] {record.name}: "
        lines = [escape(head + record.getMessage())]
        lines += [f"    | {escape(line)}" for line in (record.exc_text or "").splitlines()]
        return "\n".join(lines)


class _JSONLines(logging.Formatter):
    """One JSON object a record, in a line, with what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        facts: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "request_id": _id(record),
            "message": record.getMessage(),
        }
        if record.exc_text:
            facts["traceback"] = record.exc_text
        extra = {key: value for key, value in vars(record).items() if key not in _OWN and key not in facts}
        return json.dumps(facts | extra)


class Masked(logging.Formatter):
    """A formatter of somebody else's, whose text is masked, and escaped line by line."""

    def __init__(self, formatter: logging.Formatter | None, masker: Masker) -> None:
        super().__init__()
        self._formatter = formatter or logging.Formatter()
        self._masker = masker

    def format(self, record: logging.LogRecord) -> str:
        text = self._masker.text(self._formatter.format(record))
        return "\n".join(map(escape, text.split("\n")))


def check(name: object) -> None:
    """Check the name of a log, which names a file too.

    :raises ConfigurationError: it can be no such name.
    """
    # Python takes "root" for the root logger.
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name == "root":
        raise errors.ConfigurationError(
            "logger is no name of a log: it has 1 to 64 letters, digits, _, - and dots, as 'shop' or 'shop.web', "
            "and is not 'root'."
        )


def start(
    name: str,
    settings: config.Settings,
    *,
    masker: Masker,
    request_id: Callable[[], str | None] = lambda: None,
    is_current: Callable[[], bool] = lambda: False,
) -> Log:
    """Open an app's log, as its settings have it: `LEVEL`, `LOG_FORMAT`, `INSTANCE`."""
    deprecated = settings.get("DEBUG") and not settings.is_set("LEVEL")
    file = f"{name}-{settings.instance}.log" if settings.instance else f"{name}.log"
    return Log(
        name,
        file=Path(settings.instance_path) / "logs" / file,
        level="DEBUG" if deprecated else settings.get("LEVEL"),
        masker=masker,
        as_json=settings.get("LOG_FORMAT") == "json",
        request_id=request_id,
        is_current=is_current,
    )


def escape(text: str) -> str:
    """Give a text on one line: line breaks and other control characters are written as `\\n`, `\\x1b`, `\\u2028`."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def _file_handler(path: Path) -> logging.Handler:
    from concurrent_log_handler import ConcurrentRotatingFileHandler

    class File(_Careful, ConcurrentRotatingFileHandler):
        """A file that several processes write, and rotate, together."""

    return File(str(path), maxBytes=SIZE, backupCount=KEPT, encoding="utf-8")


def _settle(record: logging.LogRecord, log: Log) -> None:
    """Put a record's text, without secrets, in place of its parts, for every handler that it comes to."""
    record.msg = log.masker.text(_message(record))
    if len(record.msg) > LONGEST:
        record.msg = f"{record.msg[:LONGEST]}... ({len(record.msg) - LONGEST} more characters)"
    record.args = ()
    trace = "".join(traceback.format_exception(*record.exc_info)) if record.exc_info and record.exc_info[0] else ""
    if record.stack_info:
        trace += record.stack_info
        record.stack_info = None
    if trace:
        record.exc_text = log.masker.text(trace)
    identity = log.request_id()
    record.__dict__["request_id"] = None if identity is None else log.masker.text(identity)
    for key in vars(record).keys() - _OWN:
        value = record.__dict__.pop(key)
        record.__dict__[log.masker.text(key)] = log.masker.value(value, key)


def _message(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except Exception as error:  # noqa: BLE001 - whatever an argument does when it is shown, the line is not lost
        template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        return f"{template} (its arguments can't be shown: {type(error).__name__})"
    # Werkzeug colours the lines of its server.
    return _COLOURS.sub("", message) if record.name == "werkzeug" else message


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _id(record: logging.LogRecord) -> Any:
    return record.__dict__.get("request_id")


def _loggers() -> list[logging.Logger]:
    known: Mapping[str, Any] = dict(logging.root.manager.loggerDict)
    return [logger for logger in known.values() if isinstance(logger, logging.Logger)]


_lock = threading.Lock()
