"""Incidents in the record, and the jobs that rules judge by."""

from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from herdbook.alerting import Firing, Rule, TypeFacts
from herdbook.model.ids import new_job_id
from herdbook.model.job import AttemptOutcome, JobStatus
from herdbook.record.alerts import (
    Incident,
    count_ended_by_type,
    open_incident_if_none,
    read_incidents,
    read_open_incidents,
    resolve_incident_if_open,
)
from herdbook.record.database import Connection, Database
from herdbook.record.rollups import MINUTE, bucket_of, read_rollup_state, write_rollups
from tests.states import new_jobs, put

RULE: Any = TypeAdapter(Rule).validate_python({"kind": "worker-lost"})


async def begin(connection: Connection, subject: str) -> Incident | None:
    firing = Firing(subject=subject, message=f"{subject} is lost.")
    return await open_incident_if_none(connection, new_job_id(), RULE, firing, new_job_id())


async def test_an_incident_is_opened_once_and_can_recur(database: Database) -> None:
    async with database.connection() as connection:
        first = await begin(connection, "w1")
        other = await begin(connection, "w2")
        assert first
        assert other
        assert await begin(connection, "w1") is None
        job = new_job_id()
        resolved = await resolve_incident_if_open(connection, first.id, job)
        assert resolved
        assert (resolved.resolving_job, resolved.message) == (job, "w1 is lost.")
        assert await resolve_incident_if_open(connection, first.id, job) is None
        assert await read_open_incidents(connection) == [other]
        again = await begin(connection, "w1")
        assert again
        assert [one.id for one in await read_incidents(connection, 2)] == [again.id, other.id]


async def test_ended_jobs_are_counted_by_type_whether_rolled_up_or_not(database: Database) -> None:
    ids = await new_jobs(database, 5)
    for id, status in zip(ids, [JobStatus.FAILED] * 2 + [JobStatus.COMPLETED] * 3, strict=True):
        await put(database, [id], status)
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE herdbook.job_attempts SET outcome = $2 WHERE job = ANY ($1)",
            ids[2:],
            AttemptOutcome.COMPLETED.value,
        )
        counted = {600.0: {"t": TypeFacts(completed=3, failed=2)}}
        assert await count_ended_by_type(connection, [600.0]) == counted
        await connection.execute("UPDATE herdbook.job_attempts SET ended_at = ended_at - interval '5 min'")
        now = (await read_rollup_state(connection)).now
        await write_rollups(connection, bucket_of(now - timedelta(minutes=10), MINUTE), bucket_of(now, MINUTE))
        found = await count_ended_by_type(connection, [60.0, 600.0])
    assert found == {60.0: {}, **counted}
