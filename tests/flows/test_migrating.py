"""An upgrade without a pause: jobs are published and run while the tables are migrated."""

import asyncio
from uuid import UUID

import pytest

from herdbook.model.job import JobStatus
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest
from herdbook.record import schema
from herdbook.record.migrate import migrate
from herdbook.record.schema import known_migrations, read_migration
from herdbook.settings import Settings
from herdbook.testing import running_system

MIGRATIONS = [
    "ALTER TABLE herdbook.jobs ADD COLUMN colour text NOT NULL DEFAULT 'red';",
    "ALTER TABLE herdbook.job_attempts ADD COLUMN colour text;",
    "ALTER TABLE herdbook.outbox ADD COLUMN colour text;",
    "-- herdbook: no transaction\nCREATE INDEX CONCURRENTLY jobs_colour ON herdbook.jobs (colour);",
]


async def test_jobs_run_on_while_a_newer_version_migrates(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()

    @registry.processor("double")
    async def double(number: int) -> int:
        return 2 * number

    async with running_system(settings, registry) as system:
        ids: list[UUID] = []

        async def publish() -> None:
            published = await system.publisher.publish(JobRequest(job_type="double", job_data=len(ids)))
            ids.append(published.id)

        await publish()
        await system.finished(ids[0])
        newer = [read_migration(f"{number:04}_newer.sql", sql) for number, sql in enumerate(MIGRATIONS, 901)]
        known = [*known_migrations(), *newer]
        monkeypatch.setattr(schema, "known_migrations", lambda: known)
        migrating = asyncio.create_task(migrate(system.database))
        while not migrating.done() or len(ids) < 50:
            await publish()
        assert [one.version for one in await migrating] == [901, 902, 903, 904]
        monkeypatch.undo()
        jobs = [await system.finished(id) for id in ids]

    assert {(job.status, job.attempt) for job in jobs} == {(JobStatus.COMPLETED, 1)}
    assert [job.result for job in jobs] == [2 * number for number in range(len(jobs))]
