"""The commands of `flask quorum`."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import click
from flask import Flask
from flask.cli import AppGroup, ScriptInfo

from quorum import content, errors, runtime
from quorum.variables import SERVER_PREFIX, VARIABLES

from . import checks, jobs_cli, secret

#: Seconds that the doctor waits for a connection: an embedded database may have to start first.
PATIENCE: Final = 20.0

_DIAGNOSIS: Final = "quorum.diagnosis"

group = AppGroup("quorum", help="What quorum set up for this app.")
group.add_command(jobs_cli.run_worker)
group.add_command(jobs_cli.group)


@group.command("config", with_appcontext=False)
@click.pass_context
def show_config(context: click.Context) -> None:
    """Print every variable, its value with secrets masked, and where it came from."""
    app = _load(context)
    settings = _context(app).settings
    masker = secret.masker(app, settings)
    rows = [(name, settings.shown(name), settings.origin(name)) for name in VARIABLES]
    for option, found in settings.server_options().items():
        value = masker.value(str(found.value), option)
        rows.append((f"{SERVER_PREFIX}{option.upper()}", value, str(found)))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, value, source in rows:
        click.echo(f"{name:{widths[0]}}  {value:{widths[1]}}  {source}")


@group.command("doctor", with_appcontext=False)
@click.pass_context
def doctor(context: click.Context) -> None:
    """Try every configured connection, and say of each whether it works."""
    results = checks.run(_context(_load(context)), PATIENCE)
    width = max((len(result.label) for result in results), default=0)
    for result in results:
        state = "works" if result.works else "FAILS"
        click.echo(f"{result.label:{width}}  {state}  {result.text} ({result.seconds * 1000:.0f} ms)")
    if not results:
        click.echo("No connection is configured.")
    if not all(result.works for result in results):
        context.exit(1)


def _load(context: click.Context) -> Flask:
    """Load the app, also where its database does not answer; say in a line what else is wrong."""
    context.meta[_DIAGNOSIS] = True
    try:
        return context.ensure_object(ScriptInfo).load_app()
    except errors.QuorumError as error:
        raise click.ClickException(f"The app can't be loaded: {error}") from error


def _context(app: Flask) -> runtime.Context:
    context: runtime.Context | None = app.extensions.get("quorum")
    if context is None:
        raise click.ClickException(
            f"quorum is not loaded in the app {app.name!r}: call quorum.load(app=app) where it is made."
        )
    return context


def is_diagnosis() -> bool:
    """Say whether the app is loaded to be looked at: it loads also where its database does not answer."""
    context = click.get_current_context(silent=True)
    return context is not None and _DIAGNOSIS in context.meta


@group.group("files", cls=AppGroup)
def files() -> None:
    """The files that documents name."""


@files.command("check")
@click.option("--repair", is_flag=True, help="Remove the files that no document names, and make thumbnails.")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=24,
    show_default=True,
    metavar="HOURS",
    help="Leave younger files alone: their documents may be on their way.",
)
def check_files(repair: bool, older_than: float) -> None:
    """List the files that no document names, those that a document names and that are not there, and those without
    the thumbnails that they are to have.

    The exit code is 1 where something is left to do.
    """
    from quorum.models import orphans

    report = orphans.check(timedelta(hours=older_than))
    for _, entry in report.unnamed:
        click.echo(f"no document names    {entry.key}  {content.show_size(entry.size)}")
    for _, leftover in report.leftovers:
        click.echo(f"a broken upload      {leftover.name}")
    for missing in report.missing:
        click.echo(f"is not there         {missing.key}  of {missing.model} {missing.id}, {missing.name}")
    for unmade in report.unmade:
        click.echo(f"has no thumbnails    {unmade.key}  of {unmade.model.__name__} {unmade.id}, {unmade.field}")
    if repair:
        try:
            orphans.repair(report)
        finally:
            for unmade, reason in report.failed:
                facts = f"{unmade.key}  of {unmade.model.__name__} {unmade.id}, {unmade.field}"
                click.echo(f"got no thumbnails    {facts}: {reason}")
    unnamed = len(report.unnamed) + len(report.leftovers)
    click.echo(
        f"{report.named} files are named, {len(report.missing)} of them are not there; "
        f"{unnamed} that nothing names {'were removed' if repair else 'are there'}; "
        f"{len(report.unmade) - len(report.failed)} {'got' if repair else 'lack'} thumbnails."
    )
    if report.missing or report.failed or ((unnamed or report.unmade) and not repair):
        raise click.exceptions.Exit(1)


def init_app(app: Flask) -> None:
    """Add the commands to an app."""
    app.cli.add_command(group)
