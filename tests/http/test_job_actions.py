"""Operators' actions over HTTP."""

from typing import Any

import httpx
import pytest
import redis.asyncio

from herdbook.http import job_actions
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.ids import new_job_id
from herdbook.model.job import JobStatus
from herdbook.operating.control import Control
from herdbook.record.changes import read_queue_paused
from herdbook.record.database import Database
from herdbook.settings import Settings
from herdbook.upkeep.operations import OperationRunner
from tests.http.conftest import assert_problem
from tests.states import HOUR, new_jobs, one_of_each, outbox, put, statuses

BULK = ("retries", "cancellations", "promotions", "deletions")


async def test_a_failed_job_is_retried(api: httpx.AsyncClient, database: Database) -> None:
    (id,) = await new_jobs(database, 1)
    await put(database, [id], JobStatus.FAILED)
    answer = await api.post(f"/api/jobs/{id}/retries")
    assert answer.status_code == 200
    job = answer.json()
    assert (job["jobId"], job["queueJobId"]) == (str(id), f"{id}~1")
    assert (job["status"], job["generation"], job["attempt"], job["errorMessage"]) == ("pending", 1, 0, None)
    # Also by its new id in the queue; it is pending now.
    refusal = assert_problem(await api.post(f"/api/jobs/{id}~1/retries"), 409, "job-state")
    assert refusal["detail"] == f"job {id}: is already pending"


@pytest.mark.parametrize(
    ("sent", "recorded"),
    [
        ({}, "cancelled by an operator"),
        ({"content": ""}, "cancelled by an operator"),
        ({"json": {}}, "cancelled by an operator"),
        ({"json": {"reason": "sent <b>twice</b>"}}, "sent <b>twice</b>"),
    ],
)
async def test_a_pending_job_is_cancelled_with_or_without_a_reason(
    api: httpx.AsyncClient, database: Database, sent: dict[str, Any], recorded: str
) -> None:
    (id,) = await new_jobs(database, 1)
    job = (await api.post(f"/api/jobs/{id}/cancellations", **sent)).json()
    assert (job["status"], job["errorMessage"]) == ("cancelled", recorded)
    assert job["completedAt"]


async def test_a_scheduled_job_is_promoted(api: httpx.AsyncClient, database: Database) -> None:
    (id,) = await new_jobs(database, 1, after=HOUR)
    assert (await api.get(f"/api/jobs/{id}")).json()["runAt"]
    job = (await api.post(f"/api/jobs/{id}/promotions")).json()
    assert (job["status"], job["runAt"]) == ("pending", None)


async def test_a_deleted_job_is_returned_as_it_was(
    api: httpx.AsyncClient, database: Database, artifacts: FolderArtifacts
) -> None:
    (id,) = await new_jobs(database, 1)
    await put(database, [id], JobStatus.COMPLETED)
    artifacts.save(id, "a.txt", b"a", "text/plain")
    job = (await api.delete(f"/api/jobs/{id}")).json()
    assert (job["jobId"], job["status"], job["result"]) == (str(id), "completed", {"ok": True})
    assert_problem(await api.get(f"/api/jobs/{id}"), 404, "job-not-found")
    assert_problem(await api.get(f"/api/jobs/{id}/artifact"), 404, "no-artifact")
    assert_problem(await api.delete(f"/api/jobs/{id}"), 404, "job-not-found")


async def test_a_job_in_the_wrong_state_is_refused_with_a_reason(api: httpx.AsyncClient, database: Database) -> None:
    ids = await one_of_each(database)
    running, done = ids[JobStatus.PROCESSING], ids[JobStatus.COMPLETED]
    refusals = [
        (await api.post(f"/api/jobs/{done}/cancellations"), f"job {done}: is completed"),
        (await api.post(f"/api/jobs/{done}/retries"), f"job {done}: is completed"),
        (await api.post(f"/api/jobs/{done}/promotions"), f"job {done}: is completed"),
        (await api.delete(f"/api/jobs/{running}"), f"job {running}: is running"),
    ]
    for answer, why in refusals:
        assert assert_problem(answer, 409, "job-state")["detail"] == why
    assert await outbox(database) == []


async def test_the_worker_of_a_running_job_is_asked_to_stop_it(
    api: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no worker here; there is one in flows/test_cancelling.py."""
    monkeypatch.setattr(job_actions, "_CANCEL_TIMEOUT", 0)
    running = (await one_of_each(database))[JobStatus.PROCESSING]
    answer = await api.post(f"/api/jobs/{running}/cancellations", json={"reason": "too long"})
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")
    async with database.connection() as connection:
        asked = await connection.fetch("SELECT job, reason FROM herdbook.cancellations")
    assert [tuple(row) for row in asked] == [(running, "too long")]


@pytest.mark.parametrize("id", ["01999999-9999-7999-8999-999999999999", "nonsense", "0~1"])
async def test_a_job_that_does_not_exist_is_not_found(api: httpx.AsyncClient, id: str) -> None:
    for name in ("retries", "cancellations", "promotions"):
        assert_problem(await api.post(f"/api/jobs/{id}/{name}"), 404, "job-not-found")
    assert_problem(await api.delete(f"/api/jobs/{id}"), 404, "job-not-found")


@pytest.mark.parametrize(
    ("sent", "status", "name", "paths"),
    [
        ({"json": {"reason": ""}}, 422, "invalid-request", ["reason"]),
        ({"json": {"reason": "a\0b"}}, 422, "invalid-request", ["reason"]),
        ({"json": {"reason": "x" * 1_001}}, 422, "invalid-request", ["reason"]),
        ({"json": {"reasons": "a"}}, 422, "invalid-request", ["reasons"]),
        ({"json": []}, 422, "invalid-request", [""]),
        ({"content": "{", "headers": {"content-type": "application/json"}}, 400, "malformed-body", []),
        ({"content": "reason=x"}, 415, "unsupported-body", []),
        ({"json": {"reason": "x" * 1024 * 1024}}, 413, "body-too-large", []),
    ],
)
async def test_an_invalid_reason_is_refused(
    api: httpx.AsyncClient, database: Database, sent: dict[str, Any], status: int, name: str, paths: list[str]
) -> None:
    (id,) = await new_jobs(database, 1)
    assert_problem(await api.post(f"/api/jobs/{id}/cancellations", **sent), status, name, *paths)
    assert await statuses(database) == {id: JobStatus.PENDING}


async def test_an_operation_is_started_and_followed_to_its_end(
    api: httpx.AsyncClient, database: Database, artifacts: FolderArtifacts
) -> None:
    ids = await one_of_each(database)
    wanted = {"status": "failed", "queue": "q", "words": "broken  n"}
    dry = await api.post("/api/jobs/retries", json={"filter": wanted, "dryRun": True})
    assert (dry.status_code, dry.json()) == (200, {"expected": 1, "isExact": True})
    assert (await api.get("/api/operations")).json() == {"operations": []}

    begun = await api.post("/api/jobs/retries", json={"filter": wanted})
    assert begun.status_code == 202
    assert begun.json()["expected"] == 1
    id = begun.json()["operationId"]
    operation = (await api.get(f"/api/operations/{id}")).json()
    assert operation["filter"] == {
        "status": "failed", "queue": "q", "words": "broken n", "jobType": None, "since": None, "until": None,
    }  # fmt: skip
    assert (operation["action"], operation["changed"], operation["finishedAt"]) == ("retry", 0, None)

    await OperationRunner(database, Control(database, artifacts)).round()
    operation = (await api.get(f"/api/operations/{id}")).json()
    assert (operation["changed"], operation["skipped"], operation["problems"]) == (1, 0, [])
    assert operation["finishedAt"]
    assert (await statuses(database))[ids[JobStatus.FAILED]] is JobStatus.PENDING


async def test_many_jobs_are_cancelled_with_a_reason(
    api: httpx.AsyncClient, database: Database, artifacts: FolderArtifacts
) -> None:
    ids = await one_of_each(database)
    wanted = [str(ids[JobStatus.PENDING]), str(ids[JobStatus.PROCESSING])]
    begun = await api.post("/api/jobs/cancellations", json={"jobIds": wanted, "reason": "sent <b>twice</b>"})
    await OperationRunner(database, Control(database, artifacts)).round()
    operation = (await api.get(f"/api/operations/{begun.json()['operationId']}")).json()
    assert (operation["reason"], operation["changed"]) == ("sent <b>twice</b>", 2)
    job = (await api.get(f"/api/jobs/{wanted[0]}")).json()
    assert (job["status"], job["errorMessage"]) == ("cancelled", "sent <b>twice</b>")
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT reason FROM herdbook.cancellations") == "sent <b>twice</b>"


@pytest.mark.parametrize("reason", ["", "a\0b", "x" * 1_001, 7])
async def test_an_invalid_reason_for_many_is_refused(api: httpx.AsyncClient, reason: object) -> None:
    answer = await api.post("/api/jobs/cancellations", json={"filter": {}, "reason": reason})
    assert_problem(answer, 422, "invalid-request", "reason")


@pytest.mark.parametrize("name", ["retries", "promotions", "deletions"])
async def test_only_cancellations_have_a_reason(api: httpx.AsyncClient, name: str) -> None:
    answer = await api.post(f"/api/jobs/{name}", json={"filter": {}, "reason": "x"})
    assert_problem(answer, 422, "invalid-request", "reason")


async def test_jobs_listed_by_id_are_an_operation_too_with_what_was_skipped(
    api: httpx.AsyncClient, database: Database, artifacts: FolderArtifacts
) -> None:
    ids = await one_of_each(database)
    listed = [str(ids[JobStatus.COMPLETED]), str(ids[JobStatus.PROCESSING])]
    dry = await api.post("/api/jobs/deletions", json={"jobIds": listed, "dryRun": True})
    assert dry.json() == {"expected": 2, "isExact": True}
    begun = (await api.post("/api/jobs/deletions", json={"jobIds": listed})).json()
    await OperationRunner(database, Control(database, artifacts)).round()
    operation = (await api.get(f"/api/operations/{begun['operationId']}")).json()
    assert (operation["filter"], operation["changed"], operation["skipped"]) == (None, 1, 1)
    assert operation["problems"] == [{"jobId": listed[1], "reason": "is running"}]
    assert (await api.get("/api/operations?limit=1")).json() == {"operations": [operation]}


@pytest.mark.parametrize("name", BULK)
async def test_all_jobs_are_selected_only_explicitly(api: httpx.AsyncClient, database: Database, name: str) -> None:
    await one_of_each(database)
    assert_problem(await api.post(f"/api/jobs/{name}", json={}), 422, "invalid-request", "")
    assert_problem(await api.post(f"/api/jobs/{name}", json={"dryRun": True}), 422, "invalid-request", "")
    assert_problem(await api.post(f"/api/jobs/{name}"), 415, "unsupported-body")
    both = {"filter": {}, "jobIds": [str(new_job_id())]}
    assert_problem(await api.post(f"/api/jobs/{name}", json=both), 422, "invalid-request", "")
    assert (await api.post(f"/api/jobs/{name}", json={"filter": {}})).status_code == 202
    assert len((await api.get("/api/operations")).json()["operations"]) == 1


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"filter": {"state": "failed"}}, ["filter.state"]),
        ({"filter": {"status": "waiting"}}, ["filter.status"]),
        ({"filter": {"since": "2026-01-01T00:00:00"}}, ["filter.since"]),
        ({"filter": {"words": "a\0b"}}, ["filter.words"]),
        ({"jobIds": []}, ["jobIds"]),
        ({"jobIds": ["x"]}, ["jobIds.0"]),
        ({"jobIds": ["01999999-9999-7999-8999-999999999999"] * 10_001}, ["jobIds"]),
        ({"filter": {}, "dryRun": "perhaps"}, ["dryRun"]),
        ([], [""]),
    ],
)
async def test_invalid_bodies_name_their_fields(api: httpx.AsyncClient, body: Any, paths: list[str]) -> None:
    assert_problem(await api.post("/api/jobs/retries", json=body), 422, "invalid-request", *paths)
    assert (await api.get("/api/operations")).json() == {"operations": []}


async def test_an_unknown_operation_is_not_found(api: httpx.AsyncClient) -> None:
    assert_problem(await api.get(f"/api/operations/{new_job_id()}"), 404, "operation-not-found")
    assert_problem(await api.get("/api/operations/x"), 422, "invalid-request", "id")
    assert_problem(await api.get("/api/operations?limit=0"), 422, "invalid-request", "limit")


async def test_a_queue_is_paused_resumed_and_cleaned(api: httpx.AsyncClient, database: Database) -> None:
    paused = await api.post("/api/queues/notes/pauses")
    assert (paused.status_code, paused.json()) == (200, {"queue": "notes", "paused": True})
    async with database.connection() as connection:
        assert await read_queue_paused(connection, "notes")
    assert (await api.delete("/api/queues/notes/pauses")).json() == {"queue": "notes", "paused": False}
    cleaned = await api.post("/api/queues/notes/cleanings")
    assert (cleaned.status_code, cleaned.json()) == (202, {"queue": "notes"})
    assert [(row["action"], row["queue"]) for row in await outbox(database)] == [
        ("pause", "notes"),
        ("pause", "notes"),
        ("clean", "notes"),
    ]


async def test_a_queue_that_no_one_declared_is_not_found(api: httpx.AsyncClient, database: Database) -> None:
    for answer in (
        await api.post("/api/queues/elsewhere/pauses"),
        await api.delete("/api/queues/elsewhere/pauses"),
        await api.post("/api/queues/elsewhere/cleanings"),
    ):
        assert_problem(answer, 404, "queue-not-found")
    assert await outbox(database) == []


async def test_a_queue_that_only_sql_or_another_program_named_is_paused(
    api: httpx.AsyncClient, database: Database, settings: Settings, client: "redis.asyncio.Redis"
) -> None:
    async with database.connection() as connection:
        await connection.fetchval("SELECT herdbook.publish('x', '{}', queue => 'by-sql')")
    await client.lpush(f"{settings.queue_prefix}:by-node:wait", "a")
    for name in ("by-sql", "by-node"):
        assert (await api.post(f"/api/queues/{name}/pauses")).json() == {"queue": name, "paused": True}


async def test_cross_site_requests_can_do_none_of_it(api: httpx.AsyncClient, database: Database) -> None:
    (id,) = await new_jobs(database, 1)
    headers = {"sec-fetch-site": "cross-site"}
    for answer in (
        await api.post(f"/api/jobs/{id}/cancellations", headers=headers),
        await api.delete(f"/api/jobs/{id}", headers=headers),
        await api.post("/api/jobs/deletions", json={"filter": {}}, headers=headers),
        await api.post("/api/queues/notes/pauses", headers=headers),
    ):
        assert_problem(answer, 403, "cross-site")
    assert await statuses(database) == {id: JobStatus.PENDING}


async def test_while_postgresql_is_unreachable_it_says_so(lost_api: httpx.AsyncClient) -> None:
    id = new_job_id()
    for answer in (
        await lost_api.post(f"/api/jobs/{id}/retries"),
        await lost_api.post("/api/jobs/retries", json={"filter": {}}),
        await lost_api.get("/api/operations"),
        await lost_api.post("/api/queues/notes/pauses"),
    ):
        assert_problem(answer, 503, "record-unavailable")
