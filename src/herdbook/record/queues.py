"""Reads which queues operators have paused or resumed; the queue itself may lag behind."""

from dataclasses import dataclass

from herdbook.record.database import Connection
from herdbook.record.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedPause:
    """Whether a queue should be paused, as an operator requested `age` seconds ago."""

    name: str
    paused: bool
    age: float


async def read_requested_pauses(connection: Connection) -> dict[str, RequestedPause]:
    """The newest request for each queue, by its name."""
    rows = await connection.fetch(statement("read_requested_pauses"))
    return {row["name"]: RequestedPause(**dict(row)) for row in rows}
