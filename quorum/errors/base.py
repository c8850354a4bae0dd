"""The base of all errors."""

from __future__ import annotations

from typing import Any


class QuorumError(Exception):
    """Base of every error that quorum raises."""

    def __reduce__(self) -> Any:
        # Exception's own makes a copy of the message alone, and some of them take more than that.
        return _again, (type(self), self.args, vars(self))


def _again(cls: type[QuorumError], args: tuple[Any, ...], facts: dict[str, Any]) -> QuorumError:
    error = cls.__new__(cls, *args)
    vars(error).update(facts)
    return error
