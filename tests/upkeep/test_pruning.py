"""Pruning old operations, and workers that vanished."""

from herdbook.model.artifacts import FolderArtifacts
from herdbook.operating.control import Control, OperationAction
from herdbook.record.database import Database
from herdbook.record.search import JobFilter
from herdbook.record.workers import WorkerBeat, beat_worker
from herdbook.settings import Settings
from herdbook.testing import eventually
from herdbook.upkeep.pruning import Pruner


async def test_operations_are_kept_for_a_week_after_they_finished(database: Database, settings: Settings) -> None:
    control = Control(database, FolderArtifacts(settings.artifact_folder))
    ages = {"open": None, "fresh": "6 days", "old": "8 days"}
    ids = {name: (await control.begin(OperationAction.RETRY, JobFilter())).id for name in ages}
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.operations SET created_at = now() - interval '30 days'")
        for name, age in ages.items():
            set_end = "UPDATE herdbook.operations SET finished_at = now() - $2::text::interval WHERE id = $1"
            await connection.execute(set_end, ids[name], age)
    pruner = Pruner(database)
    pruner.start()

    async def forgotten() -> bool:
        return len(await control.operations()) == 2

    await eventually(forgotten)
    await pruner.stop()
    assert {one.id for one in await control.operations()} == {ids["open"], ids["fresh"]}


async def test_a_vanished_worker_is_forgotten_after_a_day(database: Database) -> None:
    async with database.connection() as connection:
        for name, age in {"fresh": "0", "silent": "23 hours", "vanished": "25 hours"}.items():
            beat = WorkerBeat(id=name, host="h", pid=1, queues=["q"], concurrency=1, running=0, state="running")
            await beat_worker(connection, beat)
            grow_old = "UPDATE herdbook.workers SET heartbeat_at = now() - $2::text::interval WHERE id = $1"
            await connection.execute(grow_old, name, age)
    pruner = Pruner(database)
    await pruner.round()
    async with database.connection() as connection:
        left = await connection.fetch("SELECT id FROM herdbook.workers ORDER BY id")
    assert [row["id"] for row in left] == ["fresh", "silent"]
