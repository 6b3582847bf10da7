"""Takes names of queues.

Gives the record the wish that workers take no more of their jobs, or take them again.
Never talks to the queues: a relay brings it there.
"""

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

Names = Annotated[list[str], typer.Argument(metavar="QUEUE", help="Names of queues; `herdbook queues` lists them.")]


def pause(queues: Names, data: options.Data = None) -> None:
    """Have workers take no more jobs of queues; those that run go on.

    All of them or none: exit code 1 when the record does not know one of the queues.

    Examples:
      herdbook pause email
      herdbook pause email report
    """
    asyncio.run(_wish(read_settings(data), queues, paused=True))


def resume(queues: Names, data: options.Data = None) -> None:
    """Have workers take jobs of queues again, whoever paused them.

    Examples:
      herdbook resume email
    """
    asyncio.run(_wish(read_settings(data), queues, paused=False))


async def _wish(settings: Settings, queues: list[str], *, paused: bool) -> None:
    async with open_record(settings, "pause", size=2) as database:
        async with database.connection() as connection:
            known = await read_queues(connection)
        unknown = sorted(set(queues) - set(known))
        if unknown:
            names = f"the queues are {', '.join(known)}" if known else "there are none yet"
            raise QueueNotFoundError(f"the record does not know {', '.join(map(repr, unknown))}; {names}")
        control = Control(database, FolderArtifacts(settings.artifact_folder))
        for queue in dict.fromkeys(queues):
            await (control.pause(queue) if paused else control.resume(queue))
            typer.echo(f"{'paused' if paused else 'resumed'} {queue}")
