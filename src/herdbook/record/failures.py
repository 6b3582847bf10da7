"""Groups the newest failed jobs by type and reason, treating errors that differ only in numbers and ids as the same."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice
from uuid import UUID

import asyncpg

from herdbook.record.database import Connection
from herdbook.record.sql import statement

_MAX_FAILURES_READ = 500
_VARYING = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # UUIDs
    r"|\b0x[0-9a-f]+"
    r"|\b(?=[a-f]*[0-9])[0-9a-f]{8,}\b"  # hashes; words have no digit
    r"|[0-9]+(?:[.,:][0-9]+)*",  # numbers, addresses, times
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Jobs of one type that failed for the same reason; `message`, `newest` and `failed_at` are of the newest job."""

    job_type: str
    message: str
    count: int
    newest: UUID
    failed_at: datetime


async def read_failure_groups(connection: Connection, limit: int) -> list[FailureGroup]:
    """Up to `limit` groups of recently failed jobs, newest first."""
    newest: dict[tuple[str, str], asyncpg.Record] = {}
    counts = Counter[tuple[str, str]]()
    for row in await connection.fetch(statement("read_failures"), _MAX_FAILURES_READ):
        reason = (row["job_type"], normalise_message(row["message"]))
        newest.setdefault(reason, row)
        counts[reason] += 1
    return [FailureGroup(**dict(row), count=counts[reason]) for reason, row in islice(newest.items(), limit)]


# An open overview page normalises the same messages every second.
@lru_cache(maxsize=2 * _MAX_FAILURES_READ)
def normalise_message(message: str) -> str:
    """The message with every number, UUID and hexadecimal id replaced by `#`."""
    return _VARYING.sub("#", message)
