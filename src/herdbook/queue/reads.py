"""Takes a queue's name.

Gives what Redis knows of it: counts per state, whether it is paused, its workers; and the server's health.
Never changes anything.
"""

from dataclasses import dataclass

import redis.asyncio

from herdbook.queue.connection import away_is_unavailable
from herdbook.queue.keys import key_prefix
from herdbook.queue.scripts import bullmq_script

STATES = ("waiting", "active", "delayed", "prioritized", "waiting-children", "completed", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCounts:
    """A queue's jobs by BullMQ state, and whether it is paused."""

    name: str
    counts: dict[str, int]
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What `doctor` looks at. `aof` and `noeviction` are None where the server does not say."""

    version: str
    noeviction: bool | None
    aof: bool | None
    clock: float


class QueueReader:
    """Reads BullMQ queues."""

    def __init__(self, client: redis.asyncio.Redis, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._counts = client.register_script(bullmq_script("getCounts-1"))

    async def counts(self, queue: str) -> QueueCounts:
        """The queue's counts; zeros for a queue that Redis does not know. Raises QueueUnavailableError."""
        prefix = key_prefix(self._prefix, queue)
        states = ["wait" if state == "waiting" else state for state in STATES]
        with away_is_unavailable():
            counts: list[int] = await self._counts(keys=[prefix], args=states)
            paused = await self._client.hexists(f"{prefix}meta", "paused")
        return QueueCounts(name=queue, counts=dict(zip(STATES, counts, strict=True)), paused=bool(paused))

    async def ping(self) -> None:
        """Return when Redis answers; raises QueueUnavailableError otherwise."""
        with away_is_unavailable():
            await self._client.ping()

    async def server(self) -> ServerFacts:
        """The server's version and the settings that matter."""
        with away_is_unavailable():
            info = await self._client.info()
            seconds, microseconds = await self._client.time()
        policy = info.get("maxmemory_policy")
        return ServerFacts(
            version=str(info.get("valkey_version") or info.get("redis_version")),
            noeviction=policy == "noeviction" if policy else None,
            aof=bool(info["aof_enabled"]) if "aof_enabled" in info else None,
            clock=seconds + microseconds / 1_000_000,
        )
