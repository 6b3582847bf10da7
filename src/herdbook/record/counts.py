"""Folds the changes that triggers log into the job counts, so that reading the counts stays cheap.

The sum of counts and changes stays the same.
"""

from herdbook.record.database import Connection
from herdbook.record.locks import try_lock
from herdbook.record.sql import statement


async def fold_counts(connection: Connection) -> None:
    """Fold the changes in, in the caller's transaction; does nothing while another process is doing so."""
    if await try_lock(connection, "counts"):
        await connection.execute(statement("fold_counts"))
        await connection.execute(statement("remove_empty_counts"))
