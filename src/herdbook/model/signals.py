"""What a processor raises to say what is to become of its job, and why an attempt was ended for it."""

from herdbook.errors import HerdbookError
from herdbook.model.duration import milliseconds


class Unrecoverable(HerdbookError):
    """Raised inside a processor: this job has failed for good, further tries would not help."""


class UnrecordableResult(Unrecoverable):
    """What a processor returned is no JSON that PostgreSQL can store. The work is done: no second try would help."""


class Retry(HerdbookError):
    """Raised inside a processor: this try failed, try again (as often as the job may be tried).

    `after` is how long to wait, in milliseconds or as a text like `30s`; unset, the job's own backoff holds.
    """

    def __init__(self, message: str = "it is to be tried again", *, after: float | str | None = None) -> None:
        super().__init__(message)
        self.after = None if after is None else milliseconds(after)


class Snooze(HerdbookError):
    """Raised inside a processor: come back after `delay` (milliseconds, or a text like `10m`); no try is counted."""

    def __init__(self, delay: float | str) -> None:
        super().__init__(delay)
        self.delay = milliseconds(delay)


class Cancel(HerdbookError):
    """Raised inside a processor: the job is not wanted any more; it becomes cancelled, for this reason."""


class TimedOut(HerdbookError):
    """One try took longer than its time limit. It counts, and is retried like any other."""


class ProcessDied(HerdbookError):
    """The process that ran a try ended under it: a crash, `os._exit`, or the kernel for want of memory."""
