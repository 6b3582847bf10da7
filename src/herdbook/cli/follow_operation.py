"""Waits for an operation to finish and shows its progress; a relay does the actual work."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from herdbook.operating.control import Control, Operation

# Seconds between two reads, and without progress before the user is told.
_POLL_INTERVAL = 0.2
_NO_PROGRESS_AFTER = 10.0


async def follow_operation(control: Control, operation: Operation) -> Operation:
    """The operation when it is finished, however long that takes."""
    began, warned = time.monotonic(), False
    with progress_bar(operation.expected) as show:
        while operation.finished_at is None:
            await asyncio.sleep(_POLL_INTERVAL)
            operation = await control.operation(operation.id)
            show(operation.changed + operation.skipped)
            if operation.cursor is None and not warned and time.monotonic() - began > _NO_PROGRESS_AFTER:
                warned = True
                typer.echo("No progress yet. Is a relay running?", err=True)
    return operation


@contextmanager
def progress_bar(expected: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda jobs: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=expected or None)
        yield lambda jobs: progress.update(task, completed=jobs)
