"""The key that signs sessions, for an app that was given none."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from flask import Flask

from quorum import config

FILENAME = "secret_key"


def settle(app: Flask, settings: config.Settings, secret_key: str | bytes | None) -> None:
    """Set an app's `SECRET_KEY`: the argument, else the variable, else one that holds for development.

    On the embedded database that one is kept in the instance folder, so that people stay logged in; on mongomock it
    ends with the app. With a server nothing is made up, as machines that serve one site must share the key.
    """
    key = secret_key or settings.get("SECRET_KEY")
    if key is None:
        url = settings.get("MONGOHQ_URL") or "embedded://"
        if url.startswith("embedded://"):
            key = kept(Path(settings.instance_path))
        elif url.startswith("mongomock://"):
            key = secrets.token_hex(32)
    if key is not None:
        app.config["SECRET_KEY"] = key


def kept(folder: Path) -> str:
    """Read the key in a folder; the first process that asks writes it, for its owner's eyes only."""
    path = folder / FILENAME
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Linking a file that is complete: another process finds no key or all of it, and the first one stays.
        draft = folder / f"{FILENAME}.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()
