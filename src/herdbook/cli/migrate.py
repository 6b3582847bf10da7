"""Takes the record's database.

Gives it the newest schema.
Never changes a database that a newer Herdbook has migrated.
"""

import asyncio

import typer

from herdbook.cli import options
from herdbook.cli.connect import open_record, read_settings
from herdbook.settings import Settings


def migrate(data: options.Data = None) -> None:
    """Bring the record's tables up to date.

    `herdbook up` does this by itself. Processes that migrate at once take turns.

    Examples:
      DATABASE_URL=postgresql://user:password@host/database herdbook migrate
    """
    for line in asyncio.run(_migrate(read_settings(data))) or ["the record is up to date"]:
        typer.echo(line)


async def _migrate(settings: Settings) -> list[str]:
    from herdbook.record.migrate import migrate

    async with open_record(settings, "migrate", size=2) as database:
        applied = await migrate(database)
    return [f"applied {migration.version:04} {migration.name}" for migration in applied]
