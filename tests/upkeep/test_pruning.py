"""Pruning old operations."""

from herdbook.model.artifacts import FolderArtifacts
from herdbook.operating.control import Control, OperationAction
from herdbook.record.database import Database
from herdbook.record.search import JobFilter
from herdbook.settings import Settings
from herdbook.testing import eventually
from herdbook.upkeep.pruning import OperationPruner


async def test_operations_are_kept_for_a_week_after_they_finished(database: Database, settings: Settings) -> None:
    control = Control(database, FolderArtifacts(settings.artifact_folder))
    ages = {"open": None, "fresh": "6 days", "old": "8 days"}
    ids = {name: (await control.begin(OperationAction.RETRY, JobFilter())).id for name in ages}
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.operations SET created_at = now() - interval '30 days'")
        for name, age in ages.items():
            set_end = "UPDATE herdbook.operations SET finished_at = now() - $2::text::interval WHERE id = $1"
            await connection.execute(set_end, ids[name], age)
    pruner = OperationPruner(database)
    pruner.start()

    async def forgotten() -> bool:
        return len(await control.operations()) == 2

    await eventually(forgotten)
    await pruner.stop()
    assert {one.id for one in await control.operations()} == {ids["open"], ids["fresh"]}
