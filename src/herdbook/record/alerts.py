"""Records incidents, and counts the recently ended jobs that some alert rules judge by.

A rule and subject never have two open incidents.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from herdbook.alerting import Firing, Rule, TypeFacts
from herdbook.record.database import Connection
from herdbook.record.rollups import MINUTE, bucket_of, read_rollup_state
from herdbook.record.sql import statement
from herdbook.record.stats import not_rolled_up_since


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A problem, resolved at `resolved_at` or still open.

    The two jobs send the notifications; None if nobody was notified, for example because the rule is gone.
    """

    id: UUID
    rule: str
    kind: str
    subject: str
    message: str
    opened_at: datetime
    resolved_at: datetime | None
    opening_job: UUID | None
    resolving_job: UUID | None


async def open_incident_if_none(
    connection: Connection, id: UUID, rule: Rule, firing: Firing, job: UUID
) -> Incident | None:
    """Record an incident and the job that notifies of it; None if it is already open."""
    row = await connection.fetchrow(
        statement("open_incident_if_none"), id, rule.name, rule.kind, firing.subject, firing.message, job
    )
    return _incident(row) if row else None


async def resolve_incident_if_open(connection: Connection, id: UUID, job: UUID | None) -> Incident | None:
    """Resolve an incident and record the job that notifies of that; None if it was already resolved."""
    row = await connection.fetchrow(statement("resolve_incident_if_open"), id, job)
    return _incident(row) if row else None


async def read_open_incidents(connection: Connection) -> list[Incident]:
    """The open incidents, oldest first."""
    return [_incident(row) for row in await connection.fetch(statement("read_open_incidents"))]


async def read_incidents(connection: Connection, limit: int) -> list[Incident]:
    """The newest `limit` incidents."""
    return [_incident(row) for row in await connection.fetch(statement("read_incidents"), limit)]


async def count_ended_by_type(connection: Connection, windows: Iterable[float]) -> dict[float, dict[str, TypeFacts]]:
    """How many jobs of each type ended in the last `windows` seconds, each rounded up to whole minutes."""
    rollups = await read_rollup_state(connection)
    found = {}
    for window in windows:
        since = bucket_of(rollups.now - timedelta(seconds=window), MINUTE)
        rows = await connection.fetch(statement("count_ended_by_type"), since, max(since, not_rolled_up_since(rollups)))
        found[window] = {row["job_type"]: TypeFacts(completed=row["completed"], failed=row["failed"]) for row in rows}
    return found


def _incident(row: Any) -> Incident:
    return Incident(**dict(row))
