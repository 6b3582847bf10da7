"""Folding changes into counts."""

import asyncio

from herdbook.model.ids import new_job_id
from herdbook.model.job import JobStatus, NewJob
from herdbook.record.database import Database
from herdbook.record.outbox import insert_jobs
from herdbook.record.search import JobFilter, count_jobs
from herdbook.testing import eventually
from herdbook.upkeep.counts import CountFolder


async def insert(database: Database, count: int) -> None:
    jobs = [
        NewJob(
            id=new_job_id(),
            queue="q",
            job_type=f"t{number % 3}",
            job_data="{}",
            priority=0,
            run_at=None,
            max_attempts=1,
            backoff=None,
        )
        for number in range(count)
    ]
    async with database.connection() as connection:
        await insert_jobs(connection, jobs)


async def counts(database: Database) -> dict[str, int]:
    async with database.connection() as connection:
        found = {status: (await count_jobs(connection, JobFilter(status=status))).number for status in JobStatus}
    return {status: count for status, count in found.items() if count}


async def rows(database: Database, table: str) -> int:
    async with database.connection() as connection:
        found: int = await connection.fetchval(f"SELECT count(*) FROM herdbook.{table}")
    return found


async def test_folding_keeps_the_totals_and_leaves_no_changes_or_zeros(database: Database) -> None:
    await insert(database, 9)
    await CountFolder(database).round()
    assert (await counts(database), await rows(database, "job_counts")) == ({"pending": 9}, 3)
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET status = 'cancelled', completed_at = now()")
        await connection.execute("DELETE FROM herdbook.jobs WHERE job_type = 't0'")
    assert await counts(database) == {"cancelled": 6}
    await CountFolder(database).round()
    assert await counts(database) == {"cancelled": 6}
    assert (await rows(database, "job_counts"), await rows(database, "job_count_changes")) == (2, 0)


async def test_concurrent_folders_count_each_change_once(database: Database) -> None:
    folders = [CountFolder(database) for _ in range(3)]
    for _ in range(5):
        await asyncio.gather(insert(database, 20), *(folder.round() for folder in folders))
    assert await counts(database) == {"pending": 100}


async def test_the_service_folds_by_itself(database: Database) -> None:
    await insert(database, 3)
    folder = CountFolder(database)
    folder.start()

    async def folded() -> bool:
        return await rows(database, "job_count_changes") == 0

    await eventually(folded)
    await folder.stop()
    assert await counts(database) == {"pending": 3}
