"""The doctor says what is well, and what to do where it is not."""

from datetime import UTC, datetime

import orjson
import pytest

from herdbook.cli.findings import (
    Finding,
    judge_clock,
    judge_missing,
    judge_outbox,
    judge_queue,
    judge_redis,
    judge_silent,
)
from herdbook.queue.reads import STATES, QueueCounts, ServerFacts
from herdbook.record.database import Database
from herdbook.record.migrate import known_migrations
from herdbook.record.reads import OutboxLag
from herdbook.record.workers import WorkerRow
from herdbook.settings import Settings

from .commands import Commands

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def facts(version: str = "7.2.4", *, noeviction: bool | None = True, aof: bool | None = True) -> ServerFacts:
    return ServerFacts(version=version, noeviction=noeviction, aof=aof, clock=0)


def counts(*, paused: bool = False, **some: int) -> QueueCounts:
    return QueueCounts(name="q", counts=dict.fromkeys(STATES, 0) | some, paused=paused)


def worker(*, silent: float = 1, state: str = "running", queue: str = "q") -> WorkerRow:
    return WorkerRow(
        id="w",
        host="h",
        pid=1,
        queues=[queue],
        concurrency=1,
        running=2,
        state=state,
        started_at=NOW,
        heartbeat_at=NOW,
        seconds_silent=silent,
    )


@pytest.mark.parametrize(
    ("found", "level", "part"),
    [
        (judge_clock("Redis", 0.4), "ok", "agrees"),
        (judge_clock("Redis", -90), "warning", "90.0 seconds behind"),
        (judge_clock("Redis", 90), "warning", "90.0 seconds ahead of"),
        (judge_outbox(OutboxLag(depth=0, age=0, error_message=None), 60), "ok", "every job"),
        (judge_outbox(OutboxLag(depth=3, age=2, error_message=None), 60), "ok", "3 jobs wait"),
        (judge_outbox(OutboxLag(depth=3, age=61, error_message=None), 60), "problem", "the oldest for 61 seconds"),
        (judge_outbox(OutboxLag(depth=1, age=2, error_message="full"), 60), "problem", "the queue said: full"),
        (judge_queue(counts(), [worker()]), "ok", "workers: 1"),
        (judge_queue(counts(waiting=4), [worker()]), "ok", "waiting: 4"),
        (judge_queue(counts(), []), "warning", "no worker is alive"),
        (judge_queue(counts(), [worker(silent=60)]), "warning", "no worker is alive"),
        (judge_queue(counts(), [worker(queue="other")]), "warning", "no worker is alive"),
        (judge_queue(counts(), [worker(state="quiet")]), "warning", "no worker is alive"),
        (judge_queue(counts(waiting=4), []), "problem", "no worker is alive"),
        (judge_queue(counts(prioritized=4), []), "problem", "waiting: 4"),
        (judge_queue(counts(waiting=4, active=1), []), "ok", "on workers that are not ours"),
        (judge_queue(counts(paused=True), [worker()]), "warning", "it is paused"),
    ],
)
def test_each_fact_is_judged(found: Finding, level: str, part: str) -> None:
    assert found.level == level
    assert part in found.message
    assert (found.advice == "") == (level == "ok")


@pytest.mark.parametrize(
    ("server", "levels"),
    [
        (facts(), ["ok"]),
        (facts("6.2.0"), ["ok"]),
        (facts("10.0.1"), ["ok"]),
        (facts("6.0.16"), ["problem"]),
        (facts(noeviction=None, aof=None), ["ok"]),
        (facts(noeviction=False), ["ok", "problem"]),
        (facts(aof=False), ["ok", "warning"]),
    ],
)
def test_a_redis_is_judged(server: ServerFacts, levels: list[str]) -> None:
    assert [one.level for one in judge_redis(server)] == levels


def test_a_worker_that_vanished_is_told() -> None:
    (found,) = judge_silent([worker(), worker(silent=3_600)])
    assert (found.level, found.message) == ("warning", "silent for 3,600 seconds, with 2 jobs")


def test_a_job_type_that_is_not_installed_is_told() -> None:
    assert judge_missing({}) == []
    (found,) = judge_missing({"email": "install herdbook[builtin]"})
    assert (found.level, found.subject, found.advice) == ("warning", "job type email", "Install herdbook[builtin].")


async def test_servers_that_are_well_are_code_0(configured: Commands) -> None:
    answer = await configured.call("doctor")
    assert answer.code == 0, answer.out
    assert "ok       PostgreSQL: version " in answer.out
    assert "ok       Redis: version " in answer.out
    assert "warning  mail: no mail server is set, so email jobs fail\n         Set SMTP_URL" in answer.out


async def test_as_json_each_finding_is_a_line(configured: Commands) -> None:
    lines = [orjson.loads(line) for line in (await configured.call("doctor", "--json")).out.splitlines()]
    assert lines[0].keys() == {"level", "subject", "message", "advice"}
    assert {line["subject"] for line in lines} >= {"PostgreSQL", "PostgreSQL clock", "tables", "Redis", "mail"}


async def test_tables_that_are_missing_are_a_problem(configured: Commands, database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("DROP SCHEMA herdbook CASCADE")
    answer = await configured.call("doctor")
    assert answer.code == 1
    missing = known_migrations()
    assert f"problem  tables: {len(missing)} migrations missing\n         Run `herdbook migrate`." in answer.out
    applied = (await configured.call("migrate")).out.splitlines()
    assert applied == [f"applied {one.version:04} {one.name}" for one in missing]
    assert (await configured.call("migrate")).out == "the record is up to date\n"
    assert (await configured.call("doctor")).code == 0


async def test_servers_that_are_away_are_problems(
    configured: Commands, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:secret@127.0.0.1:1/0")
    monkeypatch.setenv("SMTP_URL", "smtp://u:secret@127.0.0.1:1")
    answer = await configured.call("doctor")
    assert answer.code == 1
    assert "problem  Redis: unreachable: " in answer.out
    assert "problem  mail: " in answer.out
    assert "secret" not in answer.out
