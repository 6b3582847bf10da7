"""Tables, times and JSON for the terminal, which job data can never control."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from shutil import get_terminal_size
from typing import Any

import orjson
import typer

from herdbook.cli.exit_codes import printable

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
# The last column is cut to the space that is left in the terminal, but not below this.
_MIN_LAST_WIDTH = 20


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns; in a terminal the last one is cut to fit."""
    from rich.cells import cell_len, chop_cells, set_cell_size

    cells = [[one_line(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    if sys.stdout.isatty():
        taken = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
        widths[-1] = min(widths[-1], max(get_terminal_size().columns - taken, _MIN_LAST_WIDTH))
    for number, row in enumerate(cells):
        *first, last = row
        if cell_len(last) > widths[-1]:
            last = chop_cells(last, widths[-1] - 1)[0] + "…"
        padded = [*map(set_cell_size, first, widths), last]
        line = _GAP.join(coloured(text, COLOURS.get(cell)) for text, cell in zip(padded, row, strict=True)).rstrip()
        typer.secho(line, bold=True) if number == 0 else typer.echo(line)


def coloured(text: str, colour: str | None) -> str:
    """The text in this colour, or unchanged for None."""
    return typer.style(text, fg=colour) if colour else text


def one_line(text: str) -> str:
    """The text on one line."""
    return printable(" ".join(text.split()))


def to_json(value: Any, *, indent: bool = False) -> str:
    """The value as JSON text."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else None).decode()


def time_text(time: datetime | None) -> str:
    """The time in UTC to the second, or a dash for None."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" if time else "-"


def seconds_text(seconds: float) -> str:
    """A duration in its largest unit: 0.4s, 12s, 3m, 5h, 2d."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{seconds / length:,.0f}{unit}"
    return f"{seconds:.0f}s" if seconds >= 1 else f"{seconds:.1f}s"
