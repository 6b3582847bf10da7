"""Puts together the job types that a process of ours works with: the application's, the built-in ones, and our own."""

from datetime import datetime

from herdbook.alerting.messages import ALERT, ALERT_QUEUE, ATTEMPTS, BACKOFF, CALLBACK, CALLBACK_QUEUE
from herdbook.builtin import builtin_types
from herdbook.job_types.alert import Alerter
from herdbook.job_types.callback import Caller
from herdbook.model.job import JobStatus
from herdbook.model.registry import Registry
from herdbook.model.summary import Durations, FailureCount, HourStats, JobTypeStats, RecordSummary, Summarise
from herdbook.record.database import Database
from herdbook.record.summary import TypeStats, summarise_record
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
            found = await summarise_record(connection, since, job_type)
        return RecordSummary(
            job_types=tuple(_figures(one) for one in found.job_types),
            hours=tuple(HourStats(hour=one.hour, completed=one.completed, failed=one.failed) for one in found.hours),
            failures=tuple(FailureCount(message=one.message, count=one.count) for one in found.failures),
        )

    return summarise


def _figures(found: TypeStats) -> JobTypeStats:
    durations = None
    if found.p50 is not None and found.p95 is not None and found.longest is not None:
        durations = Durations(p50=found.p50, p95=found.p95, max=found.longest)
    by_status = {JobStatus(status): count for status, count in found.by_status.items()}
    return JobTypeStats(job_type=found.job_type, total=found.total, by_status=by_status, durations=durations)
