"""`migrate` says what it applied, and what it left for when no older version is running."""

import pytest

from herdbook.record import schema
from herdbook.record.database import Database
from herdbook.record.schema import known_migrations, read_migration

from .commands import Commands

LEFT = "left 0901 added: run `herdbook migrate --contract` once no older version is running\n"


@pytest.fixture
def contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes this a version with a contract."""
    known = [*known_migrations(), read_migration("0901_added.sql", "-- herdbook: contract\nSELECT 1;")]
    monkeypatch.setattr(schema, "known_migrations", lambda: known)


@pytest.mark.usefixtures("contract")
async def test_a_contract_waits_until_it_is_asked_for(configured: Commands) -> None:
    assert (await configured.call("migrate")).out == f"the tables are up to date\n{LEFT}"
    doctor = await configured.call("doctor")
    assert doctor.code == 0
    assert (
        "ok       The tables are up to date; once no older version is running, run `herdbook migrate --contract`."
        in (doctor.out)
    )
    assert (await configured.call("migrate", "--contract")).out == "applied 0901 added\n"
    assert (await configured.call("migrate")).out == "the tables are up to date\n"


async def test_tables_that_are_too_new_are_code_1(configured: Commands, database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("INSERT INTO herdbook.migrations VALUES (9999, 'x', now(), true)")
    answer = await configured.call("migrate")
    assert answer.code == 1
    assert answer.error == "the tables are too new for this version of Herdbook (migration 9999): upgrade it"
