"""The doctor says what is healthy, and how to fix what is not."""

import orjson
import pytest

from herdbook.model.registry import Registry
from herdbook.record.database import Database
from herdbook.record.job_types import declare_job_types
from herdbook.record.schema import known_migrations

from .commands import Commands


async def test_healthy_servers_are_code_0(configured: Commands) -> None:
    answer = await configured.call("doctor")
    assert answer.code == 0, answer.out
    assert "ok       PostgreSQL " in answer.out
    assert "ok       Redis " in answer.out
    assert "warning  No mail server is set, so email jobs fail.\n         Set SMTP_URL" in answer.out


async def test_as_json_each_finding_is_a_line(configured: Commands) -> None:
    lines = [orjson.loads(line) for line in (await configured.call("doctor", "--json")).out.splitlines()]
    assert lines[0].keys() == {"level", "kind", "subject", "message", "advice", "count", "seconds"}
    assert {line["subject"] for line in lines} >= {"PostgreSQL", "PostgreSQL clock", "tables", "Redis", "mail"}


async def test_missing_tables_are_a_problem(configured: Commands, database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("DROP SCHEMA herdbook CASCADE")
    answer = await configured.call("doctor")
    assert answer.code == 1
    missing = known_migrations()
    assert f"problem  {len(missing)} migrations are missing.\n         Run `herdbook migrate`." in answer.out
    applied = (await configured.call("migrate")).out.splitlines()
    assert applied == [f"applied {one}" for one in missing]
    assert (await configured.call("migrate")).out == "the tables are up to date\n"
    assert (await configured.call("doctor")).code == 0


async def test_queues_are_asked_once_the_servers_are_usable(configured: Commands, database: Database) -> None:
    assert "warning  No program has declared a job type." in (await configured.call("doctor")).out
    registry = Registry()
    registry.declare("mail", dict, queue="mails")
    async with database.connection() as connection:
        await declare_job_types(connection, registry)
    answer = await configured.call("doctor")
    assert answer.code == 0
    assert "ok       Every recorded job has been queued." in answer.out
    unserved = (
        "warning  No live worker takes queue mails: no job waiting.\n         Start `herdbook worker --queue mails`"
    )
    assert unserved in answer.out


async def test_servers_that_are_not_set_are_problems(configured: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("REDIS_URL", "")
    answer = await configured.call("doctor")
    assert answer.code == 1
    assert "problem  PostgreSQL is unreachable: DATABASE_URL is not set" in answer.out
    assert "problem  Redis is unreachable: REDIS_URL is not set" in answer.out


async def test_unreachable_servers_are_problems(configured: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:secret@127.0.0.1:1/0")
    monkeypatch.setenv("SMTP_URL", "smtp://u:secret@127.0.0.1:1")
    answer = await configured.call("doctor")
    assert answer.code == 1
    assert "problem  Redis is unreachable: " in answer.out
    assert "problem  The mail server is unreachable: " in answer.out
    assert "secret" not in answer.out
