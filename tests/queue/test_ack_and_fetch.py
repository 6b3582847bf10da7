"""Acknowledging and fetching many jobs at once leaves the queue as BullMQ's own scripts do, one job at a time."""

import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from herdbook.queue.adds import QueuedJob, QueueWriter
from herdbook.queue.delivery import Delivery, Retention, split_acknowledgements
from herdbook.queue.scripts import bullmq_script, to_msgpack
from herdbook.queue.work import WorkQueue
from herdbook.settings import Settings
from tests.queue.acks import ack_completed

from .conftest import job, work_queue

# redis-py's own types leave open whether a reply is text.
Client = Any
# Prepares a queue, given by its key prefix, before a worker uses it.
Prepare = Callable[[Client, str], Awaitable[Any]]
MOVE = ("wait", "active", "prioritized", "events", "stalled", "limiter", "delayed", "paused", "meta", "pc")
LOCK = 30_000


class Theirs:
    """A worker that uses BullMQ's scripts: one call per job, which also fetches the next one."""

    def __init__(self, client: Client, prefix: str, *, keep: int = -1) -> None:
        self._prefix = prefix
        self._retention = Retention(completed=keep, failed=keep, seconds=3_600)
        self._fetch = client.register_script(bullmq_script("moveToActive-11"))
        self._finish = client.register_script(bullmq_script("moveToFinished-14"))

    async def fetch(self, room: int) -> list[str]:
        """The ids of the fetched jobs."""
        keys = [self._prefix + name for name in (*MOVE, "marker")]
        options = to_msgpack({"token": "w1", "lockDuration": LOCK, "name": "w1"})
        fetched: list[str] = []
        while len(fetched) < room:
            answer = await self._fetch(keys=keys, args=[self._prefix, now(), options])
            if not isinstance(answer[0], list):
                break
            fetched.append(answer[1])
        return fetched

    async def complete(self, held: list[Delivery], room: int) -> list[str]:
        """Complete jobs and fetch others; returns the ids of the refused and of the fetched ones."""
        refused: list[str] = []
        fetched: list[str] = []
        at = now()
        for delivery in held:
            job_id, ack = delivery.job_id, ack_completed(replace(delivery, token="w1"), result="")
            keys = [self._prefix + name for name in (*MOVE, "completed", job_id, "metrics:completed", "marker")]
            fetch_next = "1" if len(fetched) < room else ""
            _, ((*_, options, _),) = split_acknowledgements([ack], self._retention, worker="w1", lock_duration=LOCK)
            answer = await self._finish(
                keys=keys,
                args=[job_id, at, "returnvalue", f'"{job_id}"', "completed", fetch_next, self._prefix, options, ""],
            )
            if isinstance(answer, list) and isinstance(answer[0], list):
                fetched.append(answer[1])
            elif isinstance(answer, int) and answer < 0:
                refused.append(job_id)
        return refused + fetched + await self.fetch(room - len(fetched))


def now() -> int:
    return time.time_ns() // 1_000_000


async def state(client: Client, settings: Settings, queue: str) -> dict[str, Any]:
    """All keys of a queue and of its parents' queue, except what depends on time or name."""
    found: dict[str, Any] = {}
    for key in sorted(await client.keys(f"{settings.queue_prefix}:{queue}*")):
        found[key.replace(queue, "q")] = json.loads(json.dumps(await value(client, key)).replace(queue, "q"))
    return found


async def value(client: Client, key: str) -> Any:
    kind = await client.type(key)
    match kind:
        case "hash":
            times = {"processedOn", "finishedOn"}
            return {name: "T" if name in times else text for name, text in (await client.hgetall(key)).items()}
        case "list":
            return await client.lrange(key, 0, -1)
        case "set":
            return sorted(await client.smembers(key))
        case "zset":
            names = await client.zrange(key, 0, -1)
            # The order of two jobs depends on whether they finished in the same millisecond.
            return sorted(names) if key.endswith(":completed") else names
        case "stream":
            # The order of jobs may differ, but not the order of events of each job.
            events = [fields for _, fields in await client.xrange(key)]
            by_job: dict[str, list[Any]] = {}
            for fields in events:
                by_job.setdefault(fields.get("jobId", ""), []).append(fields)
            return by_job
        case _:
            # A lock: our tokens differ per fetch, theirs per worker.
            return ((await client.get(key)).split(":")[0], await client.pttl(key) > 0)


async def nothing(client: Client, prefix: str) -> None:
    """A queue without preparation."""


def hset(key: str, fields: dict[str, str]) -> Prepare:
    async def prepare(client: Client, prefix: str) -> None:
        named = {name: text.replace("QUEUE", prefix[:-1]) for name, text in fields.items()}
        await client.hset(prefix + key, mapping=named)

    return prepare


async def due(client: Client, prefix: str) -> None:
    await client.lrem(prefix + "wait", 1, "j2")
    await client.zadd(prefix + "delayed", {"j2": 4_096})


async def parent(client: Client, prefix: str) -> None:
    """Make `j1` the only child of a job in another queue, which waits for it."""
    theirs = prefix[:-1] + "-parents:"
    await client.hset(theirs + "p1", mapping={"name": "t", "priority": "0", "delay": "0"})
    await client.zadd(theirs + "waiting-children", {"p1": 1})
    await client.sadd(theirs + "p1:dependencies", prefix + "j1")
    named = {"id": "p1", "queueKey": theirs[:-1]}
    await client.hset(prefix + "j1", mapping={"parentKey": theirs + "p1", "parent": json.dumps(named)})


QUEUES: dict[str, Prepare] = {
    "plain": nothing,
    "with a due job": due,
    "paused": hset("meta", {"paused": "1"}),
    "with a limit of active jobs": hset("meta", {"concurrency": "3"}),
    "with a rate limit": hset("meta", {"max": "4", "duration": "60000"}),
    "with a marker in the list": lambda client, prefix: client.rpush(prefix + "wait", "0:1"),
    "with a job whose data are gone": lambda client, prefix: client.delete(prefix + "j1"),
}


@pytest.fixture
async def prefixes(client: Client, settings: Settings) -> dict[str, str]:
    """Two identical queues: eight jobs, two of them with priorities."""
    writer = QueueWriter(client, prefix=settings.queue_prefix)
    for queue in ("ours", "theirs"):
        jobs: list[QueuedJob] = [job(f"j{n}") for n in range(6)]
        await writer.add(queue, [*jobs, job("low", priority=9), job("high", priority=1)])
    return {queue: f"{settings.queue_prefix}:{queue}:" for queue in ("ours", "theirs")}


@pytest.fixture
async def ours(settings: Settings, prefixes: dict[str, str]) -> Any:
    queue = work_queue(settings, "w1", queue="ours", keep=-1)
    yield queue
    await queue.close()


def ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.job_id for delivery in deliveries]


@pytest.mark.parametrize("room", [1, 3, 50])
@pytest.mark.parametrize("prepare", QUEUES.values(), ids=QUEUES)
async def test_fetching(
    client: Client, settings: Settings, ours: WorkQueue, prefixes: dict[str, str], prepare: Prepare, room: int
) -> None:
    for prefix in prefixes.values():
        await prepare(client, prefix)
    fetched = (await ours.ack_and_fetch([], room)).deliveries
    assert ids(fetched) == await Theirs(client, prefixes["theirs"]).fetch(room)
    assert await state(client, settings, "ours") == await state(client, settings, "theirs")
    # The worker receives what the queue has stored.
    for one in fetched:
        assert await client.hget(f"{prefixes['ours']}{one.job_id}", "ats") == str(one.attempt)


JOBS: dict[str, Prepare] = {
    "as they come": nothing,
    "of which one is another's child": parent,
    "of which one has a child that is not done": lambda client, prefix: client.sadd(prefix + "j1:dependencies", "x"),
    "of which one had a child that failed": lambda client, prefix: client.zadd(prefix + "j1:unsuccessful", {"x": 1}),
    "of which one keeps others like it out": hset("j1", {"deid": "once"}),
    "of which one is gone": lambda client, prefix: client.delete(prefix + "j1"),
    "of which one has lost its lock": lambda client, prefix: client.delete(prefix + "j1:lock"),
    "of which one is another worker's": lambda client, prefix: client.set(prefix + "j1:lock", "w2"),
    "of which one is not active": lambda client, prefix: client.lrem(prefix + "active", 1, "j1"),
    "of which one was seen by the stalled check": lambda client, prefix: client.sadd(prefix + "stalled", "j1", "j2"),
    "with a job that had an attempt before": hset("j1", {"atm": "2"}),
    "of a queue that was paused meanwhile": hset("meta", {"paused": "1"}),
    "of a queue whose active jobs were limited": hset("meta", {"concurrency": "3"}),
    "the last of the queue": lambda client, prefix: client.delete(prefix + "wait", prefix + "prioritized"),
}


@pytest.mark.parametrize("room", [0, 1, 50])
@pytest.mark.parametrize("prepare", JOBS.values(), ids=JOBS)
async def test_completing(
    client: Client, settings: Settings, ours: WorkQueue, prefixes: dict[str, str], prepare: Prepare, room: int
) -> None:
    theirs = Theirs(client, prefixes["theirs"])
    held = (await ours.ack_and_fetch([], 4)).deliveries
    assert ids(held) == await theirs.fetch(4)
    for prefix in prefixes.values():
        await client.set(prefix + "de:once", "j1")
        await prepare(client, prefix)
    reply = await ours.ack_and_fetch([ack_completed(one, result=f'"{one.job_id}"') for one in held], room)
    handled = [job_id for job_id, _ in reply.refused] + ids(reply.deliveries)
    assert Counter(handled) == Counter(await theirs.complete(held, room))
    assert await state(client, settings, "ours") == await state(client, settings, "theirs")


@pytest.mark.parametrize("keep", [0, 1, 3, 10])
async def test_old_jobs_are_removed(client: Client, settings: Settings, prefixes: dict[str, str], keep: int) -> None:
    ours = work_queue(settings, "w1", queue="ours", keep=keep)
    theirs = Theirs(client, prefixes["theirs"], keep=keep)
    held = (await ours.ack_and_fetch([], 8)).deliveries
    assert ids(held) == await theirs.fetch(8)
    for prefix in prefixes.values():
        await parent(client, prefix)
        await client.rpush(prefix + "j2:logs", "a line")
    for part in (held[:4], held[4:]):
        assert (
            await ours.ack_and_fetch([ack_completed(one, result=f'"{one.job_id}"') for one in part], 0)
        ).refused == []
        assert await theirs.complete(part, 0) == []
        assert await state(client, settings, "ours") == await state(client, settings, "theirs")
    await ours.close()
