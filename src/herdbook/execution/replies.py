"""What the queue is told of a delivery whose attempt the record does not want."""

from collections.abc import Sequence

from herdbook.execution.claimed_job import ClaimedJob
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
    return Acknowledgement(delivery=delivery, outcome=_outcome(key, state))


def _outcome(key: AttemptKey, state: RecordedState | None) -> Outcome:
    """A job that is over has its recorded outcome, and an older generation is closed.

    Any other goes back: when Redis lost its newest writes its count of attempts is behind the record's,
    and each delivery brings it one nearer.
    """
    if state is None:
        return Released()
    if state.generation > key.generation:
        return _failed(f"superseded by generation {state.generation}")
    match state.status:
        case JobStatus.COMPLETED:
            return Succeeded(result=state.result or "null")
        case JobStatus.FAILED | JobStatus.CANCELLED:
            return _failed(state.error_message or state.status)
        case _:
            return Released()


def _failed(message: str) -> Failed:
    return Failed(error=ErrorReport(type="Stale", message=message))
