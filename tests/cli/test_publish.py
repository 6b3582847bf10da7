"""Publishing from the command line: one job or many, with options, from an argument, a file or standard input."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from herdbook.model.job import Job
from herdbook.model.options import Backoff
from herdbook.record.database import Database
from herdbook.record.search import JobFilter, find_jobs

from .commands import CommandResult, Commands

REPORT = '{"title": "Jobs", "source": {"record": {}}}'

# Arguments, and how the error begins.
BAD_INPUT: tuple[tuple[tuple[str, ...], str], ...] = (
    (("report",), "no job data: give JSON, @file, or - for standard input"),
    (("report", "{"), "the job data is not valid JSON: unexpected end of data: line 1 column 2 (char 1)"),
    (("report", "@none.json"), "cannot read none.json: No such file or directory"),
    (("report", "{}"), "not a valid report job: jobData.title: Field required; jobData.source: Field required"),
    (
        ("rep", "{}"),
        "unknown job type 'rep'; known: alert, callback, email, notification, report; use --app",
    ),
    (
        ("rep", "--lines"),
        "unknown job type 'rep'; known: alert, callback, email, notification, report; use --app",
    ),
    (("report", REPORT, "--delay", "soon"), "--delay: not a duration: give milliseconds, or a text such as 500ms"),
    (("report", REPORT, "--delay", "9" * 5_000 + "s"), "--delay: not a duration of up to ten years"),
    (("report", REPORT, "--timeout", "9" * 5_000 + "s"), "--timeout: not a duration of up to ten years"),
    (("report", REPORT, "--run-at", "2040-01-31T08:00:00"), "--run-at: Input should have timezone info"),
    (("report", REPORT, "--delay", "1s", "--run-at", "2040-01-31T08:00:00Z"), "give delay or runAt, not both"),
    (("report", REPORT, "--timeout", "soon"), "--timeout: not a duration: give seconds, or a text such as 500ms"),
    (("report", REPORT, "--callback-url", "x"), "--callback-url: Input should be a valid URL"),
    (
        ("report", REPORT, "--callback-url", "http://a:b@c"),
        "--callback-url: the URL must not contain a user name or password",
    ),
    (("report", REPORT, "--backoff", "odd"), "--backoff: Input should be 'fixed' or 'exponential'"),
    (("report", REPORT, "--backoff-delay", "x", "--jitter", "2"), "--backoff-delay: not a duration: give milliseconds"),
    (("report", REPORT, "--jitter", "2"), "--jitter: Input should be less than or equal to 1"),
    (("report", REPORT, "--key", ""), "--key: String should have at least 1 character"),
    (("report", "--lines", "--wait"), "--lines cannot be combined with --wait"),
    (("report", "--lines", "--key", "k"), "--lines cannot be combined with --key"),
)


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "StandardInput":
    return StandardInput(tmp_path)


class StandardInput:
    """Gives a command a text on standard input."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "typed"

    async def pipe(self, commands: Commands, text: str, *words: str) -> CommandResult:
        """Run a command that reads the text."""
        self._file.write_text(text, encoding="utf-8")
        before = os.dup(0)
        with self._file.open("rb") as file:
            os.dup2(file.fileno(), 0)
        try:
            return await commands.call(*words)
        finally:
            os.dup2(before, 0)
            os.close(before)


async def recorded(database: Database) -> list[Job]:
    async with database.connection() as connection:
        return await find_jobs(connection, JobFilter(limit=10_000))


async def test_a_published_job_is_recorded_and_its_id_printed(configured: Commands, database: Database) -> None:
    answer = await configured.call("publish", "report", REPORT)
    (job,) = await recorded(database)
    assert (answer.code, answer.out, answer.err) == (0, f"{job.id}\n", "")
    assert job.job_data["title"] == "Jobs"


async def test_options_are_recorded(configured: Commands, database: Database) -> None:
    words = ("--delay", "10m", "--priority", "7", "--attempts", "2", "--key", "once")
    first = await configured.call("publish", "report", REPORT, *words)
    second = await configured.call("publish", "report", REPORT, *words)
    (job,) = await recorded(database)
    assert first.out == second.out == f"{job.id}\n"
    assert (job.priority, job.max_attempts) == (7, 2)
    assert job.run_at is not None
    assert timedelta(minutes=9) < job.run_at - datetime.now(UTC) <= timedelta(minutes=10)


async def test_limits_are_recorded(configured: Commands, database: Database) -> None:
    words = ("--timeout", "2.5", "--callback-url", "https://example.com/hooks")
    backoff = ("--backoff", "fixed", "--backoff-delay", "250", "--jitter", "0.5")
    await configured.call("publish", "report", REPORT, *words, *backoff)
    await configured.call("publish", "report", REPORT, "--timeout", "500ms", "--backoff-delay", "2s")
    short, job = await recorded(database)
    assert (job.timeout_ms, job.callback_url) == (2_500, "https://example.com/hooks")
    assert job.backoff == Backoff(type="fixed", delay=250, jitter=0.5)
    assert (short.timeout_ms, short.callback_url, short.backoff) == (500, None, Backoff(delay=2_000))


async def test_a_time_to_run_at_is_recorded(configured: Commands, database: Database) -> None:
    await configured.call("publish", "report", REPORT, "--run-at", "2040-01-31T08:00:00+01:00")
    (job,) = await recorded(database)
    assert job.run_at == datetime(2040, 1, 31, 7, tzinfo=UTC)


async def test_job_data_comes_from_a_file_or_standard_input(
    configured: Commands, database: Database, tmp_path: Path, stdin: StandardInput
) -> None:
    (tmp_path / "job.json").write_text(REPORT, encoding="utf-8")
    assert (await configured.call("publish", "report", "@job.json")).code == 0
    assert (await stdin.pipe(configured, REPORT, "publish", "report", "-")).code == 0
    assert [job.job_data["title"] for job in await recorded(database)] == ["Jobs", "Jobs"]


async def test_bad_input_is_code_2_and_nothing_is_recorded(configured: Commands, database: Database) -> None:
    for words, said in BAD_INPUT:
        answer = await configured.call("publish", *words)
        assert answer.code == 2, words
        assert answer.error.startswith(said), words
    assert await recorded(database) == []


async def test_each_line_is_a_job(configured: Commands, database: Database, stdin: StandardInput) -> None:
    lines = "".join(f'{{"title": "{n}", "source": {{"record": {{}}}}}}\n\n' for n in range(1_200))
    answer = await stdin.pipe(configured, lines, "publish", "report", "--lines", "--priority", "3")
    assert answer.code == 0
    jobs = {job.id: job for job in await recorded(database)}
    assert [jobs[UUID(id)].job_data["title"] for id in answer.out.split()] == [str(n) for n in range(1_200)]
    assert {job.priority for job in jobs.values()} == {3}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("{", "line 3 is not valid JSON: "),
        ("{}", "line 3: not a valid report job: jobData.title: Field required"),
    ],
)
async def test_an_invalid_line_is_named_and_its_batch_is_not_published(
    configured: Commands, database: Database, stdin: StandardInput, bad: str, said: str
) -> None:
    answer = await stdin.pipe(configured, f"{REPORT}\n\n{bad}\n{REPORT}\n", "publish", "report", "-", "--lines")
    assert answer.code == 2
    assert answer.error.startswith(said)
    assert answer.error.endswith("; no jobs were published")
    assert await recorded(database) == []


async def test_batches_before_an_invalid_line_stay_published(
    configured: Commands, database: Database, stdin: StandardInput
) -> None:
    answer = await stdin.pipe(configured, f"{REPORT}\n" * 1_500 + "{\n", "publish", "report", "-", "--lines")
    assert answer.code == 2
    assert "line 1501 is not valid JSON" in answer.err
    assert answer.err.endswith("; 1,000 jobs were published before it\n")
    assert len(answer.out.split()) == len(await recorded(database)) == 1_000


async def test_a_job_that_does_not_finish_in_time_is_code_1(configured: Commands, database: Database) -> None:
    answer = await configured.call("publish", "report", REPORT, "--wait", "--wait-timeout", "0")
    (job,) = await recorded(database)
    assert answer.code == 1
    assert answer.out == ""
    assert answer.err.splitlines() == [
        str(job.id),
        f"herdbook: job {job.id} is still pending after 0 seconds; check it with `herdbook job {job.id}`",
    ]
