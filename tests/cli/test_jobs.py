"""Jobs on the command line: a list, and one with everything recorded about it."""

from uuid import UUID, uuid4

import orjson
import pytest

from herdbook.http.schemas import AttemptView, JobDetail, JobView, LogLineView
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.record.database import Database
from herdbook.record.reads import read_attempts, read_job, read_logs

from .commands import Commands

FAIL = """
UPDATE herdbook.jobs SET status = 'failed', error_message = $2, attempt = 2, started_at = now(), completed_at = now()
WHERE id = $1
"""
ATTEMPT = """
INSERT INTO herdbook.job_attempts
    (job, generation, attempt, worker, started_at, ended_at, outcome, error_type, error_message, stack_trace)
VALUES ($1, 0, 2, 'me', now(), now(), 'failed', 'ValueError', $2, $3)
"""
LOG = "INSERT INTO herdbook.job_logs (job, generation, attempt, logged_at, message) VALUES ($1, 0, 2, now(), $2)"
ERROR = "no \x1b[2Jpaper\nleft"


@pytest.fixture
async def failed(database: Database) -> UUID:
    """A failed job of type note; another one, of type other, is pending."""
    registry = Registry()
    registry.declare("note", dict, queue="notes")
    registry.declare("other", dict)
    publisher = Publisher(database, registry, max_job_bytes=10_000)
    id = (await publisher.publish(JobRequest(job_type="note", job_data={"text": "hi \x1b[31m", "n": 1.5}))).id
    await publisher.publish(JobRequest(job_type="other", job_data={}))
    async with database.connection() as connection:
        await connection.execute(FAIL, id, ERROR)
        await connection.execute(ATTEMPT, id, ERROR, f"Traceback\n  ValueError: {ERROR}")
        await connection.execute(LOG, id, "started \x07")
    return id


async def test_jobs_are_listed_newest_first(configured: Commands, failed: UUID) -> None:
    answer = await configured.call("jobs")
    header, other, note = answer.out.splitlines()
    assert header.split() == ["ID", "TYPE", "STATUS", "ATTEMPT", "CREATED", "ERROR"]
    assert other.split()[1:4] == ["other", "pending", "0"]
    assert note.split()[:4] == [str(failed), "note", "failed", "2"]
    assert note.endswith("no \N{REPLACEMENT CHARACTER}[2Jpaper left")


@pytest.mark.parametrize("words", [("--status", "failed"), ("--type", "note"), ("--queue", "notes")])
async def test_filters_leave_others_out(configured: Commands, failed: UUID, words: tuple[str, str]) -> None:
    (line,) = (await configured.call("jobs", "--json", *words)).out.splitlines()
    assert orjson.loads(line)["jobId"] == str(failed)


async def test_the_list_is_limited(configured: Commands, failed: UUID) -> None:
    assert (await configured.call("jobs", "--json", "--limit", "1")).out.count("\n") == 1


async def test_no_jobs_is_no_error(configured: Commands) -> None:
    answer = await configured.call("jobs")
    assert (answer.code, answer.out, answer.err) == (0, "", "no jobs yet\n")
    answer = await configured.call("jobs", "--type", "note")
    assert (answer.code, answer.out, answer.err) == (0, "", "no matching jobs\n")


async def test_as_json_a_job_is_that_of_the_http_api(configured: Commands, failed: UUID, database: Database) -> None:
    async with database.connection() as connection:
        job = await read_job(connection, failed)
        attempts = [AttemptView.of(one) for one in await read_attempts(connection, job)]
        logs = [LogLineView.of(line) for line in await read_logs(connection, failed)]
    detail = JobDetail.of(job, attempts=attempts)
    listed = (await configured.call("jobs", "--type", "note", "--json")).out
    assert listed == JobView.of(job).model_dump_json(by_alias=True) + "\n"
    shown = (await configured.call("job", str(failed), "--json")).out
    assert shown == detail.model_dump_json(by_alias=True, indent=2) + "\n"
    with_logs = orjson.loads((await configured.call("job", str(failed), "--json", "--logs")).out)
    assert with_logs.pop("logs") == [orjson.loads(line.model_dump_json(by_alias=True)) for line in logs]
    assert with_logs == orjson.loads(detail.model_dump_json(by_alias=True))


async def test_a_job_is_shown_with_its_attempts_and_log(configured: Commands, failed: UUID) -> None:
    answer = await configured.call("job", str(failed), "--logs")
    assert answer.code == 0
    for part in (f"job       {failed}\n", "type      note  (queue notes)\n", "status    failed\n", '"n": 1.5'):
        assert part in answer.out
    assert "attempt 2: failed, " in answer.out
    assert "  ValueError: no \N{REPLACEMENT CHARACTER}[2Jpaper left\n    Traceback\n" in answer.out
    assert answer.out.endswith("  started \N{REPLACEMENT CHARACTER}\n")
    assert "\x1b" not in answer.out


async def test_a_job_is_shown_with_its_timeout_and_callback(
    configured: Commands, failed: UUID, database: Database
) -> None:
    assert "timeout" not in (await configured.call("job", str(failed))).out
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE herdbook.jobs SET timeout_ms = 1500, callback_url = 'https://example.com/hook'"
        )
    out = (await configured.call("job", str(failed))).out
    assert "timeout   1500ms\ncallback  https://example.com/hook\n" in out


async def test_the_log_is_shown_only_when_asked_for(configured: Commands, failed: UUID) -> None:
    assert "started \N{REPLACEMENT CHARACTER}" not in (await configured.call("job", str(failed))).out


async def test_a_job_that_is_not_recorded_is_code_1(configured: Commands) -> None:
    id = uuid4()
    answer = await configured.call("job", str(id))
    assert answer.code == 1
    assert answer.error == f"the record has no job {id}"
