"""Reads the state of queues (job counts, pause, next jobs) and of the Redis server."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import redis.asyncio

from herdbook.queue.connection import raises_queue_unavailable
from herdbook.queue.keys import key_prefix
from herdbook.queue.scripts import compose_script

STATES = ("waiting", "active", "delayed", "prioritized", "waiting-children", "completed", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class NextJob:
    """The next job to be taken; `timestamp` is when it was published, in Unix milliseconds.

    `waited` is the seconds since then by Redis's clock, 0 if that is unknown.
    """

    job_id: str
    timestamp: int | None
    waited: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCounts:
    """A queue's jobs by BullMQ state, whether it is paused, and the next jobs without and with a priority."""

    name: str
    counts: dict[str, int]
    paused: bool
    next_jobs: tuple[NextJob, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What `doctor` checks. `aof` and `noeviction` are None if the server does not say."""

    version: str
    noeviction: bool | None
    aof: bool | None
    clock: float


class QueueReader:
    """Reads BullMQ queues."""

    def __init__(self, client: redis.asyncio.Redis, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._count_jobs = client.register_script(compose_script("count_jobs"))

    async def counts(self, queue: str) -> QueueCounts:
        """The queue's counts; zeros for a queue that Redis does not know. Raises QueueUnavailableError."""
        return (await self.all_counts([queue]))[0]

    async def all_counts(self, queues: Sequence[str]) -> list[QueueCounts]:
        """The counts of each queue, read in one round trip."""
        states = ["wait" if state == "waiting" else state for state in STATES]
        pipeline = self._client.pipeline(transaction=False)
        with raises_queue_unavailable():
            for queue in queues:
                await self._count_jobs(keys=[key_prefix(self._prefix, queue)], args=states, client=pipeline)
            found = await pipeline.execute()
        return [_counts(queue, *reply) for queue, reply in zip(queues, found, strict=True)]

    async def ping(self) -> None:
        """Return once Redis answers; raises QueueUnavailableError if it does not."""
        with raises_queue_unavailable():
            await self._client.ping()

    async def server(self) -> ServerFacts:
        """The server's version and the settings that matter."""
        with raises_queue_unavailable():
            info = await self._client.info()
            seconds, microseconds = await self._client.time()
        policy = info.get("maxmemory_policy")
        return ServerFacts(
            version=str(info.get("valkey_version") or info.get("redis_version")),
            noeviction=policy == "noeviction" if policy else None,
            aof=bool(info["aof_enabled"]) if "aof_enabled" in info else None,
            clock=seconds + microseconds / 1_000_000,
        )


def _counts(
    queue: str, counts: list[int], paused: int, following: list[tuple[str, str | None]], at: int
) -> QueueCounts:
    return QueueCounts(
        name=queue,
        counts=dict(zip(STATES, counts, strict=True)),
        paused=bool(paused),
        next_jobs=tuple(_next_job(id, parse_timestamp(time), at) for id, time in following),
    )


def _next_job(job_id: str, timestamp: int | None, now: int) -> NextJob:
    waited = 0.0 if timestamp is None else max(0.0, (now - timestamp) / 1_000)
    return NextJob(job_id=job_id, timestamp=timestamp, waited=waited)


def parse_timestamp(text: str | None) -> int | None:
    """The time in a job's hash; None if there is none, or another client wrote something else there."""
    return int(text) if text and text.isdecimal() and len(text) <= 15 else None
