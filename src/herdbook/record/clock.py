"""Compares this process's clock with PostgreSQL's, by which the record tells the time."""

import time
from dataclasses import dataclass
from datetime import datetime

from herdbook.record.database import Connection
from herdbook.record.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockDifference:
    """By how many seconds PostgreSQL's clock is ahead of ours, and by how many that may be wrong."""

    ahead: float
    uncertainty: float


async def compare_clocks(connection: Connection) -> ClockDifference:
    """The difference between the clocks; half of the round trip remains uncertain."""
    before, began = time.time(), time.monotonic()
    clock = await read_clock(connection)
    half = (time.monotonic() - began) / 2
    return ClockDifference(ahead=clock.timestamp() - (before + half), uncertainty=half)


async def read_clock(connection: Connection) -> datetime:
    """The time by PostgreSQL's clock."""
    found: datetime = await connection.fetchval(statement("read_clock"))
    return found
