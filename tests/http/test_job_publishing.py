"""Publishing over HTTP: one job, many jobs, idempotency, and everything that is refused."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest

from herdbook.record.database import Database
from herdbook.settings import Settings
from tests.http.conftest import assert_problem, count_jobs

NOTE = {"jobType": "note", "jobData": {"text": "a"}}


async def test_a_job_is_accepted_with_its_address(api: httpx.AsyncClient, database: Database) -> None:
    answer = await api.post("/api/jobs", json=NOTE)
    assert answer.status_code == 201
    body = answer.json()
    job_id = body["jobId"]
    assert UUID(job_id).version == 7
    assert body == {
        "jobId": job_id,
        "queueJobId": job_id,
        "jobType": "note",
        "queue": "notes",
        "status": "pending",
        "priority": 0,
        "runAt": None,
        "maxAttempts": 4,
    }
    assert answer.headers["location"] == f"/api/jobs/{job_id}"
    assert await count_jobs(database) == 1
    assert (await api.get(answer.headers["location"])).json().items() >= body.items()


async def test_options_are_applied(api: httpx.AsyncClient) -> None:
    options = {"delay": "10m", "priority": 7, "attempts": 2, "backoff": {"type": "fixed", "delay": 5}}
    answer = await api.post("/api/jobs", json={**NOTE, "options": options})
    assert answer.json().items() >= {"priority": 7, "maxAttempts": 2}.items()
    job = (await api.get(answer.headers["location"])).json()
    assert job["runAt"] == answer.json()["runAt"]
    assert job["runAt"] > job["createdAt"]
    assert job["backoff"] == {"type": "fixed", "delay": 5, "jitter": 0.0}
    null = await api.post("/api/jobs", json={**NOTE, "options": None})
    assert null.status_code == 201


async def test_a_time_to_run_at_is_answered_in_utc(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/jobs", json={**NOTE, "options": {"runAt": "2040-01-31T08:00:00+01:00"}})
    assert answer.json()["runAt"] == "2040-01-31T07:00:00Z"
    assert (await api.get(answer.headers["location"])).json()["runAt"] == "2040-01-31T07:00:00Z"


async def test_a_repeated_key_returns_the_same_job(api: httpx.AsyncClient, database: Database) -> None:
    key = {"Idempotency-Key": "k"}
    answers = await asyncio.gather(*[api.post("/api/jobs", json=NOTE, headers=key) for _ in range(8)])
    in_options = await api.post("/api/jobs", json={**NOTE, "options": {"idempotencyKey": "k"}})
    both = await api.post("/api/jobs", json={**NOTE, "options": {"idempotencyKey": "k"}}, headers=key)
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    spelled = await api.post("/api/jobs", json={**NOTE, "options": {"idempotency_key": "k"}}, headers=key)
    assert len({answer.json()["jobId"] for answer in [*answers, in_options, both, spelled]}) == 1
    assert await count_jobs(database) == 1
    for replay in (in_options, both):
        assert replay.headers["idempotency-replayed"] == "true"
        assert replay.headers["location"] == f"/api/jobs/{replay.json()['jobId']}"
        assert replay.json()["jobData"] == {"text": "a"}
    assert "idempotency-replayed" not in next(one for one in answers if one.status_code == 201).headers


async def test_a_key_that_was_used_for_another_body_is_a_conflict(api: httpx.AsyncClient, database: Database) -> None:
    key = {"Idempotency-Key": "k"}
    await api.post("/api/jobs", json=NOTE, headers=key)
    other = {**NOTE, "jobData": {"text": "b"}}
    assert_problem(await api.post("/api/jobs", json=other, headers=key), 409, "idempotency-conflict")
    assert await count_jobs(database) == 1


async def test_keys_beyond_ascii_are_the_same_in_header_and_options(api: httpx.AsyncClient) -> None:
    await api.post("/api/jobs", json={**NOTE, "options": {"idempotencyKey": "schlüssel"}})
    again = await api.post("/api/jobs", json=NOTE, headers={b"Idempotency-Key": "schlüssel".encode()})
    assert again.status_code == 200
    other = await api.post("/api/jobs", json=NOTE, headers={b"Idempotency-Key": "schlüssel".encode("latin-1")})
    assert other.status_code == 200


@pytest.mark.parametrize(("header", "in_options"), [("k", "other"), ("", None), ("k" * 256, None), ("k", ""), ("k", 5)])
async def test_keys_that_differ_or_are_invalid_are_refused(
    api: httpx.AsyncClient, database: Database, header: str, in_options: Any
) -> None:
    body = NOTE if in_options is None else {**NOTE, "options": {"idempotencyKey": in_options}}
    answer = await api.post("/api/jobs", json=body, headers={"Idempotency-Key": header})
    assert_problem(answer, 422, "invalid-job", "options.idempotencyKey")
    assert await count_jobs(database) == 0


@pytest.mark.parametrize(
    ("body", "name", "paths"),
    [
        ({"jobType": "nope", "jobData": {}}, "unknown-job-type", ["jobType"]),
        ({"jobType": "", "jobData": {}}, "invalid-job", ["jobType"]),
        ({"jobType": "n" * 201, "jobData": {}}, "invalid-job", ["jobType"]),
        ({"jobType": 5, "jobData": {}}, "invalid-job", ["jobType"]),
        ({}, "invalid-job", ["jobType", "jobData"]),
        ({**NOTE, "job_type": "note", "extra": 1}, "invalid-job", ["extra", "job_type"]),
        ([], "invalid-job", [""]),
        ("note", "invalid-job", [""]),
        ({"jobType": "note", "jobData": None}, "invalid-job", ["jobData"]),
        ({"jobType": "note", "jobData": {"copies": "x"}}, "invalid-job", ["jobData.text", "jobData.copies"]),
        ({"jobType": "note", "jobData": {"text": "a", "sentTo": [1]}}, "invalid-job", ["jobData.sentTo.0"]),
        ({"jobType": "note", "jobData": {"text": "a\0b"}}, "invalid-job", ["jobData"]),
        ({"jobType": "any", "jobData": {"a\0b": 1}}, "invalid-job", ["jobData"]),
        ({"jobType": "a\0b", "jobData": {}}, "unknown-job-type", ["jobType"]),
        ({**NOTE, "options": []}, "invalid-job", ["options"]),
        ({**NOTE, "options": {"delay": "soon"}}, "invalid-job", ["options.delay"]),
        ({**NOTE, "options": {"delay": "9" * 5_000 + "s"}}, "invalid-job", ["options.delay"]),
        ({**NOTE, "options": {"delay": "9" * 5_000}}, "invalid-job", ["options.delay"]),
        ({**NOTE, "options": {"timeout": "9" * 5_000 + "d"}}, "invalid-job", ["options.timeout"]),
        ({**NOTE, "options": {"backoff": {"delay": "9" * 5_000 + "s"}}}, "invalid-job", ["options.backoff.delay"]),
        ({**NOTE, "options": {"delay": -1, "attempts": 0}}, "invalid-job", ["options.delay", "options.attempts"]),
        ({**NOTE, "options": {"priority": 2**21 + 1}}, "invalid-job", ["options.priority"]),
        ({**NOTE, "options": {"backoff": {"delay": "x"}}}, "invalid-job", ["options.backoff.delay"]),
        ({**NOTE, "options": {"lifo": True}}, "invalid-job", ["options.lifo"]),
        ({**NOTE, "options": {"runAt": "2030-01-01T00:00:00"}}, "invalid-job", ["options.runAt"]),
        ({**NOTE, "options": {"runAt": "2030-01-01T00:00:00Z", "delay": 5}}, "invalid-job", ["options"]),
    ],
)
async def test_invalid_fields_are_named_and_nothing_is_recorded(
    api: httpx.AsyncClient, database: Database, body: Any, name: str, paths: list[str]
) -> None:
    assert_problem(await api.post("/api/jobs", json=body), 422, name, *paths)
    assert await count_jobs(database) == 0


async def test_a_nul_in_the_key_is_refused_without_affecting_others(api: httpx.AsyncClient, database: Database) -> None:
    bad = {**NOTE, "options": {"idempotencyKey": "a\0b"}}
    refused, *accepted = await asyncio.gather(*[api.post("/api/jobs", json=body) for body in (bad, NOTE, NOTE)])
    assert refused.status_code == 422
    assert [answer.status_code for answer in accepted] == [201, 201]
    assert await count_jobs(database) == 2


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "jobType: is required; jobData: is required"),
        ([], "body: must be an object with jobType and jobData"),
        ({**NOTE, "options": {"attempts": 0}}, "options.attempts: Input should be greater than or equal to 1"),
        ({**NOTE, "jobData": {"text": "a\0b"}}, "jobData contains a NUL character, which PostgreSQL cannot store"),
    ],
)
async def test_the_detail_of_a_problem_reads_well(api: httpx.AsyncClient, body: Any, detail: str) -> None:
    assert (await api.post("/api/jobs", json=body)).json()["detail"] == detail


async def test_values_are_not_repeated_in_errors(api: httpx.AsyncClient) -> None:
    body = {"jobType": "note", "jobData": {"text": {"password": "hushhush"}, "copies": "hushhush"}}
    answer = await api.post("/api/jobs", json=body)
    assert_problem(answer, 422, "invalid-job", "jobData.text", "jobData.copies")
    assert "hushhush" not in answer.text


async def test_a_thousand_errors_are_answered_briefly(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/jobs", json={"jobType": "note", "jobData": {"text": "a", "sentTo": [1] * 1_000}})
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 100
    answer = await api.post("/api/jobs", json={**NOTE, "options": {"x" * 500 + str(n): n for n in range(50)}})
    assert len(answer.json()["detail"]) <= 1_000


async def test_large_jobs_and_large_bodies_are_different_problems(
    api: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    size = settings.max_job_bytes
    job = {"jobType": "note", "jobData": {"text": "x" * size}}
    assert_problem(await api.post("/api/jobs", json=job), 413, "job-too-large")
    job = {"jobType": "note", "jobData": {"text": "x" * (size + 64 * 1024)}}
    assert_problem(await api.post("/api/jobs", json=job), 413, "body-too-large")
    assert await count_jobs(database) == 0
    job = {"jobType": "note", "jobData": {"text": "x" * (size - len('{"text":""}'))}}
    assert (await api.post("/api/jobs", json=job)).status_code == 201


async def test_many_jobs_are_accepted_together_in_order(api: httpx.AsyncClient, database: Database) -> None:
    jobs = [{"jobType": "note", "jobData": {"text": str(n)}} for n in range(10_000)]
    answer = await api.post("/api/jobs/bulk", json={"jobs": jobs})
    assert answer.status_code == 201
    ids = answer.json()["jobIds"]
    assert len(set(ids)) == 10_000
    assert await count_jobs(database) == 10_000
    assert (await api.get(f"/api/jobs/{ids[7_000]}")).json()["jobData"] == {"text": "7000"}


@pytest.mark.parametrize(
    ("bad", "problem", "path"),
    [
        ({"jobType": "note", "jobData": {}}, "invalid-job", "jobs.1.jobData.text"),
        ({"jobType": "nope", "jobData": {}}, "unknown-job-type", "jobs.1.jobType"),
        ({**NOTE, "options": {"delay": "x"}}, "invalid-job", "jobs.1.options.delay"),
        ({**NOTE, "options": 1}, "invalid-job", "jobs.1.options"),
        ({**NOTE, "more": 1}, "invalid-job", "jobs.1.more"),
        ("note", "invalid-job", "jobs.1"),
    ],
)
async def test_one_bad_job_of_many_refuses_all(
    api: httpx.AsyncClient, database: Database, bad: Any, problem: str, path: str
) -> None:
    assert_problem(await api.post("/api/jobs/bulk", json={"jobs": [NOTE, bad, NOTE]}), 422, problem, path)
    assert await count_jobs(database) == 0


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ""),
        ([NOTE], ""),
        ({"jobs": [NOTE], "more": 1}, ""),
        ({"jobs": []}, "jobs"),
        ({"jobs": {}}, "jobs"),
        ({"jobs": [NOTE] * 10_001}, "jobs"),
    ],
)
async def test_a_bulk_request_has_up_to_ten_thousand_jobs(
    api: httpx.AsyncClient, database: Database, body: Any, path: str
) -> None:
    assert_problem(await api.post("/api/jobs/bulk", json=body), 422, "invalid-job", path)
    assert await count_jobs(database) == 0


async def test_the_limits_apply_to_each_job_of_a_bulk_request(
    api: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    large = {"jobType": "note", "jobData": {"text": "x" * settings.max_job_bytes}}
    assert_problem(await api.post("/api/jobs/bulk", json={"jobs": [NOTE, large]}), 413, "job-too-large")
    key = {**NOTE, "options": {"idempotencyKey": "k"}}
    other = {"jobType": "any", "jobData": 5, "options": {"idempotencyKey": "k"}}
    assert_problem(await api.post("/api/jobs/bulk", json={"jobs": [key, other]}), 409, "idempotency-conflict")
    header = await api.post("/api/jobs/bulk", json={"jobs": [NOTE]}, headers={"Idempotency-Key": "k"})
    assert_problem(header, 422, "invalid-request", "Idempotency-Key")
    assert await count_jobs(database) == 0
    same = await api.post("/api/jobs/bulk", json={"jobs": [key, key]})
    assert len(set(same.json()["jobIds"])) == 1
