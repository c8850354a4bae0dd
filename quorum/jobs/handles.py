"""What `run_background()` gives back: where a job stands, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from .. import errors

#: Where a job stands. A job in the process that was not started before the process ended is `dropped`.
State: TypeAlias = Literal["waiting", "running", "done", "failed", "cancelled", "dropped"]

#: What a job that has ended can be.
ENDED: Final = frozenset({"done", "failed", "cancelled", "dropped"})


def name_of(function: Any) -> str:
    """Give the name of a function as the log has it: `shop.tasks.clean`."""
    function = getattr(function, "func", function)  # of a functools.partial
    if not hasattr(function, "__qualname__"):
        function = type(function)
    return f"{function.__module__}.{function.__qualname__}"


class Handle:
    """A job that was handed over. `name` is that of its function."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def progress(self) -> tuple[int, int] | None:
        """How much the job said that it has done, and of how much: `(3, 10)`; None if it said nothing yet."""
        raise NotImplementedError

    @property
    def state(self) -> State:
        """Where the job stands: waiting, running, done, failed, cancelled or dropped."""
        raise NotImplementedError

    def result(self, timeout: float) -> Any:
        """Wait for the job to end, and give what it returned.

        :param timeout: seconds.
        :raises TimeoutError: it has not ended by then; it goes on.
        :raises JobError: it was cancelled or dropped. If it failed, the exception that it raised is raised here.
        """
        raise NotImplementedError

    def cancel(self) -> bool:
        """Keep the job from starting. It is False if it started already: then it goes on."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<Handle of {self.name}>"


class Job(Handle):
    """A job of this process: what is called, and its own handle. Nobody misses one that `repeats`."""

    __slots__ = (
        "_ended",
        "_error",
        "_lock",
        "_progress",
        "_result",
        "_state",
        "args",
        "callback",
        "function",
        "kwargs",
        "repeats",
    )

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        callback: Callable[..., Any] | None = None,
        *,
        repeats: bool = False,
    ) -> None:
        super().__init__(name_of(function))
        self.function: Callable[..., Any] | None = function
        self.args = args
        self.kwargs = kwargs or {}
        self.callback = callback
        self.repeats = repeats
        self._lock = threading.Lock()
        self._state: State = "waiting"
        self._ended: threading.Event | None = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._progress: tuple[int, int] | None = None

    @property
    def progress(self) -> tuple[int, int] | None:
        return self._progress

    @property
    def state(self) -> State:
        return self._state

    def result(self, timeout: float) -> Any:
        with self._lock:
            if self._state not in ENDED and self._ended is None:
                self._ended = threading.Event()
            ended = self._ended
        if ended is not None and not ended.wait(timeout):
            raise TimeoutError(f"The job {self.name} is {self._state} after {timeout:g} seconds.")
        if self._error is not None:
            raise self._error
        if self._state != "done":
            raise errors.JobError(f"The job {self.name} was {self._state}.", job=self.name, state=self._state)
        return self._result

    def cancel(self) -> bool:
        return self._never("cancelled")

    def drop(self) -> bool:
        """Note that the process ends before the job could start; False if it was cancelled or is running."""
        return self._never("dropped")

    def begin(self) -> bool:
        """Note that the job starts; False if it is not to."""
        with self._lock:
            if self._state != "waiting":
                return False
            self._state = "running"
            return True

    def report(self, done: int, total: int) -> None:
        """Note how much is done."""
        self._progress = (done, total)

    def end(self, result: Any = None, error: BaseException | None = None) -> None:
        """Note what came of it."""
        self._result, self._error = result, error
        self._settle("done" if error is None else "failed")

    def _never(self, state: State) -> bool:
        with self._lock:
            if self._state != "waiting":
                return False
            self._state = state
        self._settle(state)
        return True

    def _settle(self, state: State) -> None:
        # What was called is let go of: a handle may be kept for long.
        self.function, self.args, self.kwargs = None, (), {}
        with self._lock:
            self._state = state
            if self._ended is not None:
                self._ended.set()
