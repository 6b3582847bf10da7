"""Takes rows, and jobs as the record has them.

Gives them a form for people and for programs.
Never lets a job's data control the terminal.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from shutil import get_terminal_size
from typing import Any
from uuid import UUID

import orjson
import typer
from pydantic.alias_generators import to_camel

from herdbook.cli.exit_codes import printable
from herdbook.model.job import Attempt, Job
from herdbook.record.reads import StoredLogLine

COLOURS = {
    "completed": "green",
    "failed": "red",
    "processing": "cyan",
    "cancelled": "bright_black",
    "ok": "green",
    "warning": "yellow",
    "problem": "red",
}
_GAP = "  "
# The last column is cut to what the terminal has left, but not below this.
_LEAST = 20


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns; in a terminal the last one is cut where there is no room for it."""
    from rich.cells import cell_len, chop_cells, set_cell_size

    cells = [[one_line(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    if sys.stdout.isatty():
        taken = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
        widths[-1] = min(widths[-1], max(get_terminal_size().columns - taken, _LEAST))
    for number, row in enumerate(cells):
        *first, last = row
        if cell_len(last) > widths[-1]:
            last = chop_cells(last, widths[-1] - 1)[0] + "…"
        padded = [*map(set_cell_size, first, widths), last]
        line = _GAP.join(coloured(text, COLOURS.get(cell)) for text, cell in zip(padded, row, strict=True)).rstrip()
        typer.secho(line, bold=True) if number == 0 else typer.echo(line)


def coloured(text: str, colour: str | None) -> str:
    """The text in that colour; None leaves it as it is."""
    return typer.style(text, fg=colour) if colour else text


def one_line(text: str) -> str:
    """The text on one line."""
    return printable(" ".join(text.split()))


def job_fields(job: Job) -> dict[str, Any]:
    """The job under the names of the HTTP API."""
    names = {"id": "jobId", "job_id": "queueJobId"}
    fields = {names.get(name, to_camel(name)): getattr(job, name) for name in Job.__slots__}
    fields["backoff"] = job.backoff.model_dump(by_alias=True) if job.backoff else None
    return fields


def attempt_fields(attempt: Attempt) -> dict[str, Any]:
    """The attempt under the names of the HTTP API."""
    return {to_camel(name): getattr(attempt, name) for name in Attempt.__slots__}


def log_fields(line: StoredLogLine) -> dict[str, Any]:
    """The line under the names of the HTTP API."""
    return {to_camel(name): getattr(line, name) for name in StoredLogLine.__slots__}


def to_json(value: Any, *, indent: bool = False) -> str:
    """JSON text; times in UTC with a Z."""
    option = orjson.OPT_UTC_Z | (orjson.OPT_INDENT_2 if indent else 0)
    return orjson.dumps(value, option=option, default=_id_text).decode()


def _id_text(value: Any) -> str:
    # The driver's ids are of a class of its own, which orjson does not know.
    if isinstance(value, UUID):
        return str(value)
    raise TypeError


def time_text(time: datetime | None) -> str:
    """The time in UTC to the second; a dash for none."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" if time else "-"


def seconds_text(seconds: float) -> str:
    """A length of time in its largest unit: 0.4s, 12s, 3m, 5h, 2d."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{seconds / length:,.0f}{unit}"
    return f"{seconds:.0f}s" if seconds >= 1 else f"{seconds:.1f}s"
