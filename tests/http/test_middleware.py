"""The outermost layer: headers, cross-site requests, HEAD, and internal errors."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import Response, StreamingResponse
from structlog.testing import capture_logs

from herdbook.record.database import Database
from tests.http.conftest import assert_problem, client, count_jobs

NOTE = {"jobType": "note", "jobData": {"text": "a"}}
HERE = "http://herdbook.test"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": HERE},
        {"Origin": "http://evil.test"},
        {"Origin": "http://herdbook.test.evil.test"},
        {"Origin": "http://herdbook.test:8080"},
        {"Origin": "null"},
        {"Origin": ""},
    ],
)
async def test_other_sites_pages_may_not_post(
    api: httpx.AsyncClient, database: Database, headers: dict[str, str]
) -> None:
    for path in ("/api/jobs", "/api/jobs/bulk"):
        assert_problem(await api.post(path, json=NOTE, headers=headers), 403, "cross-site")
    assert await count_jobs(database) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": HERE},
        {"Origin": "HTTPS://Herdbook.test"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://proxied.test"},
    ],
)
async def test_programs_and_own_pages_may_post(api: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await api.post("/api/jobs", json=NOTE, headers=headers)).status_code == 201


async def test_other_sites_may_follow_links(api: httpx.AsyncClient) -> None:
    assert (await api.get("/api/stats", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/results", "/docs"])
async def test_head_is_get_without_the_body(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.head(path)
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize("path", ["/", "/api", "/api/jobs/", "/api/jobs/a/b", "/nope", "/api/jobs/%00/logs/x"])
async def test_unknown_routes_are_problems(api: httpx.AsyncClient, path: str) -> None:
    assert (await api.get(path)).status_code == 404
    assert (await api.get(path)).json()["type"] == "about:blank"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "/api/jobs", "POST"), ("GET", "/api/jobs", "POST"), ("DELETE", "/api/stats", "GET")],
)
async def test_other_methods_are_not_allowed(api: httpx.AsyncClient, method: str, path: str, allowed: str) -> None:
    answer = await api.request(method, path)
    assert_problem(answer, 405)
    assert answer.headers["allow"] == allowed


async def test_an_internal_error_is_logged_and_answered_without_details(app: FastAPI) -> None:
    @app.get("/broken", include_in_schema=False)
    async def broken() -> Response:
        raise KeyError("hushhush")

    with capture_logs() as logs:
        async with client(app) as api:
            answer = await api.get("/broken")
    assert_problem(answer, 500)
    assert "hushhush" not in answer.text
    assert [(line["event"], line["path"], type(line["exc_info"])) for line in logs] == [
        ("request failed", "/broken", KeyError)
    ]


async def test_an_internal_error_within_a_response_aborts_it(app: FastAPI) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b"half"
        raise KeyError

    @app.get("/half", include_in_schema=False)
    async def broken() -> Response:
        return StreamingResponse(half())

    with capture_logs() as logs:
        async with client(app) as api:
            with pytest.raises(KeyError):
                await api.get("/half")
    assert len(logs) == 1


async def test_a_pages_own_headers_win(app: FastAPI) -> None:
    @app.get("/page", include_in_schema=False)
    async def page() -> Response:
        return Response("x", headers={"Referrer-Policy": "same-origin"}, media_type="text/plain")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as api:
        assert (await api.get("/page")).headers.get_list("referrer-policy") == ["same-origin"]
