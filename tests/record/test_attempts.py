"""The fence: which attempts may claim a job and which results are written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from herdbook.model.context import LogLine
from herdbook.model.ids import new_job_id
from herdbook.model.job import ANY_GENERATION, AttemptKey, AttemptOutcome, JobStatus, NewJob
from herdbook.model.outcome import ErrorReport
from herdbook.record.attempts import (
    FinishedAttempt,
    claim_jobs_if_newer_attempt,
    finish_attempts_if_running,
    insert_logs,
    read_jobs_if_pending,
    write_progress_if_running,
)
from herdbook.record.changes import retry_jobs_if_over
from herdbook.record.database import Connection, Database
from herdbook.record.outbox import insert_jobs
from herdbook.record.reads import read_attempts, read_job, read_logs
from tests.record.attempts import outcome_of


def new_job() -> NewJob:
    return NewJob(
        id=new_job_id(), queue="q", job_type="t", job_data="{}", priority=0, run_at=None, max_attempts=3, backoff=None
    )


async def inserted(connection: Connection) -> UUID:
    job = new_job()
    assert set(await insert_jobs(connection, [job])) == {job.id}
    return job.id


async def claim(
    connection: Connection, job: UUID, number: int, worker: str = "w1", made: int = 0, generation: int = 0
) -> bool:
    key = AttemptKey(job=job, generation=generation, number=number)
    return 0 in await claim_jobs_if_newer_attempt(connection, [key], [made], worker)


def ended(
    job: UUID, number: int, status: JobStatus = JobStatus.COMPLETED, made: int = 1, generation: int = 0
) -> FinishedAttempt:
    error = ErrorReport(type="E", message=f"error of {number}")
    return FinishedAttempt(
        key=AttemptKey(job=job, generation=generation, number=number),
        outcome=outcome_of(status, result=f'{{"by": {number}}}', error=error),
        attempts_made=made,
    )


async def finish(connection: Connection, attempt: FinishedAttempt, worker: str = "w1") -> bool:
    return 0 in await finish_attempts_if_running(connection, [attempt], worker)


async def test_a_job_is_claimed_once_per_attempt(database: Database) -> None:
    async with database.connection() as connection:
        job = await inserted(connection)
        assert await claim(connection, job, 1)
        assert not await claim(connection, job, 1, worker="w2")
        found = await read_job(connection, job)
    assert (found.status, found.attempt, found.worker) == (JobStatus.PROCESSING, 1, "w1")


async def test_a_newer_attempt_overtakes_the_older_one_which_is_recorded_as_lost(database: Database) -> None:
    async with database.connection() as connection:
        job = await inserted(connection)
        assert await claim(connection, job, 1, worker="w1")
        assert await claim(connection, job, 2, worker="w2")
        assert not await finish(connection, ended(job, 1), worker="w1"), "the zombie's result changes nothing"
        assert await finish(connection, ended(job, 2), worker="w2")
        found = await read_job(connection, job)
        attempts = await read_attempts(connection, found)
    assert (found.status, found.result) == (JobStatus.COMPLETED, {"by": 2})
    assert [(one.number, one.worker, one.outcome) for one in attempts] == [
        (1, "w1", AttemptOutcome.LOST),
        (2, "w2", AttemptOutcome.COMPLETED),
    ]


async def test_a_result_is_recorded_once(database: Database) -> None:
    async with database.connection() as connection:
        job = await inserted(connection)
        await claim(connection, job, 1)
        assert await finish(connection, ended(job, 1))
        assert not await finish(connection, ended(job, 1, JobStatus.FAILED))
        assert not await claim(connection, job, 2), "a completed job never runs again"
        found = await read_job(connection, job)
    assert (found.status, found.error_message) == (JobStatus.COMPLETED, None)


async def test_a_retry_is_pending_until_its_next_attempt(database: Database) -> None:
    async with database.connection() as connection:
        job = await inserted(connection)
        await claim(connection, job, 1)
        assert await finish(connection, ended(job, 1, JobStatus.PENDING))
        waiting = await read_job(connection, job)
        assert not await claim(connection, job, 1, worker="w2", made=1)
        assert await claim(connection, job, 2, made=1)
        assert await finish(connection, ended(job, 2, made=2))
        done = await read_job(connection, job)
        attempts = await read_attempts(connection, done)
    assert (waiting.status, waiting.attempt, waiting.error_message) == (JobStatus.PENDING, 1, "error of 1")
    assert (done.status, done.error_message, done.completed_at is not None) == (JobStatus.COMPLETED, None, True)
    assert [one.error_message for one in attempts] == ["error of 1", None]


async def test_a_failed_job_runs_again_only_if_the_queue_counted_its_failure(database: Database) -> None:
    async with database.connection() as connection:
        job = await inserted(connection)
        await claim(connection, job, 1)
        await finish(connection, ended(job, 1, JobStatus.FAILED))
        assert not await claim(connection, job, 2, made=0), "its worker died before acknowledging the failure"
        assert await claim(connection, job, 2, made=1), "it was retried in the queue"
        found = await read_job(connection, job)
    assert (found.status, found.completed_at) == (JobStatus.PROCESSING, None)


async def test_a_job_retried_under_the_same_id_is_fenced_by_the_count_that_goes_on(database: Database) -> None:
    async with database.connection() as connection:
        job = await inserted(connection)
        await connection.execute("UPDATE herdbook.jobs SET job_id = '7@1'")
        assert await claim(connection, job, 2)
        assert await finish(connection, ended(job, 2, JobStatus.FAILED))
        assert await retry_jobs_if_over(connection, [job]) == {job}
        # Late reports and deliveries of the attempts before the retry.
        for number in (1, 2):
            assert not await finish(connection, ended(job, number))
            assert not await claim(connection, job, number, made=9)
            assert not await claim(connection, job, number, generation=ANY_GENERATION)
        assert not await claim(connection, job, 3)
        assert not await finish(connection, ended(job, 3))
        key = AttemptKey(job=job, generation=ANY_GENERATION, number=3)
        (claimed,) = (await claim_jobs_if_newer_attempt(connection, [key], [0], "w1")).values()
        assert claimed.generation == 1
        assert not await finish(connection, ended(job, 3))
        assert await finish(connection, ended(job, 3, generation=1))
        found = await read_job(connection, job)
        attempts = await read_attempts(connection, found)
    assert (found.status, found.generation, found.attempt, found.job_id) == (JobStatus.COMPLETED, 1, 3, "7@1")
    assert [(one.generation, one.number) for one in attempts] == [(0, 2), (1, 3)]


async def test_an_attempt_that_ended_before_its_start_was_recorded_is_recorded_with_it(database: Database) -> None:
    async with database.connection() as connection:
        job = await inserted(connection)
        due = (await read_job(connection, job)).updated_at
        seen = (await read_jobs_if_pending(connection, "q", [AttemptKey(job=job, generation=0, number=1)]))[0]
        assert await finish(connection, replace(ended(job, 1), started_at=seen.started_at))
        found = await read_job(connection, job)
        (attempt,) = await read_attempts(connection, found)
    assert (found.status, found.attempt, found.started_at) == (JobStatus.COMPLETED, 1, seen.started_at)
    assert (attempt.outcome, attempt.started_at) == (AttemptOutcome.COMPLETED, seen.started_at)
    assert found.waited_ms == attempt.waited_ms == round((seen.started_at - due) / timedelta(milliseconds=1))


async def test_of_two_attempts_without_a_recorded_start_one_is_recorded(database: Database) -> None:
    async with database.connection() as connection:
        job = await inserted(connection)
        assert await finish(connection, ended(job, 2), worker="w2")
        assert not await finish(connection, ended(job, 1), worker="w1")
        assert not await finish(connection, ended(job, 3), worker="w3"), "a final job is final"
        retried = await inserted(connection)
        assert await finish(connection, ended(retried, 2, JobStatus.PENDING))
        assert not await finish(connection, ended(retried, 1)), "an older attempt came too late"
        assert not await finish(connection, ended(retried, 2)), "no attempt is recorded twice"


async def test_an_attempt_without_a_recorded_start_changes_nothing_while_another_has_claimed_the_job(
    database: Database,
) -> None:
    async with database.connection() as connection:
        job = await inserted(connection)
        assert await claim(connection, job, 2, worker="w2")
        assert not await finish(connection, ended(job, 1), worker="w1")
        assert not await finish(connection, ended(job, 3), worker="w3"), "it must claim first"
        found = await read_job(connection, job)
    assert (found.status, found.attempt, found.worker) == (JobStatus.PROCESSING, 2, "w2")


async def test_a_batch_is_claimed_and_finished_job_by_job(database: Database) -> None:
    async with database.connection() as connection:
        jobs = [await inserted(connection) for _ in range(5)]
        await claim(connection, jobs[0], 1, worker="other")
        keys = [AttemptKey(job=job, generation=0, number=1) for job in jobs]
        won = await claim_jobs_if_newer_attempt(connection, keys, [0] * 5, "w1")
        assert set(won) == {1, 2, 3, 4}
        written = await finish_attempts_if_running(connection, [ended(job, 1) for job in jobs], "w1")
    assert written == {1, 2, 3, 4}


async def test_of_two_attempts_in_a_batch_only_the_one_that_counts_is_returned(database: Database) -> None:
    async with database.connection() as connection:
        job = await inserted(connection)
        attempts = [ended(job, 1), ended(job, 2)]
        claimed = await claim_jobs_if_newer_attempt(connection, [one.key for one in attempts], [0, 0], "w1")
        assert len(claimed) == 1
        written = await finish_attempts_if_running(connection, attempts, "w1")
        recorded = await connection.fetchval("SELECT attempt FROM herdbook.jobs WHERE id = $1", job)
    assert [attempts[number].key.number for number in written] == [recorded]
    assert written == claimed.keys()


async def test_late_progress_changes_nothing(database: Database) -> None:
    async with database.connection() as connection:
        job = await inserted(connection)
        await claim(connection, job, 1)
        first, second = (AttemptKey(job=job, generation=0, number=number) for number in (1, 2))
        await write_progress_if_running(connection, [(first, "10")])
        await claim(connection, job, 2, worker="w2")
        await write_progress_if_running(connection, [(first, "99")])
        assert (await read_job(connection, job)).progress == 10
        await write_progress_if_running(connection, [(second, '{"step": 2}')])
        assert (await read_job(connection, job)).progress == {"step": 2}


async def test_log_lines_keep_their_order(database: Database) -> None:
    async with database.connection() as connection:
        job = await inserted(connection)
        key = AttemptKey(job=job, generation=0, number=1)
        now = datetime.now(UTC)
        await insert_logs(connection, [(key, LogLine(at=now, message=f"line {n}")) for n in range(20)])
        lines = await read_logs(connection, job, limit=5)
        rest = await read_logs(connection, job, after=lines[-1].id)
    assert [line.message for line in lines + rest] == [f"line {n}" for n in range(20)]


@pytest.mark.parametrize("change", ["status = 'completed'", "completed_at = now()", "worker = 'w'", "priority = -1"])
async def test_the_database_refuses_a_row_that_contradicts_itself(database: Database, change: str) -> None:
    import asyncpg

    async with database.connection() as connection:
        job = await inserted(connection)
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(f"UPDATE herdbook.jobs SET {change} WHERE id = $1", job)
