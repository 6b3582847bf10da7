"""Jobs that other BullMQ clients put on the queue, or touch there."""

import pytest
import redis.asyncio
from bullmq import Queue

from herdbook.model.job import AttemptOutcome, JobStatus
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.queue.connection import connect
from herdbook.record.database import Database
from herdbook.record.reads import read_attempts
from herdbook.record.search import JobFilter, find_jobs
from herdbook.settings import Settings
from herdbook.testing import RunningSystem, eventually, running_system

registry = Registry()


@registry.processor("echo", queue="shared")
async def echo(payload: dict[str, object]) -> dict[str, object]:
    if payload.get("fail"):
        raise ValueError("as told")
    return payload


def other_client(settings: Settings, name: str = "shared") -> Queue:
    assert settings.redis_url
    client = redis.asyncio.Redis.from_url(settings.redis_url, decode_responses=True, socket_timeout=30)
    return Queue(name, {"connection": client, "prefix": settings.queue_prefix})


async def all_final(system: RunningSystem, count: int) -> None:
    async def final() -> bool:
        async with system.database.connection() as connection:
            jobs = await find_jobs(connection, JobFilter(queue="shared"))
        return len(jobs) == count and all(job.status.is_final for job in jobs)

    await eventually(final)


async def test_jobs_from_elsewhere_are_written_down_when_they_arrive(settings: Settings, database: Database) -> None:
    queue = other_client(settings)
    added = [await queue.add("echo", {"n": n}, {}) for n in range(3)]
    own_id = await queue.add("echo", {"n": 3}, {"jobId": "0198f3a0-0000-7000-8000-00000000000a"})
    await queue.add("echo", {"fail": True}, {"attempts": 2, "backoff": {"type": "fixed", "delay": 1}})
    async with running_system(settings, registry) as system:
        await all_final(system, 5)
        async with database.connection() as connection:
            jobs = await find_jobs(connection, JobFilter(queue="shared"))
            attempts = await read_attempts(connection, next(job for job in jobs if job.status is JobStatus.FAILED))
    assert sorted(job.result["n"] for job in jobs if job.status is JobStatus.COMPLETED) == [0, 1, 2, 3]
    assert {job.job_id for job in jobs} > {f"{one.id}@{one.timestamp}" for one in [*added, own_id]}
    assert [one.outcome for one in attempts] == [AttemptOutcome.RETRY, AttemptOutcome.FAILED]
    assert [one.error_message for one in attempts] == ["as told", "as told"]
    await queue.close()


async def test_what_postgresql_cannot_store_is_adopted_all_the_same(settings: Settings) -> None:
    queue = other_client(settings)
    await queue.add("echo", {"text": "a\0b\ud83d"}, {})
    await queue.add("echo", {"deep": 1}, {"priority": 3, "backoff": {"type": "their own"}})
    async with running_system(settings, registry) as system:
        await all_final(system, 2)
        async with system.database.connection() as connection:
            jobs = await find_jobs(connection, JobFilter(queue="shared"))
    assert {job.status for job in jobs} == {JobStatus.COMPLETED, JobStatus.FAILED}
    assert "a\N{REPLACEMENT CHARACTER}b" in str(next(job for job in jobs if "text" in job.job_data).job_data)
    await queue.close()


async def test_a_retry_made_on_the_queue_reopens_the_failed_job(settings: Settings) -> None:
    fails_once = Registry()

    @fails_once.processor("once", queue="shared", attempts=1)
    async def once(payload: dict[str, object]) -> str:
        seen.append(1)
        if len(seen) == 1:
            raise ValueError("first")
        return "second"

    seen: list[int] = []
    queue = other_client(settings)
    async with running_system(settings, fails_once) as system:
        published = await system.publisher.publish(JobRequest(job_type="once", job_data={}))
        assert (await system.finished(published.id)).status is JobStatus.FAILED

        async def retried() -> bool:
            # The failure is acknowledged a moment after it is recorded.
            return bool(await queue.getFailedCount())

        await eventually(retried)
        await queue.retryJobs({"state": "failed"})

        async def completed() -> bool:
            return (await system.job(published.id)).status is JobStatus.COMPLETED

        await eventually(completed)
        async with system.database.connection() as connection:
            attempts = await read_attempts(connection, await system.job(published.id))
    assert [one.outcome for one in attempts] == [AttemptOutcome.FAILED, AttemptOutcome.COMPLETED]
    await queue.close()


async def test_another_client_reads_our_jobs_and_their_results(settings: Settings) -> None:
    queue = other_client(settings)
    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="echo", job_data={"n": 1}))
        await system.finished(published.id)

        async def acknowledged() -> bool:
            return bool(await queue.getCompletedCount())

        await eventually(acknowledged)
    (job,) = await queue.getJobs(["completed"])
    assert (job.id, job.name, job.returnvalue) == (str(published.id), "echo", {"n": 1})
    await queue.close()


async def test_a_job_removed_from_redis_while_it_runs_is_recorded_all_the_same(settings: Settings) -> None:
    import asyncio

    gated = Registry()
    started, gate = asyncio.Event(), asyncio.Event()

    @gated.processor("gated", queue="shared")
    async def wait(payload: dict[str, object]) -> str:
        started.set()
        await gate.wait()
        return "done"

    assert settings.redis_url
    client = connect(settings.redis_url)
    async with running_system(settings, gated) as system:
        published = await system.publisher.publish(JobRequest(job_type="gated", job_data={}))
        await started.wait()
        await client.delete(f"{settings.queue_prefix}:shared:{published.id}")
        gate.set()
        assert (await system.finished(published.id)).result == "done"
    await client.aclose()


@pytest.mark.parametrize(
    "broken",
    [
        {"opts": b"\xff\xfe"},
        {"opts": b'"text"'},
        {"opts": b'{"tm": "\\ud83d", "backoff": {"type": "fixed", "delay": "\\ud83d"}}'},
        {"opts": b'{"attempts": 9007199254740991, "backoff": 1e300, "removeOnComplete": {"age": "x"}}'},
        {"opts": b'{"attempts": -1e999, "removeOnFail": {"count": 1e30}, "fpof": {"deep": [1]}}'},
        {"data": b"\xff"},
        {"data": b'{"text": "\xed\xa0\xbd"}'},
        {"data": b"{"},
        {"name": b"a\0b\xff"},
        {"name": b""},
        {"priority": b"abc"},
        {"timestamp": b"1e300"},
        {"timestamp": b"-5"},
        {"ats": b"99999999999999999999"},
        {"atm": b"many"},
    ],
    ids=lambda broken: str(next(iter(broken.items()))[1])[2:40],
)
async def test_a_job_that_cannot_be_read_harms_no_other(settings: Settings, broken: dict[str, bytes]) -> None:
    queue = other_client(settings)
    added = [(await queue.add("echo", {"n": n}, {})).id for n in range(9)]
    assert settings.redis_url
    client = connect(settings.redis_url)
    ((field, value),) = broken.items()
    await client.hset(f"{settings.queue_prefix}:shared:{added[4]}", field, value)
    async with running_system(settings, registry) as system:
        await all_final(system, 9)
        async with system.database.connection() as connection:
            jobs = await find_jobs(connection, JobFilter(queue="shared"))
            attempts = await connection.fetchval("SELECT count(*) FROM herdbook.job_attempts")

        async def is_calm() -> bool:
            return not await client.llen(f"{settings.queue_prefix}:shared:active")

        await eventually(is_calm)
    good = [job for job in jobs if not job.job_id.startswith(f"{added[4]}@")]
    assert [job.status for job in good] == [JobStatus.COMPLETED] * 8
    assert attempts == 9
    await client.aclose()
    await queue.close()


async def test_a_job_of_another_queue_with_an_id_of_ours_is_a_job_of_its_own(settings: Settings) -> None:
    other = Registry()
    other.declare("elsewhere", dict[str, object])
    async with running_system(settings, registry) as system:
        ours = await Publisher(system.database, other, max_job_bytes=1_000).publish(
            JobRequest(job_type="elsewhere", job_data={"n": 1})
        )
        queue = other_client(settings)
        await queue.add("echo", {"n": 2}, {"jobId": str(ours.id)})
        await all_final(system, 1)
        async with system.database.connection() as connection:
            (theirs,) = await find_jobs(connection, JobFilter(queue="shared"))
        mine = await system.job(ours.id)
    assert (theirs.status, theirs.result) == (JobStatus.COMPLETED, {"n": 2})
    assert (mine.status, mine.attempt) == (JobStatus.PENDING, 0)
    await queue.close()
