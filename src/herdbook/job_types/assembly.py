"""Puts together the job types that a process of ours works with: the application's, the built-in ones, and our own."""

from datetime import datetime

from herdbook.alerting.messages import ALERT, ALERT_QUEUE, ATTEMPTS, BACKOFF, CALLBACK, CALLBACK_QUEUE
from herdbook.builtin import builtin_types
from herdbook.job_types.alert import Alerter
from herdbook.job_types.callback import Caller
from herdbook.model.registry import Registry
from herdbook.model.summary import RecordSummary, Summarise
from herdbook.record.database import Database
from herdbook.record.summary import summarise_record
from herdbook.settings import Settings


def build_registry(settings: Settings, database: Database, app: Registry | None = None) -> Registry:
    """The application's job types and the built-in ones; if both declare a name, the application's wins.

    Raises ConfigurationError when the settings of mail, alerts or callbacks cannot be used.
    """
    registry = Registry()
    if app is not None:
        registry.include(app)
    registry.include(builtin_types(settings, _summarise(database)))
    registry.include(_own_types(settings))
    return registry


def _own_types(settings: Settings) -> Registry:
    """Those that Herdbook publishes itself."""
    own = Registry()
    own.processor(ALERT, queue=ALERT_QUEUE, attempts=ATTEMPTS, backoff=BACKOFF)(Alerter(settings).run)
    own.processor(CALLBACK, queue=CALLBACK_QUEUE, attempts=ATTEMPTS, backoff=BACKOFF)(Caller(settings).run)
    own.reserve(ALERT, CALLBACK)
    return own


def _summarise(database: Database) -> Summarise:
    async def summarise(since: datetime, job_type: str | None) -> RecordSummary:
        async with database.connection() as connection:
            return await summarise_record(connection, since, job_type)

    return summarise
