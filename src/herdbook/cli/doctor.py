"""The command `doctor`, which checks the whole system and changes nothing."""

import asyncio
from typing import Any

import typer

from herdbook.cli import exit_codes, options
from herdbook.cli.connect import read_settings
from herdbook.cli.tables import COLOURS
from herdbook.operating.findings import Finding, Severity


def doctor(as_json: options.AsJson = False, data: options.Data = None) -> int:
    """Check that everything is healthy, and say how to fix what is not.

    Checks PostgreSQL, Redis, their clocks, the relay, the queues, the workers and
    the mail server. The exit code is 1 if there is a problem; warnings do not
    count.

    Examples:
      herdbook doctor
      herdbook doctor --json | jq -r 'select(.level != "ok") | .subject'
    """
    from herdbook.cli.checks import check_everything
    from herdbook.cli.tables import to_json

    findings = asyncio.run(check_everything(read_settings(data)))
    for found in findings:
        if as_json:
            typer.echo(to_json(_fields(found)))
            continue
        level = typer.style(f"{found.severity:<8}", fg=COLOURS[found.severity])
        typer.echo(f"{level} {exit_codes.printable(found.message)}")
        if found.advice:
            typer.echo(f"{'':<9}{exit_codes.printable(found.advice)}")
    return exit_codes.FAILURE if any(found.severity is Severity.PROBLEM for found in findings) else exit_codes.SUCCESS


def _fields(found: Finding) -> dict[str, Any]:
    return {
        "level": found.severity,
        "kind": found.kind,
        "subject": found.subject,
        "message": found.message,
        "advice": found.advice,
        "count": found.count,
        "seconds": found.seconds,
    }
