"""Maps jobs in the queue to the record: our own by the id we gave them, other clients' by a derived id."""

from datetime import UTC, datetime

from herdbook.model.ids import external_job_id, parse_queue_job_id
from herdbook.model.job import ANY_GENERATION, AttemptKey, ExternalJob
from herdbook.model.options import MAX_PRIORITY
from herdbook.model.storable import storable_json, storable_text
from herdbook.queue.delivery import Delivery


def attempt_key(delivery: Delivery) -> AttemptKey:
    """The attempt that this delivery starts, going by its job id."""
    ours = parse_queue_job_id(delivery.job_id)
    if ours is None:
        return external_key(delivery)
    return AttemptKey(job=ours[0], generation=ours[1], number=delivery.attempt)


def external_key(delivery: Delivery) -> AttemptKey:
    """The attempt that this delivery starts if the record does not know its job id.

    Its number alone is the fence: BullMQ goes on counting when an operator retries the job under the same id.
    """
    derived = external_job_id(delivery.queue, delivery.job_id, delivery.timestamp)
    return AttemptKey(job=derived, generation=ANY_GENERATION, number=delivery.attempt)


def external_job(delivery: Delivery) -> ExternalJob:
    """The job as it is first recorded. Its id contains the time, because BullMQ's counter can restart."""
    backoff = delivery.backoff
    return ExternalJob(
        id=external_key(delivery).job,
        job_id=f"{storable_text(delivery.job_id)}@{delivery.timestamp}",
        queue=delivery.queue,
        job_type=storable_text(delivery.job_type)[:200],
        job_data=storable_json(delivery.data),
        priority=min(max(delivery.priority, 0), MAX_PRIORITY),
        max_attempts=delivery.max_attempts,
        backoff=backoff.model_dump_json() if backoff else None,
        created_at=datetime.fromtimestamp(delivery.timestamp / 1_000, UTC),
        trace_context=delivery.trace_context,
    )


def is_ours(job_id: str) -> bool:
    """Whether a recorded job id is our own; another client's is recorded together with its time."""
    return "@" not in job_id


def id_in_queue(job_id: str) -> tuple[str, int | None]:
    """A recorded job's id in the queue, and for another client's job its time (Unix milliseconds)."""
    if is_ours(job_id):
        return job_id, None
    id, _, timestamp = job_id.rpartition("@")
    return id, int(timestamp)
