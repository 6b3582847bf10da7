"""Waits with the start of a worker or relay until `herdbook migrate` has been run."""

import asyncio
from contextlib import suppress

from herdbook.errors import ConfigurationError, RecordUnavailableError
from herdbook.record.database import Database
from herdbook.record.schema import SchemaMismatchError
from herdbook.service import log

# Seconds between two looks.
_INTERVAL = 1.0


async def wait_for_schema(database: Database, stop: asyncio.Event) -> bool:
    """Whether this version can work with the tables, once it can; False once `stop` is set. Take no job before.

    An unreachable PostgreSQL is not waited for: workers and relays do that while they run. Raises ConfigurationError
    if the tables are too new.
    """
    waits = False
    while not stop.is_set():
        try:
            async with database.connection():
                return True
        except SchemaMismatchError as error:
            if error.too_new:
                raise ConfigurationError(str(error)) from error
            if not waits:
                log.warning("waiting for the tables", error=str(error))
            waits = True
        except RecordUnavailableError:
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _INTERVAL)
    return False
