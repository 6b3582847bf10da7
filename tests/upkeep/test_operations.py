"""Bulk operations, batch by batch."""

import asyncio
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from herdbook.errors import RecordUnavailableError
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.job import JobStatus
from herdbook.operating.control import Control, Operation, OperationAction
from herdbook.record.database import Database
from herdbook.record.search import JobFilter
from herdbook.settings import Settings
from herdbook.testing import eventually
from herdbook.upkeep.operations import OperationRunner
from tests.states import HOUR, UNKNOWN_JOB, new_jobs, one_of_each, outbox, put, statuses

FAILED = JobFilter(status=JobStatus.FAILED)


@pytest.fixture
def artifacts(tmp_path: Path) -> FolderArtifacts:
    return FolderArtifacts(tmp_path / "artifacts")


@pytest.fixture
def control(database: Database, artifacts: FolderArtifacts) -> Control:
    return Control(database, artifacts)


@pytest.fixture
def runner(database: Database, control: Control) -> OperationRunner:
    return OperationRunner(database, control)


async def generations(database: Database) -> dict[UUID, int]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT id, generation FROM herdbook.jobs")
    return {row["id"]: row["generation"] for row in rows}


async def finished(control: Control, runner: OperationRunner, operation: Operation) -> Operation:
    """The operation once it is finished, after as many rounds as that takes."""
    while (operation := await control.operation(operation.id)).finished_at is None:
        await runner.round()
    return operation


async def test_every_job_that_matches_is_changed_once_and_no_newer_one(
    database: Database, control: Control, runner: OperationRunner
) -> None:
    ids = await new_jobs(database, 1_200)
    await put(database, ids[100:], JobStatus.FAILED)
    begun = await control.begin(OperationAction.RETRY, FAILED)
    newer = await new_jobs(database, 5)
    await put(database, newer, JobStatus.FAILED)
    assert await runner.round() == 0
    halfway = await control.operation(begun.id)
    assert (halfway.expected, halfway.changed, halfway.finished_at) == (1_100, 500, None)
    assert halfway.cursor == ids[700]
    done = await finished(control, runner, begun)
    assert (done.changed, done.skipped, done.problems) == (1_100, 0, ())
    assert await generations(database) == {id: int(id in ids[100:]) for id in [*ids, *newer]}
    assert await runner.round() > 0


async def test_jobs_in_the_wrong_state_are_skipped_and_the_first_are_listed(
    database: Database, control: Control, runner: OperationRunner
) -> None:
    ids = await one_of_each(database)
    done = await finished(control, runner, await control.begin(OperationAction.DELETE, JobFilter()))
    assert (done.changed, done.skipped) == (3, 2)
    assert dict(done.problems) == {
        ids[JobStatus.PENDING]: "is pending: cancel it first",
        ids[JobStatus.PROCESSING]: "is running",
    }
    await new_jobs(database, 600)
    done = await finished(control, runner, await control.begin(OperationAction.DELETE, JobFilter()))
    assert (done.changed, done.skipped, len(done.problems)) == (0, 602, 20)


async def test_an_operation_may_list_any_number_of_jobs(
    database: Database, control: Control, runner: OperationRunner, artifacts: FolderArtifacts
) -> None:
    ids = await new_jobs(database, 1_000)
    await put(database, ids, JobStatus.COMPLETED)
    artifacts.save(ids[3], "a.txt", b"a", "text/plain")
    done = await finished(control, runner, await control.begin(OperationAction.DELETE, [*ids, ids[0], UNKNOWN_JOB]))
    assert (done.expected, done.changed, done.skipped) == (1_001, 1_000, 1)
    assert done.problems == ((UNKNOWN_JOB, "the record has no such job"),)
    assert await statuses(database) == {}
    assert artifacts.find(ids[3]) is None


async def test_cancelling_and_promoting_select_only_jobs_that_can_change(
    database: Database, control: Control, runner: OperationRunner
) -> None:
    ids = await one_of_each(database)
    later = await new_jobs(database, 2, after=HOUR)
    promoted = await finished(control, runner, await control.begin(OperationAction.PROMOTE, JobFilter()))
    assert (promoted.changed, promoted.skipped) == (2, 0)
    cancelled = await finished(control, runner, await control.begin(OperationAction.CANCEL, JobFilter()))
    assert (cancelled.changed, cancelled.skipped) == (3, 0)
    found = await statuses(database)
    assert [found[id] for id in [ids[JobStatus.PENDING], *later]] == [JobStatus.CANCELLED] * 3


async def test_each_cancelled_job_has_the_operations_reason(
    database: Database, control: Control, runner: OperationRunner
) -> None:
    for reason, expected in (("the shop is closed", "the shop is closed"), (None, "cancelled by an operator")):
        ids = await new_jobs(database, 501)
        await put(database, ids[:1], JobStatus.PROCESSING)
        done = await finished(control, runner, await control.begin(OperationAction.CANCEL, ids, reason))
        assert (done.changed, done.reason) == (501, reason)
        async with database.connection() as connection:
            rows = await connection.fetch(
                "SELECT DISTINCT error_message FROM herdbook.jobs WHERE id = ANY ($1)", ids[1:]
            )
            asked = await connection.fetchval("SELECT reason FROM herdbook.cancellations WHERE job = $1", ids[0])
        assert ([row["error_message"] for row in rows], asked) == ([expected], expected)


async def test_an_operation_on_no_jobs_finishes(control: Control, runner: OperationRunner) -> None:
    done = await finished(control, runner, await control.begin(OperationAction.RETRY, JobFilter()))
    assert (done.expected, done.changed, done.skipped) == (0, 0, 0)


async def test_a_crash_undoes_one_batch_and_the_next_runner_continues(
    settings: Settings, database: Database, control: Control, runner: OperationRunner
) -> None:
    ids = await new_jobs(database, 1_300)
    await put(database, ids, JobStatus.FAILED)
    begun = await control.begin(OperationAction.RETRY, FAILED)
    await runner.round()
    # A lock on a job of the second batch makes it hang, so that it can be killed halfway.
    assert settings.database_url
    holder = await asyncpg.connect(settings.database_url)
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM herdbook.jobs WHERE id = $1 FOR UPDATE", ids[400])
        dying = asyncio.create_task(runner.round())
        blocked = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )

        async def killed() -> bool:
            return bool(await holder.fetchval(blocked))

        await eventually(killed)
        with pytest.raises(RecordUnavailableError):
            await dying
    await holder.close()
    assert (await control.operation(begun.id)).changed == 500
    done = await finished(control, OperationRunner(database, control), begun)
    assert (done.changed, done.skipped) == (1_300, 0)
    assert set((await generations(database)).values()) == {1}
    assert len(await outbox(database)) == 2 * 1_300


async def test_several_runners_share_operations_and_none_is_starved(database: Database, control: Control) -> None:
    ids = await new_jobs(database, 3_000)
    await put(database, ids, JobStatus.FAILED)
    long = await control.begin(OperationAction.RETRY, FAILED)
    short = await control.begin(OperationAction.PROMOTE, [UNKNOWN_JOB])
    runner = OperationRunner(database, control)
    await runner.round()
    await runner.round()
    assert (await control.operation(short.id)).finished_at is not None

    runners = [OperationRunner(database, control) for _ in range(3)]
    for one in runners:
        one.start()

    async def done() -> bool:
        return (await control.operation(long.id)).finished_at is not None

    await eventually(done)
    for one in runners:
        await one.stop()
    assert (await control.operation(long.id)).changed == 3_000
    assert set((await generations(database)).values()) == {1}
