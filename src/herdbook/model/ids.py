"""The ids of a job: in the record and in BullMQ."""

import hashlib
from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

# The largest value of its column in the record.
_MAX_GENERATION = 2**31 - 1


def new_job_id() -> UUID:
    """A new UUIDv7, ordered by time."""
    return uuid7()


def first_job_id(at: datetime) -> UUID:
    """The lowest id that a job published at or after `at` can have."""
    return UUID(int=max(0, int(at.timestamp() * 1_000)) << 80)


def published_at(id: UUID) -> datetime:
    """When the job of this id was published, to the millisecond."""
    return datetime.fromtimestamp((id.int >> 80) / 1_000, UTC)


def queue_job_id(id: UUID, generation: int) -> str:
    """The job's id in BullMQ: its UUID, followed by `~<generation>` after an operator's retry."""
    return f"{id}~{generation}" if generation else str(id)


def parse_queue_job_id(job_id: str) -> tuple[UUID, int] | None:
    """The record's id and the generation in a BullMQ job id of ours; None for another client's id."""
    text, _, generation = job_id.partition("~")
    if len(text) != 36 or (generation and not generation.isdigit()):
        return None
    try:
        found = UUID(text), int(generation or 0)
    except ValueError:
        return None
    return found if found[1] <= _MAX_GENERATION else None


def external_job_id(queue: str, job_id: str, timestamp: int) -> UUID:
    """The record's id for a job that another BullMQ client published; `timestamp` in Unix milliseconds.

    The same job always gets the same UUIDv7. BullMQ's own counter restarts after a flush, so the
    publishing time is part of the identity.
    """
    digest = int.from_bytes(
        hashlib.sha256(f"{queue}\0{job_id}\0{timestamp}".encode(errors="surrogateescape")).digest()[:10]
    )
    rand_a, rand_b = digest >> 68, digest & ((1 << 62) - 1)
    return UUID(int=(timestamp & ((1 << 48) - 1)) << 80 | 7 << 76 | rand_a << 64 | 2 << 62 | rand_b)
