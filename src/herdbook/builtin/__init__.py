"""The built-in job types: email, notification, report."""

from herdbook.builtin.email import Mailer
from herdbook.builtin.notification import Notifier
from herdbook.builtin.report import Reporter
from herdbook.model.options import Backoff
from herdbook.model.registry import Registry
from herdbook.model.summary import Summarise
from herdbook.settings import Settings

__all__ = ["builtin_types"]

# A greylisting server rejects an unknown sender's first mails for some minutes. These waits of 30 s, 1, 2, 4 and
# 8 minutes cover a quarter of an hour, less the jitter, which keeps many mails from being retried at the same moment.
_PATIENT = Backoff(type="exponential", delay=30_000, jitter=0.2)


def builtin_types(settings: Settings, summarise: Summarise) -> Registry:
    """The built-in job types, each in its own queue.

    Raises ConfigurationError when the settings of mail cannot be used.
    """
    book = Registry()
    book.processor("email", attempts=6, backoff=_PATIENT)(Mailer(settings).run)
    book.processor("notification")(Notifier().run)
    book.processor("report")(Reporter(summarise).run)
    return book
