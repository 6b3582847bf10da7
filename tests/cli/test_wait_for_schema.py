"""A worker and a relay wait for `herdbook migrate`, and refuse tables that have gone past them."""

from pathlib import Path

import pytest

from herdbook.record.database import Database
from herdbook.settings import Settings

from .processes import read_log_until, running, wait_for_exit

OLDER = "DELETE FROM herdbook.migrations WHERE version = 9"
MIGRATED = "INSERT INTO herdbook.migrations (version, name) VALUES (9, 'contracts')"
NEWER = "INSERT INTO herdbook.migrations VALUES (9999, 'contracted', now(), true)"
TOO_NEW = "herdbook: the tables are too new for this version of Herdbook (migration 9999): upgrade it\n"


async def change(database: Database, sql: str) -> None:
    async with database.connection(any_schema=True) as connection:
        await connection.execute(sql)


@pytest.fixture
def variables(settings: Settings) -> dict[str, str]:
    return {
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "HERDBOOK_QUEUE_PREFIX": settings.queue_prefix,
    }


@pytest.mark.parametrize("command", ["worker", "relay"])
async def test_it_starts_once_the_tables_are_migrated(
    command: str, variables: dict[str, str], database: Database, tmp_path: Path
) -> None:
    await change(database, OLDER)
    async with running(command, cwd=tmp_path, **variables) as process:
        log = await read_log_until(process, "waiting for the tables")
        assert "1 migration is missing: run `herdbook migrate`" in log
        assert f"{command} started" not in log
        await change(database, MIGRATED)
        assert "waiting for the tables" not in await read_log_until(process, f"{command} started")
        process.terminate()
        assert (await wait_for_exit(process))[0] == 0


@pytest.mark.parametrize("command", ["worker", "relay"])
async def test_it_can_be_stopped_while_it_waits(
    command: str, variables: dict[str, str], database: Database, tmp_path: Path
) -> None:
    await change(database, OLDER)
    async with running(command, cwd=tmp_path, **variables) as process:
        await read_log_until(process, "waiting for the tables")
        process.terminate()
        code, _, rest = await wait_for_exit(process)
    assert code == 0
    assert "started" not in rest


@pytest.mark.parametrize("command", ["worker", "relay"])
async def test_it_refuses_tables_that_are_too_new(
    command: str, variables: dict[str, str], database: Database, tmp_path: Path
) -> None:
    await change(database, NEWER)
    async with running(command, cwd=tmp_path, **variables) as process:
        code, out, err = await wait_for_exit(process)
    assert (code, out) == (2, "")
    assert err.endswith(TOO_NEW)
    assert "Traceback" not in err
