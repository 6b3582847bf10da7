"""Takes a worker's acknowledgements and its room for more.

Gives deliveries, and the wake-up when new jobs arrive; moves jobs of vanished workers back.
Never runs a job or writes the record.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from herdbook.queue.connection import BLOCK, away_is_unavailable, connect
from herdbook.queue.delivery import (
    Acknowledgement,
    Delivery,
    Retention,
    pack_acknowledgements,
    pack_finish_options,
    parse_delivery,
)
from herdbook.queue.keys import client_name, key_prefix
from herdbook.queue.scripts import bullmq_script, compose, pack

# Acknowledgements and fetches in one script: keeps it under about 5 ms, so that no other client waits longer.
# A turn of 75 jobs held Redis for 4.2 ms, one of 100 for 5.1.
BATCH_LIMIT = 75


@dataclass(frozen=True, slots=True, kw_only=True)
class AckAndFetch:
    """What one turn brought.

    `refused` are acknowledgements that the queue did not take: job id and why. `wait` is how many milliseconds
    may pass until a delayed job is due or a rate limit ends; None when nothing is known to come.
    """

    refused: list[tuple[str, str]]
    deliveries: list[Delivery]
    wait: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledRule:
    """When a job is stalled: its lock (milliseconds) ran out, which is looked at every `interval` milliseconds."""

    lock_duration: int
    interval: int
    max_stalled: int


class WorkQueue:
    """One BullMQ queue as one worker sees it. `worker` is the worker's id, and the beginning of its tokens."""

    def __init__(
        self, url: str, name: str, *, prefix: str, worker: str, retention: Retention, stalled: StalledRule
    ) -> None:
        self.name = name
        self.worker = worker
        self._prefix = key_prefix(prefix, name)
        self._retention = retention
        self._stalled = stalled
        self._client = connect(url)
        self._waiting = connect(url, blocking=True, name=client_name(prefix, name, worker))
        self._ack_and_fetch = self._client.register_script(compose("ack_and_fetch"))
        self._move_stalled = self._client.register_script(bullmq_script("moveStalledJobsToWait-9"))
        self._update_progress = self._client.register_script(bullmq_script("updateProgress-3"))
        self._fetches = count(1)
        self._plain_options = pack_finish_options(worker, stalled.lock_duration)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self._waiting.aclose()

    def new_token(self) -> str:
        """A token for the locks of one fetch: with one of its own, an attempt cannot touch the lock of a later one."""
        return f"{self.worker}:{next(self._fetches)}"

    async def ack_and_fetch(
        self, acks: Sequence[Acknowledgement], room: int, *, token: str | None = None, is_repeat: bool = False
    ) -> AckAndFetch:
        """Acknowledge up to `BATCH_LIMIT` jobs, then fetch up to as many, at most `room`, with a new token or this one.

        Raises QueueUnavailableError when Redis is unreachable: whether it did as asked is then unknown. Call it again
        with the same token as a repeat: jobs that the first call fetched are taken on.
        """
        now, token = _now(), token or self.new_token()
        lock_duration = self._stalled.lock_duration
        plain, others = pack_acknowledgements(acks, self._retention, worker=self.worker, lock_duration=lock_duration)
        options = pack({"token": token, "lockDuration": lock_duration, "name": self.worker})
        packed = (pack(plain), self._plain_options, pack(others), "1" if is_repeat else "")
        with away_is_unavailable():
            refused, fetched, limited, next_at = await self._ack_and_fetch(
                keys=[self._prefix], args=[now, options, min(room, BATCH_LIMIT), *packed]
            )
        return AckAndFetch(
            refused=[(job_id, error) for job_id, error in refused],
            deliveries=[parse_delivery(self.name, job, token) for job in fetched],
            wait=limited if limited > 0 else max(int(next_at) - now, 0) if next_at else None,
        )

    async def wait(self, milliseconds: int | None) -> None:
        """Return when a job may have arrived, or after `milliseconds`, or after some seconds in any case."""
        # A blocking pop of 0 would wait for ever; BullMQ's shortest is a millisecond.
        timeout = BLOCK if milliseconds is None else min(max(milliseconds / 1_000, 0.001), BLOCK)
        with away_is_unavailable():
            await self._waiting.bzpopmin([f"{self._prefix}marker"], timeout=timeout)

    async def move_stalled(self) -> list[str]:
        """Move jobs whose lock ran out back to waiting; returns their ids. One worker per interval gets to do it."""
        names = ("stalled", "wait", "active", "stalled-check", "meta", "paused", "marker", "events", "repeat")
        with away_is_unavailable():
            stalled: list[str] = await self._move_stalled(
                keys=[self._prefix + name for name in names],
                args=[self._stalled.max_stalled, self._prefix, _now(), self._stalled.interval],
            )
        return stalled

    async def report_progress(self, job_id: str, progress: str) -> None:
        """Show a job's progress (JSON text) to other clients of the queue."""
        with away_is_unavailable():
            await self._update_progress(
                keys=[self._prefix + name for name in (job_id, "events", "meta")], args=[job_id, progress]
            )


def _now() -> int:
    return time.time_ns() // 1_000_000
