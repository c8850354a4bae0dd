"""Where the mail of an app goes: to its server, or in debug, where it has none, to a folder."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from quorum import errors, runtime

from .message import Mail
from .server import TLS, Server
from .transport import Connection, Receipt

_log = logging.getLogger(__name__)

#: The folder for mail that has nowhere to go, in the instance folder.
FOLDER: Final = "mail"


class Outlet(Protocol):
    """What takes mail: `send()` gives what became of it, `close()` ends it."""

    def send(self, mail: Mail) -> Receipt: ...
    def close(self) -> None: ...


class Folder:
    """Writes mail to files that a mail program opens, `.eml`, for the eyes of their owner only, and to the log."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def send(self, mail: Mail) -> Receipt:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        stem = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
        path = self.path / f"{stem}-{mail.message_id[1:].partition('@')[0].rpartition('.')[2][-8:]}.eml"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(mail.content)
        _log.warning(
            "SMTP_HOST is not set: a mail to %s is not sent, and kept in %s. %s\n%s",
            ", ".join(mail.receivers),
            path,
            mail.subject,
            mail.plain,
        )
        return Receipt(mail.message_id, mail.receivers, {})

    def close(self) -> None:
        """Nothing is open."""


def connect(context: runtime.Context) -> Outlet:
    """Give what takes the mail of an app. Nothing is connected before the first mail.

    :raises ConfigurationError: the variables make no sense, or there is no server outside of debug mode.
    """
    server = Server.of(context.settings)
    if server is None:
        if getattr(context.app, "debug", False):
            return Folder(Path(context.settings.instance_path) / FOLDER)
        raise errors.ConfigurationError(
            "SMTP_HOST is not set, so there is no server to send mail by. Set it, as host or host:port; in debug mode "
            "mail is kept in the instance folder without it."
        )
    if server.password is not None and not server.starttls and server.port != TLS and context.once("mail.clear"):
        _log.warning("SMTP_STARTTLS=0: SMTP_PASSWORD is sent to %s in the clear.", server)
    return Connection(server)


def ping() -> str:
    """Connect to the mail server of the current app, log in, and leave; say how it was reached.

    :raises ConfigurationError: there is no server, or nothing is loaded.
    :raises MailError: it does not answer, or refuses us.
    """
    server = Server.of(runtime.current().settings)
    if server is None:
        raise errors.ConfigurationError("SMTP_HOST is not set.")
    connection = Connection(server)
    try:
        return connection.check()
    finally:
        connection.close()
