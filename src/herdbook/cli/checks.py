"""Asks the servers of the settings what `doctor` reports; it changes nothing."""

from dataclasses import replace

from herdbook.cli.connect import open_record, redis_url
from herdbook.errors import ConfigurationError, HerdbookError
from herdbook.job_types.entry_points import find_extensions
from herdbook.model.health import HealthFacts, MailFacts, RecordFacts, RedisFacts, SchemaFacts, Unanswered
from herdbook.model.registry import Registry
from herdbook.operating.findings import Finding, Severity
from herdbook.operating.health import judge
from herdbook.operating.health_facts import answered, read_record, read_redis, read_schema, read_work
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.queue.connection import connect
from herdbook.queue.reads import QueueReader
from herdbook.settings import Settings

# Seconds that one server may take to answer.
_TIMEOUT = 10.0
# Seconds that the mail server may take for each step of its protocol.
_MAIL_TIMEOUT = 5.0


async def check_everything(settings: Settings) -> list[Finding]:
    """Every finding; the queues are asked for when both servers can be used."""
    limit = settings.outbox_lag_limit
    # One after the other: what others do meanwhile would count as a difference between the clocks.
    record, schema = await _record(settings)
    facts = HealthFacts(record=record, schema=schema, redis=await _redis(settings))
    if not any(one.severity is Severity.PROBLEM for one in judge(facts, outbox_lag_limit=limit)):
        work = await answered(_work(settings), _TIMEOUT)
        if isinstance(work, Unanswered):
            facts = replace(facts, queues=work)
        else:
            facts = replace(facts, outbox=work.outbox, queues=work.queues, workers=work.workers, loss=work.loss)
    missing = _missing_job_types()
    facts = replace(facts, missing_job_types=missing)
    if isinstance(missing, Unanswered) or "email" not in missing:
        facts = replace(facts, mail=await _mail(settings))
    return judge(facts, outbox_lag_limit=limit)


async def _record(settings: Settings) -> tuple[RecordFacts | Unanswered, SchemaFacts | Unanswered | None]:
    if settings.database_url is None:
        return _not_set("DATABASE_URL", settings), None
    async with open_record(settings, "doctor", size=2) as database:
        record = await answered(read_record(database), _TIMEOUT)
        if isinstance(record, Unanswered):
            return record, None
        return record, await answered(read_schema(database), _TIMEOUT)


async def _redis(settings: Settings) -> RedisFacts | Unanswered:
    if settings.redis_url is None:
        return _not_set("REDIS_URL", settings)
    async with connect(settings.redis_url) as client:
        return await answered(read_redis(QueueReader(client, prefix=settings.queue_prefix)), _TIMEOUT)


def _not_set(name: str, settings: Settings) -> Unanswered:
    return Unanswered(f"{name} is not set, and no `herdbook up` runs on {settings.data.absolute()}")


async def _work(settings: Settings) -> HealthFacts:
    async with open_record(settings, "doctor", size=2) as database, connect(redis_url(settings)) as client:
        queues = QueueStatsReader(database, Registry(), client, prefix=settings.queue_prefix)
        return await read_work(database, queues)


async def _mail(settings: Settings) -> MailFacts | Unanswered:
    if settings.smtp_url is None:
        return MailFacts(host=None)
    from herdbook.builtin.smtp import greet, parse_smtp_url

    server = parse_smtp_url(settings.smtp_url)
    try:
        await greet(server, _MAIL_TIMEOUT)
    except HerdbookError as error:
        return Unanswered(str(error))
    return MailFacts(host=server.host)


def _missing_job_types() -> dict[str, str] | Unanswered:
    try:
        return {one.name: one.remedy for one in find_extensions() if one.source is None}
    except ConfigurationError as error:
        return Unanswered(str(error))
