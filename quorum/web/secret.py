"""The key that signs sessions, for an app that was given none."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

from flask import Flask

from quorum import address, config, errors
from quorum.masking import Masker

FILENAME = "secret_key"

#: How many characters a kept key can have.
LENGTHS = range(32, 1025)


def settle(app: Flask, settings: config.Settings, secret_key: str | bytes | None) -> None:
    """Set an app's `SECRET_KEY`: the argument, else the variable, else one that holds for development.

    On the embedded database that one is kept in the instance folder, so that people stay logged in; on mongomock it
    ends with the app. With a server nothing is made up, as machines that serve one site must share the key.

    :raises ConfigurationError: the database's URL makes no sense, or the kept key can't be trusted.
    """
    kind = address.read(settings).kind
    key = secret_key or settings.get("SECRET_KEY")
    if key is None:
        # Elsewhere there is no embedded database, which is told when it is opened.
        if kind == "embedded" and os.name == "posix":
            key = kept(Path(settings.instance_path))
        elif kind == "mongomock":
            key = secrets.token_hex(32)
    if key is not None:
        app.config["SECRET_KEY"] = key


def masker(app: Flask, settings: config.Settings) -> Masker:
    """Give what takes an app's secrets out of texts: those of its variables, and those of its configuration."""
    keys = [app.secret_key, *(app.config.get("SECRET_KEY_FALLBACKS") or ())]
    texts = [key.decode(errors="replace") if isinstance(key, bytes) else key for key in keys if key]
    # Flask's own names beside these are of no secrets: SESSION_COOKIE_NAME.
    others = {key: value for key, value in app.config.items() if key not in Flask.default_config}
    return Masker([*settings.secrets(), *texts, *config.named_secrets(others)])


def kept(folder: Path) -> str:
    """Read the key in a folder; the first process that asks writes it, for its owner's eyes only.

    :raises ConfigurationError: the file can't be made or read, or somebody else can have read or written it.
    """
    path = folder / FILENAME
    try:
        if not os.path.lexists(path):
            _make(path)
        return _read(path)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _unfit(path, "is a symbolic link") from error
        raise errors.ConfigurationError(
            f"The key that signs sessions can't be kept in {path}: {error.strerror}. Set SECRET_KEY in place of it."
        ) from error


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Linking a file that is complete: another process finds no key or all of it, and the first one stays.
    draft = path.with_name(f"{FILENAME}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read(path: Path) -> str:
    # Not blocking, as opening a pipe would wait for who writes to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _unfit(path, "is no regular file")
        if status.st_uid != os.geteuid():
            raise _unfit(path, "belongs to another user")
        if status.st_mode & 0o077:
            raise _unfit(path, "is open to other users of this machine (chmod 600 closes it, if nobody has read it)")
        text = os.read(descriptor, LENGTHS.stop).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)
    if len(text) not in LENGTHS or not text.isascii():
        raise _unfit(path, f"does not hold {LENGTHS[0]} to {LENGTHS[-1]} characters of ASCII")
    return text


def _unfit(path: Path, problem: str) -> errors.ConfigurationError:
    return errors.ConfigurationError(
        f"The key that signs sessions, {path}, {problem}. Remove it, and a new one is made; or set SECRET_KEY."
    )
