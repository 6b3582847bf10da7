"""Takes deliveries.

Gives the claims that won, and for each delivery that lost what the queue is to be told.
Never runs anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from herdbook.model.fast_dataclass import fast_dataclass
from herdbook.model.job import AttemptKey, JobStatus
from herdbook.queue.delivery import Acknowledgement, Complete, Delivery, Fail, Release
from herdbook.queue.external_jobs import attempt_key, external_job, external_key
from herdbook.record.attempts import (
    Claim,
    RecordedState,
    adopt_jobs,
    claim_jobs_if_newer_attempt,
    read_jobs_if_pending,
    read_states,
)
from herdbook.record.database import Connection, Database


@fast_dataclass
class Claimed:
    """A delivery that may run. `reported` is the progress (a JSON value) that earlier attempts left.

    `timeout_ms` is the job's own time limit, None where its type's holds; `waited_ms` how long the job
    could have run already when it was claimed, at `started_at`.
    """

    delivery: Delivery
    key: AttemptKey
    reported: Any
    timeout_ms: int | None
    started_at: datetime
    waited_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What came of a batch: the winners, and the acknowledgements of the others.

    `unmarked` are the winners that the record does not show as running yet.
    """

    won: list[Claimed]
    turned_away: list[Acknowledgement]
    unmarked: int


Keyed = tuple[AttemptKey, Delivery]


async def claim(database: Database, deliveries: Sequence[Delivery], worker: str) -> Claims:
    """Claim deliveries in the record, adopting jobs that other clients published. Raises RecordUnavailableError.

    A pending job may run as soon as it was read: that it runs is written down while it does, and recording
    its end is fenced by itself. Any other job must win its claim in the record first.
    """
    whole = [(attempt_key(delivery), delivery) for delivery in deliveries if delivery.job_type]
    gone: list[Acknowledgement] = [
        Fail(delivery=delivery, reason="the job's data are gone from Redis")
        for delivery in deliveries
        if not delivery.job_type
    ]
    async with database.connection() as connection:
        free = await read_jobs_if_pending(connection, [key for key, _ in whole])
        won = [_claimed(*whole[number], claim) for number, claim in free.items()]
        if len(won) == len(whole):
            return Claims(won=won, turned_away=gone, unmarked=len(won))
        rest = [keyed for number, keyed in enumerate(whole) if number not in free]
        fought, away = await _fight(connection, rest, worker)
    return Claims(won=won + fought, turned_away=gone + away, unmarked=len(won))


async def _fight(
    connection: Connection, keyed: Sequence[Keyed], worker: str
) -> tuple[list[Claimed], list[Acknowledgement]]:
    """Claim jobs that something else may be running, and those that the record has never seen."""
    won, lost = await _claim_as(connection, keyed, worker)
    states = await read_states(connection, [key.job for key, _ in lost]) if lost else {}
    away = [_turn_away(key, delivery, states[key.job]) for key, delivery in lost if key.job in states]
    unknown = [delivery for key, delivery in lost if key.job not in states]
    if unknown:
        # Written down, they are known by their derived ids.
        await adopt_jobs(connection, [external_job(delivery) for delivery in unknown])
        adopted, lost = await _claim_as(connection, [(external_key(one), one) for one in unknown], worker)
        won += adopted
        away += await _answers(connection, lost)
    return won, away


async def _claim_as(connection: Connection, keyed: Sequence[Keyed], worker: str) -> tuple[list[Claimed], list[Keyed]]:
    claims = await claim_jobs_if_newer_attempt(
        connection, [key for key, _ in keyed], [delivery.attempts_made for _, delivery in keyed], worker
    )
    won = [_claimed(key, delivery, claims[key.job]) for key, delivery in keyed if key.job in claims]
    return won, [(key, delivery) for key, delivery in keyed if key.job not in claims]


async def turn_away(database: Database, keyed: Sequence[Keyed]) -> list[Acknowledgement]:
    """What the queue is to be told of jobs whose result the record did not want. Raises RecordUnavailableError."""
    async with database.connection() as connection:
        return await _answers(connection, keyed)


async def _answers(connection: Connection, keyed: Sequence[Keyed]) -> list[Acknowledgement]:
    states = await read_states(connection, [key.job for key, _ in keyed])
    return [_turn_away(key, delivery, states.get(key.job)) for key, delivery in keyed]


def _claimed(key: AttemptKey, delivery: Delivery, claim: Claim) -> Claimed:
    return Claimed(
        delivery=delivery,
        key=key,
        reported=orjson.loads(claim.progress) if claim.progress else None,
        timeout_ms=claim.timeout_ms,
        started_at=claim.started_at,
        waited_ms=claim.waited_ms,
    )


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
