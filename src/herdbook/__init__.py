"""Background jobs through BullMQ queues in Redis, every one of them recorded in PostgreSQL."""

from herdbook.app import Herdbook
from herdbook.errors import (
    ConfigurationError,
    FieldProblem,
    HerdbookError,
    IdempotencyConflictError,
    InvalidJobError,
    JobNotFoundError,
    JobTooLargeError,
    QueueUnavailableError,
    RecordUnavailableError,
    UnknownJobTypeError,
)
from herdbook.model.artifacts import Artifact
from herdbook.model.context import JobContext
from herdbook.model.job import Attempt, AttemptOutcome, Job, JobStatus
from herdbook.model.options import Backoff, JobOptions, PublishOptions
from herdbook.model.registry import JobType, Registry
from herdbook.model.signals import Cancel, ProcessDied, Retry, Snooze, TimedOut, Unrecoverable
from herdbook.model.summary import RecordReader, RecordSummary
from herdbook.publishing.publish import JobRequest
from herdbook.publishing.user_connection import UserConnection, UserSyncConnection
from herdbook.settings import Settings

# The version's only place: the package's metadata is built from this line.
__version__ = "0.1.0"

__all__ = [
    "Artifact",
    "Attempt",
    "AttemptOutcome",
    "Backoff",
    "Cancel",
    "ConfigurationError",
    "FieldProblem",
    "Herdbook",
    "HerdbookError",
    "IdempotencyConflictError",
    "InvalidJobError",
    "Job",
    "JobContext",
    "JobNotFoundError",
    "JobOptions",
    "JobRequest",
    "JobStatus",
    "JobTooLargeError",
    "JobType",
    "ProcessDied",
    "PublishOptions",
    "QueueUnavailableError",
    "RecordReader",
    "RecordSummary",
    "RecordUnavailableError",
    "Registry",
    "Retry",
    "Settings",
    "Snooze",
    "TimedOut",
    "UnknownJobTypeError",
    "Unrecoverable",
    "UserConnection",
    "UserSyncConnection",
    "__version__",
]
