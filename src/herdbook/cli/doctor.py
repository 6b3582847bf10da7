"""Takes nothing but the settings.

Gives a line for each thing that has to be well, with what to do where it is not.
Never changes anything.
"""

import asyncio

import typer

from herdbook.cli import exit_codes, options
from herdbook.cli.connect import read_settings
from herdbook.cli.tables import COLOURS


def doctor(as_json: options.AsJson = False, data: options.Data = None) -> int:
    """Look whether everything is well, and say what to do where it is not.

    PostgreSQL, Redis, the clocks, the way between them, the workers, the mail server.
    Exit code 1 when there is a problem; warnings do not count.

    Examples:
      herdbook doctor
      herdbook doctor --json | jq -r 'select(.level != "ok") | .subject'
    """
    from herdbook.cli.checks import check_everything
    from herdbook.cli.tables import to_json

    findings = asyncio.run(check_everything(read_settings(data)))
    for found in findings:
        if as_json:
            typer.echo(to_json(found))
            continue
        message = exit_codes.printable(f"{found.subject}: {found.message}")
        typer.echo(f"{typer.style(f'{found.level:<8}', fg=COLOURS[found.level])} {message}")
        if found.advice:
            typer.echo(f"{'':<9}{exit_codes.printable(found.advice)}")
    return exit_codes.NO if any(found.level == "problem" for found in findings) else exit_codes.OK
