"""A publisher with a ledger: what it was told is accepted, when, and what is to come of it."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx

if TYPE_CHECKING:
    from .laboratory import Laboratory

# Jobs published per second while faults happen.
_RATE = 700
# Jobs per request.
_PER_REQUEST = 50
_CALLS = 2
ALWAYS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A job that was answered with 2xx. Waits are in seconds, `wait` the one between its attempts."""

    job_type: str
    data: dict[str, Any]
    attempts: int
    wait: float
    delay: float
    asked_at: float
    answered_at: float

    @property
    def is_to_fail(self) -> bool:
        """Whether it raises in all its attempts, or kills each worker."""
        return bool(self.data.get("fails", 0) >= self.attempts or self.data.get("kills"))


def mixed_jobs(seed: int, first: int, count: int, *, longest: int = 300) -> Iterator[dict[str, Any]]:
    """Jobs of all kinds, as requests: brief and steady, in threads, with delays and priorities, good and failing."""
    chance = random.Random(f"{seed} {first}")
    for n in range(first, first + count):
        job_type = chance.choices(("brief", "steady", "threaded"), (78, 20, 2))[0]
        data: dict[str, Any] = {"n": n, "padding": "é" * chance.randrange(40)}
        if job_type != "brief":
            data["ms"] = chance.randrange(longest)
        options: dict[str, Any] = {"attempts": 3, "backoff": {"type": "fixed", "delay": 400}}
        match chance.randrange(100):
            case 0 | 1 | 2:
                data["fails"] = ALWAYS
                options["attempts"] = 2
            case 3 | 4 | 5 | 6:
                data["fails"] = 1
            case 7 | 8:
                options["delay"] = chance.randrange(100, 3_000)
            case 9 | 10:
                options["priority"] = chance.randrange(1, 10)
        yield {"jobType": job_type, "jobData": data, "options": options}


class Publishing:
    """Publishes over HTTP, and asks again with the same keys until it is answered.

    `refusals` counts requests that were not answered with 2xx.
    """

    def __init__(self, url: str, *, seed: int) -> None:
        self.ledger: dict[UUID, Accepted] = {}
        self.refusals = 0
        self._url = url
        self._seed = seed
        self._numbers = itertools.count()

    async def publish(self, requests: list[dict[str, Any]], *, rate: float = 0) -> None:
        """Publish jobs, `rate` of them per second (0: as fast as they are accepted)."""
        batches = [requests[start : start + _PER_REQUEST] for start in range(0, len(requests), _PER_REQUEST)]
        begun = asyncio.get_running_loop().time()
        async with httpx.AsyncClient(base_url=self._url, timeout=10) as client:
            calls = asyncio.Semaphore(_CALLS)
            async with asyncio.TaskGroup() as group:
                for number, batch in enumerate(batches):
                    if rate:
                        due = begun + number * _PER_REQUEST / rate
                        await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
                    await calls.acquire()
                    task = group.create_task(self._publish_until_accepted(client, batch))
                    task.add_done_callback(lambda _: calls.release())

    async def _publish_until_accepted(self, client: httpx.AsyncClient, batch: list[dict[str, Any]]) -> None:
        for job in batch:
            job["options"]["idempotencyKey"] = f"{self._seed}-{next(self._numbers)}"
        # It may have been accepted the first time, with the answer lost.
        asked_at = time()
        while True:
            try:
                response = await client.post("/api/jobs/bulk", json={"jobs": batch})
            except httpx.TransportError:
                response = None
            if response is not None and response.is_success:
                break
            if response is not None and response.status_code < 500:
                raise AssertionError(f"refused for good: {response.text}")
            self.refusals += 1
            await asyncio.sleep(0.1)
        answered_at = time()
        for id, job in zip(response.json()["jobIds"], batch, strict=True):
            self.ledger[UUID(id)] = _accepted(job, asked_at, answered_at)


def _accepted(job: dict[str, Any], asked_at: float, answered_at: float) -> Accepted:
    options = job["options"]
    return Accepted(
        job_type=job["jobType"],
        data=job["jobData"],
        attempts=options["attempts"],
        wait=options["backoff"]["delay"] / 1_000,
        delay=options.get("delay", 0) / 1_000,
        asked_at=asked_at,
        answered_at=answered_at,
    )


@asynccontextmanager
async def publishing_beside(
    lab: "Laboratory",
    jobs: int,
    *,
    rate: float = _RATE,
    longest: int = 300,
    workers: int = 2,
    relays: int = 1,
    settings: dict[str, str] | None = None,
) -> AsyncIterator["asyncio.Task[None]"]:
    """Start a system, then publish a mix of jobs beside the block; a tenth before it, so that all parts are at work."""
    await lab.start(workers=workers, relays=relays, settings=settings)
    first = jobs // 10
    seed = lab.chance.randrange(2**32)
    await lab.publishing.publish(list(mixed_jobs(seed, 0, first, longest=longest)))
    lab.note_levels()
    rest = list(mixed_jobs(seed, first, jobs - first, longest=longest))
    task = asyncio.create_task(lab.publishing.publish(rest, rate=rate))
    try:
        yield task
    except BaseException:
        task.cancel()
        raise
    await task


async def publish_more(lab: "Laboratory", jobs: int) -> None:
    """Publish so many more jobs, for a fault that needs work to happen."""
    seed = lab.chance.randrange(2**32)
    await lab.publishing.publish(list(mixed_jobs(seed, 0, jobs)), rate=_RATE)
