"""Flows that other BullMQ clients added: what operators do to a child keeps the flow whole."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
import redis.asyncio
from bullmq import FlowProducer, Queue

from herdbook.model.context import JobContext
from herdbook.model.job import AttemptOutcome, Job, JobStatus
from herdbook.model.registry import Registry
from herdbook.queue.job_locations import BullState, JobLocator
from herdbook.record.reads import read_attempts
from herdbook.record.search import JobFilter, find_jobs
from herdbook.settings import Settings
from herdbook.testing import RunningSystem, eventually, running_system


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A running system, and a flow of another client: a parent with a good child and one that fails at first."""

    system: RunningSystem
    client: "redis.asyncio.Redis"
    keys: str
    locator: JobLocator
    queue: Queue
    parent_id: str
    bad_id: str

    async def recorded(self, queue_id: str) -> Job | None:
        """The job as recorded, if a worker has received it."""
        async with self.system.database.connection() as connection:
            jobs = await find_jobs(connection, JobFilter(queue="shared"))
        return next((job for job in jobs if job.job_id.startswith(f"{queue_id}@")), None)

    async def until(self, queue_id: str, status: JobStatus, *, attempt: int = 1) -> Job:
        """The job, once it is recorded with this status and attempt."""

        async def is_so() -> Job | None:
            job = await self.recorded(queue_id)
            return job if job is not None and (job.status, job.attempt) == (status, attempt) else None

        found = await eventually(is_so)
        assert found is not None
        return found

    async def until_place(self, queue_id: str, place: BullState) -> None:
        """Wait until the queue has the job in this state."""

        async def is_there() -> bool:
            return (await self.locator.locate("shared", queue_id)).place is place

        await eventually(is_there)

    async def results(self) -> list[str]:
        """The results of the children, as the parent sees them."""
        found = await self.client.hgetall(f"{self.keys}:{self.parent_id}:processed")
        return sorted(map(str, found.values()))

    async def until_outbox(self, is_right: Callable[[list[Any]], bool]) -> None:
        """Wait until the outbox is as it should be."""

        async def is_so() -> bool:
            async with self.system.database.connection() as connection:
                return is_right(await connection.fetch("SELECT * FROM herdbook.outbox"))

        await eventually(is_so)


StartFlow = Callable[..., Awaitable[Flow]]


@pytest.fixture
async def start_flow(settings: Settings, client: "redis.asyncio.Redis") -> AsyncIterator[StartFlow]:
    """Adds the flow; the second child fails until its second attempt."""
    registry = Registry()

    @registry.processor("part", queue="shared")
    async def part(payload: dict[str, int]) -> int:
        if payload["n"] == 2 and not await client.exists(f"{settings.queue_prefix}:mended"):
            raise ValueError("as told")
        return payload["n"]

    @registry.processor("sum", queue="shared")
    async def add(payload: dict[str, int]) -> str:
        return "done"

    connection = redis.asyncio.Redis.from_url(str(settings.redis_url), decode_responses=True, socket_timeout=30)
    options = {"connection": connection, "prefix": settings.queue_prefix}
    producer, queue = FlowProducer(connection, {"prefix": settings.queue_prefix}), Queue("shared", options)
    async with running_system(settings, registry) as system:

        async def start(**bad_options: Any) -> Flow:
            children = [
                {"name": "part", "queueName": "shared", "data": {"n": n}, "opts": bad_options if n == 2 else {}}
                for n in (1, 2)
            ]
            tree = await producer.add({"name": "sum", "queueName": "shared", "data": {}, "children": children})
            return Flow(
                system=system,
                client=client,
                keys=f"{settings.queue_prefix}:shared",
                locator=JobLocator(client, prefix=settings.queue_prefix),
                queue=queue,
                parent_id=tree["job"].id,
                bad_id=tree["children"][1]["job"].id,
            )

        yield start
    await queue.close()
    await producer.close()


async def mend(settings: Settings, client: "redis.asyncio.Redis") -> None:
    """From now on the second child succeeds."""
    await client.set(f"{settings.queue_prefix}:mended", 1)


async def test_a_retried_child_completes_the_flow_that_waited_for_it(
    start_flow: StartFlow, settings: Settings, client: "redis.asyncio.Redis"
) -> None:
    flow = await start_flow()
    bad = await flow.until(flow.bad_id, JobStatus.FAILED)
    await flow.until_place(flow.bad_id, BullState.FAILED)
    await mend(settings, client)
    assert (await flow.system.control.retry([bad.id])).changed == [bad.id]
    done = await flow.until(flow.bad_id, JobStatus.COMPLETED, attempt=2)
    parent = await flow.until(flow.parent_id, JobStatus.COMPLETED)
    assert await flow.results() == ["1", "2"]
    assert (done.id, done.job_id, done.generation, parent.result) == (bad.id, bad.job_id, 1, "done")
    async with flow.system.database.connection() as connection:
        attempts = await read_attempts(connection, done)
    assert [(one.generation, one.number, one.outcome) for one in attempts] == [
        (0, 1, AttemptOutcome.FAILED),
        (1, 2, AttemptOutcome.COMPLETED),
    ]


async def test_a_retried_child_has_all_its_attempts_again(
    start_flow: StartFlow, settings: Settings, client: "redis.asyncio.Redis"
) -> None:
    flow = await start_flow(attempts=2)
    bad = await flow.until(flow.bad_id, JobStatus.FAILED, attempt=2)
    await flow.until_place(flow.bad_id, BullState.FAILED)
    await flow.system.control.retry([bad.id])
    await flow.until(flow.bad_id, JobStatus.FAILED, attempt=4)
    await flow.until_place(flow.parent_id, BullState.CHILDREN)


@pytest.mark.parametrize(
    "option", ["ignoreDependencyOnFailure", "removeDependencyOnFailure", "continueParentOnFailure"]
)
async def test_a_child_that_its_parent_did_not_wait_for_is_retried_by_itself(
    start_flow: StartFlow, settings: Settings, client: "redis.asyncio.Redis", option: str
) -> None:
    flow = await start_flow(**{option: True})
    bad = await flow.until(flow.bad_id, JobStatus.FAILED)
    await flow.until(flow.parent_id, JobStatus.COMPLETED)
    await flow.until_place(flow.bad_id, BullState.FAILED)
    await mend(settings, client)
    await flow.system.control.retry([bad.id])
    await flow.until(flow.bad_id, JobStatus.COMPLETED, attempt=2)
    await flow.until_place(flow.bad_id, BullState.COMPLETED)
    await flow.until_place(flow.parent_id, BullState.COMPLETED)
    await flow.system.control.delete([bad.id])
    await flow.until_place(flow.bad_id, BullState.MISSING)


async def test_a_parent_that_failed_with_its_child_is_retried_once_the_child_is_completed(
    start_flow: StartFlow, settings: Settings, client: "redis.asyncio.Redis"
) -> None:
    flow = await start_flow(failParentOnFailure=True)
    bad = await flow.until(flow.bad_id, JobStatus.FAILED)
    parent = await flow.until(flow.parent_id, JobStatus.FAILED)
    await flow.until_place(flow.parent_id, BullState.FAILED)
    await flow.system.control.retry([parent.id])
    await flow.until_outbox(lambda rows: any("retry that first" in (row["error_message"] or "") for row in rows))
    await mend(settings, client)
    await flow.system.control.retry([bad.id])
    await flow.until(flow.bad_id, JobStatus.COMPLETED, attempt=2)
    await flow.until(flow.parent_id, JobStatus.COMPLETED, attempt=2)
    assert await flow.results() == ["1", "2"]
    await flow.until_outbox(lambda rows: not rows)


@pytest.mark.parametrize("option", [{}, {"failParentOnFailure": True}])
async def test_a_deleted_child_stays_in_the_queue_while_the_flow_depends_on_it(
    start_flow: StartFlow, settings: Settings, client: "redis.asyncio.Redis", option: dict[str, bool]
) -> None:
    flow = await start_flow(**option)
    bad = await flow.until(flow.bad_id, JobStatus.FAILED)
    await flow.until_place(flow.bad_id, BullState.FAILED)
    assert (await flow.system.control.delete([bad.id])).changed == [bad.id]
    await flow.until_outbox(lambda rows: not rows)
    await flow.until_place(flow.parent_id, BullState.FAILED if option else BullState.CHILDREN)
    await flow.until_place(flow.bad_id, BullState.FAILED)
    assert await flow.recorded(flow.bad_id) is None
    # Whoever retries it there brings it back to the record.
    await mend(settings, client)
    await flow.queue.retryJobs({"state": "failed"})
    assert (await flow.until(flow.bad_id, JobStatus.COMPLETED, attempt=2)).id == bad.id
    await flow.until(flow.parent_id, JobStatus.COMPLETED, attempt=2 if option else 1)


@pytest.mark.parametrize("option", [{}, {"failParentOnFailure": True}])
async def test_a_cancelled_child_fails_in_its_flow_and_may_be_retried(
    start_flow: StartFlow, settings: Settings, client: "redis.asyncio.Redis", option: dict[str, bool]
) -> None:
    flow = await start_flow(attempts=2, backoff=3_600_000, **option)
    bad = await flow.until(flow.bad_id, JobStatus.PENDING)
    await flow.until_place(flow.bad_id, BullState.DELAYED)
    assert (await flow.system.control.cancel([bad.id], "not needed")).changed == [bad.id]
    await flow.until_place(flow.bad_id, BullState.FAILED)
    assert await client.hget(f"{flow.keys}:{flow.bad_id}", "failedReason") == "not needed"
    await flow.until_place(flow.parent_id, BullState.FAILED if option else BullState.CHILDREN)
    assert await flow.results() == ["1"]
    cancelled = await flow.until(flow.bad_id, JobStatus.CANCELLED)
    assert cancelled.error_message == "not needed"
    await mend(settings, client)
    await flow.system.control.retry([bad.id])
    await flow.until(flow.bad_id, JobStatus.COMPLETED, attempt=3)
    if option:
        parent = await flow.until(flow.parent_id, JobStatus.FAILED)
        await flow.system.control.retry([parent.id])
    await flow.until(flow.parent_id, JobStatus.COMPLETED, attempt=2 if option else 1)
    assert await flow.results() == ["1", "2"]


async def test_a_child_that_is_cancelled_and_retried_while_it_runs_runs_again(
    settings: Settings, client: "redis.asyncio.Redis"
) -> None:
    registry = Registry()
    running, go_on = asyncio.Event(), asyncio.Event()
    attempts: list[int] = []

    @registry.processor("slow", queue="shared")
    async def slow(payload: None, job: JobContext) -> int:
        attempts.append(job.attempt)
        running.set()
        with suppress(asyncio.CancelledError):
            await go_on.wait()
        return job.attempt

    queue = Queue("shared", {"connection": client, "prefix": settings.queue_prefix})
    await queue.add("slow", None, {})
    async with running_system(settings, registry) as system:
        await running.wait()
        async with system.database.connection() as connection:
            (job,) = await find_jobs(connection, JobFilter(queue="shared"))
            # As if the record did not show it as running yet.
            await connection.execute("UPDATE herdbook.jobs SET status = 'pending', attempt = 0, worker = NULL")
        assert (await system.control.cancel([job.id])).changed == [job.id]
        assert (await system.control.retry([job.id])).changed == [job.id]
        go_on.set()
        done = await system.finished(job.id)
    assert (done.status, done.result, done.generation) == (JobStatus.COMPLETED, 2, 1)
    assert attempts == [1, 2]


async def test_a_child_that_is_gone_from_the_queue_is_retried_under_an_id_of_ours(
    start_flow: StartFlow, settings: Settings, client: "redis.asyncio.Redis"
) -> None:
    flow = await start_flow(ignoreDependencyOnFailure=True)
    bad = await flow.until(flow.bad_id, JobStatus.FAILED)
    await flow.until_place(flow.bad_id, BullState.FAILED)
    await (await flow.queue.getFailed())[0].remove()
    await mend(settings, client)
    await flow.system.control.retry([bad.id])
    done = await flow.system.finished(bad.id)
    assert (done.status, done.job_id, done.generation, done.attempt) == (JobStatus.COMPLETED, f"{bad.id}~1", 1, 2)
