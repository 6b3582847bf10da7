"""What the queue is told of a delivery whose attempt the record does not want."""

from collections.abc import Sequence

from herdbook.execution.claimed_job import ClaimedJob
from herdbook.model.ids import queue_job_id
from herdbook.model.job import AttemptKey, JobStatus
from herdbook.model.outcome import ErrorReport, Failed, Outcome, Released, Succeeded
from herdbook.queue.delivery import Acknowledgement, Delivery
from herdbook.record.attempts import RecordedState, read_states
from herdbook.record.database import Connection, Database

Keyed = tuple[AttemptKey, Delivery]


async def reject_stale(database: Database, keyed: Sequence[Keyed]) -> list[Acknowledgement]:
    """The replies for jobs whose result came too late. Raises RecordUnavailableError."""
    async with database.connection() as connection:
        return await read_replies(connection, keyed)


async def read_replies(connection: Connection, keyed: Sequence[Keyed]) -> list[Acknowledgement]:
    """The replies for deliveries that lost their claim, by what the record says of their jobs."""
    if not keyed:
        return []
    states = await read_states(connection, keyed[0][1].queue, [key.job for key, _ in keyed])
    return [reply_to_stale(key, delivery, states.get(key.job)) for key, delivery in keyed]


def reply_to_recorded(job: ClaimedJob) -> Acknowledgement:
    """The reply for a job whose outcome is recorded."""
    assert job.outcome is not None, "only jobs that ended are recorded"
    return Acknowledgement(delivery=job.delivery, outcome=job.outcome)


def reply_to_stale(key: AttemptKey, delivery: Delivery, state: RecordedState | None) -> Acknowledgement:
    """The reply to one delivery that may not run, or whose result came too late."""
    if state is None:
        return Acknowledgement(delivery=delivery, outcome=Released())
    # A job of ours is delivered under another id in each generation.
    is_ours = delivery.job_id == queue_job_id(key.job, key.generation)
    if is_ours and state.generation > key.generation:
        closed = _failed(f"superseded by generation {state.generation}")
        return Acknowledgement(delivery=delivery, outcome=closed)
    return Acknowledgement(delivery=delivery, outcome=_outcome(state))


def _outcome(state: RecordedState) -> Outcome:
    """A job that is over has its recorded outcome.

    Any other goes back: when Redis lost its newest writes its count of attempts is behind the record's, and each
    delivery brings it one nearer. Another client's job may have been retried under the same id while it ran.
    """
    match state.status:
        case JobStatus.COMPLETED:
            return Succeeded(result=state.result or "null")
        case JobStatus.FAILED | JobStatus.CANCELLED:
            return _failed(state.error_message or state.status)
        case _:
            return Released()


def _failed(message: str) -> Failed:
    return Failed(error=ErrorReport(type="Stale", message=message))
