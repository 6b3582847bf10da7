"""Errors while PostgreSQL or Redis is unreachable."""

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from herdbook.errors import ConfigurationError
from herdbook.http.app import create_app
from herdbook.http.services import Services
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.registry import Registry
from herdbook.operating.feed import ChangeFeed
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.record.database import Database
from herdbook.settings import Settings
from tests.http.conftest import NOBODY, assert_problem, client, count_jobs

NOTE = {"jobType": "note", "jobData": {"text": "a"}}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/jobs", NOTE),
        ("POST", "/api/jobs/bulk", {"jobs": [NOTE]}),
        ("GET", "/api/jobs/01999999-9999-7999-8999-999999999999", None),
        ("GET", "/api/jobs/01999999-9999-7999-8999-999999999999/logs", None),
        ("GET", "/api/results", None),
        ("GET", "/api/queues", None),
        ("GET", "/api/workers", None),
        ("GET", "/api/stats", None),
    ],
)
async def test_without_postgresql_the_service_is_unavailable(
    lost_api: httpx.AsyncClient, method: str, path: str, body: object
) -> None:
    answer = await lost_api.request(method, path, json=body)
    problem = assert_problem(answer, 503, "record-unavailable")
    assert "PostgreSQL is unreachable" in problem["detail"]
    assert int(answer.headers["retry-after"]) > 0
    assert "hushhush" not in answer.text


async def test_without_postgresql_some_things_still_work(lost_api: httpx.AsyncClient) -> None:
    assert len((await lost_api.get("/api/job-types")).json()["jobTypes"]) == 3
    assert (await lost_api.get("/docs")).status_code == 200
    bad = await lost_api.post("/api/jobs", json={"jobType": "nope", "jobData": {}})
    assert_problem(bad, 422, "unknown-job-type", "jobType")


async def test_without_redis_jobs_are_accepted(
    settings: Settings, registry: Registry, database: Database, artifacts: FolderArtifacts
) -> None:
    unreachable = settings.model_copy(update={"redis_url": f"redis://:hushhush@127.0.0.1:{NOBODY}"})
    queues = QueueStatsReader.connect(unreachable, registry, database)
    app = create_app(
        Services(
            settings=unreachable,
            registry=registry,
            database=database,
            queues=queues,
            artifacts=artifacts,
            feed=ChangeFeed(database),
        )
    )
    async with client(app) as api:
        assert (await api.post("/api/jobs", json=NOTE)).status_code == 201
        answer = await api.get("/api/queues")
        ready = await api.get("/readyz")
    assert "Redis is unreachable" in assert_problem(answer, 503, "queue-unavailable")["detail"]
    assert int(answer.headers["retry-after"]) > 0
    assert ready.status_code == 503
    assert [name for name, check in ready.json()["checks"].items() if not check["ok"]] == ["queue"]
    assert "hushhush" not in answer.text + ready.text
    assert await count_jobs(database) == 1
    await queues.close()


async def test_a_record_without_tables_is_unavailable(api: httpx.AsyncClient, database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("DROP SCHEMA herdbook CASCADE")
    for answer in (await api.post("/api/jobs", json=NOTE), await api.get("/api/stats")):
        assert "herdbook migrate" in assert_problem(answer, 503, "record-unavailable")["detail"]


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("DELETE FROM herdbook.migrations WHERE version = 9", "1 migration is missing: run `herdbook migrate`"),
        ("INSERT INTO herdbook.migrations VALUES (9999, 'x', now(), true)", "too new for this version of Herdbook"),
    ],
)
async def test_tables_of_another_version_are_unavailable(
    api: httpx.AsyncClient, database: Database, sql: str, says: str
) -> None:
    async with database.connection(any_schema=True) as connection:
        await connection.execute(sql)
    for answer in (await api.post("/api/jobs", json=NOTE), await api.get("/api/stats")):
        assert says in assert_problem(answer, 503, "record-unavailable")["detail"]
    ready = await api.get("/readyz")
    assert ready.status_code == 503
    assert {name: check["ok"] for name, check in ready.json()["checks"].items() if name != "outbox"} == {
        "record": True,
        "migrations": False,
        "queue": True,
    }


async def test_configuration_errors_are_internal_errors(app: FastAPI) -> None:
    @app.get("/broken", include_in_schema=False)
    async def broken() -> None:
        raise ConfigurationError("hushhush")

    with capture_logs() as logs:
        async with client(app) as api:
            answer = await api.get("/broken")
    assert_problem(answer, 500)
    assert "hushhush" not in answer.text
    assert len(logs) == 1


async def test_queue_stats_need_a_redis_url(settings: Settings, registry: Registry, database: Database) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL"):
        QueueStatsReader.connect(settings.model_copy(update={"redis_url": None}), registry, database)
