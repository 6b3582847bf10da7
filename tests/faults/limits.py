"""Scenarios of servers that are there and refuse to write, of servers that die, and of bursts."""

import asyncio
from time import time

from .laboratory import LOCK, Laboratory
from .ledger import mixed_jobs, publish_more, publishing_beside
from .scenario import Scenarios

scenario = Scenarios()
# Above this, PostgreSQL's tables are full; below it, its log would be as well.
_FILE_LIMIT = 16 * 2**20
_FILL = """
INSERT INTO herdbook.jobs (id, job_id, queue, job_type, status, job_data, result, max_attempts, completed_at)
SELECT id, id, 'filler', 'filler', 'completed', to_jsonb(repeat('x', 300)), 'null', 1, now()
FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 40000)) AS new
"""


def _accepted_between(lab: Laboratory, begin: float, end: float) -> int:
    """How many jobs were asked for and answered with 2xx in this time."""
    answers = lab.publishing.ledger.values()
    return sum(begin < one.asked_at and one.answered_at < end for one in answers)


async def _no_commit(lab: Laboratory, seconds: float) -> None:
    """While PostgreSQL cannot commit, nothing may be accepted."""
    # What was under way when it began is answered by then.
    await asyncio.sleep(0.5)
    begin, refusals = time(), lab.publishing.refusals
    await asyncio.sleep(seconds)
    assert lab.publishing.refusals > refusals, "no publisher asked meanwhile"
    assert not _accepted_between(lab, begin, time()), "jobs were accepted while PostgreSQL could not commit"


@scenario("PostgreSQL: read-only", jobs=5_000)
async def read_only(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs, longest=1_000):
        await asyncio.sleep(1.0)
        with lab.fault("read-only"):
            lab.servers.ask("ALTER SYSTEM SET default_transaction_read_only = on")
            lab.servers.ask("SELECT pg_reload_conf()")
            await _no_commit(lab, LOCK * 2)
            lab.servers.ask("ALTER SYSTEM RESET default_transaction_read_only")
            lab.servers.ask("SELECT pg_reload_conf()")
    return f"{lab.publishing.refusals} requests refused"


@scenario("PostgreSQL: full", jobs=5_000)
async def full(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs, longest=1_000):
        lab.servers.ask(_FILL)
        await asyncio.sleep(1.0)
        with lab.fault("full"):
            lab.servers.limit_postgres_files(_FILE_LIMIT)
            more = asyncio.create_task(publish_more(lab, 500))
            await _no_commit(lab, LOCK * 2)
            lab.servers.limit_postgres_files(None)
            await more
    return f"{lab.publishing.refusals} requests refused"


@scenario("PostgreSQL: killed and recovered", jobs=5_000)
async def kill_postgres(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs, longest=1_000):
        await asyncio.sleep(1.0)
        for _ in range(2):
            with lab.fault("killed"):
                await lab.servers.restart_postgres(kill=True, away=1.0)
            await asyncio.sleep(2.0)
    return "2 × kill -9"


@scenario("Redis: killed and started again", jobs=5_000)
async def kill_redis(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs, longest=1_000):
        await asyncio.sleep(1.0)
        for _ in range(2):
            # It may have lost a second of writes.
            with lab.fault("killed", more=30.0):
                await lab.servers.stop_redis(kill=True)
                await asyncio.sleep(LOCK * 1.5)
                await lab.servers.start_redis()
            await asyncio.sleep(2.0)
    return "2 × kill -9"


@scenario("Redis: full (maxmemory)", jobs=5_000)
async def full_redis(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs, longest=1_000):
        await asyncio.sleep(1.0)
        with lab.fault("full"):
            await lab.servers.tell_redis("CONFIG", "SET", "maxmemory", "1mb")
            await asyncio.sleep(LOCK * 2)
            await lab.servers.tell_redis("CONFIG", "SET", "maxmemory", "0")
    refused = await lab.servers.errors_of_redis("OOM")
    assert refused
    return f"{refused:,} commands refused"


@scenario("Redis: read-only", jobs=5_000)
async def read_only_redis(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs, longest=1_000):
        await asyncio.sleep(1.0)
        with lab.fault("read-only"):
            # A replica of nobody keeps what it has, and takes no writes.
            await lab.servers.tell_redis("REPLICAOF", "127.0.0.1", "1")
            await asyncio.sleep(LOCK * 2)
            await lab.servers.tell_redis("REPLICAOF", "NO", "ONE")
    refused = await lab.servers.errors_of_redis("READONLY")
    assert refused
    return f"{refused:,} commands refused"


@scenario("a burst", jobs=100_000)
async def burst(lab: Laboratory, jobs: int) -> str:
    await lab.start()
    begun = time()
    await lab.publishing.publish(list(mixed_jobs(lab.chance.randrange(2**32), 0, jobs)))
    return f"published in {time() - begun:.0f} s"
