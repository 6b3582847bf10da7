"""Functions of every kind: they report, they block, they keep their lock."""

import asyncio
import os
import threading
import time

from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.context import JobContext
from herdbook.model.job import JobStatus
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest
from herdbook.record.reads import read_attempts, read_logs
from herdbook.settings import Settings
from herdbook.testing import eventually, running_system

from . import apart


async def test_progress_and_logs_are_seen_while_the_job_runs(settings: Settings) -> None:

    registry = Registry()
    release = asyncio.Event()

    @registry.processor("slow")
    async def slow(payload: dict[str, int], job: JobContext) -> str:
        job.log("begun")
        job.progress({"done": 1, "of": 2})
        await release.wait()
        job.log("almost\0there")
        job.progress(100)
        return "done"

    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="slow", job_data={}))

        async def reported() -> bool:
            return bool((await system.job(published.id)).progress == {"done": 1, "of": 2})

        await eventually(reported)
        running = await system.job(published.id)
        async with system.database.connection() as connection:
            (attempt,) = await read_attempts(connection, running)
            early = await read_logs(connection, published.id)
        release.set()
        job = await system.finished(published.id)
        async with system.database.connection() as connection:
            lines = await read_logs(connection, published.id)

    assert (running.status, attempt.number, attempt.ended_at) == (JobStatus.PROCESSING, 1, None)
    assert [line.message for line in early] == ["begun"]
    assert (job.progress, job.result) == (100, "done")
    assert [(line.attempt, line.message) for line in lines] == [
        (1, "begun"),
        (1, "almost\N{REPLACEMENT CHARACTER}there"),
    ]


async def test_a_plain_function_runs_in_a_thread_and_reports_from_there(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("plain")
    def plain(payload: dict[str, int], job: JobContext) -> str:
        job.log("in a thread")
        job.progress(50)
        return threading.current_thread().name

    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="plain", job_data={}))
        job = await system.finished(published.id)
        async with system.database.connection() as connection:
            lines = await read_logs(connection, published.id)
    assert job.result.startswith("herdbook-job")
    assert (job.progress, [line.message for line in lines]) == (50, ["in a thread"])


async def test_a_log_ends_at_its_limit_and_says_how_many_lines_were_dropped(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("chatty", backoff=None)
    async def chatty(payload: int, job: JobContext) -> None:
        for number in range(payload):
            job.log(f"line {number}")
        if job.attempt == 1:
            raise ConnectionError

    async with running_system(settings.model_copy(update={"max_log_lines": 3}), registry) as system:
        many, few = [
            await system.publisher.publish(JobRequest(job_type="chatty", job_data=count)) for count in (1_005, 3)
        ]
        for published in (many, few):
            assert (await system.finished(published.id)).status is JobStatus.COMPLETED
        async with system.database.connection() as connection:
            lines = [(line.attempt, line.message) for line in await read_logs(connection, many.id)]
            short = [line.message for line in await read_logs(connection, few.id)]
    kept = ["line 0", "line 1", "line 2"]
    last = "lines dropped: 1,002, because HERDBOOK_MAX_LOG_LINES is 3"
    assert lines == [(attempt, line) for attempt in (1, 2) for line in (*kept, last)]
    assert short == 2 * kept


async def test_a_very_long_line_is_cut(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("wordy")
    async def wordy(payload: None, job: JobContext) -> None:
        job.log("x" * 1_000_000)

    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="wordy", job_data=None))
        await system.finished(published.id)
        async with system.database.connection() as connection:
            (line,) = await read_logs(connection, published.id)
    assert line.message == "x" * 10_000 + "[…]"


async def test_a_result_over_the_limit_fails_the_job_without_a_retry(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("large", backoff=None)
    async def large(payload: int) -> str:
        return "x" * payload

    async with running_system(settings.model_copy(update={"max_result_bytes": 1_000}), registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="large", job_data=20_000_000))
        fits = await system.publisher.publish(JobRequest(job_type="large", job_data=998))
        job = await system.finished(published.id)
        assert (await system.finished(fits.id)).result == "x" * 998
    assert (job.status, job.result, job.attempt) == (JobStatus.FAILED, None, 1)
    assert "20,000,002 bytes of JSON; at most 1,000 are recorded" in (job.error_message or "")


async def test_a_function_that_blocks_the_loop_keeps_its_lock(settings: Settings) -> None:
    """Three lives of the lock pass before it ends; another worker looks for stalled jobs all the while."""
    registry = Registry()

    @registry.processor("blocking")
    async def blocking(payload: dict[str, int], job: JobContext) -> int:
        time.sleep(3 * settings.lock_duration / 1_000)  # noqa: ASYNC251  (what is tested)
        return job.attempt

    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="blocking", job_data={}))
        job = await system.finished(published.id)
        async with system.database.connection() as connection:
            attempts = await read_attempts(connection, job)
    assert (job.status, job.result, len(attempts)) == (JobStatus.COMPLETED, 1, 1)


async def test_a_retry_goes_on_where_the_last_try_stopped(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("steps", backoff=None)
    async def steps(payload: dict[str, int], job: JobContext) -> list[int]:
        done: list[int] = job.reported or []
        job.progress([*done, job.attempt])
        if job.attempt < 3:
            raise ConnectionError
        return [*done, job.attempt]

    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="steps", job_data={}))
        job = await system.finished(published.id)
    assert job.result == [1, 2, 3]


async def test_an_end_waits_until_what_was_reported_before_it_is_written(settings: Settings) -> None:
    registry = Registry()
    release = asyncio.Event()

    @registry.processor("slow")
    async def slow(payload: None, job: JobContext) -> None:
        job.log("half way")
        job.progress(50)
        await release.wait()

    async with running_system(settings, registry) as system:
        async with system.database.transaction() as blocking:
            # No log line is written before the end of this block.
            await blocking.execute("LOCK TABLE herdbook.job_logs")
            published = await system.publisher.publish(JobRequest(job_type="slow", job_data=None))

            async def is_writing() -> bool:
                return bool(await blocking.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

            await eventually(is_writing)
            release.set()
            for _ in range(50):
                assert not (await system.job(published.id)).status.is_final
        job = await system.finished(published.id)
    assert (job.status, job.progress) == (JobStatus.COMPLETED, 50)


async def test_a_function_in_a_process_of_its_own_reports_like_any_other(settings: Settings) -> None:
    artifacts = FolderArtifacts(settings.artifact_folder)
    async with running_system(settings.model_copy(update={"processes": 1}), apart.book) as system:
        published = await system.publisher.publish(JobRequest(job_type="square", job_data={"number": 7}))
        job = await system.finished(published.id)
        async with system.database.connection() as connection:
            lines = await read_logs(connection, published.id)
    kept = artifacts.find(published.id)
    assert (job.result["square"], job.result["attempt"], job.progress) == (49, 1, 50)
    assert job.result["pid"] != os.getpid()
    assert [line.message for line in lines] == ["squaring 7"]
    assert kept
    assert kept[1].read_bytes() == b"49"


async def test_what_a_function_in_a_process_raises_is_obeyed_and_recorded(settings: Settings) -> None:
    async with running_system(settings.model_copy(update={"processes": 2}), apart.book) as system:
        ids = {
            what: (await system.publisher.publish(JobRequest(job_type="raise", job_data=what))).id
            for what in ("cancel", "final", "value", "set", "fine", "snooze")
        }
        jobs = {what: await system.finished(id) for what, id in ids.items() if what != "snooze"}
        snoozed = await system.job(ids["snooze"])
        async with system.database.connection() as connection:
            attempts = await read_attempts(connection, jobs["value"])
    assert {what: (job.status, job.attempt) for what, job in jobs.items()} == {
        "cancel": (JobStatus.CANCELLED, 1),
        "final": (JobStatus.FAILED, 1),
        "value": (JobStatus.FAILED, 2),
        "set": (JobStatus.FAILED, 1),
        "fine": (JobStatus.COMPLETED, 1),
    }
    assert (snoozed.status, snoozed.attempt, snoozed.run_at is not None) == (JobStatus.PENDING, 1, True)
    assert [one.error_type for one in attempts] == ["ValueError", "ValueError"]
    assert "KeyError: 'inner'" in (attempts[0].stack_trace or "")


async def test_a_queue_of_process_jobs_takes_no_more_than_its_processes_can_run(settings: Settings) -> None:
    """What waits belongs into the queue, where other workers find it."""
    async with running_system(settings.model_copy(update={"processes": 2}), apart.book) as system:
        (consumer,) = [one for one in system.worker.consumers if one.queue.name == "apart"]
        assert consumer.executor.capacity.room == 2
