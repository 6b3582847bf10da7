"""Takes rows, and jobs as the record has them.

Gives them a form for people and for programs.
Never lets a job's data control the terminal.
"""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic.alias_generators import to_camel

from herdbook.cli.exits import printable
from herdbook.job import Attempt, Job
from herdbook.store.reads import StoredLogLine

STATUS_STYLES = {
    "completed": "green",
    "failed": "bold red",
    "processing": "cyan",
    "cancelled": "dim",
    "ok": "green",
    "warning": "yellow",
    "problem": "bold red",
}
# Wide enough for any line, where there is no terminal to fit into.
_UNBOUNDED = 100_000


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns; the last gives way where the terminal is too narrow."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else _UNBOUNDED)
    table = Table(*header, box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        column.no_wrap = True
    table.columns[-1].overflow = "ellipsis"
    for index, column in enumerate(table.columns[:-1]):
        column.min_width = max(len(row[index]) for row in (header, *rows))
    for row in rows:
        table.add_row(*(Text(one_line(cell), style=STATUS_STYLES.get(cell, "")) for cell in row))
    console.print(table)


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
