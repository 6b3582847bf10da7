"""Runs a command line and returns its exit code; an expected error is one line on stderr, not a traceback."""

import sys
from typing import Annotated

import typer
from pydantic import ValidationError

from herdbook.cli import exit_codes
from herdbook.cli.actions import cancel, delete, promote, retry
from herdbook.cli.doctor import doctor
from herdbook.cli.env import env
from herdbook.cli.job import job
from herdbook.cli.job_types import types
from herdbook.cli.jobs import jobs
from herdbook.cli.migrate import migrate
from herdbook.cli.pauses import pause, resume
from herdbook.cli.publish import publish
from herdbook.cli.queues import queues
from herdbook.cli.rebuild import rebuild
from herdbook.cli.relay import relay
from herdbook.cli.serve import serve
from herdbook.cli.up import up
from herdbook.cli.worker import worker
from herdbook.cli.workers import workers
from herdbook.errors import HerdbookError

PANELS = {
    "Run": (up, serve, worker, relay, migrate),
    "Publish and inspect": (publish, jobs, job, types),
    "Operate": (retry, cancel, promote, delete, queues, pause, resume, workers),
    "Diagnose": (doctor, rebuild, env),
}


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command line; returns the exit code."""
    try:
        return command_line()(arguments, prog_name="herdbook", standalone_mode=False) or exit_codes.SUCCESS
    except typer.TyperException as error:
        return _report_usage_error(error)
    except ValidationError as error:
        exit_codes.print_error(exit_codes.describe_invalid_settings(error))
        return exit_codes.USAGE
    except HerdbookError as error:
        exit_codes.print_error(str(error))
        return exit_codes.exit_code(error)
    except typer.Abort:
        return exit_codes.INTERRUPTED


def command_line() -> typer.Typer:
    """The application with all its commands."""
    app = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(herdbook)
    for panel, commands in PANELS.items():
        for command in commands:
            app.command(rich_help_panel=panel, epilog=exit_codes.EXIT_CODES)(command)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        from herdbook import __version__

        typer.echo(f"herdbook {__version__}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")]


def herdbook(version: Version = False) -> None:
    """Background jobs through BullMQ queues in Redis, every one of them recorded in PostgreSQL.

    Try it:
      herdbook up
      herdbook publish report '{"title": "Jobs", "source": {"record": {}}}' --wait
      herdbook jobs

    With your own job types, in app.py of the current folder:
      herdbook up app:book

    Settings are environment variables: DATABASE_URL, REDIS_URL, SMTP_URL, HERDBOOK_…
    """


def _report_usage_error(error: typer.TyperException) -> int:
    # For a bare `herdbook` the help has been printed already.
    if type(error).__name__ == "NoArgsIsHelpError":
        return exit_codes.USAGE
    context = getattr(error, "ctx", None)
    advice = f" (see `{context.command_path} --help`)" if context else ""
    exit_codes.print_error(f"{error.format_message().rstrip('.')}{advice}")
    return error.exit_code
