"""Request bodies: hard limits, and invalid JSON."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from herdbook.record.database import Database
from herdbook.settings import Settings
from tests.http.conftest import assert_problem, count_jobs

JSON = {"Content-Type": "application/json"}
NOTE = '{"jobType": "note", "jobData": {"text": "a"}}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'jobType': 'note'}",
        NOTE.encode() + b"x",
        b'{"jobType": "any", "jobData": NaN}',
        b'{"jobType": "any", "jobData": Infinity}',
        b'{"jobType": "any", "jobData": 1e999}',
        b'{"jobType": "any", "jobData": "\\ud800"}',
        b'{"jobType": "any", "jobData": "\xff"}',
        NOTE.encode("utf-16"),
        b'{"jobType": "any", "jobData": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b"[" * 1_000_000,
        b'{"jobType": "any", "jobData": ' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001,
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_what_is_not_json_is_a_clear_400(api: httpx.AsyncClient, database: Database, body: bytes) -> None:
    problem = assert_problem(await api.post("/api/jobs", content=body, headers=JSON), 400, "malformed-body")
    assert "the body is not JSON" in problem["detail"]
    assert len(problem["detail"]) < 200
    assert await count_jobs(database) == 0


async def test_null_is_json_but_not_a_job(api: httpx.AsyncClient) -> None:
    assert_problem(await api.post("/api/jobs", content=b"null", headers=JSON), 422, "invalid-job", "")


@pytest.mark.parametrize(
    ("digits", "status"),
    [("18446744073709551616", 422), ("-9223372036854775809", 422), ("1" * 300, 422), ("1" * 5_000, 400)],
    ids=["2^64", "-2^63-1", "300 digits", "5000 digits"],
)
async def test_integers_that_would_lose_digits_are_refused(
    api: httpx.AsyncClient, database: Database, digits: str, status: int
) -> None:
    body = '{"jobType": "any", "jobData": [' + digits + "]}"
    answer = await api.post("/api/jobs", content=body, headers=JSON)
    assert answer.status_code == status
    assert digits not in answer.text
    assert await count_jobs(database) == 0


@pytest.mark.parametrize("number", ["18446744073709551615", "-9223372036854775808", "0.12345678901234567890123"])
async def test_long_numbers_that_fit_are_kept(api: httpx.AsyncClient, number: str) -> None:
    body = f'{{"jobType": "any", "jobData": [{number}, "{"9" * 40}"]}}'
    answer = await api.post("/api/jobs", content=body, headers=JSON)
    assert answer.status_code == 201
    job = (await api.get(answer.headers["location"])).json()
    assert job["jobData"] == [float(number) if "." in number else int(number), "9" * 40]


async def test_a_long_number_in_deep_nesting_is_no_internal_error(api: httpx.AsyncClient) -> None:
    for depth in (900, 1_020):
        body = '{"jobType": "any", "jobData": ' + "[" * depth + "9" * 19 + "]" * depth + "}"
        answer = await api.post("/api/jobs", content=body, headers=JSON)
        assert answer.status_code in (201, 400, 422)


@pytest.mark.parametrize(
    "unit",
    [b"[],", b'{"a":1},', b'"ab",', b"257,", b'"\\"",', b"[[]],"],
    ids=["lists", "objects", "strings", "numbers", "quotes", "nested lists"],
)
async def test_a_body_of_millions_of_values_is_refused_before_it_is_parsed(
    api: httpx.AsyncClient, database: Database, unit: bytes
) -> None:
    body = b'{"jobs": [' + unit * (15_000_000 // len(unit)) + b"1]}"
    answer = await api.post("/api/jobs/bulk", content=body, headers=JSON)
    assert "more than 1,000,000 values" in assert_problem(answer, 413, "body-too-large")["detail"]
    # It is not JSON either, which only parsing would show.
    answer = await api.post("/api/jobs/bulk", content=body[:-1], headers=JSON)
    assert_problem(answer, 413, "body-too-large")


async def test_commas_and_brackets_in_texts_are_no_values(api: httpx.AsyncClient, database: Database) -> None:
    text = 'a,[{\\"b' * 100_000
    jobs = [{"jobType": "note", "jobData": {"text": text}} for _ in range(11)]
    answer = await api.post("/api/jobs/bulk", json={"jobs": jobs})
    assert answer.status_code == 201
    assert await count_jobs(database) == 11


async def test_an_endless_string_of_quotes_is_refused_in_linear_time(api: httpx.AsyncClient) -> None:
    body = b'{"jobs": [' + b"," * 1_000_001 + b'"' + b'\\"' * 1_000_000
    assert_problem(await api.post("/api/jobs/bulk", content=body, headers=JSON), 413, "body-too-large")
    body = b'{"jobs": ["' + b',\\"' * 1_500_000
    assert_problem(await api.post("/api/jobs/bulk", content=body, headers=JSON), 400, "malformed-body")


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "", "json", "text/x+json"]
)
async def test_other_media_types_are_unsupported(api: httpx.AsyncClient, database: Database, media_type: str) -> None:
    for headers in ({"Content-Type": media_type}, {}):
        answer = await api.post("/api/jobs", content=NOTE, headers=headers)
        assert_problem(answer, 415, "unsupported-body")
        assert answer.headers["accept"] == "application/json"
    assert await count_jobs(database) == 0


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON", "application/x+json"])
async def test_other_json_media_types_are_accepted(api: httpx.AsyncClient, media_type: str) -> None:
    answer = await api.post("/api/jobs", content=NOTE, headers={"Content-Type": media_type})
    assert answer.status_code == 201


async def test_compressed_bodies_are_unsupported(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/jobs", content=NOTE, headers={**JSON, "Content-Encoding": "gzip"})
    assert_problem(answer, 415, "unsupported-body")
    assert answer.headers["accept-encoding"] == "identity"


async def test_a_body_with_too_large_a_content_length_is_not_read(app: FastAPI) -> None:
    async def receive() -> Any:
        raise AssertionError("the body was read")

    sent = await exchange(app, receive, [(b"content-type", b"application/json"), (b"content-length", b"2000000")])
    assert sent[0]["status"] == 413


@pytest.mark.parametrize("path", ["/api/jobs", "/api/jobs/bulk"])
async def test_a_chunked_body_is_read_up_to_the_limit_only(
    api: httpx.AsyncClient, database: Database, settings: Settings, path: str
) -> None:
    taken = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1_000_000
            yield b" " * 1_000_000

    assert_problem(await api.post(path, content=chunks(), headers=JSON), 413, "body-too-large")
    limit = settings.max_job_bytes + 64 * 1024 if path == "/api/jobs" else 64 * 1024 * 1024
    assert limit < taken <= limit + 1_000_000
    assert await count_jobs(database) == 0


async def test_a_chunked_body_within_the_limit_is_put_together(api: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for character in NOTE:
            yield character.encode()

    assert (await api.post("/api/jobs", content=chunks(), headers=JSON)).status_code == 201


async def test_a_client_that_disconnects_is_no_error(app: FastAPI) -> None:
    messages = [{"type": "http.request", "body": b'{"job', "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    with capture_logs() as logs:
        sent = await exchange(app, receive, [(b"content-type", b"application/json")])
    assert sent == []
    assert logs == []


async def exchange(app: FastAPI, receive: Any, headers: list[tuple[bytes, bytes]]) -> list[Any]:
    """What the application sends for a POST to /api/jobs with the body from `receive`."""
    sent = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/api/jobs",
        "raw_path": b"/api/jobs",
        "root_path": "",
        "query_string": b"",
        "headers": headers,
    }
    await app(scope, receive, send)
    return sent
