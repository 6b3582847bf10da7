"""A worker's view of its queue: acknowledge and fetch jobs, wait for new ones, recover those of vanished workers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from herdbook.crash_points import crash_point
from herdbook.queue.connection import BLOCK_SECONDS, connect, raises_queue_unavailable
from herdbook.queue.delivery import (
    Acknowledgement,
    Delivery,
    Retention,
    parse_delivery,
    plain_finish_options,
    split_acknowledgements,
)
from herdbook.queue.keys import client_name, key_prefix
from herdbook.queue.scripts import bullmq_script, compose_script, to_msgpack

# Acknowledgements and fetches per script: keeps it under about 5 ms, so that other clients wait no longer.
# A script for 75 jobs blocked Redis for 4.2 ms, one for 100 jobs for 5.1 ms.
BATCH_LIMIT = 75
# Stalls after which the script fails a job. The record decides that, see `execution.claim`.
_NEVER_FAIL = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AckAndFetch:
    """The result of acknowledging and fetching.

    `refused` lists rejected acknowledgements: job id and reason. `wait` is the time in milliseconds until a
    delayed job is due or a rate limit ends; None if neither is known.
    """

    refused: list[tuple[str, str]]
    deliveries: list[Delivery]
    wait: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledRule:
    """When a job is stalled: its lock of `lock_duration` ms has expired, which is checked every `interval` ms."""

    lock_duration: int
    interval: int


class WorkQueue:
    """One BullMQ queue as one worker sees it. `worker` is the worker's id, with which its tokens begin."""

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
        self._ack_and_fetch = self._client.register_script(compose_script("ack_and_fetch"))
        self._move_stalled = self._client.register_script(bullmq_script("moveStalledJobsToWait-9"))
        self._update_progress = self._client.register_script(bullmq_script("updateProgress-3"))
        self._fetches = count(1)
        self._plain_options = plain_finish_options(worker, stalled.lock_duration)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self._waiting.aclose()

    def new_token(self) -> str:
        """A new token for the locks of one fetch, so that an attempt cannot affect the lock of a later one."""
        return f"{self.worker}:{next(self._fetches)}"

    async def ack_and_fetch(
        self, acks: Sequence[Acknowledgement], room: int, *, token: str | None = None, is_repeat: bool = False
    ) -> AckAndFetch:
        """Acknowledge up to `BATCH_LIMIT` jobs, then fetch as many, but at most `room`, with `token` or a new one.

        Raises QueueUnavailableError if Redis is unreachable; whether it ran the script is then unknown. Calling this
        again with the same token and `is_repeat` also returns the jobs that the first call fetched.
        """
        token = token or self.new_token()
        lock_duration = self._stalled.lock_duration
        plain, others = split_acknowledgements(acks, self._retention, worker=self.worker, lock_duration=lock_duration)
        options = to_msgpack({"token": token, "lockDuration": lock_duration, "name": self.worker})
        packed = (to_msgpack(plain), self._plain_options, to_msgpack(others), "1" if is_repeat else "")
        with raises_queue_unavailable():
            refused, fetched, wait = await self._ack_and_fetch(
                keys=[self._prefix], args=[options, min(room, BATCH_LIMIT), *packed]
            )
        if fetched:
            crash_point("fetched")
        if acks:
            crash_point("acknowledged")
        return AckAndFetch(
            refused=[(job_id, error) for job_id, error in refused],
            deliveries=[parse_delivery(self.name, job, token) for job in fetched],
            wait=wait if wait >= 0 else None,
        )

    async def wait(self, milliseconds: int | None) -> None:
        """Return when a job may have arrived, or after `milliseconds`, and after `BLOCK_SECONDS` in any case."""
        # A timeout of 0 would block forever; BullMQ's shortest is a millisecond.
        timeout = BLOCK_SECONDS if milliseconds is None else min(max(milliseconds / 1_000, 0.001), BLOCK_SECONDS)
        with raises_queue_unavailable():
            await self._waiting.bzpopmin([f"{self._prefix}marker"], timeout=timeout)

    async def move_stalled(self) -> list[str]:
        """Move jobs whose lock has expired back to waiting; returns their ids. Only one worker per interval does so."""
        names = ("stalled", "wait", "active", "stalled-check", "meta", "paused", "marker", "events", "repeat")
        with raises_queue_unavailable():
            stalled: list[str] = await self._move_stalled(
                keys=[self._prefix + name for name in names],
                # The time is only noted: Redis itself ends the interval.
                args=[_NEVER_FAIL, self._prefix, time.time_ns() // 1_000_000, self._stalled.interval],
            )
        return stalled

    async def report_progress(self, job_id: str, progress: str) -> None:
        """Show a job's progress (JSON text) to other clients of the queue."""
        with raises_queue_unavailable():
            await self._update_progress(
                keys=[self._prefix + name for name in (job_id, "events", "meta")], args=[job_id, progress]
            )
