"""Publishes a job per line of JSON, a thousand at a time, and prints their ids once they are committed."""

import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Protocol

import orjson
import typer

from herdbook.cli.job_data_source import open_job_data
from herdbook.errors import HerdbookError, InvalidJobError, JobTooLargeError
from herdbook.model.options import JobOptions
from herdbook.publishing.publish import JobRequest, Publisher

# Jobs per transaction.
_BATCH = 1_000
_JOB_INDEX = re.compile(r"job (\d+): ")


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLine:
    """A line that is not blank; `number` starts at 1."""

    number: int
    text: bytes


class AdvanceProgress(Protocol):
    """Advances a progress bar."""

    def __call__(self, jobs: int, bytes_read: int) -> None:
        """Add published `jobs` and the `bytes_read` for them."""


async def publish_lines(publisher: Publisher, job_type: str, options: JobOptions, source: str) -> None:
    """Publish a job per line. An error names the line, and how many jobs were published before it."""
    published = 0
    with open_job_data(source) as file, _progress(file) as advance:
        lines = _lines(file)
        while batch := list(islice(lines, _BATCH)):
            try:
                ids = await _publish_batch(publisher, job_type, options, batch)
            except HerdbookError as error:
                # An error of the same class, which keeps its exit code.
                raise type(error)(f"{error}; {_so_far(published)}") from None
            typer.echo("\n".join(ids))
            published += len(ids)
            advance(len(ids), sum(len(line.text) for line in batch))


def _so_far(published: int) -> str:
    return f"{published:,} jobs were published before it" if published else "no jobs were published"


async def _publish_batch(publisher: Publisher, job_type: str, options: JobOptions, batch: list[InputLine]) -> list[str]:
    requests = [JobRequest(job_type=job_type, job_data=_parse(line), options=options) for line in batch]
    try:
        return [str(one.id) for one in await publisher.publish_bulk(requests)]
    except (InvalidJobError, JobTooLargeError) as error:
        message = _JOB_INDEX.sub(lambda match: f"line {batch[int(match[1])].number}: ", str(error), count=1)
        raise type(error)(message) from None


def _lines(file: BinaryIO) -> Iterator[InputLine]:
    for number, text in enumerate(file, start=1):
        if text.strip():
            yield InputLine(number=number, text=text)


def _parse(line: InputLine) -> object:
    try:
        return orjson.loads(line.text)
    except orjson.JSONDecodeError as error:
        raise InvalidJobError(f"line {line.number} is not valid JSON: {error}") from None


@contextmanager
def _progress(file: BinaryIO) -> Iterator[AdvanceProgress]:
    """A progress bar on stderr if that is a terminal; without a percentage unless the input is a regular file."""
    if not sys.stderr.isatty():
        yield lambda jobs, bytes_read: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.fields[jobs]:,} published"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("publish", total=_size(file), jobs=0)
        published = 0

        def advance(jobs: int, bytes_read: int) -> None:
            nonlocal published
            published += jobs
            progress.update(task, advance=bytes_read, jobs=published)

        yield advance


def _size(file: BinaryIO) -> int | None:
    try:
        found = os.fstat(file.fileno())
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
