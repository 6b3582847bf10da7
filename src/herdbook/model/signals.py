"""Exceptions that decide what happens to a job: raised by its processor, or by the worker that ends an attempt."""

from herdbook.errors import HerdbookError
from herdbook.model.duration import milliseconds


class Unrecoverable(HerdbookError):
    """Raised by a processor: the job has failed for good, because retrying would not help."""


class UnrecordableResult(Unrecoverable):
    """A processor's result is not JSON that PostgreSQL can store. The work is done, so it is not retried."""


class Retry(HerdbookError):
    """Raised by a processor: this attempt failed; retry the job if it has attempts left.

    `after` is how long to wait, in milliseconds or as a text like `30s`; the job's backoff by default.
    """

    def __init__(self, message: str = "retry requested", *, after: float | str | None = None) -> None:
        super().__init__(message)
        self.after = None if after is None else milliseconds(after)


class Snooze(HerdbookError):
    """Raised by a processor: run again after `delay` (milliseconds, or a text like `10m`), at no cost in attempts."""

    def __init__(self, delay: float | str) -> None:
        super().__init__(delay)
        self.delay = milliseconds(delay)


class Cancel(HerdbookError):
    """Raised by a processor: the job is no longer needed and becomes cancelled, for the reason given."""


class TimedOut(HerdbookError):
    """An attempt exceeded its time limit. It counts, and is retried like any other."""


class ProcessDied(HerdbookError):
    """The process died while it ran an attempt: a crash, `os._exit`, or the kernel's out-of-memory killer."""
