"""Takes the name of a piece of work.

Gives it to one transaction at a time, whichever process asks.
Never waits.
"""

from herdbook.record.database import Connection
from herdbook.record.sql import statement


async def try_lock(connection: Connection, name: str) -> bool:
    """Whether the work is this transaction's own until it ends; false when another holds it."""
    found: bool = await connection.fetchval(statement("try_lock"), name)
    return found
