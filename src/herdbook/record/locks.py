"""Named advisory locks, so that only one process at a time does a piece of work."""

from herdbook.record.database import Connection
from herdbook.record.sql import statement


async def try_lock(connection: Connection, name: str) -> bool:
    """Whether this transaction got the lock, which it then holds until its end; never waits."""
    found: bool = await connection.fetchval(statement("try_lock"), name)
    return found
