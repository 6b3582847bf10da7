"""Folding changes into counts."""

import asyncio

from herdbook.model.ids import new_job_id
from herdbook.model.job import JobStatus, NewJob
from herdbook.record.database import Record
from herdbook.record.outbox import insert_jobs
from herdbook.record.search import JobFilter, count_jobs
from herdbook.testing import eventually
from herdbook.upkeep.counts import CountFolder


async def insert(record: Record, count: int) -> None:
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
    async with record.connection() as connection:
        await insert_jobs(connection, jobs)


async def counts(record: Record) -> dict[str, int]:
    async with record.connection() as connection:
        found = {status: (await count_jobs(connection, JobFilter(status=status))).number for status in JobStatus}
    return {status: count for status, count in found.items() if count}


async def rows(record: Record, table: str) -> int:
    async with record.connection() as connection:
        found: int = await connection.fetchval(f"SELECT count(*) FROM herdbook.{table}")
    return found


async def test_folding_keeps_the_counts_and_leaves_no_change_and_no_zero(record: Record) -> None:
    await insert(record, 9)
    await CountFolder(record).round()
    assert (await counts(record), await rows(record, "job_counts")) == ({"pending": 9}, 3)
    async with record.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET status = 'cancelled', completed_at = now()")
        await connection.execute("DELETE FROM herdbook.jobs WHERE job_type = 't0'")
    assert await counts(record) == {"cancelled": 6}
    await CountFolder(record).round()
    assert await counts(record) == {"cancelled": 6}
    assert (await rows(record, "job_counts"), await rows(record, "job_count_changes")) == (2, 0)


async def test_folders_side_by_side_count_each_change_once(record: Record) -> None:
    folders = [CountFolder(record) for _ in range(3)]
    for _ in range(5):
        await asyncio.gather(insert(record, 20), *(folder.round() for folder in folders))
    assert await counts(record) == {"pending": 100}


async def test_the_service_folds_by_itself(record: Record) -> None:
    await insert(record, 3)
    folder = CountFolder(record)
    folder.start()

    async def folded() -> bool:
        return await rows(record, "job_count_changes") == 0

    await eventually(folded)
    await folder.stop()
    assert await counts(record) == {"pending": 3}
