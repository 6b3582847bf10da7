"""What Redis lost is delivered again, and what it has is left alone."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import redis.asyncio
from bullmq import Queue

from herdbook.model.ids import queue_job_id
from herdbook.model.job import AttemptKey, JobStatus
from herdbook.model.outcome import Released
from herdbook.queue.orphans import OrphanFinder
from herdbook.record.attempts import FinishedAttempt, claim_jobs_if_newer_attempt, finish_attempts_if_running
from herdbook.record.changes import retry_jobs_if_over, set_queue_paused
from herdbook.record.database import Database
from herdbook.record.reads import read_attempts, read_job
from herdbook.record.reconciliation import read_queue_loss
from herdbook.record.workers import WorkerBeat, beat_worker
from herdbook.relay import Relay
from herdbook.settings import Settings
from herdbook.upkeep.reconciler import Reconciler
from tests.states import new_jobs, put

Client = redis.asyncio.Redis


@pytest.fixture
async def relay(database: Database, client: Client, settings: Settings) -> AsyncIterator[Relay]:
    relay = Relay(database, client, prefix=settings.queue_prefix)
    yield relay
    await relay.stop()


@pytest.fixture
def reconciler(database: Database, client: Client, settings: Settings) -> Reconciler:
    return new_reconciler(database, client, settings)


def new_reconciler(database: Database, client: Client, settings: Settings) -> Reconciler:
    return Reconciler(database, client, prefix=settings.queue_prefix)


async def flush(client: Client, settings: Settings) -> None:
    keys = [key async for key in client.scan_iter(f"{settings.queue_prefix}:*")]
    assert keys
    await client.unlink(*keys)


async def ask(database: Database, question: str, *parameters: Any) -> Any:
    async with database.connection() as connection:
        return await connection.fetchval(question, *parameters)


async def deliver(database: Database, ids: list[Any]) -> None:
    async with database.connection() as connection:
        await connection.execute("INSERT INTO herdbook.outbox (job) SELECT unnest(CAST($1 AS uuid[]))", ids)


async def test_jobs_that_redis_lost_are_delivered_again_with_their_attempts(
    database: Database, client: Client, settings: Settings, relay: Relay, reconciler: Reconciler
) -> None:
    waiting, later, again, over, gone, held = await new_jobs(database, 6)
    await put(database, [over], JobStatus.COMPLETED)
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET run_at = now() + interval '1 hour' WHERE id = $1", later)
        await connection.execute("UPDATE herdbook.jobs SET attempt = 2, attempts_made = 1 WHERE id = $1", again)
        for job, worker in ((gone, "silent"), (held, "alive")):
            key = AttemptKey(job=job, generation=0, number=1)
            assert await claim_jobs_if_newer_attempt(connection, [key], [0], worker)
        beat = WorkerBeat(id="alive", host="h", pid=1, queues=["q"], concurrency=1, running=1, state="running")
        await beat_worker(connection, beat)
    await deliver(database, [waiting, later, again])
    await relay.round()
    await reconciler.round()
    assert await ask(database, "SELECT count(*) FROM herdbook.outbox") == 1  # The silent worker's job, never queued.
    await relay.round()

    await flush(client, settings)
    await reconciler.round()
    async with database.connection() as connection:
        loss = await read_queue_loss(connection, settings.queue_prefix)
    assert loss is not None
    assert (loss.redelivered, loss.is_swept) == (4, True)
    await relay.round()
    prefix = f"{settings.queue_prefix}:{await ask(database, 'SELECT queue FROM herdbook.jobs LIMIT 1')}:"
    assert set(await client.lrange(f"{prefix}wait", 0, -1)) == {str(waiting), str(again), str(gone)}
    assert await client.zrange(f"{prefix}delayed", 0, -1) == [str(later)]
    assert await client.hmget(f"{prefix}{again}", "ats", "atm") == ["2", "1"]
    assert await client.hmget(f"{prefix}{waiting}", "ats", "atm") == [None, None]
    async with database.connection() as connection:
        lost = await read_job(connection, gone)
        assert [one.outcome for one in await read_attempts(connection, lost)] == ["lost"]
        assert (lost.status, (await read_job(connection, held)).status) == (JobStatus.PENDING, JobStatus.PROCESSING)


async def test_a_redis_that_was_set_back_is_noticed(
    database: Database, client: Client, settings: Settings, reconciler: Reconciler
) -> None:
    await reconciler.round()
    await reconciler.round()
    await client.hincrby(f"{settings.queue_prefix}:herdbook-epoch", "counter", -2)
    await reconciler.round()
    async with database.connection() as connection:
        assert await read_queue_loss(connection, settings.queue_prefix) is not None


async def test_all_is_left_alone_while_nothing_is_lost(
    database: Database, client: Client, settings: Settings, relay: Relay, reconciler: Reconciler
) -> None:
    ids = await new_jobs(database, 5)
    await put(database, ids[:1], JobStatus.FAILED)
    async with database.connection() as connection:
        assert await retry_jobs_if_over(connection, ids[:1]) == {ids[0]}
    await deliver(database, ids[1:])
    await relay.round()
    before = await ask(database, "SELECT max(updated_at) FROM herdbook.jobs")
    for _ in range(12):
        await reconciler.round()
    assert (await reconciler.sweep()).redelivered == 0
    assert await ask(database, "SELECT count(*) FROM herdbook.outbox") == 0
    assert await ask(database, "SELECT max(updated_at) FROM herdbook.jobs") == before
    prefix = f"{settings.queue_prefix}:{await ask(database, 'SELECT queue FROM herdbook.jobs LIMIT 1')}:"
    assert await client.exists(f"{prefix}{queue_job_id(ids[0], 1)}") == 1
    async with database.connection() as connection:
        assert await read_queue_loss(connection, settings.queue_prefix) is None


async def test_a_paused_queue_is_paused_again(
    database: Database, client: Client, settings: Settings, relay: Relay, reconciler: Reconciler
) -> None:
    async with database.connection() as connection:
        await set_queue_paused(connection, "q", paused=True)
    await relay.round()
    await reconciler.round()
    await flush(client, settings)
    await reconciler.round()
    await relay.round()
    assert await client.hget(f"{settings.queue_prefix}:q:meta", "paused") == "1"


async def test_a_job_that_another_program_finished_and_removed_does_not_run_again(
    database: Database, client: Client, settings: Settings, relay: Relay, reconciler: Reconciler
) -> None:
    done, waiting = await new_jobs(database, 2)
    await deliver(database, [done, waiting])
    await relay.round()
    await client.delete(f"{settings.queue_prefix}:q:{done}")
    for _ in range(6):
        await reconciler.round()
    assert await ask(database, "SELECT count(*) FROM herdbook.outbox") == 0
    await flush(client, settings)
    await reconciler.round()
    assert await ask(database, "SELECT array_agg(job) FROM herdbook.outbox") == [waiting]


async def test_a_loss_between_a_look_and_a_comparison_is_no_removal(
    database: Database, client: Client, settings: Settings, relay: Relay, reconciler: Reconciler
) -> None:
    (job,) = await new_jobs(database, 1)
    await deliver(database, [job])
    await relay.round()
    await reconciler.round()
    await flush(client, settings)
    await reconciler._compare_next()
    assert await ask(database, "SELECT count(*) FROM herdbook.absent_jobs") == 0
    await reconciler.round()
    assert await ask(database, "SELECT array_agg(job) FROM herdbook.outbox") == [job]


async def test_a_loss_is_made_good_by_another_program_if_the_one_that_noticed_it_dies(
    database: Database, client: Client, settings: Settings, relay: Relay, reconciler: Reconciler
) -> None:
    (job,) = await new_jobs(database, 1)
    await deliver(database, [job])
    await relay.round()
    await reconciler.round()
    await flush(client, settings)
    async with database.transaction() as connection:
        await reconciler._look(connection)
    await new_reconciler(database, client, settings).round()
    assert await ask(database, "SELECT array_agg(job) FROM herdbook.outbox") == [job]


async def test_a_job_that_its_worker_hands_back_after_a_loss_was_not_removed(
    database: Database, client: Client, settings: Settings, relay: Relay, reconciler: Reconciler
) -> None:
    """It is being run while everything else is delivered again, and Redis does not take it back."""
    (job,) = await new_jobs(database, 1)
    await deliver(database, [job])
    await relay.round()
    await reconciler.round()
    await reconciler._compare_next()  # The next comparison begins at the first job.
    key = AttemptKey(job=job, generation=0, number=1)
    async with database.connection() as connection:
        assert await claim_jobs_if_newer_attempt(connection, [key], [0], "alive")
        beat = WorkerBeat(id="alive", host="h", pid=1, queues=["q"], concurrency=1, running=1, state="running")
        await beat_worker(connection, beat)
    await flush(client, settings)
    await reconciler.round()
    async with database.connection() as connection:
        ended = FinishedAttempt(key=key, outcome=Released(), attempts_made=0)
        assert await finish_attempts_if_running(connection, [ended], "alive") == {0}
    for _ in range(6):
        await reconciler.round()
    assert await ask(database, "SELECT count(*) FROM herdbook.absent_jobs") == 0
    await ask(database, "UPDATE herdbook.queue_epochs SET swept_at = swept_at - interval '11 seconds'")
    await reconciler.round()
    assert await ask(database, "SELECT array_agg(job) FROM herdbook.outbox") == [job]


async def test_a_queue_that_was_obliterated_is_filled_again(
    database: Database, client: Client, settings: Settings, relay: Relay, reconciler: Reconciler
) -> None:
    (job,) = await new_jobs(database, 1)
    await deliver(database, [job])
    await relay.round()
    await reconciler.round()
    queue = Queue("q", {"connection": settings.redis_url, "prefix": settings.queue_prefix})
    await queue.obliterate(force=True)
    await queue.close()
    await reconciler.round()
    await relay.round()
    assert await client.lrange(f"{settings.queue_prefix}:q:wait", 0, -1) == [str(job)]


async def test_a_queue_that_was_obliterated_soon_after_its_first_job_is_filled_again(
    database: Database, client: Client, settings: Settings, relay: Relay, reconciler: Reconciler
) -> None:
    await reconciler.round()
    (job,) = await new_jobs(database, 1)
    await deliver(database, [job])
    await relay.round()
    await reconciler.round()
    await client.unlink(*[key async for key in client.scan_iter(f"{settings.queue_prefix}:q:*")])
    await reconciler.round()
    assert await ask(database, "SELECT array_agg(job) FROM herdbook.outbox") == [job]


async def test_a_job_that_has_data_and_no_place_in_its_queue_is_delivered_again(
    database: Database, client: Client, settings: Settings, relay: Relay, reconciler: Reconciler
) -> None:
    """The keys of its queue were deleted one after the other, and it was added in between."""
    orphan, waiting, delayed = await new_jobs(database, 3)
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET run_at = now() + interval '1 hour' WHERE id = $1", delayed)
    await deliver(database, [orphan, waiting, delayed])
    await relay.round()
    await reconciler.round()
    queue = f"{settings.queue_prefix}:q:"
    assert await client.lrem(f"{queue}wait", 0, str(orphan)) == 1
    await client.unlink(f"{queue}meta")
    await reconciler.round()
    assert await client.exists(f"{queue}{orphan}", f"{queue}{waiting}", f"{queue}{delayed}") == 2
    await relay.round()
    assert set(await client.lrange(f"{queue}wait", 0, -1)) == {str(orphan), str(waiting)}


async def test_a_job_whose_lock_is_held_is_no_orphan(client: Client, settings: Settings) -> None:
    queue = f"{settings.queue_prefix}:q:"
    for number in range(3):
        await client.hset(f"{queue}j{number}", "name", "t")
    await client.set(f"{queue}j0:lock", "token")
    await client.rpush(f"{queue}active", *[f"other{number}" for number in range(25_000)], "j1")
    finder = OrphanFinder(client, prefix=settings.queue_prefix)
    assert await finder.forget("q", ["j0", "j1", "j2", "j3"]) == ["j2"]
    assert await client.exists(f"{queue}j0", f"{queue}j1", f"{queue}j2") == 2
