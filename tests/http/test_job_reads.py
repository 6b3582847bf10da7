"""Reading jobs: one with everything recorded about it, its log, and lists."""

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from herdbook.model.context import LogLine
from herdbook.model.ids import new_job_id
from herdbook.model.job import AttemptKey, AttemptOutcome, JobStatus
from herdbook.model.outcome import ErrorReport
from herdbook.record.attempts import (
    FinishedAttempt,
    claim_jobs_if_newer_attempt,
    finish_attempts_if_running,
    insert_logs,
)
from herdbook.record.database import Database
from herdbook.settings import Settings
from tests.http.conftest import assert_problem
from tests.record.attempts import outcome_of

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


async def published(api: httpx.AsyncClient, text: str = "a", job_type: str = "note") -> str:
    data: Any = {"text": text} if job_type == "note" else 5
    job_id: str = (await api.post("/api/jobs", json={"jobType": job_type, "jobData": data})).json()["jobId"]
    return job_id


async def attempted(database: Database, id: str, number: int, status: JobStatus) -> AttemptKey:
    """Record an attempt with this outcome; PROCESSING leaves it running."""
    key = AttemptKey(job=UUID(id), generation=0, number=number)
    ends = {
        JobStatus.COMPLETED: AttemptOutcome.COMPLETED,
        JobStatus.FAILED: AttemptOutcome.FAILED,
        JobStatus.PENDING: AttemptOutcome.RETRY,
    }
    async with database.connection() as connection:
        await claim_jobs_if_newer_attempt(connection, [key], [number - 1], "w1")
        if status in ends:
            error = ErrorReport(type="OSError", message="refused", stack_trace="Traceback")
            finished = FinishedAttempt(
                key=key,
                outcome=outcome_of(status, result='{"sent": true}', error=error),
                attempts_made=number,
                progress="50",
            )
            await finish_attempts_if_running(connection, [finished], "w1")
    return key


async def test_a_job_is_returned_with_everything_recorded_about_it(api: httpx.AsyncClient, database: Database) -> None:
    job_id = await published(api)
    await attempted(database, job_id, 1, JobStatus.PENDING)
    await attempted(database, job_id, 2, JobStatus.COMPLETED)
    job = (await api.get(f"/api/jobs/{job_id}")).json()
    attempts = job.pop("attempts")
    times = {name: job.pop(name) for name in ("createdAt", "updatedAt", "startedAt", "completedAt")}
    assert all(TIME.fullmatch(time) for time in times.values()), times
    assert job.pop("waitedMs") >= 0
    assert job == {
        "jobId": job_id,
        "queueJobId": job_id,
        "jobType": "note",
        "queue": "notes",
        "status": "completed",
        "jobData": {"text": "a"},
        "result": {"sent": True},
        "timeoutMs": None,
        "callbackUrl": None,
        "errorMessage": job["errorMessage"],
        "progress": 50,
        "priority": 0,
        "runAt": None,
        "maxAttempts": 4,
        "backoff": {"type": "exponential", "delay": 10, "jitter": 0.0},
        "attempt": 2,
        "generation": 0,
        "worker": None,
    }
    assert [(one["number"], one["outcome"], one["errorMessage"]) for one in attempts] == [
        (1, "retry", "refused"),
        (2, "completed", None),
    ]
    first = attempts[0]
    assert (first["generation"], first["worker"], first["errorType"], first["stackTrace"]) == (
        0,
        "w1",
        "OSError",
        "Traceback",
    )
    assert TIME.fullmatch(first["startedAt"])
    assert TIME.fullmatch(first["endedAt"])


async def test_a_running_attempt_has_no_end(api: httpx.AsyncClient, database: Database) -> None:
    job_id = await published(api)
    await attempted(database, job_id, 1, JobStatus.PROCESSING)
    job = (await api.get(f"/api/jobs/{job_id}")).json()
    assert (job["status"], job["worker"], job["completedAt"]) == ("processing", "w1", None)
    assert [(one["number"], one["outcome"], one["endedAt"]) for one in job["attempts"]] == [(1, None, None)]


async def test_a_job_is_found_by_its_id_in_the_queue_too(api: httpx.AsyncClient, database: Database) -> None:
    job_id = await published(api)
    async with database.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET generation = 1, job_id = id || '~1'")
    assert (await api.get(f"/api/jobs/{job_id}~1")).json()["queueJobId"] == f"{job_id}~1"
    assert (await api.get(f"/api/jobs/{job_id}")).json()["generation"] == 1
    assert (await api.get(f"/api/jobs/{job_id.upper()}")).status_code == 200
    assert_problem(await api.get(f"/api/jobs/{job_id}~2"), 404, "job-not-found")


@pytest.mark.parametrize(
    "id",
    [
        "5",
        "bulk",
        "x" * 36,
        "a~1",
        "01999999-9999-7999-8999-999999999999~x",
        f"01999999-9999-7999-8999-999999999999~{'9' * 5_000}",
        "%00",
        "é",
    ],
)
@pytest.mark.parametrize("rest", ["", "/logs", "/artifact"])
async def test_invalid_ids_are_not_found(api: httpx.AsyncClient, id: str, rest: str) -> None:
    answer = await api.get(f"/api/jobs/{id}{rest}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/job-not-found"


async def test_unknown_jobs_are_not_found(api: httpx.AsyncClient) -> None:
    job_id = new_job_id()
    assert str(job_id) in assert_problem(await api.get(f"/api/jobs/{job_id}"), 404, "job-not-found")["detail"]
    assert_problem(await api.get(f"/api/jobs/{job_id}/logs"), 404, "job-not-found")


async def test_a_log_is_read_line_by_line(api: httpx.AsyncClient, database: Database) -> None:
    job_id = await published(api)
    assert (await api.get(f"/api/jobs/{job_id}/logs")).json() == {"lines": [], "nextAfter": 0}
    key = await attempted(database, job_id, 1, JobStatus.PROCESSING)
    async with database.connection() as connection:
        await insert_logs(connection, [(key, LogLine(at=datetime.now(UTC), message=f"line {n}")) for n in range(5)])
    first = (await api.get(f"/api/jobs/{job_id}/logs", params={"limit": 3})).json()
    rest = (await api.get(f"/api/jobs/{job_id}/logs", params={"after": first["nextAfter"]})).json()
    lines = [*first["lines"], *rest["lines"]]
    assert [line["message"] for line in lines] == [f"line {n}" for n in range(5)]
    assert first["nextAfter"] == first["lines"][-1]["id"]
    assert {(line["generation"], line["attempt"], bool(TIME.fullmatch(line["loggedAt"]))) for line in lines} == {
        (0, 1, True)
    }
    end = (await api.get(f"/api/jobs/{job_id}/logs", params={"after": rest["nextAfter"]})).json()
    assert end == {"lines": [], "nextAfter": rest["nextAfter"]}


@pytest.mark.parametrize(
    ("name", "value"), [("after", "-1"), ("after", str(2**63)), ("limit", "0"), ("limit", "1001"), ("page", "1")]
)
async def test_invalid_log_parameters_are_named(api: httpx.AsyncClient, name: str, value: str) -> None:
    answer = await api.get(f"/api/jobs/{new_job_id()}/logs", params={name: value})
    assert_problem(answer, 422, "invalid-request", name)


async def test_results_come_newest_first_and_filtered(api: httpx.AsyncClient, database: Database) -> None:
    ids = [await published(api, str(n)) for n in range(3)]
    other = await published(api, job_type="count")
    await attempted(database, ids[1], 1, JobStatus.COMPLETED)
    page = (await api.get("/api/results")).json()
    assert [job["jobId"] for job in page["jobs"]] == [other, *reversed(ids)]
    assert (page["count"], page["limit"], page["offset"], page["nextCursor"]) == (4, 50, 0, None)
    for query, found in [
        ("status=completed", [ids[1]]),
        ("jobType=count", [other]),
        ("queue=notes&status=pending", [ids[2], ids[0]]),
        ("jobType=nope", []),
        ("status=&jobType=&queue=&limit=&offset=&cursor=", [other, *reversed(ids)]),
        ("offset=3", [ids[0]]),
    ]:
        page = (await api.get(f"/api/results?{query}")).json()
        assert [job["jobId"] for job in page["jobs"]] == found, query
        assert page["count"] == len(found)
    done = (await api.get("/api/results?status=completed")).json()["jobs"][0]
    assert (done["result"], done["jobData"]) == ({"sent": True}, {"text": "1"})


async def test_cursors_lead_through_all_pages_while_jobs_are_published(api: httpx.AsyncClient) -> None:
    ids = [await published(api, str(n)) for n in range(5)]
    seen: list[str] = []
    page = (await api.get("/api/results?limit=2")).json()
    while True:
        seen += [job["jobId"] for job in page["jobs"]]
        if page["nextCursor"] is None:
            break
        await published(api, "newer")
        page = (await api.get("/api/results", params={"limit": 2, "cursor": page["nextCursor"]})).json()
    assert seen == ids[::-1]
    assert (await api.get("/api/results?limit=5&jobType=count")).json()["nextCursor"] is None


async def test_a_page_of_large_jobs_ends_early_and_the_next_goes_on(
    settings: Settings, api: httpx.AsyncClient, database: Database
) -> None:
    ids = [await published(api, "x" * 900_000) for _ in range(25)]
    tiny = await published(api)
    seen: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await api.get("/api/results", params={"limit": 100, "cursor": cursor})
        assert len(answer.content) <= settings.max_page_bytes + settings.max_job_bytes
        seen.append([job["jobId"] for job in answer.json()["jobs"]])
        assert answer.json()["count"] == len(seen[-1])
        cursor = answer.json()["nextCursor"]
    assert [len(page) for page in seen] == [13, 12, 1]
    assert [id for page in seen for id in page] == [tiny, *reversed(ids)]


async def test_results_too_count_towards_the_size_of_a_page(
    settings: Settings, api: httpx.AsyncClient, database: Database
) -> None:
    ids = [await published(api) for _ in range(3)]
    async with database.connection() as connection:
        result = f'"{"x" * settings.max_page_bytes}"'
        await connection.execute("UPDATE herdbook.jobs SET result = $1", result)
    page = (await api.get("/api/results", params={"limit": 2})).json()
    assert [job["jobId"] for job in page["jobs"]] == [ids[2]]
    second = (await api.get("/api/results", params={"limit": 1, "cursor": page["nextCursor"]})).json()
    assert [job["jobId"] for job in second["jobs"]] == [ids[1]]


async def test_a_page_of_long_lines_ends_early_and_the_next_goes_on(
    settings: Settings, api: httpx.AsyncClient, database: Database
) -> None:
    id = await published(api)
    key = await attempted(database, id, 1, JobStatus.PROCESSING)
    line = "x" * (settings.max_page_bytes // 2)
    async with database.connection() as connection:
        await insert_logs(connection, [(key, LogLine(at=datetime.now(UTC), message=line)) for _ in range(5)])
    after, pages = 0, []
    while page := (await api.get(f"/api/jobs/{id}/logs", params={"after": after})).json():
        if not page["lines"]:
            break
        pages.append(len(page["lines"]))
        after = page["nextAfter"]
    assert pages == [2, 2, 1]


async def test_a_full_last_page_has_no_next_one(api: httpx.AsyncClient) -> None:
    for n in range(2):
        await published(api, str(n))
    assert (await api.get("/api/results?limit=2")).json()["nextCursor"] is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "done"),
        ("status", "PENDING"),
        ("limit", "0"),
        ("limit", "501"),
        ("limit", "x"),
        ("limit", "1.5"),
        ("offset", "-1"),
        ("offset", "10001"),
        ("cursor", "x"),
        ("jobType", "a\0"),
        ("queue", "x" * 201),
        ("sort", "asc"),
    ],
)
async def test_invalid_parameters_are_named(api: httpx.AsyncClient, name: str, value: str) -> None:
    assert_problem(await api.get("/api/results", params={name: value}), 422, "invalid-request", name)


async def test_a_page_has_either_a_cursor_or_an_offset(api: httpx.AsyncClient) -> None:
    for offset in (0, 5):
        answer = await api.get("/api/results", params={"offset": offset, "cursor": str(new_job_id())})
        assert_problem(answer, 422, "invalid-request", "cursor")
