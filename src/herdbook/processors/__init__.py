"""Takes the settings, and the function that sums up the record.

Gives the built-in job types: email, notification, report.
Never imports the store or the queue.
"""

from herdbook.processors.email import Mailer
from herdbook.processors.notification import Notifier
from herdbook.processors.report import Reporter, Summarise
from herdbook.registry import Registry
from herdbook.settings import Settings

__all__ = ["builtin_types"]


def builtin_types(settings: Settings, summarise: Summarise) -> Registry:
    """The built-in job types, each in a queue of its own name.

    Raises ConfigurationError when the mail settings cannot be used.
    """
    book = Registry()
    book.processor("email")(Mailer(settings).run)
    book.processor("notification")(Notifier().run)
    book.processor("report")(Reporter(summarise).run)
    return book
