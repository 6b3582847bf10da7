"""The first step: which of the delivered jobs this worker may run."""

from collections.abc import Sequence
from dataclasses import replace

from herdbook.execution.claimed_job import ClaimedJob
from herdbook.execution.replies import Keyed, read_replies, reply_to_stale
from herdbook.model.job import AttemptKey
from herdbook.model.outcome import ErrorReport, Failed, Snoozed
from herdbook.queue.delivery import Acknowledgement, Delivery
from herdbook.queue.external_jobs import attempt_key, external_job, external_key
from herdbook.record.attempts import (
    adopt_jobs,
    claim_jobs_if_newer_attempt,
    count_errors,
    read_backoffs_if_waiting,
    read_jobs_if_pending,
    read_states,
)
from herdbook.record.database import Connection, Database

_GONE = Failed(error=ErrorReport(type="JobDataGone", message="the job's data are gone from Redis"))

# What the record calls an attempt whose worker vanished, see `claim_jobs_if_newer_attempt.sql`.
_WORKER_LOST = "WorkerLost"
# The jobs that may run, and what the queue is to be told of the others.
ClaimedAndRejected = tuple[list[ClaimedJob], list[Acknowledgement]]


async def claim_deliveries(
    database: Database, deliveries: Sequence[Delivery], worker: str, *, is_repeat: bool = False
) -> ClaimedAndRejected:
    """Claim deliveries of one queue in the record, adopting jobs that other clients published.

    A pending job may run as soon as it was read: that it runs is saved while it does, and recording its end is
    fenced by itself. Any other job must win its claim in the record first; in a repeat, a claim that this worker
    has won already is won again. Raises RecordUnavailableError.
    """
    keyed = [(attempt_key(delivery), delivery) for delivery in deliveries if delivery.job_type]
    gone = [Acknowledgement(delivery=delivery, outcome=_GONE) for delivery in deliveries if not delivery.job_type]
    async with database.connection() as connection:
        free = await read_jobs_if_pending(connection, deliveries[0].queue, [key for key, _ in keyed])
        claimed = [
            ClaimedJob(key=keyed[number][0], delivery=keyed[number][1], row=row, is_start_saved=False)
            for number, row in free.items()
        ]
        if len(claimed) == len(keyed):
            return claimed, gone
        rest = [one for number, one in enumerate(keyed) if number not in free]
        won, stale = await _claim_contested(connection, rest, worker, is_repeat)
    return claimed + won, gone + stale


async def count_losses(database: Database, deliveries: Sequence[Delivery]) -> dict[str, int]:
    """How many workers these jobs of one queue are recorded to have lost, without the one that held them last.

    By job id; zeros are left out. Raises RecordUnavailableError.
    """
    keys = [attempt_key(delivery) for delivery in deliveries]
    async with database.connection() as connection:
        lost = await count_errors(connection, keys, _WORKER_LOST)
    return {delivery.job_id: lost[key.job] for key, delivery in zip(keys, deliveries, strict=True) if key.job in lost}


async def claim_suspects(
    database: Database, deliveries: Sequence[Delivery], worker: str, *, max_lost: int, is_repeat: bool = False
) -> ClaimedAndRejected:
    """Claim jobs that have lost a worker; each fails without running if that happened more than `max_lost` times.

    They are shown as running before they run, so that the record knows if they lose another. One whose attempt was
    recorded although its lock had expired may have come back before its backoff is over: it waits for the rest. Raises
    RecordUnavailableError.
    """
    keyed = [(attempt_key(delivery), delivery) for delivery in deliveries if delivery.job_type]
    unfit = [Acknowledgement(delivery=delivery, outcome=_GONE) for delivery in deliveries if not delivery.job_type]
    async with database.connection() as connection:
        left = await read_backoffs_if_waiting(connection, [key for key, _ in keyed])
        unfit += [Acknowledgement(delivery=keyed[number][1], outcome=Snoozed(after=ms)) for number, ms in left.items()]
        keyed = [one for number, one in enumerate(keyed) if number not in left]
        if not keyed:
            return [], unfit
        claimed, rejected = await _claim_contested(connection, keyed, worker, is_repeat)
        lost = await count_errors(connection, [job.key for job in claimed], _WORKER_LOST)
    for job in claimed:
        times = lost.get(job.key.job, 0)
        if times > max_lost:
            failure = f"its worker vanished {times} times while it ran, so it is not run again"
            job.delivery = replace(job.delivery, deferred_failure=failure)
    return claimed, unfit + rejected


async def _claim_contested(
    connection: Connection, keyed: Sequence[Keyed], worker: str, is_repeat: bool
) -> ClaimedAndRejected:
    """Claim jobs that something else may be running, and those that the record has never seen."""
    won, lost = await _claim_as(connection, keyed, worker, is_repeat)
    states = await read_states(connection, lost[0][1].queue, [key.job for key, _ in lost]) if lost else {}
    stale = [reply_to_stale(key, delivery, states[key.job]) for key, delivery in lost if key.job in states]
    unknown = [delivery for key, delivery in lost if key.job not in states]
    if unknown:
        # Once recorded, they are known by their derived ids.
        await adopt_jobs(connection, [external_job(delivery) for delivery in unknown])
        adopted, lost = await _claim_as(connection, [(external_key(one), one) for one in unknown], worker, is_repeat)
        won += adopted
        stale += await read_replies(connection, lost)
    return won, stale


async def _claim_as(
    connection: Connection, keyed: Sequence[Keyed], worker: str, is_repeat: bool
) -> tuple[list[ClaimedJob], list[Keyed]]:
    queue = keyed[0][1].queue
    rows = await claim_jobs_if_newer_attempt(
        connection,
        [key for key, _ in keyed],
        [delivery.attempts_made for _, delivery in keyed],
        worker,
        queue=queue,
        is_repeat=is_repeat,
    )
    won = [
        ClaimedJob(
            key=AttemptKey(job=key.job, generation=rows[number].generation, number=key.number),
            delivery=delivery,
            row=rows[number],
            is_start_saved=True,
        )
        for number, (key, delivery) in enumerate(keyed)
        if number in rows
    ]
    return won, [one for number, one in enumerate(keyed) if number not in rows]
