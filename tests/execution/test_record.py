"""What ended runs leave in the record, when other attempts were there meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from herdbook.errors import RecordUnavailableError
from herdbook.execution.claim import claim_deliveries, claim_suspects
from herdbook.execution.claimed_job import ClaimedJob
from herdbook.execution.decide import decide_outcome
from herdbook.execution.error_report import report_error
from herdbook.execution.limits import JobLimits
from herdbook.execution.processes import ProcessPool
from herdbook.execution.record import flush_reports, record_ended, save_starts
from herdbook.execution.replies import reject_stale
from herdbook.execution.run import Runner
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.context import JobContext
from herdbook.model.job import AttemptKey, AttemptOutcome, JobStatus
from herdbook.model.outcome import Ended, ErrorReport, Failed, Raised, Released, Snoozed, Succeeded, WillRetry
from herdbook.model.registry import Registry
from herdbook.model.signals import Retry
from herdbook.queue.delivery import Delivery, parse_delivery
from herdbook.record.attempts import claim_jobs_if_newer_attempt
from herdbook.record.changes import cancel_jobs_if_pending
from herdbook.record.database import Database
from herdbook.record.reads import read_attempts, read_job, read_logs
from tests.states import new_jobs

LIMITS = JobLimits(lost=3, result_bytes=1_000, log_lines=3)


def delivered(job: UUID, attempt: int) -> Delivery:
    return parse_delivery("q", ["t", "{}", "{}", str(attempt), None, None, "1", None, None, str(job)], "token")


@asynccontextmanager
async def running(
    database: Database, folder: Path, job: UUID, attempt: int, worker: str, function: Callable[..., Any]
) -> AsyncIterator[tuple[ClaimedJob, asyncio.Future[ClaimedJob]]]:
    """A job that this worker claimed and runs, and the same once its function has returned."""
    registry = Registry()
    registry.processor("t", queue="q")(function)
    ended: asyncio.Future[ClaimedJob] = asyncio.get_running_loop().create_future()

    def decide(job: ClaimedJob, how: Ended) -> None:
        job.outcome = decide_outcome(job, how, LIMITS.result_bytes)
        ended.set_result(job)

    artifacts = FolderArtifacts(folder)
    runner = Runner(registry, artifacts, ProcessPool(1, artifacts), LIMITS, on_end=decide)
    (claimed,), _ = await claim_deliveries(database, [delivered(job, attempt)], worker)
    runner.start([claimed])
    yield claimed, ended
    runner.close()


async def ran(database: Database, folder: Path, job: UUID, attempt: int, worker: str) -> ClaimedJob:
    """A job that this worker claimed, once its function has returned."""

    async def function(payload: object) -> int:
        return attempt

    async with running(database, folder, job, attempt, worker, function) as (_, ended):
        return await ended


async def test_a_pending_job_is_claimed_without_a_word_in_the_record(database: Database) -> None:
    (job,) = await new_jobs(database, 1)
    (claimed,), rejected = await claim_deliveries(database, [delivered(job, 1)], "w1")
    assert (claimed.is_start_saved, rejected) == (False, [])
    async with database.connection() as connection:
        assert (await read_job(connection, job)).status is JobStatus.PENDING


async def test_the_newer_attempt_wins_over_one_that_was_marked_meanwhile(database: Database, tmp_path: Path) -> None:
    (job,) = await new_jobs(database, 1)
    older = await ran(database, tmp_path, job, 1, "w1")
    newer = await ran(database, tmp_path, job, 2, "w2")
    assert await save_starts(database, [older], "w1") == []
    assert await record_ended(database, [newer], "w2") == [newer]
    assert await record_ended(database, [older], "w1") == []
    async with database.connection() as connection:
        found = await read_job(connection, job)
        attempts = await read_attempts(connection, found)
    assert (found.status, found.result) == (JobStatus.COMPLETED, 2)
    assert [(one.number, one.outcome) for one in attempts] == [
        (1, AttemptOutcome.LOST),
        (2, AttemptOutcome.COMPLETED),
    ]
    (told,) = await reject_stale(database, [(older.key, older.delivery)])
    assert told.outcome == Succeeded(result="2")


async def test_two_attempts_of_one_job_in_a_batch_are_not_both_taken_as_recorded(
    database: Database, tmp_path: Path
) -> None:
    (job,) = await new_jobs(database, 1)
    attempts = [await ran(database, tmp_path, job, number, "w1") for number in (1, 2)]
    recorded = await record_ended(database, attempts, "w1")
    async with database.connection() as connection:
        found = await read_job(connection, job)
    assert [one.key.number for one in recorded] == [found.result] == [found.attempt]


async def test_a_report_that_comes_before_the_record_shows_the_job_as_running_is_kept(
    database: Database, tmp_path: Path
) -> None:
    (job,) = await new_jobs(database, 1)
    go_on, reported = asyncio.Event(), asyncio.Event()

    async def function(payload: object, context: JobContext) -> None:
        context.progress({"name": "NUL \0, half a pair \ud83d"})
        context.log("an undecodable name: \udcff")
        reported.set()
        await go_on.wait()

    async with running(database, tmp_path, job, 1, "w1", function) as (run, ended):
        await reported.wait()
        assert [one for one, _ in await flush_reports(database, [run], "w1")] == [run]
        async with database.connection() as connection:
            shown = await read_job(connection, job)
            (line,) = await read_logs(connection, job)
        assert (shown.status, shown.progress) == (JobStatus.PROCESSING, {"name": "NUL \ufffd, half a pair ?"})
        assert line.message == "an undecodable name: ?"
        go_on.set()
        assert await record_ended(database, [await ended], "w1") == [run]
    async with database.connection() as connection:
        done = await read_job(connection, job)
    assert (done.status, done.progress) == (JobStatus.COMPLETED, shown.progress)


async def test_reports_that_could_not_be_written_wait_for_the_next_time(database: Database, tmp_path: Path) -> None:
    (job,) = await new_jobs(database, 1)

    async def function(payload: object, context: JobContext) -> None:
        context.progress(50)

    async with running(database, tmp_path, job, 1, "w1", function) as (run, ended):
        await ended
        run.outcome = None
        async with database.transaction() as connection:
            await connection.execute("ALTER TABLE herdbook.job_logs RENAME TO elsewhere")
        with pytest.raises(RecordUnavailableError):
            await flush_reports(database, [run], "w1")
        async with database.transaction() as connection:
            await connection.execute("ALTER TABLE herdbook.elsewhere RENAME TO job_logs")
        await flush_reports(database, [run], "w1")
    async with database.connection() as connection:
        assert (await read_job(connection, job)).progress == 50


async def test_a_job_that_was_cancelled_meanwhile_stays_so(database: Database, tmp_path: Path) -> None:
    (job,) = await new_jobs(database, 1)
    run = await ran(database, tmp_path, job, 1, "w1")
    async with database.transaction() as connection:
        assert await cancel_jobs_if_pending(connection, [job], "not needed")
    assert await save_starts(database, [run], "w1") == [run]
    assert await record_ended(database, [run], "w1") == []
    (told,) = await reject_stale(database, [(run.key, run.delivery)])
    assert isinstance(told.outcome, Failed)
    assert told.outcome.error.message == "not needed"


async def test_a_job_that_another_attempt_holds_goes_back(database: Database, tmp_path: Path) -> None:
    (job,) = await new_jobs(database, 1)
    newer = await ran(database, tmp_path, job, 2, "w2")
    await save_starts(database, [newer], "w2")
    claimed, rejected = await claim_deliveries(database, [delivered(job, 1)], "w1")
    assert claimed == []
    assert [one.outcome for one in rejected] == [Released()]


async def test_a_repeat_knows_what_was_recorded_when_only_the_reply_was_lost(
    database: Database, tmp_path: Path
) -> None:
    (job,) = await new_jobs(database, 1)

    async def function(payload: object, context: JobContext) -> None:
        context.log("a line")
        raise Retry(after=60_000)

    async with running(database, tmp_path, job, 1, "w1", function) as (claimed, ended):
        await ended
        report = replace(claimed.context.take_report())
        claimed.context.put_back(report)
        assert await record_ended(database, [claimed], "w1") == [claimed]
        claimed.context.put_back(report)
        assert await record_ended(database, [claimed], "w1") == []
        claimed.context.put_back(report)
        assert await record_ended(database, [claimed], "w1", is_repeat=True) == [claimed]
        assert await record_ended(database, [claimed], "w2", is_repeat=True) == []
    async with database.connection() as connection:
        found = await read_job(connection, job)
        assert [line.message for line in await read_logs(connection, job)] == ["a line"]
        assert [one.number for one in await read_attempts(connection, found)] == [1]


async def test_a_repeated_claim_is_won_again_by_its_worker_alone(database: Database) -> None:
    (job,) = await new_jobs(database, 1)
    deliveries = [delivered(job, 2)]
    async with database.connection() as connection:
        key = AttemptKey(job=job, generation=0, number=1)
        assert await claim_jobs_if_newer_attempt(connection, [key], [0], "w0")
    assert len((await claim_deliveries(database, deliveries, "w1"))[0]) == 1
    assert (await claim_deliveries(database, deliveries, "w1"))[0] == []
    assert (await claim_deliveries(database, deliveries, "w2", is_repeat=True))[0] == []
    assert len((await claim_deliveries(database, deliveries, "w1", is_repeat=True))[0]) == 1
    async with database.connection() as connection:
        attempts = await read_attempts(connection, await read_job(connection, job))
    assert [(one.number, one.outcome) for one in attempts] == [(1, AttemptOutcome.LOST), (2, None)]


async def test_an_error_of_the_server_fails_no_finished_work(database: Database, tmp_path: Path) -> None:
    (job,) = await new_jobs(database, 1)
    run = await ran(database, tmp_path, job, 1, "w1")
    async with database.connection() as connection:
        # As in a rolling upgrade: the schema of another version.
        await connection.execute("ALTER TABLE herdbook.jobs RENAME COLUMN progress TO progress_2")
        with pytest.raises(RecordUnavailableError):
            await record_ended(database, [run], "w1")
        await connection.execute("ALTER TABLE herdbook.jobs RENAME COLUMN progress_2 TO progress")
    assert await record_ended(database, [run], "w1", is_repeat=True) == [run]
    async with database.connection() as connection:
        assert (await read_job(connection, job)).status is JobStatus.COMPLETED


async def test_a_result_that_is_refused_fails_its_own_job_alone(database: Database, tmp_path: Path) -> None:
    ids = await new_jobs(database, 3)
    runs = [await ran(database, tmp_path, id, 1, "w1") for id in ids]
    runs[1].outcome = Succeeded(result='{"half": ')
    assert await record_ended(database, runs, "w1") == runs
    async with database.connection() as connection:
        jobs = [await read_job(connection, id) for id in ids]
    assert [job.status for job in jobs] == [JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.COMPLETED]
    assert "invalid input syntax for type json" in (jobs[1].error_message or "")


async def test_what_is_recorded_stays_so_when_a_newer_attempt_is_refused(database: Database, tmp_path: Path) -> None:
    first, second = await new_jobs(database, 2)
    retried = await ran(database, tmp_path, first, 1, "w1")
    retried.outcome = WillRetry(error=ErrorReport(type="E", message="x"), after=60_000)
    overtaken = await ran(database, tmp_path, second, 1, "w2")
    newer = await ran(database, tmp_path, second, 2, "w1")
    newer.outcome = Succeeded(result='{"half": ')
    # The first statement leaves the newer attempt out, so its result is refused by the second one.
    assert await save_starts(database, [overtaken], "w2") == []
    assert await record_ended(database, [retried, newer], "w1") == [retried, newer]
    assert isinstance(retried.outcome, WillRetry)
    async with database.connection() as connection:
        jobs = [await read_job(connection, id) for id in (first, second)]
        attempts = await read_attempts(connection, jobs[1])
    assert [(job.status, job.attempt) for job in jobs] == [(JobStatus.PENDING, 1), (JobStatus.FAILED, 2)]
    assert [one.outcome for one in attempts] == [AttemptOutcome.LOST, AttemptOutcome.FAILED]


async def test_a_job_that_comes_back_before_its_backoff_is_over_waits_for_the_rest(
    database: Database, tmp_path: Path
) -> None:
    first, second = await new_jobs(database, 2)
    retried = await ran(database, tmp_path, first, 1, "w1")
    retried.outcome = WillRetry(error=ErrorReport(type="E", message="x"), after=60_000)
    assert await record_ended(database, [retried], "w1") == [retried]
    suspects = [delivered(first, 2), delivered(second, 2)]
    claimed, rejected = await claim_suspects(database, suspects, "w2", max_lost=3)
    assert [job.key.job for job in claimed] == [second]
    (ack,) = rejected
    assert isinstance(ack.outcome, Snoozed)
    assert 50_000 < ack.outcome.after <= 60_000
    async with database.connection() as connection:
        job = await read_job(connection, first)
    assert (job.status, job.attempt) == (JobStatus.PENDING, 1)


async def test_a_redis_that_forgot_an_attempt_does_not_grant_another(database: Database) -> None:
    (job,) = await new_jobs(database, 1)
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET attempt = 1, attempts_made = 1 WHERE id = $1", job)
    forgetful = replace(delivered(job, 2), options={"attempts": 2})
    (claimed,), _ = await claim_deliveries(database, [forgetful], "w1")
    error = ValueError("again")
    claimed.outcome = decide_outcome(claimed, Raised(error=error, report=report_error(error)), LIMITS.result_bytes)
    assert isinstance(claimed.outcome, Failed)
    assert claimed.attempts_made == 1
