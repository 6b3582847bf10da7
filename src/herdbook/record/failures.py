"""Takes the newest failed jobs.

Gives them grouped: jobs of a type whose errors differ only in numbers and ids failed for the same reason.
Never reads further back than some hundred failures.
"""

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

# Failed jobs that are looked at.
_LOOKED_AT = 500
_VARYING = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # UUIDs
    r"|\b0x[0-9a-f]+"
    r"|\b(?=[a-f]*[0-9])[0-9a-f]{8,}\b"  # hashes; words have no digit
    r"|[0-9]+(?:[.,:][0-9]+)*",  # numbers, addresses, times
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Failed jobs of one type with one reason; `message`, `newest` and `failed_at` are of the newest job."""

    job_type: str
    message: str
    count: int
    newest: UUID
    failed_at: datetime


async def read_failure_groups(connection: Connection, limit: int) -> list[FailureGroup]:
    """The groups of the newest failed jobs, at most `limit`, the group with the newest job first."""
    newest: dict[tuple[str, str], asyncpg.Record] = {}
    counts = Counter[tuple[str, str]]()
    for row in await connection.fetch(statement("read_failures"), _LOOKED_AT):
        reason = (row["job_type"], without_varying(row["message"]))
        newest.setdefault(reason, row)
        counts[reason] += 1
    return [FailureGroup(**dict(row), count=counts[reason]) for reason, row in islice(newest.items(), limit)]


# An open overview looks at the same messages each second.
@lru_cache(maxsize=2 * _LOOKED_AT)
def without_varying(message: str) -> str:
    """The message with each number, UUID and hexadecimal id replaced by the same sign."""
    return _VARYING.sub("#", message)
