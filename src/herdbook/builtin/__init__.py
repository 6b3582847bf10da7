"""Takes the settings, and the function that sums up the record.

Gives the built-in job types: email, notification, report; and alert and callback, which Herdbook publishes itself.
Never imports the store or the queue.
"""

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

# A server that greylists refuses a stranger's first mails for some minutes: 30 s, 1, 2, 4 and 8 minutes, so a quarter
# of an hour in all, less the jitter, which keeps many mails from coming back at the same moment.
_PATIENT = Backoff(type="exponential", delay=30_000, jitter=0.2)


def builtin_types(settings: Settings, summarise: Summarise) -> Registry:
    """The built-in job types, each in a queue of its own.

    Raises ConfigurationError when the settings of mail, alerts or callbacks cannot be used.
    """
    book = Registry()
    book.processor("email", attempts=6, backoff=_PATIENT)(Mailer(settings).run)
    book.processor("notification")(Notifier().run)
    book.processor("report")(Reporter(summarise).run)
    book.processor(ALERT, queue=ALERT_QUEUE, attempts=ATTEMPTS, backoff=BACKOFF)(Alerter(settings).run)
    book.processor(CALLBACK, queue=CALLBACK_QUEUE, attempts=ATTEMPTS, backoff=BACKOFF)(Caller(settings).run)
    book.reserve(ALERT, CALLBACK)
    return book
