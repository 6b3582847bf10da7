"""The alert watch: each incident is recorded once, and notified of once when it opens and once when it is resolved."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from herdbook.alerting import Alerts
from herdbook.model.registry import Registry
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.record.alerts import Incident, read_incidents
from herdbook.record.database import Database
from herdbook.record.reconciliation import Epoch, advance_queue_epochs, note_queue_loss
from herdbook.record.workers import WorkerBeat, beat_worker
from herdbook.settings import Settings
from herdbook.upkeep.alerts import AlertWatch

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TARGETS = {
    "team": {"apprise": "json://example.com/hush"},
    "program": {"webhook": "https://example.com/hush", "secret": SECRET},
}


def alerts(*rules: dict[str, Any]) -> Alerts:
    return Alerts.model_validate({"rules": rules, "targets": TARGETS})


LOST = {"kind": "worker-lost"}


@pytest.fixture
async def queues(settings: Settings, database: Database) -> AsyncIterator[QueueStatsReader]:
    queues = QueueStatsReader.connect(settings, Registry(), database)
    yield queues
    await queues.close()


@pytest.fixture
async def lost_queues(settings: Settings, database: Database) -> AsyncIterator[QueueStatsReader]:
    """Queue statistics of an unreachable Redis."""
    lost = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})
    known = Registry()
    known.declare("t", int, queue="q")
    queues = QueueStatsReader.connect(lost, known, database)
    yield queues
    await queues.close()


async def beat(database: Database, id: str, *, silent: int = 0) -> None:
    heartbeat = WorkerBeat(id=id, host="h", pid=1, queues=["q"], concurrency=1, running=0, state="running")
    async with database.connection() as connection:
        await beat_worker(connection, heartbeat)
        await connection.execute(
            "UPDATE herdbook.workers SET heartbeat_at = now() - make_interval(secs => $2) WHERE id = $1", id, silent
        )


async def incidents(database: Database) -> list[Incident]:
    async with database.connection() as connection:
        return await read_incidents(connection, 10)


async def jobs(database: Database) -> list[dict[str, Any]]:
    """The jobs that notify of incidents, oldest first."""
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT id, queue, job_data, max_attempts FROM herdbook.jobs ORDER BY id")
        waiting = {row["job"] for row in await connection.fetch("SELECT job FROM herdbook.outbox")}
    assert waiting == {row["id"] for row in rows}
    return [dict(row) for row in rows]


async def test_opening_and_resolving_an_incident_each_notify_once(database: Database, queues: QueueStatsReader) -> None:
    watch = AlertWatch(database, queues, alerts(LOST))
    await beat(database, "w1", silent=16)
    await beat(database, "w2")
    for _ in range(3):
        await watch.round()
    (incident,) = await incidents(database)
    (job,) = await jobs(database)
    assert (incident.rule, incident.subject, incident.resolved_at) == ("worker-lost", "w1", None)
    assert (incident.opening_job, incident.resolving_job) == (job["id"], None)
    assert (job["queue"], job["max_attempts"]) == ("alerts", 9)
    assert job["job_data"]["event"] == "opened"
    assert job["job_data"]["targets"] == ["team", "program"]
    assert job["job_data"]["incident"] == str(incident.id)

    await beat(database, "w1")
    for _ in range(3):
        await watch.round()
    (incident,) = await incidents(database)
    _, over = await jobs(database)
    assert incident.resolved_at
    assert incident.resolving_job == over["id"]
    assert over["job_data"]["event"] == "resolved"

    await beat(database, "w1", silent=20)
    await watch.round()
    assert len(await incidents(database)) == 2


async def test_jobs_name_targets_but_contain_no_secrets(database: Database, queues: QueueStatsReader) -> None:
    await beat(database, "w1", silent=16)
    await AlertWatch(database, queues, alerts({**LOST, "send_to": ["program"]})).round()
    (job,) = await jobs(database)
    text = orjson.dumps(job["job_data"]).decode()
    assert job["job_data"]["targets"] == ["program"]
    assert "hush" not in text
    assert "whsec" not in text


async def test_concurrent_watches_notify_once(database: Database, queues: QueueStatsReader) -> None:
    for number in range(5):
        await beat(database, f"w{number}", silent=16)
    watches = [AlertWatch(database, queues, alerts(LOST)) for _ in range(4)]
    await asyncio.gather(*(watch.round() for watch in watches))
    assert len(await incidents(database)) == 5
    assert len(await jobs(database)) == 5


async def test_incidents_stay_open_while_their_facts_are_unknown(
    database: Database, queues: QueueStatsReader, lost_queues: QueueStatsReader
) -> None:
    rules = alerts({"kind": "no-worker", "longer_than": "1ms"}, LOST)
    await beat(database, "w1", silent=16)
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO herdbook.incidents (id, rule, kind, subject, message) "
            "VALUES (gen_random_uuid(), 'no-worker', 'no-worker', 'q', 'Jobs wait.')"
        )
    await AlertWatch(database, lost_queues, rules).round()
    assert {one.rule: one.resolved_at for one in await incidents(database)} == {"no-worker": None, "worker-lost": None}
    await AlertWatch(database, queues, rules).round()
    assert {one.rule for one in await incidents(database) if one.resolved_at} == {"no-worker"}


async def test_incidents_of_a_removed_rule_are_resolved_without_notification(
    database: Database, queues: QueueStatsReader
) -> None:
    await beat(database, "w1", silent=16)
    await AlertWatch(database, queues, alerts(LOST)).round()
    await AlertWatch(database, queues, alerts({"kind": "outbox-lag"})).round()
    (incident,) = await incidents(database)
    assert incident.resolved_at
    assert incident.resolving_job is None
    assert len(await jobs(database)) == 1


async def test_a_loss_of_redis_is_an_incident(settings: Settings, database: Database, queues: QueueStatsReader) -> None:
    async with database.connection() as connection:
        await advance_queue_epochs(connection, {settings.queue_prefix: Epoch(id="a", counter=1)})
        await note_queue_loss(connection, settings.queue_prefix)
    watch = AlertWatch(database, queues, alerts({"kind": "redis-loss"}))
    await watch.round()
    (incident,) = await incidents(database)
    assert (incident.subject, incident.resolved_at) == ("redis", None)
    assert incident.message == "Redis lost writes 0 s ago; 0 jobs were delivered again so far."
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.queue_epochs SET lost_at = now() - interval '11 min'")
    await watch.round()
    assert [one.resolved_at is not None for one in await incidents(database)] == [True]


async def test_without_rules_the_watch_ends(database: Database, queues: QueueStatsReader) -> None:
    watch = AlertWatch(database, queues, Alerts())
    await watch.round()
    assert watch.is_quiet
