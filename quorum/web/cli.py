"""The commands of `flask quorum`."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from quorum import config
from quorum.variables import SERVER_PREFIX, VARIABLES

from . import jobs_cli

group = AppGroup("quorum", help="What quorum set up for this app.")
group.add_command(jobs_cli.run_worker)
group.add_command(jobs_cli.group)


@group.command("config")
def show_config() -> None:
    """Print every variable, its value with secrets masked, and where it came from."""
    settings: config.Settings = current_app.extensions["quorum"].settings
    rows = [(name, settings.shown(name), settings.source(name)) for name in VARIABLES]
    for option, found in settings.server_options().items():
        value = "***" if config.SECRET_NAME.search(option) else str(found.value)
        rows.append((f"{SERVER_PREFIX}{option.upper()}", value, str(found)))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, value, source in rows:
        click.echo(f"{name:{widths[0]}}  {value:{widths[1]}}  {source}")


def init_app(app: Flask) -> None:
    """Add the commands to an app."""
    app.cli.add_command(group)
