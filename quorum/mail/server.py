"""What the variables say of the mail server."""

from __future__ import annotations

import socket
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from quorum import config, errors

#: Where mail is handed in with a password, without one, and by TLS from the start.
SUBMISSION: Final = 587
RELAY: Final = 25
TLS: Final = 465

_LONGEST_ANSWER = 200


@dataclass(frozen=True)
class Server:
    """A mail server, who logs in there, and how it is talked to.

    `starttls` says whether TLS is used where it is offered; `timeout` is in seconds; `name` is how we call ourselves.
    """

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    starttls: bool = True
    timeout: float = 10.0
    name: str = "[127.0.0.1]"

    @classmethod
    def of(cls, settings: config.Settings) -> Server | None:
        """Read the variables `SMTP_*`; None is no server.

        :raises ConfigurationError: they make no sense together.
        """
        where = settings.get("SMTP_HOST")
        if where is None:
            return None
        user, password = settings.get("SMTP_USER"), settings.get("SMTP_PASSWORD")
        if password is not None and user is None:
            raise errors.ConfigurationError("SMTP_PASSWORD is set and SMTP_USER is not. Set both, or none of them.")
        if password is not None and not (password.isascii() and user.isascii()):
            raise errors.ConfigurationError("SMTP_USER and SMTP_PASSWORD must be ASCII: SMTP has no way for more.")
        if settings.get("SMTP_TIMEOUT") <= 0:
            raise errors.ConfigurationError("SMTP_TIMEOUT is 0: no server can answer in no time.")
        host, port = _split(where)
        return cls(
            host,
            port or (SUBMISSION if password is not None else RELAY),
            user if password is not None else None,
            password,
            settings.get("SMTP_STARTTLS"),
            settings.get("SMTP_TIMEOUT"),
            _own_name(settings),
        )

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def shown(self, answer: bytes | str) -> str:
        """Give what the server said, on one line, shortened, without the password that it may quote."""
        text = answer if isinstance(answer, str) else answer.decode("utf-8", "backslashreplace")
        if self.password is not None and self.user is not None:
            secrets = (self.password, f"\0{self.user}\0{self.password}")
            coded = [b64encode(secret.encode()).decode() for secret in secrets]
            for secret in sorted({self.password, *coded, *(code.rstrip("=") for code in coded)}, key=len, reverse=True):
                text = text.replace(secret, "***")
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return line if len(line) <= _LONGEST_ANSWER else f"{line[:_LONGEST_ANSWER]}..."


def _split(where: str) -> tuple[str, int | None]:
    """Split `host`, `host:port`, `[::1]:port` or `::1`."""
    if where.count(":") > 1 and not where.startswith("["):
        return where, None
    parts = urlsplit(f"//{where}")
    return parts.hostname or where, parts.port


def _own_name(settings: config.Settings) -> str:
    """Give the name for EHLO without a look-up, which can take longer than any time limit."""
    base = settings.get("BASE_URL")
    for name in (urlsplit(base).hostname if base else None, socket.gethostname()):
        if name and "." in name and name.isascii() and not name.startswith("["):
            return name
    return "[127.0.0.1]"
