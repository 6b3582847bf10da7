"""Operators' actions from the command line: on jobs by id, and on all that match a filter."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from herdbook.errors import JobNotFoundError
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.job import Job, JobStatus
from herdbook.operating.control import Control
from herdbook.record.database import Database
from herdbook.record.reads import read_job
from herdbook.settings import Settings
from herdbook.testing import eventually
from herdbook.upkeep.operations import OperationRunner
from tests.record.attempts import ended

from .commands import Commands

ANY = "0199f7a2-5b7e-7cc0-a5f3-0a3c8d2f1e11"
SCHEDULE = "UPDATE herdbook.jobs SET run_at = now() + interval '1 hour' WHERE id = $1"
LET_RUN = "UPDATE herdbook.jobs SET status = 'processing', worker = 'w', attempt = 1 WHERE id = $1"


@pytest.fixture
async def runner(database: Database, settings: Settings) -> AsyncIterator[OperationRunner]:
    """Carries out operations, as a relay's process does."""
    runner = OperationRunner(database, Control(database, FolderArtifacts(settings.artifact_folder)))
    runner.start()
    yield runner
    await runner.stop()


async def a_job(database: Database, outcome: str, job_type: str = "t") -> UUID:
    return await ended(database, datetime.now(UTC), outcome, job_type=job_type)


async def job(database: Database, id: UUID) -> Job:
    async with database.connection() as connection:
        return await read_job(connection, id)


async def execute(database: Database, statement: str, id: UUID) -> None:
    async with database.connection() as connection:
        await connection.execute(statement, id)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("retry",), "no jobs selected: see --help"),
        (
            ("delete", "--status", "failed", "--yes"),
            "no jobs selected: add --all-matching to select every job that matches",
        ),
        (("retry", ANY, "--type", "t"), "select jobs by id, or by filter with --all-matching, not both"),
        (("cancel", ANY, "--all-matching"), "select jobs by id, or by filter with --all-matching, not both"),
        (("promote", "xyz"), "Invalid value for 'ID'"),
        (("pause",), "Missing argument 'QUEUE"),
    ],
)
def test_an_ambiguous_command_is_code_2(commands: Commands, words: tuple[str, ...], said: str) -> None:
    answer = commands.run(*words)
    assert answer.code == 2
    assert answer.error.startswith(said)


async def test_jobs_are_retried_by_their_ids(configured: Commands, database: Database) -> None:
    failed, cancelled = await a_job(database, "failed"), await a_job(database, "cancelled")
    answer = await configured.call("retry", str(failed), str(cancelled), str(failed))
    assert (answer.code, answer.out, answer.err) == (0, f"{failed}\n{cancelled}\n", "")
    assert [(await job(database, id)).status for id in (failed, cancelled)] == [JobStatus.PENDING] * 2


async def test_jobs_that_do_not_change_are_reported_one_by_one_and_are_code_1(
    configured: Commands, database: Database
) -> None:
    failed, completed, unknown = await a_job(database, "failed"), await a_job(database, "completed"), uuid4()
    answer = await configured.call("retry", str(unknown), str(failed), str(completed))
    assert (answer.code, answer.out) == (1, f"{failed}\n")
    assert sorted(answer.err.splitlines()) == sorted(
        [
            f"herdbook: job {completed}: is completed",
            f"herdbook: job {unknown}: the record has no such job",
        ]
    )


async def test_a_job_is_cancelled_with_its_reason(configured: Commands, database: Database) -> None:
    waiting = await a_job(database, "retry")
    answer = await configured.call("cancel", str(waiting), "--reason", "sent by mistake")
    assert (answer.code, answer.out) == (0, f"{waiting}\n")
    found = await job(database, waiting)
    assert (found.status, found.error_message) == (JobStatus.CANCELLED, "sent by mistake")


async def test_a_running_job_whose_worker_does_not_stop_it_is_code_1(
    configured: Commands, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herdbook.cli.apply_action._CANCEL_TIMEOUT", 0.0)
    running = await a_job(database, "retry")
    await execute(database, LET_RUN, running)
    answer = await configured.call("cancel", str(running))
    assert answer.code == 1
    assert answer.error == f"job {running}: its worker was asked to stop it, but has not done so yet"


async def test_a_scheduled_job_is_promoted(configured: Commands, database: Database) -> None:
    scheduled = await a_job(database, "retry")
    await execute(database, SCHEDULE, scheduled)
    assert (await configured.call("promote", str(scheduled))).out == f"{scheduled}\n"
    assert (await job(database, scheduled)).run_at is None


async def test_a_job_is_deleted(configured: Commands, database: Database) -> None:
    over = await a_job(database, "completed")
    assert (await configured.call("delete", str(over))).out == f"{over}\n"
    with pytest.raises(JobNotFoundError):
        await job(database, over)


async def test_a_filter_without_yes_only_counts(configured: Commands, database: Database) -> None:
    ids = [await a_job(database, "failed", "mail") for _ in range(2)]
    await a_job(database, "failed", "other")
    answer = await configured.call("delete", "--all-matching", "--status", "failed", "--type", "mail")
    assert (answer.code, answer.err) == (0, "Nothing was changed. Add --yes to do it.\n")
    assert answer.out == "2 jobs would be checked, and deleted if in the right state\n"
    assert [(await job(database, id)).status for id in ids] == [JobStatus.FAILED] * 2


async def test_all_jobs_that_match_a_filter_are_changed(
    configured: Commands, database: Database, runner: OperationRunner
) -> None:
    failed, completed = await a_job(database, "failed", "mail"), await a_job(database, "completed", "mail")
    other = await a_job(database, "failed", "other")
    answer = await configured.call("retry", "--all-matching", "--type", "mail", "--yes")
    assert answer.code == 0
    operation, summary = answer.out.splitlines()
    assert UUID(operation)
    assert summary == "1 job retried, 1 skipped"
    assert answer.err == (
        f"2 jobs to check. A relay does the work, even if you stop waiting here.\njob {completed}: is completed\n"
    )
    assert [(await job(database, id)).status.value for id in (failed, completed, other)] == [
        "pending",
        "completed",
        "failed",
    ]


async def test_all_jobs_that_match_a_filter_are_cancelled_with_a_reason(
    configured: Commands, database: Database, runner: OperationRunner
) -> None:
    waiting = [await a_job(database, "retry", "mail") for _ in range(2)]
    words = ("cancel", "--all-matching", "--type", "mail", "--reason", "the shop is closed", "--yes")
    assert (await configured.call(*words)).code == 0
    found = [await job(database, id) for id in waiting]
    assert [(one.status.value, one.error_message) for one in found] == [("cancelled", "the shop is closed")] * 2


async def test_a_missing_relay_is_reported_and_the_command_waits_for_one(
    configured: Commands, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herdbook.cli.follow_operation._NO_PROGRESS_AFTER", 0.0)
    runner = OperationRunner(database, Control(database, FolderArtifacts(settings.artifact_folder)))
    said: list[str] = []
    monkeypatch.setattr("herdbook.cli.follow_operation.typer.echo", lambda text, **_: said.append(text))
    command = asyncio.create_task(configured.call("promote", "--all-matching", "--yes"))

    async def is_reported() -> bool:
        return "No progress yet. Is a relay running?" in said

    try:
        await eventually(is_reported)
    finally:
        # Without a relay the command would wait for ever.
        runner.start()
        assert (await command).code == 0
        await runner.stop()
