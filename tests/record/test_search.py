"""Finding jobs in the record."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from herdbook.model.ids import first_job_id, new_job_id
from herdbook.model.job import JobStatus, NewJob
from herdbook.record import search
from herdbook.record.database import Database
from herdbook.record.outbox import insert_jobs
from herdbook.record.search import JobCount, JobFilter, count_jobs, find_jobs, search_job_ids, search_jobs


async def insert(database: Database, *data: str, job_type: str = "note", queue: str = "notes") -> list[UUID]:
    jobs = [
        NewJob(
            id=new_job_id(),
            queue=queue,
            job_type=job_type,
            job_data=one,
            priority=0,
            run_at=None,
            max_attempts=1,
            backoff=None,
        )
        for one in data
    ]
    async with database.connection() as connection:
        await insert_jobs(connection, jobs)
    return [job.id for job in jobs]


async def end(database: Database, ids: Sequence[UUID], status: str, error: str | None = None) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE herdbook.jobs SET status = $2::text::herdbook.job_status, completed_at = now(), error_message = $3"
            " WHERE id = ANY ($1::uuid[])",
            ids,
            status,
            error,
        )


async def found(database: Database, wanted: JobFilter) -> list[UUID]:
    async with database.connection() as connection:
        jobs = await find_jobs(connection, wanted)
        assert [job.id for job in jobs] == (await search_job_ids(connection, wanted)).ids
        assert (await count_jobs(connection, wanted)).number == len(jobs)
    return [job.id for job in jobs]


async def test_each_part_of_a_filter_narrows_the_search(database: Database) -> None:
    mail, other = await insert(database, '{"to": "ada"}', '{"to": "bob"}', job_type="email", queue="mails")
    (note,) = await insert(database, '{"text": "ada"}')
    await end(database, [other], "failed", "no such mailbox")
    await end(database, [note], "cancelled")
    assert await found(database, JobFilter()) == [note, other, mail]
    assert await found(database, JobFilter(job_type="email")) == [other, mail]
    assert await found(database, JobFilter(queue="notes")) == [note]
    assert await found(database, JobFilter(status=JobStatus.PENDING)) == [mail]
    assert await found(database, JobFilter(status=JobStatus.FAILED)) == [other]
    assert await found(database, JobFilter(status=JobStatus.CANCELLED, job_type="email")) == []


@pytest.mark.parametrize(
    ("words", "finds"),
    [
        (("ADA",), True),
        (("ada", "100%"), True),
        (("ada", "bob"), False),
        (("mailbox",), True),
        (("100_",), False),
        (("10", "%"), True),
        (("a\\b",), False),
        (("שלום",), True),
    ],
)
async def test_every_word_must_occur_in_the_data_or_the_error(
    database: Database, words: tuple[str, ...], finds: bool
) -> None:
    ids = await insert(database, '{"to": "ada", "text": "100% שלום"}')
    await end(database, ids, "failed", "no such mailbox")
    assert await found(database, JobFilter(words=words)) == (ids if finds else [])


async def test_a_job_is_found_by_its_id_or_part_of_it(database: Database) -> None:
    first, _ = await insert(database, "{}", "{}")
    assert await found(database, JobFilter(words=(str(first),))) == [first]
    assert await found(database, JobFilter(words=(str(first)[-12:],))) == [first]


async def test_a_time_range_bounds_the_publishing_time(database: Database) -> None:
    ids = await insert(database, "{}")
    now = datetime.now(UTC)
    minute = timedelta(minutes=1)
    assert await found(database, JobFilter(since=now - minute, until=now + minute)) == ids
    assert await found(database, JobFilter(since=now + minute)) == []
    assert await found(database, JobFilter(until=now - minute)) == []
    assert first_job_id(now - minute) < ids[0] < first_job_id(now + minute)


async def test_scheduled_jobs_can_be_listed(database: Database) -> None:
    _, later = await insert(database, "{}", "{}")
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET run_at = now() + interval '1 hour' WHERE id = $1", later)
    assert await found(database, JobFilter(scheduled=True)) == [later]


async def test_pages_follow_one_another(database: Database) -> None:
    ids = (await insert(database, *["{}"] * 5))[::-1]
    async with database.connection() as connection:
        first = await search_jobs(connection, JobFilter(limit=2))
        assert ([job.id for job in first.jobs], first.next) == (ids[:2], ids[1])
        second = await search_jobs(connection, JobFilter(limit=2, before=first.next))
        third = await search_jobs(connection, JobFilter(limit=2, before=second.next))
        assert ([job.id for job in third.jobs], third.next) == (ids[4:], None)


async def test_a_search_that_finds_little_stops_after_a_slice_and_can_continue(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_SLICE", 3)
    (oldest,) = await insert(database, "{}", job_type="rare")
    await insert(database, *["{}"] * 7)
    async with database.connection() as connection:
        wanted = JobFilter(job_type="rare", since=datetime.now(UTC) - timedelta(hours=1))
        first = await search_jobs(connection, wanted)
        assert first.jobs == []
        assert first.next is not None
        assert await count_jobs(connection, wanted) == JobCount(number=0, is_exact=False)
        assert [job.id for job in await find_jobs(connection, wanted)] == [oldest]


async def test_a_search_ends_at_once_if_the_counts_show_no_match(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_SLICE", 3)
    await insert(database, *["{}"] * 7)
    async with database.connection() as connection:
        assert (await search_jobs(connection, JobFilter(status=JobStatus.COMPLETED))).next is None
        assert (await search_jobs(connection, JobFilter(job_type="unknown"))).next is None
        # Counts say nothing about times.
        recent = JobFilter(status=JobStatus.COMPLETED, since=datetime.now(UTC) - timedelta(hours=1))
        assert (await search_jobs(connection, recent)).next is not None


async def test_scattered_jobs_are_searched_in_smaller_slices(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_SLICE_SCATTERED", 2)
    ids = await insert(database, *["{}"] * 5)
    await end(database, ids, "failed", "no such mailbox")
    async with database.connection() as connection:
        wanted = JobFilter(status=JobStatus.FAILED, words=("nowhere",))
        first = await search_jobs(connection, wanted)
        assert (first.jobs, first.next) == ([], ids[3])
        assert [job.id for job in await find_jobs(connection, JobFilter(status=JobStatus.FAILED))] == ids[::-1]


async def test_the_counts_follow_every_change(database: Database) -> None:
    ids = await insert(database, "{}", "{}", "{}")
    await end(database, ids[:2], "completed")
    async with database.connection() as connection:
        await connection.execute("DELETE FROM herdbook.jobs WHERE id = $1", ids[0])
        counts = {status: (await count_jobs(connection, JobFilter(status=status))).number for status in JobStatus}
    assert {status: count for status, count in counts.items() if count} == {"pending": 1, "completed": 1}
