"""Takes what operators said of whole queues; `changes` writes it.

Gives their wishes.
Never knows whether the queue has followed already.
"""

from dataclasses import dataclass

from herdbook.record.database import Connection
from herdbook.record.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseWish:
    """Whether an operator wants a queue to be paused; said `age` seconds ago."""

    name: str
    paused: bool
    age: float


async def read_pause_wishes(connection: Connection) -> dict[str, PauseWish]:
    """The newest wish for each queue that there was one for."""
    return {row["name"]: PauseWish(**dict(row)) for row in await connection.fetch(statement("read_pause_wishes"))}
