"""Liveness and readiness."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from herdbook.http.health import HealthChecks
from herdbook.model.registry import Registry
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.record.database import Database
from herdbook.settings import Settings


async def readiness(api: httpx.AsyncClient) -> tuple[int, str, dict[str, bool], dict[str, str]]:
    """The status code, the status, and whether each check is ok and its detail."""
    answer = await api.get("/readyz")
    body: dict[str, Any] = answer.json()
    checks = body["checks"]
    well = {name: check["ok"] for name, check in checks.items()}
    return answer.status_code, body["status"], well, {name: check["detail"] for name, check in checks.items()}


async def test_a_healthy_system_is_ready(api: httpx.AsyncClient) -> None:
    assert (await api.get("/healthz")).json() == {"status": "ok"}
    code, status, well, detail = await readiness(api)
    assert (code, status) == (200, "ready")
    assert well == {"record": True, "migrations": True, "queue": True, "outbox": True}
    assert all(detail.values())


async def test_without_its_servers_it_is_alive_but_not_ready(lost_api: httpx.AsyncClient) -> None:
    assert (await lost_api.get("/healthz")).json() == {"status": "ok"}
    code, status, well, detail = await readiness(lost_api)
    assert (code, status) == (503, "unready")
    assert well == {"record": False, "migrations": False, "queue": False, "outbox": False}
    assert "PostgreSQL is unreachable" in detail["record"]
    assert "Redis is unreachable" in detail["queue"]
    assert "hushhush" not in str(detail)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("DELETE FROM herdbook.migrations WHERE version = 1", "herdbook migrate"),
        ("DROP TABLE herdbook.migrations", "herdbook migrate"),
        ("INSERT INTO herdbook.migrations VALUES (9999, 'x', now(), true)", "upgrade"),
    ],
)
async def test_a_schema_of_another_version_is_not_ready(
    api: httpx.AsyncClient, database: Database, change: str, says: str
) -> None:
    async with database.connection() as connection:
        await connection.execute(change)
    code, _, well, detail = await readiness(api)
    assert code == 503
    assert well == {"record": True, "migrations": False, "queue": True, "outbox": True}
    assert says in detail["migrations"]


async def test_an_outbox_that_lags_is_not_ready(api: httpx.AsyncClient, database: Database, settings: Settings) -> None:
    await api.post("/api/jobs", json={"jobType": "any", "jobData": None})
    assert (await readiness(api))[0] == 200
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE herdbook.outbox SET created_at = created_at - make_interval(secs => $1), error_message = 'full'",
            settings.outbox_lag_limit,
        )
    code, _, well, detail = await readiness(api)
    assert (code, well["outbox"]) == (503, False)
    assert "full" in detail["outbox"]
    assert "1 recorded job is not yet queued" in detail["outbox"]


async def test_an_unresponsive_server_does_not_block_the_probe(settings: Settings, registry: Registry) -> None:
    held: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    deaf = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{port}"})
    database = Database(f"postgresql://u:p@127.0.0.1:{port}/x", size=4)
    await database.open()
    queues = QueueStatsReader.connect(deaf, registry, database)
    app = FastAPI()
    HealthChecks(database, queues, outbox_lag_limit=60, timeout=0.05).add_to(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://herdbook.test") as api:
        code, _, _, detail = await readiness(api)
    assert code == 503
    assert all("no answer within 0.05 s" in words for words in detail.values())
    await queues.close()
    await database.close()
    for writer in held:
        writer.close()
    silent.close()
