"""The commands `pause` and `resume`; they write to the record, and a relay applies it to the queues."""

import asyncio
from typing import Annotated

import typer

from herdbook.cli import options
from herdbook.cli.connect import open_record, read_settings
from herdbook.errors import QueueNotFoundError
from herdbook.model.artifacts import FolderArtifacts
from herdbook.operating.control import Control
from herdbook.record.reads import read_queues
from herdbook.settings import Settings

QueueNames = Annotated[list[str], typer.Argument(metavar="QUEUE", help="Queue names; `herdbook queues` lists them.")]


def pause(queues: QueueNames, data: options.Data = None) -> None:
    """Pause queues: workers start no more of their jobs; running jobs continue.

    If one of the queues is unknown, none is paused and the exit code is 1.

    Examples:
      herdbook pause email
      herdbook pause email report
    """
    asyncio.run(_set_paused(read_settings(data), queues, paused=True))


def resume(queues: QueueNames, data: options.Data = None) -> None:
    """Resume paused queues, no matter who paused them.

    Examples:
      herdbook resume email
    """
    asyncio.run(_set_paused(read_settings(data), queues, paused=False))


async def _set_paused(settings: Settings, queues: list[str], *, paused: bool) -> None:
    async with open_record(settings, "pause", size=2) as database:
        async with database.connection() as connection:
            known = await read_queues(connection)
        unknown = sorted(set(queues) - set(known))
        if unknown:
            names = f"known queues: {', '.join(known)}" if known else "there are no queues yet"
            raise QueueNotFoundError(f"unknown queue {', '.join(map(repr, unknown))}; {names}")
        control = Control(database, FolderArtifacts(settings.artifact_folder))
        for queue in dict.fromkeys(queues):
            await (control.pause(queue) if paused else control.resume(queue))
            typer.echo(f"{'paused' if paused else 'resumed'} {queue}")
