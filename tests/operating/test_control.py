"""Operators' actions on jobs and queues, in the record."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from herdbook.errors import OperationNotFoundError
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.context import LogLine
from herdbook.model.ids import queue_job_id
from herdbook.model.job import AttemptKey, AttemptOutcome, JobStatus
from herdbook.operating.control import Control, OperationAction
from herdbook.record.attempts import claim_jobs_if_newer_attempt, insert_logs
from herdbook.record.changes import read_queue_paused
from herdbook.record.database import Database
from herdbook.record.reads import read_attempts, read_job, read_logs, read_stats
from herdbook.record.search import JobCount, JobFilter
from tests.states import HOUR, UNKNOWN_JOB, new_jobs, one_of_each, outbox, put, statuses

UNKNOWN = "the record has no such job"


@pytest.fixture
def artifacts(tmp_path: Path) -> FolderArtifacts:
    return FolderArtifacts(tmp_path / "artifacts")


@pytest.fixture
def control(database: Database, artifacts: FolderArtifacts) -> Control:
    return Control(database, artifacts)


async def test_a_retried_job_starts_over_and_keeps_its_history(control: Control, database: Database) -> None:
    (id,) = await new_jobs(database, 1)
    await put(database, [id], JobStatus.FAILED)
    assert (await control.retry([id])).changed == [id]
    async with database.connection() as connection:
        job = await read_job(connection, id)
        attempts = await read_attempts(connection, job)
        logs = await read_logs(connection, id)
    assert (job.status, job.generation, job.job_id) == (JobStatus.PENDING, 1, queue_job_id(id, 1))
    assert (job.attempt, job.result, job.error_message, job.progress, job.waited_ms) == (0, None, None, None, None)
    assert (job.started_at, job.completed_at, job.run_at) == (None, None, None)
    assert job.created_at < job.updated_at
    assert [(one.generation, one.number, one.outcome) for one in attempts] == [(0, 1, AttemptOutcome.FAILED)]
    assert [line.message for line in logs] == ["a line"]
    rows = await outbox(database)
    assert sorted((row["action"], row["job"], row["queue"], row["job_id"]) for row in rows) == [
        ("add", id, None, None),
        ("remove", id, "q", str(id)),
    ]


async def test_a_job_can_be_retried_again_and_again(control: Control, database: Database) -> None:
    (id,) = await new_jobs(database, 1)
    for generation in range(1, 12):
        assert (await control.cancel([id])).changed == [id]
        assert (await control.retry([id])).changed == [id]
        async with database.connection() as connection:
            assert (await read_job(connection, id)).job_id == queue_job_id(id, generation)


async def test_each_action_changes_only_jobs_in_suitable_states(control: Control, database: Database) -> None:
    ids = await one_of_each(database)
    every = [*ids.values(), UNKNOWN_JOB]
    retried = await control.retry(every)
    assert retried.changed == [ids[JobStatus.FAILED], ids[JobStatus.CANCELLED]]
    assert retried.refused == {
        ids[JobStatus.PENDING]: "is already pending",
        ids[JobStatus.PROCESSING]: "is running",
        ids[JobStatus.COMPLETED]: "is completed",
        UNKNOWN_JOB: UNKNOWN,
    }
    promoted = await control.promote([ids[JobStatus.PENDING], ids[JobStatus.COMPLETED]])
    assert promoted.changed == []
    assert list(promoted.refused.values()) == ["is not waiting for a time", "is completed"]
    cancelled = await control.cancel(every, "not wanted")
    assert cancelled.changed == [ids[name] for name in (JobStatus.PENDING, JobStatus.FAILED, JobStatus.CANCELLED)]
    assert list(cancelled.refused.values()) == ["is completed", UNKNOWN]
    async with database.connection() as connection:
        job = await read_job(connection, ids[JobStatus.PENDING])
    assert (job.status, job.error_message) == (JobStatus.CANCELLED, "not wanted")
    assert job.completed_at is not None
    assert job.started_at is None
    assert (await control.delete([ids[JobStatus.PROCESSING], *await new_jobs(database, 1)])).changed == []
    assert (await control.delete(every)).refused == {ids[JobStatus.PROCESSING]: "is running", UNKNOWN_JOB: UNKNOWN}


async def test_a_promoted_job_is_due_at_once_and_has_waited_only_since_then(
    control: Control, database: Database
) -> None:
    (later,) = await new_jobs(database, 1, after=HOUR)
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET created_at = now() - interval '1 hour'")
    assert (await control.promote([later])).changed == [later]
    assert list((await control.promote([later])).refused.values()) == ["is not waiting for a time"]
    assert [(row["action"], row["job"]) for row in await outbox(database)] == [("promote", later)]
    async with database.connection() as connection:
        assert (await read_job(connection, later)).run_at is None
        await claim_jobs_if_newer_attempt(connection, [AttemptKey(job=later, generation=0, number=1)], [0], "w1")
        waited = (await read_job(connection, later)).waited_ms
    assert waited is not None
    assert timedelta(milliseconds=waited) < HOUR / 2


async def test_nothing_is_left_of_a_deleted_job(
    control: Control, database: Database, artifacts: FolderArtifacts
) -> None:
    gone, stays = await new_jobs(database, 2)
    await put(database, [gone, stays], JobStatus.COMPLETED)
    for id in (gone, stays):
        artifacts.save(id, "a.txt", b"a", "text/plain")
    assert (await control.delete([gone])).changed == [gone]
    async with database.connection() as connection:
        for table in ("job_attempts", "job_logs"):
            assert await connection.fetchval(f"SELECT array_agg(job) FROM herdbook.{table}") == [stays]
        counted = {one.status: one.count for one in await read_stats(connection)}
        # An overtaken attempt that is still running may keep logging; the lines of other jobs stay in order.
        lines = [(AttemptKey(job=job, generation=0, number=1), text) for text in "abc" for job in (gone, stays)]
        now = (await read_job(connection, stays)).updated_at
        await insert_logs(connection, [(key, LogLine(at=now, message=text)) for key, text in lines])
        kept = [line.message for line in await read_logs(connection, stays)]
    assert await statuses(database) == {stays: JobStatus.COMPLETED}
    assert counted == {JobStatus.COMPLETED: 1}
    assert kept == ["a line", "a", "b", "c"]
    assert artifacts.find(gone) is None
    assert artifacts.find(stays) is not None
    assert [(row["action"], row["queue"], row["job_id"]) for row in await outbox(database)] == [
        ("remove", "q", str(gone))
    ]


async def test_two_operators_neither_repeat_nor_block_each_others_actions(control: Control, database: Database) -> None:
    ids = await new_jobs(database, 200)
    await put(database, ids, JobStatus.FAILED)
    both = await asyncio.gather(control.retry(ids), control.retry(ids[::-1]), control.delete(ids[::2] + ids[1::2]))
    changed = [id for changes in both for id in changes.changed]
    assert sorted(changed) == ids
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT coalesce(max(generation), 1) FROM herdbook.jobs") == 1


@pytest.mark.parametrize("claim_first", [True, False])
async def test_either_a_cancellation_or_a_claim_wins(control: Control, database: Database, claim_first: bool) -> None:
    ids = await new_jobs(database, 300)
    keys = [AttemptKey(job=id, generation=0, number=1) for id in ids]

    async def claim() -> set[UUID]:
        won: set[UUID] = set()
        for key in keys:
            async with database.connection() as connection:
                if await claim_jobs_if_newer_attempt(connection, [key], [0], "w1"):
                    won.add(key.job)
        return won

    async def cancel() -> set[UUID]:
        won: set[UUID] = set()
        for id in ids:
            won |= set((await control.cancel([id])).changed)
        return won

    if claim_first:
        claimed, cancelled = await asyncio.gather(claim(), cancel())
    else:
        cancelled, claimed = await asyncio.gather(cancel(), claim())
    assert not claimed & cancelled
    assert claimed | cancelled == set(ids)
    found = await statuses(database)
    assert {id for id, status in found.items() if status is JobStatus.PROCESSING} == claimed
    assert {id for id, status in found.items() if status is JobStatus.CANCELLED} == cancelled
    assert {row["job"] for row in await outbox(database)} == cancelled


async def test_requests_for_a_queue_are_recorded(control: Control, database: Database) -> None:
    for paused in (True, False):
        await (control.pause("q") if paused else control.resume("q"))
        async with database.connection() as connection:
            assert await read_queue_paused(connection, "q") is paused
            assert await read_queue_paused(connection, "other") is False
    await control.clean("q")
    rows = await outbox(database)
    assert [(row["action"], row["queue"], row["job"]) for row in rows] == [
        ("pause", "q", None),
        ("pause", "q", None),
        ("clean", "q", None),
    ]


async def test_an_operation_is_counted_and_listed_before_it_runs(control: Control, database: Database) -> None:
    ids = await one_of_each(database)
    (later,) = await new_jobs(database, 1, after=HOUR)
    failed = JobFilter(status=JobStatus.FAILED)
    assert await control.count(OperationAction.RETRY, failed) == JobCount(number=1, is_exact=True)
    assert (await control.count(OperationAction.DELETE, JobFilter())).number == 6
    # Only jobs that these actions can change are selected.
    assert (await control.count(OperationAction.CANCEL, JobFilter())).number == 2
    assert (await control.count(OperationAction.PROMOTE, JobFilter())).number == 1
    twice = [later, later, UNKNOWN_JOB]
    assert await control.count(OperationAction.PROMOTE, twice) == JobCount(number=2, is_exact=True)

    by_filter = await control.begin(
        OperationAction.RETRY, JobFilter(status=JobStatus.FAILED, words=("a", "b"), limit=3)
    )
    listed = await control.begin(OperationAction.DELETE, [UNKNOWN_JOB, UNKNOWN_JOB])
    assert by_filter.wanted == JobFilter(status=JobStatus.FAILED, words=("a", "b"))
    assert (listed.wanted, listed.expected, listed.finished_at) == ((UNKNOWN_JOB,), 1, None)
    assert by_filter.newest == later
    assert await control.operations() == [listed, by_filter]
    assert await control.operations(1) == [listed]
    assert await control.operation(by_filter.id) == by_filter
    with pytest.raises(OperationNotFoundError, match="no operation"):
        await control.operation(ids[JobStatus.FAILED])
