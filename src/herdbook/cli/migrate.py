"""The command `migrate`, which never applies a contract without being told to, except to an empty database."""

import asyncio
from typing import Annotated

import typer

from herdbook.cli import options
from herdbook.cli.connect import open_record, read_settings
from herdbook.settings import Settings

Contract = Annotated[
    bool, typer.Option("--contract", help="Also remove what only older versions need: none of them may be running.")
]


def migrate(contract: Contract = False, data: options.Data = None) -> None:
    """Create or update the tables in PostgreSQL.

    Run it before you start a new version: the running version keeps working.
    Once no older version is running, run it again with --contract.

    It waits, and says for whom, while a long transaction is in its way. It is safe
    to run in several processes at once, and to repeat after an error. `herdbook up`
    does this automatically.

    Examples:
      DATABASE_URL=postgresql://user:password@host/database herdbook migrate
      herdbook migrate --contract
    """
    from herdbook.observe.log import set_up_logging

    settings = read_settings(data)
    set_up_logging(settings, "migrate")
    for line in asyncio.run(_migrate(settings, contract=contract)):
        typer.echo(line)


async def _migrate(settings: Settings, *, contract: bool) -> list[str]:
    from herdbook.record.migrate import migrate
    from herdbook.record.schema import compare_schema

    async with open_record(settings, "migrate", size=2) as database:
        applied = await migrate(database, contract=contract)
        async with database.connection(any_schema=True) as connection:
            left = (await compare_schema(connection)).contracts
    done = [f"applied {migration}" for migration in applied] or ["the tables are up to date"]
    waiting = [f"left {one}: run `herdbook migrate --contract` once no older version is running" for one in left]
    return done + waiting
