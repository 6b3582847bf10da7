"""The built-in job types: email, notification and report; and alert and callback, which only Herdbook publishes."""

from herdbook.alerting.messages import ALERT, ALERT_QUEUE, ATTEMPTS, BACKOFF, CALLBACK, CALLBACK_QUEUE
from herdbook.builtin.alert import Alerter
from herdbook.builtin.callback import Caller
from herdbook.builtin.email import Mailer
from herdbook.builtin.notification import Notifier
from herdbook.builtin.report import Reporter, Summarise
from herdbook.model.options import Backoff
from herdbook.model.registry import Registry
from herdbook.settings import Settings

__all__ = ["builtin_types"]

# A greylisting server rejects an unknown sender's first mails for some minutes. These waits of 30 s, 1, 2, 4 and
# 8 minutes cover a quarter of an hour, less the jitter, which keeps many mails from being retried at the same moment.
_PATIENT = Backoff(type="exponential", delay=30_000, jitter=0.2)


def builtin_types(settings: Settings, summarise: Summarise) -> Registry:
    """The built-in job types, each in its own queue.

    Raises ConfigurationError for invalid settings of mail, alerts or callbacks.
    """
    book = Registry()
    book.processor("email", attempts=6, backoff=_PATIENT)(Mailer(settings).run)
    book.processor("notification")(Notifier().run)
    book.processor("report")(Reporter(summarise).run)
    book.processor(ALERT, queue=ALERT_QUEUE, attempts=ATTEMPTS, backoff=BACKOFF)(Alerter(settings).run)
    book.processor(CALLBACK, queue=CALLBACK_QUEUE, attempts=ATTEMPTS, backoff=BACKOFF)(Caller(settings).run)
    book.reserve(ALERT, CALLBACK)
    return book
