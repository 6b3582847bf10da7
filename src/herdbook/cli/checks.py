"""Takes the settings.

Gives what is well and what is not, in the order of a job's way.
Never changes anything, and never waits long for a server.
"""

import time
from collections.abc import AsyncIterator

from herdbook.cli.connect import open_record, redis_url
from herdbook.cli.findings import (
    Finding,
    judge_clock,
    judge_missing,
    judge_outbox,
    judge_queue,
    judge_redis,
    judge_silent,
    problem,
)
from herdbook.errors import ConfigurationError, HerdbookError
from herdbook.job_types.entry_points import find_extensions
from herdbook.queue.connection import connect
from herdbook.queue.reads import QueueReader
from herdbook.record.database import Connection
from herdbook.record.migrate import pending_migrations
from herdbook.record.reads import read_outbox_lag, read_queues
from herdbook.record.workers import read_workers
from herdbook.settings import Settings

# Seconds that the mail server may take.
_TIMEOUT = 5.0


async def check_everything(settings: Settings) -> list[Finding]:
    """Every finding."""
    findings = [found async for found in _record(settings)]
    findings += [found async for found in _redis(settings)]
    if not any(found.level == "problem" for found in findings):
        findings += [found async for found in _jobs(settings)]
    try:
        missing = {one.name: one.remedy for one in find_extensions() if one.source is None}
    except ConfigurationError as error:
        return [*findings, problem("job types", error, "Repair or remove that package.")]
    findings += judge_missing(missing)
    return findings if "email" in missing else [*findings, await _mail(settings)]


async def _record(settings: Settings) -> AsyncIterator[Finding]:
    try:
        async with open_record(settings, "doctor", size=2) as database, database.connection() as connection:
            version: str = await connection.fetchval("SHOW server_version")
            yield Finding("ok", "PostgreSQL", f"version {version.split(maxsplit=1)[0]} answers")
            before = time.time()
            there: float = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
            yield judge_clock("PostgreSQL", there - (before + time.time()) / 2)
            yield await _tables(connection)
    except HerdbookError as error:
        yield problem("PostgreSQL", error, "Look at DATABASE_URL and the server it names, or start `herdbook up`.")


async def _tables(connection: Connection) -> Finding:
    try:
        missing = await pending_migrations(connection)
    except ConfigurationError as error:
        return problem("tables", error, "Use a Herdbook at least as new as the one that migrated this database.")
    if missing:
        return Finding("problem", "tables", f"{len(missing)} migrations missing", "Run `herdbook migrate`.")
    return Finding("ok", "tables", "up to date")


async def _redis(settings: Settings) -> AsyncIterator[Finding]:
    try:
        async with connect(redis_url(settings)) as client:
            # Connects first, so that the clocks are compared within one round trip.
            reader = QueueReader(client, prefix=settings.queue_prefix)
            await reader.ping()
            before = time.time()
            facts = await reader.server()
            ahead = facts.clock - (before + time.time()) / 2
    except HerdbookError as error:
        yield problem("Redis", error, "Look at REDIS_URL and the server it names, or start `herdbook up`.")
        return
    for found in (*judge_redis(facts), judge_clock("Redis", ahead)):
        yield found


async def _jobs(settings: Settings) -> AsyncIterator[Finding]:
    try:
        async with open_record(settings, "doctor", size=2) as database, database.connection() as connection:
            yield judge_outbox(await read_outbox_lag(connection), settings.outbox_lag_limit)
            workers = await read_workers(connection)
            queues = await read_queues(connection)
        if not queues:
            yield Finding("warning", "job types", "no program has declared any", "Start `herdbook worker`.")
        async with connect(redis_url(settings)) as client:
            reader = QueueReader(client, prefix=settings.queue_prefix)
            for queue in queues:
                yield judge_queue(await reader.counts(queue), workers)
        for found in judge_silent(workers):
            yield found
    except HerdbookError as error:
        yield problem("jobs", error, "A server went away just now: try again.")


async def _mail(settings: Settings) -> Finding:
    if settings.smtp_url is None:
        advice = "Set SMTP_URL, like smtp://user:password@host:587."
        return Finding("warning", "mail", "no mail server is set, so email jobs fail", advice)
    from herdbook.builtin.smtp import greet, parse_smtp_url

    server = parse_smtp_url(settings.smtp_url)
    try:
        await greet(server, _TIMEOUT)
    except HerdbookError as error:
        return problem("mail", error, "Look at SMTP_URL and the server it names; email jobs are tried again meanwhile.")
    return Finding("ok", "mail", f"the server {server.host} answers")
