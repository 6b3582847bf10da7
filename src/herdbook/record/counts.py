"""Takes the changes of the jobs' counts, which triggers write.

Gives counts that have them folded in, so that reading the counts stays cheap.
Never changes what the counts say: the sum of both is the same before and after.
"""

from herdbook.record.database import Connection
from herdbook.record.locks import try_lock
from herdbook.record.sql import statement


async def fold_counts(connection: Connection) -> None:
    """Fold the changes in, in the caller's transaction; does nothing while another process does it."""
    if await try_lock(connection, "counts"):
        await connection.execute(statement("fold_counts"))
        await connection.execute(statement("remove_empty_counts"))
