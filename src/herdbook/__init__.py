"""Background jobs through BullMQ queues in Redis, every one of them recorded in PostgreSQL."""

from herdbook.app import Herdbook
from herdbook.errors import HerdbookError
from herdbook.model.context import JobContext
from herdbook.model.job import Job, JobStatus
from herdbook.model.options import Backoff, JobOptions
from herdbook.model.signals import Cancel, Retry, Snooze, Unrecoverable
from herdbook.publishing.publish import JobRequest

__version__ = "0.1.0"

__all__ = [
    "Backoff",
    "Cancel",
    "Herdbook",
    "HerdbookError",
    "Job",
    "JobContext",
    "JobOptions",
    "JobRequest",
    "JobStatus",
    "Retry",
    "Snooze",
    "Unrecoverable",
    "__version__",
]
