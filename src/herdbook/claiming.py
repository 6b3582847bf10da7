"""Takes deliveries.

Gives the claims that won, and for each delivery that lost what the queue is to be told.
Never runs anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from herdbook.foreign import attempt_key, foreign_job, foreign_key
from herdbook.job import JobStatus
from herdbook.queue.delivery import Acknowledgement, Complete, Delivery, Fail, Release
from herdbook.store.attempts import (
    AttemptKey,
    RecordedState,
    adopt_jobs,
    claim_jobs_if_newer_attempt,
    read_turned_away,
)
from herdbook.store.pool import Connection, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery that may run. `reported` is the progress (a JSON value) that earlier attempts left.

    `timeout_ms` is the job's own time limit, None where its type's holds; `waited_ms` how long the job
    could have run already.
    """

    delivery: Delivery
    key: AttemptKey
    reported: Any
    timeout_ms: int | None
    waited_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What came of a batch: the winners, and the acknowledgements of the others."""

    won: list[Claimed]
    turned_away: list[Acknowledgement]


async def claim(record: Record, deliveries: Sequence[Delivery], worker: str) -> Claims:
    """Claim deliveries in the record, adopting jobs that other clients published. Raises RecordUnavailableError."""
    whole = [delivery for delivery in deliveries if delivery.job_type]
    gone: list[Acknowledgement] = [
        Fail(delivery=delivery, reason="the job's data are gone from Redis")
        for delivery in deliveries
        if not delivery.job_type
    ]
    async with record.connection() as connection:
        won, lost = await _claim_as(connection, [(attempt_key(one), one) for one in whole], worker)
        if not lost:
            return Claims(won=won, turned_away=gone)
        states = await read_turned_away(connection, [key.job for key, _ in lost])
        unknown = [delivery for key, delivery in lost if key.job not in states]
        away = [_turn_away(key, delivery, states[key.job]) for key, delivery in lost if key.job in states]
        adopted, away_too = await _adopt(connection, unknown, worker) if unknown else ([], [])
    return Claims(won=won + adopted, turned_away=gone + away + away_too)


async def _claim_as(
    connection: Connection, keyed: Sequence[tuple[AttemptKey, Delivery]], worker: str
) -> tuple[list[Claimed], list[tuple[AttemptKey, Delivery]]]:
    claims = await claim_jobs_if_newer_attempt(
        connection, [key for key, _ in keyed], [delivery.attempts_made for _, delivery in keyed], worker
    )
    won = [
        Claimed(
            delivery=delivery,
            key=key,
            reported=orjson.loads(claims[key.job].progress or "null"),
            timeout_ms=claims[key.job].timeout_ms,
            waited_ms=claims[key.job].waited_ms,
        )
        for key, delivery in keyed
        if key.job in claims
    ]
    return won, [(key, delivery) for key, delivery in keyed if key.job not in claims]


async def _adopt(
    connection: Connection, deliveries: Sequence[Delivery], worker: str
) -> tuple[list[Claimed], list[Acknowledgement]]:
    """Write down jobs that the record has never seen, then claim them under their derived ids."""
    await adopt_jobs(connection, [foreign_job(delivery) for delivery in deliveries])
    won, lost = await _claim_as(connection, [(foreign_key(one), one) for one in deliveries], worker)
    states = await read_turned_away(connection, [key.job for key, _ in lost])
    return won, [_turn_away(key, delivery, states.get(key.job)) for key, delivery in lost]


def _turn_away(key: AttemptKey, delivery: Delivery, state: RecordedState | None) -> Acknowledgement:
    """What to tell the queue of a delivery that may not run.

    A job that is over is acknowledged with its recorded result. An older generation is closed. Any
    other goes back: when Redis lost its newest writes its count of attempts is behind the record's,
    and each delivery brings it one nearer.
    """
    if state is None:
        return Release(delivery=delivery)
    if state.generation > key.generation:
        return Fail(delivery=delivery, reason=f"superseded by generation {state.generation}")
    match state.status:
        case JobStatus.COMPLETED:
            return Complete(delivery=delivery, result=state.result or "null")
        case JobStatus.FAILED | JobStatus.CANCELLED:
            return Fail(delivery=delivery, reason=state.error_message or state.status)
        case _:
            return Release(delivery=delivery)
