"""The commands `flask quorum worker` and `flask quorum jobs`."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from quorum import errors, runtime
from quorum.jobs import dead, registry, worker


@click.command("worker")
@with_appcontext
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1, 1000), help="How many are started.")
@click.option("--threads", type=click.IntRange(1, 1000), help="Jobs at once in each.  [default: EXECUTION_THREADS]")
@click.option("--queues", help="Only these, with commas between them.  [default: all that jobs are declared for]")
def run_worker(processes: int, threads: int | None, queues: str | None) -> None:
    """Run jobs that were sent with load(execution="queue"), until Ctrl-C or SIGTERM."""
    context = _context()
    chosen = tuple(name.strip() for name in queues.split(",")) if queues else tuple(registry.queues(context))
    unknown = sorted(set(chosen) - set(registry.queues(context)))
    if unknown:
        raise click.BadParameter(f"no job is declared for {', '.join(map(repr, unknown))}.", param_hint="--queues")
    size = threads or context.settings.get("EXECUTION_THREADS")
    click.echo(f"Processes: {processes}, threads in each: {size}, queues: {', '.join(chosen)}. Ctrl-C ends them.")
    worker.Watcher(context, processes, size, chosen).run()


@click.group("jobs", cls=AppGroup, invoke_without_command=True)
@click.pass_context
@with_appcontext
def group(command: click.Context) -> None:
    """Print how many jobs workers did and how long they took; or see to those that were given up."""
    _context()
    if command.invoked_subcommand is None:
        for name, count in dead.counts():
            click.echo(f"{name}  {count}")
        click.echo(f"{dead.number()} given up: flask quorum jobs list")


@group.command("list")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="How many, the newest first.")
def list_dead(limit: int) -> None:
    """Print the jobs that were given up: id, time, name, attempts, reason."""
    _context()
    for letter in dead.letters(limit):
        at = letter["at"].isoformat(" ", "seconds")
        click.echo(f"{letter['_id']}  {at}  {letter['name']}  {letter['attempts']}  {_one_line(letter['reason'])}")


@group.command("retry")
@click.argument("ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All of them.")
def retry_dead(ids: tuple[str, ...], every: bool) -> None:
    """Send jobs that were given up once more."""
    done = dead.retry(_context(), _chosen(ids, every))
    click.echo(f"{done} sent again.")
    _tell_unknown(ids, done)


@group.command("purge")
@click.argument("ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All of them.")
def purge_dead(ids: tuple[str, ...], every: bool) -> None:
    """Delete jobs that were given up."""
    _context()
    done = dead.purge(_chosen(ids, every))
    click.echo(f"{done} deleted.")
    _tell_unknown(ids, done)


def _chosen(ids: tuple[str, ...], every: bool) -> tuple[str, ...] | None:
    if bool(ids) == every:
        raise click.UsageError("Name their ids, or give --all.")
    return None if every else ids


def _tell_unknown(ids: tuple[str, ...], done: int) -> None:
    if ids and (unknown := len(set(ids)) - done):
        raise click.ClickException(f"{unknown} of the ids are of no job that was given up: flask quorum jobs list.")


def _context() -> runtime.Context:
    context: runtime.Context = current_app.extensions["quorum"]
    if context.execution != "queue":
        raise errors.ConfigurationError("There are no workers' jobs: the app is not loaded with execution='queue'.")
    return context


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:200]
