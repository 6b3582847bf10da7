"""Combines the application's job types with those of installed packages and those that only Herdbook publishes."""

from datetime import datetime

from herdbook.alerting.messages import ALERT, ALERT_QUEUE, ATTEMPTS, BACKOFF, CALLBACK, CALLBACK_QUEUE
from herdbook.job_types.alert import Alerter
from herdbook.job_types.callback import Caller
from herdbook.job_types.entry_points import include_extensions
from herdbook.model.registry import Registry
from herdbook.model.summary import RecordReader, RecordSummary
from herdbook.record.database import Database
from herdbook.record.summary import summarise_record
from herdbook.service import log
from herdbook.settings import Settings


def build_registry(settings: Settings, database: Database, app: Registry | None = None) -> Registry:
    """The application's job types and those of installed packages; if both declare a name, the application's wins.

    Raises ConfigurationError for a broken package, and for invalid settings of mail, alerts or callbacks.
    """
    registry = Registry()
    if app is not None:
        registry.include(app)
    include_extensions(registry, settings, _reader(database))
    registry.include(_own_types(settings))
    return registry


def log_missing(registry: Registry) -> None:
    """Log which job types are missing, if any, and what to install for them."""
    missing: dict[str, list[str]] = {}
    for name, remedy in sorted(registry.missing.items()):
        missing.setdefault(remedy, []).append(name)
    for remedy, names in missing.items():
        log.warning("job types are missing", missing=", ".join(names), remedy=remedy)


def _own_types(settings: Settings) -> Registry:
    """The job types that only Herdbook publishes."""
    own = Registry()
    own.processor(ALERT, queue=ALERT_QUEUE, attempts=ATTEMPTS, backoff=BACKOFF)(Alerter(settings).run)
    own.processor(CALLBACK, queue=CALLBACK_QUEUE, attempts=ATTEMPTS, backoff=BACKOFF)(Caller(settings).run)
    own.reserve(ALERT, CALLBACK)
    return own


def _reader(database: Database) -> RecordReader:
    async def summarise(since: datetime, job_type: str | None) -> RecordSummary:
        async with database.connection() as connection:
            return await summarise_record(connection, since, job_type)

    return RecordReader(summarise=summarise)
