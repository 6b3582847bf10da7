"""Background jobs through BullMQ queues in Redis, every one of them written down in PostgreSQL."""

from herdbook.book import Herdbook
from herdbook.context import JobContext
from herdbook.errors import Cancel, HerdbookError, Retry, Snooze, Unrecoverable
from herdbook.job import Backoff, Job, JobOptions, JobStatus
from herdbook.publish import JobRequest

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
