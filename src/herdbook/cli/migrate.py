"""The command `migrate`, which never changes a database that a newer Herdbook has migrated."""

import asyncio

import typer

from herdbook.cli import options
from herdbook.cli.connect import open_record, read_settings
from herdbook.settings import Settings


def migrate(data: options.Data = None) -> None:
    """Create or update the tables in PostgreSQL.

    `herdbook up` does this automatically. It is safe to run in several processes
    at once.

    Examples:
      DATABASE_URL=postgresql://user:password@host/database herdbook migrate
    """
    for line in asyncio.run(_migrate(read_settings(data))) or ["the tables are up to date"]:
        typer.echo(line)


async def _migrate(settings: Settings) -> list[str]:
    from herdbook.record.migrate import migrate

    async with open_record(settings, "migrate", size=2) as database:
        applied = await migrate(database)
    return [f"applied {migration.version:04} {migration.name}" for migration in applied]
