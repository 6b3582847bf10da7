"""Queues and workers on the command line."""

import orjson
import pytest

from herdbook.http.schemas import QueueView, WorkerView
from herdbook.model.registry import Registry
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.queue.adds import QueuedJob, QueueWriter
from herdbook.queue.connection import connect
from herdbook.record.database import Database
from herdbook.record.job_types import declare_job_types
from herdbook.record.outbox import OutboxAction, take_outbox
from herdbook.record.workers import WorkerBeat, beat_worker, read_workers
from herdbook.settings import Settings

from .commands import Commands


@pytest.fixture
async def declared(settings: Settings, database: Database) -> None:
    """Two queues, one with a job; two workers, one of them silent."""
    registry = Registry()
    registry.declare("note", dict, queue="notes")
    registry.declare("mail", dict, queue="mails")
    async with database.connection() as connection:
        await declare_job_types(connection, registry)
        for name in ("here", "gone"):
            beat = WorkerBeat(
                id=name, host="h", pid=7, queues=["mails", "notes"], concurrency=9, running=3, state="running"
            )
            await beat_worker(connection, beat)
        await connection.execute(
            "UPDATE herdbook.workers SET heartbeat_at = now() - interval '10 min' WHERE id = 'gone'"
        )
    assert settings.redis_url
    job = QueuedJob(
        job_id="a",
        job_type="note",
        data="{}",
        timestamp=1_700_000_000_000,
        delay=0,
        priority=0,
        attempts=1,
        backoff=None,
    )
    async with connect(settings.redis_url) as redis:
        await QueueWriter(redis, prefix=settings.queue_prefix).add("notes", [job])
        await redis.hset(f"{settings.queue_prefix}:mails:meta", "paused", "1")


@pytest.mark.usefixtures("declared")
async def test_queues_are_listed(configured: Commands) -> None:
    answer = await configured.call("queues")
    assert answer.code == 0
    header, mails, notes = [line.split() for line in answer.out.splitlines()]
    assert header == ["QUEUE", "STATE", "WAITING", "ACTIVE", "DELAYED", "FAILED", "OLDEST", "PER", "MIN", "WORKERS"]
    assert mails == ["mails", "paused", "0", "0", "0", "0", "-", "0.0", "1"]
    assert [*notes[:6], *notes[7:]] == ["notes", "open", "1", "0", "0", "0", "0.0", "1"]
    assert notes[6].endswith("d")


@pytest.mark.usefixtures("declared")
async def test_workers_are_listed(configured: Commands) -> None:
    header, *rows = (await configured.call("workers")).out.splitlines()
    assert header.split() == ["WORKER", "STATE", "JOBS", "LAST", "SEEN", "STARTED", "QUEUES"]
    found = {row.split()[0]: row for row in rows}
    assert found["here"].split()[1:3] == ["running", "3"]
    assert found["here"].endswith("mails, notes")
    assert found["gone"].split()[1:5] == ["silent", "3", "10m", "ago"]


async def test_a_worker_whose_clock_is_wrong_is_listed_so(configured: Commands, database: Database) -> None:
    async with database.connection() as connection:
        beat = WorkerBeat(
            id="w", host="h", pid=7, queues=["q"], concurrency=9, running=0, state="running", clock_ahead=-90
        )
        await beat_worker(connection, beat)
    _, row = (await configured.call("workers")).out.splitlines()
    assert row.startswith("w       running, clock 1 min 30 s behind  0 ")


@pytest.mark.usefixtures("declared")
async def test_as_json_they_are_those_of_the_http_api(
    configured: Commands, settings: Settings, database: Database
) -> None:
    queues = [orjson.loads(line) for line in (await configured.call("queues", "--json")).out.splitlines()]
    figures = QueueStatsReader.connect(settings, Registry(), database)
    views = [orjson.loads(QueueView.of(one).model_dump_json(by_alias=True)) for one in await figures.states()]
    await figures.close()
    for one in (*queues, *views):
        one["oldestWaitingSeconds"] = one["oldestWaitingSeconds"] and "long"
    assert queues == views
    workers = [orjson.loads(line) for line in (await configured.call("workers", "--json")).out.splitlines()]
    async with database.connection() as connection:
        found = [
            orjson.loads(WorkerView.of(one).model_dump_json(by_alias=True)) for one in await read_workers(connection)
        ]
    for one in (*workers, *found):
        assert one.pop("secondsSilent") < 700
    assert workers == found


async def test_none_yet_is_no_error(configured: Commands) -> None:
    answer = await configured.call("queues")
    assert (answer.code, answer.out, answer.err) == (0, "", "no queues yet\n")
    answer = await configured.call("workers")
    assert (answer.code, answer.out, answer.err) == (0, "", "no worker was seen within the last day\n")


@pytest.mark.usefixtures("declared")
async def test_queues_are_paused_and_resumed(configured: Commands, database: Database) -> None:
    answer = await configured.call("pause", "notes", "mails", "notes")
    assert (answer.code, answer.out) == (0, "paused notes\npaused mails\n")
    async with database.transaction() as connection:
        entries = await take_outbox(connection, 10)
    assert [(entry.action, entry.queue) for entry in entries] == [
        (OutboxAction.PAUSE, "notes"),
        (OutboxAction.PAUSE, "mails"),
    ]
    assert (await configured.call("resume", "notes")).out == "resumed notes\n"
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT name, paused FROM herdbook.queues")
    assert {row["name"]: row["paused"] for row in rows} == {"notes": False, "mails": True}


@pytest.mark.usefixtures("declared")
async def test_a_queue_that_only_a_job_names_is_paused(configured: Commands, database: Database) -> None:
    async with database.connection() as connection:
        await connection.fetchval("SELECT herdbook.publish('x', '{}', queue => 'by-sql')")
    assert (await configured.call("pause", "by-sql")).out == "paused by-sql\n"


@pytest.mark.usefixtures("declared")
async def test_a_queue_that_nobody_declared_is_code_1_and_nothing_is_paused(
    configured: Commands, database: Database
) -> None:
    answer = await configured.call("pause", "notes", "nosuch")
    assert answer.code == 1
    assert answer.error == "unknown queue 'nosuch'; known queues: mails, notes"
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM herdbook.queues") == 0
