"""Takes nothing of ours.

Gives what a job is: its states and their allowed moves, its options, one attempt, its ids.
Never talks to a server.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    model_validator,
)
from pydantic.alias_generators import to_camel
from uuid_utils.compat import uuid7

from herdbook.duration import LONGEST_MS, parse_duration, parse_limit

# The highest priority number BullMQ accepts (2^21); 0 is none, 1 goes first.
MAX_PRIORITY = 2_097_152
# Characters of a job's trace context, as text.
LONGEST_TRACE_CONTEXT = 2_000
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class JobStatus(StrEnum):
    """The public states of a job; there are no others."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether a job in this state is over, unless an operator retries it."""
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})

ALLOWED_MOVES: dict[JobStatus, frozenset[JobStatus]] = {
    JobStatus.PENDING: frozenset({JobStatus.PROCESSING, JobStatus.CANCELLED}),
    JobStatus.PROCESSING: frozenset(JobStatus) - {JobStatus.PROCESSING},
    JobStatus.COMPLETED: frozenset(),
    # Back to pending: an operator's retry, in a new generation. To processing: a retry made on
    # the queue itself (Bull Board), which re-opens the job under its id.
    JobStatus.FAILED: frozenset({JobStatus.PENDING, JobStatus.PROCESSING}),
    JobStatus.CANCELLED: frozenset({JobStatus.PENDING}),
}


class AttemptOutcome(StrEnum):
    """What one try came to.

    `LOST`: its worker vanished. `RELEASED`: its worker stopped and handed it back. `SNOOZED`: it asked
    to come back later. Neither of the last two counts as a try.
    """

    COMPLETED = "completed"
    RETRY = "retry"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    RELEASED = "released"
    SNOOZED = "snoozed"


Milliseconds = Annotated[int, BeforeValidator(parse_duration), Field(ge=0, le=LONGEST_MS)]
# A time limit. At least a millisecond: it is recorded in those.
Seconds = Annotated[float, BeforeValidator(parse_limit), Field(ge=0.001, le=LONGEST_MS / 1_000)]


def _without_account(url: HttpUrl) -> HttpUrl:
    if url.username or url.password:
        raise ValueError("a URL with a user name or a password is not called")
    return url


# Where something is posted to.
WebAddress = Annotated[HttpUrl, AfterValidator(_without_account)]


class CamelModel(BaseModel):
    """A frozen model whose JSON is camelCase and which refuses unknown fields."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")


class Backoff(CamelModel):
    """How long to wait before the next try, in milliseconds; `jitter` 0..1 is the random share of it."""

    type: Literal["fixed", "exponential"] = "exponential"
    delay: Milliseconds = 1_000
    jitter: float = Field(default=0.0, ge=0.0, le=1.0)

    def wait(self, attempts_made: int, random: float) -> int:
        """Milliseconds to wait after `attempts_made` tries (from 1); `random` is 0..1. The rule is BullMQ's own."""
        full = self.delay if self.type == "fixed" else self.delay * 2 ** min(attempts_made - 1, 40)
        return int(full * (1 - self.jitter) + full * self.jitter * random)


class JobOptions(CamelModel):
    """How a job is delivered and retried; what is left out comes from its job type.

    Durations may be texts with a unit. As numbers, waits (`delay`, in `backoff` too) are milliseconds,
    as in BullMQ; a time limit (`timeout`) is seconds, as everywhere in Python.
    """

    delay: Milliseconds | None = Field(
        default=None, description="Wait before the first try: milliseconds or a text such as 10m."
    )
    run_at: AwareDatetime | None = Field(default=None, description="Do not run before this time (instead of delay).")
    priority: int | None = Field(default=None, ge=0, le=MAX_PRIORITY, description="1 goes first; 0 is none.")
    attempts: int | None = Field(default=None, ge=1, le=1_000, description="How often the job may be tried.")
    backoff: Backoff | None = Field(default=None, description="The wait between two tries.")
    timeout: Seconds | None = Field(
        default=None, description="How long one try may take: seconds or a text such as 30s or 500ms."
    )
    callback_url: WebAddress | None = Field(
        default=None, description="Where to POST what became of the job, once it is completed, failed or cancelled."
    )
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=255)

    @model_validator(mode="after")
    def _one_start_time(self) -> "JobOptions":
        if self.delay is not None and self.run_at is not None:
            raise ValueError("give delay or runAt, not both")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a job; `number` from 1 within its generation. `ended_at` and `outcome` are None while it runs."""

    generation: int
    number: int
    worker: str | None
    started_at: datetime | None
    ended_at: datetime | None
    outcome: AttemptOutcome | None
    error_type: str | None = None
    error_message: str | None = None
    stack_trace: str | None = None
    waited_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as the record has it. `job_data`, `result` and `progress` are JSON values.

    `waited_ms` is how long the newest attempt waited from when it could have run. `timeout_ms` is None
    where the job has no time limit of its own; its type's holds then.
    """

    id: UUID
    job_id: str
    queue: str
    job_type: str
    status: JobStatus
    job_data: Any
    result: Any
    error_message: str | None
    progress: Any
    priority: int
    run_at: datetime | None
    max_attempts: int
    backoff: Backoff | None
    attempt: int
    generation: int
    worker: str | None
    waited_ms: int | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    timeout_ms: int | None = None
    callback_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A validated job on its way into the record. `job_data` and `backoff` are JSON texts.

    `trace_context` is where its trace goes on, see `observe.tracing`.
    """

    id: UUID
    queue: str
    job_type: str
    job_data: str
    priority: int
    run_at: datetime | None
    max_attempts: int
    backoff: str | None
    idempotency_key: str | None = None
    fingerprint: bytes | None = None
    timeout_ms: int | None = None
    callback_url: str | None = None
    trace_context: str | None = None


def holds_nul(json_text: str) -> bool:
    """Whether a JSON text holds a NUL character, which PostgreSQL's jsonb cannot store."""
    return r"\u0000" in json_text and _NUL.search(json_text) is not None


def storable_text(text: str) -> str:
    """The text as PostgreSQL can store it: a NUL and half a surrogate pair are replaced."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def storable_json(text: str) -> str:
    """JSON text that PostgreSQL can store: what it cannot (NUL, half a surrogate pair) is replaced."""
    try:
        orjson.loads(text)
    except ValueError:
        pass
    else:
        if not holds_nul(text):
            return text
    try:
        plain = json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return json.dumps({"unreadable": storable_text(text[:1_000])})
    return storable_text(plain.replace(r"\u0000", "\N{REPLACEMENT CHARACTER}"))


def new_job_id() -> UUID:
    """A fresh UUIDv7, ordered by time."""
    return uuid7()


def first_job_id(at: datetime) -> UUID:
    """The lowest id that a job published at or after `at` can have."""
    return UUID(int=max(0, int(at.timestamp() * 1_000)) << 80)


def published_at(id: UUID) -> datetime:
    """When the job of this id was published, to the millisecond."""
    return datetime.fromtimestamp((id.int >> 80) / 1_000, UTC)


def queue_job_id(id: UUID, generation: int) -> str:
    """The job's id in BullMQ: the record's uuid, and `~<generation>` after an operator's retry."""
    return f"{id}~{generation}" if generation else str(id)


def parse_queue_job_id(job_id: str) -> tuple[UUID, int] | None:
    """The record's id and generation in a BullMQ job id of ours; None for an id that came from elsewhere."""
    text, _, generation = job_id.partition("~")
    if len(text) != 36 or (generation and not generation.isdigit()):
        return None
    try:
        return UUID(text), int(generation or 0)
    except ValueError:
        return None


def foreign_job_id(queue: str, job_id: str, timestamp: int) -> UUID:
    """The record's id for a job that another BullMQ client published; `timestamp` in Unix milliseconds.

    The same job always gives the same UUIDv7. BullMQ's own counter restarts after a flush, so the
    time of publishing is part of the identity.
    """
    digest = int.from_bytes(hashlib.sha256(f"{queue}\0{job_id}\0{timestamp}".encode()).digest()[:10])
    rand_a, rand_b = digest >> 68, digest & ((1 << 62) - 1)
    return UUID(int=(timestamp & ((1 << 48) - 1)) << 80 | 7 << 76 | rand_a << 64 | 2 << 62 | rand_b)
