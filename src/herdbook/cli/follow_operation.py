"""Takes an operation that has begun.

Gives it when it is finished, and shows how far it is meanwhile.
Never does any of it: a relay does.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from herdbook.operating.control import Control, Operation

# Seconds between two looks, and without a sign of a relay after which one is missed.
_LOOK = 0.2
_TIMEOUT = 10.0


async def follow(control: Control, operation: Operation) -> Operation:
    """The operation when it is finished, however long that takes."""
    began, told = time.monotonic(), False
    with _progress(operation.expected) as show:
        while operation.finished_at is None:
            await asyncio.sleep(_LOOK)
            operation = await control.operation(operation.id)
            show(operation.changed + operation.skipped)
            if operation.cursor is None and not told and time.monotonic() - began > _TIMEOUT:
                told = True
                typer.echo("still nothing is done: does a relay run?", err=True)
    return operation


@contextmanager
def _progress(expected: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr when that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda jobs: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=expected or None)
        yield lambda jobs: progress.update(task, completed=jobs)
