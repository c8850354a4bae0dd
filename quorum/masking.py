"""Secrets are taken out of a text: those that are known, and what stands behind a name that says it is one."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from . import config

#: What stands in place of a secret.
MASK: Final = "***"

# How deep a value's parts are looked at, and how many of them.
_DEPTH = 6
_ITEMS = 1000

_NAMES = config.HIDDEN_NAME

# Each repetition has a limit, so that no text makes the search slow.
_NAMED = re.compile(
    rf"""
    (?P<before>
        (?P<name>{_NAMES})[\w.\-]{{0,40}}
        \\{{0,8}}["']?\]?\s{{0,3}}              # a quoted name, an index
        (?:=>|[:=]|%3d|(?<=["']),(?=\s{{0,3}}b?["'\\]))\s{{0,3}}  # name=value, name: value, ('name', 'value')
    )
    (?:
        b?\\{{1,8}}(?P<escaped>["'])(?:(?!\\{{1,8}}(?P=escaped)).){{0,4000}}(?:\\{{1,8}}(?P=escaped))?
      | b?"(?:[^"\\]|\\.)*"?
      | b?'(?:[^'\\]|\\.)*'?
      | \[[^\]]*\]?
      | \([^)]*\)?
      | \{{[^}}]*\}}?
      | (?:(?:basic|bearer)\s{{1,3}})?[^\s,;&"'<>()\[\]{{}}]+
    )
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
# The value of these goes on to the end of the line: `Cookie: a=b; c=d`.
_HEADERS = re.compile(
    r"(?P<before>\b(?:proxy-)?(?:authorization|(?:set-)?cookie)\s{0,3}:\s{0,3})[^\s\"'][^\r\n]*", re.IGNORECASE
)
_BEARER = re.compile(r"(?P<before>\bbearer\s{1,3})[\w.~+/=\-]{8,}", re.IGNORECASE)
_KEY = re.compile(r"(?P<before>-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----)(?:(?!-----END).){1,20000}", re.DOTALL)
_USER_INFO = re.compile(r"(?P<before>://)[^\s/?#\"'<>@]*(?:@[^\s/?#\"'<>@]*)*(?=@)")


class Masker:
    """Takes the secrets of one app out of texts and values."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spelled = {form for secret in secrets for form in _forms(secret)}
        known = sorted(spelled, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """Give a text with `***` for each secret."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern in (_KEY, _HEADERS, _NAMED, _BEARER, _USER_INFO):
            text = pattern.sub(_mask, text)
        return text

    def value(self, value: Any, name: str = "", depth: int = _DEPTH) -> Any:
        """Give a value, as JSON knows it, without its secrets; `name` is the name that it has.

        What JSON has no type for, and what is nested too deeply, is a text.
        """
        if re.search(config.HIDDEN_NAME, name):
            return MASK
        if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        if depth and isinstance(value, Mapping):
            items = list(value.items())[:_ITEMS]
            return {self.text(str(key)): self.value(item, str(key), depth - 1) for key, item in items}
        if depth and isinstance(value, (list, tuple, set, frozenset)):
            return [self.value(item, "", depth - 1) for item in list(value)[:_ITEMS]]
        try:
            return self.text(str(value))
        except Exception as error:  # noqa: BLE001 - a value may do anything when it is shown
            return f"<{type(value).__name__} that can't be shown: {type(error).__name__}>"


def _mask(match: re.Match[str]) -> str:
    return match["before"] + MASK


def _forms(secret: str) -> set[str]:
    # As it is, and as it stands in the repr of a str and in JSON.
    return {form for form in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]) if form}
