"""The API on real servers; each response is checked against the OpenAPI document."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from herdbook.http.app import create_app
from herdbook.http.services import Services
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.options import Backoff
from herdbook.model.registry import Registry
from herdbook.operating.feed import ChangeFeed
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.record.database import Database
from herdbook.settings import Settings

NOBODY = 1  # A port that nothing listens on.
_DOCUMENTS: dict[str, dict[str, Any]] = {}


class Note(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    text: str
    copies: int = 1
    sent_to: list[str] = []


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.declare("note", Note, queue="notes", attempts=4, backoff=Backoff(delay=10))
    registry.declare("any", Any)

    @registry.processor("count", backoff=None)
    async def count(number: int) -> int:
        """Count on."""
        return number + 1

    return registry


@pytest.fixture
async def queues(settings: Settings, registry: Registry, database: Database) -> AsyncIterator[QueueStatsReader]:
    queues = QueueStatsReader.connect(settings, registry, database)
    yield queues
    await queues.close()


@pytest.fixture
def artifacts(tmp_path: Path) -> FolderArtifacts:
    return FolderArtifacts(tmp_path / "artifacts")


@pytest.fixture
def app(
    settings: Settings, registry: Registry, database: Database, queues: QueueStatsReader, artifacts: FolderArtifacts
) -> FastAPI:
    return create_app(
        Services(
            settings=settings,
            registry=registry,
            database=database,
            queues=queues,
            artifacts=artifacts,
            feed=ChangeFeed(database),
        )
    )


@pytest.fixture
async def api(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client(app) as api:
        yield api


@pytest.fixture
async def lost_api(
    settings: Settings, registry: Registry, artifacts: FolderArtifacts
) -> AsyncIterator[httpx.AsyncClient]:
    """The API while PostgreSQL and Redis are unreachable."""
    lost = settings.model_copy(
        update={
            "database_url": f"postgresql://herdbook:hushhush@127.0.0.1:{NOBODY}/x",
            "redis_url": f"redis://:hushhush@127.0.0.1:{NOBODY}",
        }
    )
    assert lost.database_url
    database = Database(lost.database_url, size=2)
    await database.open()
    queues = QueueStatsReader.connect(lost, registry, database)
    app = create_app(
        Services(
            settings=lost,
            registry=registry,
            database=database,
            queues=queues,
            artifacts=artifacts,
            feed=ChangeFeed(database),
        )
    )
    async with client(app) as api:
        yield api
    await queues.close()
    await database.close()


def client(app: FastAPI) -> httpx.AsyncClient:
    """A client that checks every response against the OpenAPI document."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://herdbook.test",
        event_hooks={"response": [_described(_document(app))]},
    )


def _document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once for all apps with the same routes: making it takes longer than most tests."""
    routes = str(app.routes)
    if routes not in _DOCUMENTS:
        _DOCUMENTS[routes] = app.openapi()
    return _DOCUMENTS[routes]


def _described(document: dict[str, Any]) -> Callable[[httpx.Response], Awaitable[None]]:
    paths = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), methods) for path, methods in document["paths"].items()]

    async def check(response: httpx.Response) -> None:
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cross-origin-resource-policy"] == "same-origin"
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if response.status_code >= 400 and response.url.path != "/readyz":
            assert media_type == "application/problem+json"
        request = response.request
        method = request.method.lower()
        known = [ways[method] for path, ways in paths if path.fullmatch(request.url.path) and method in ways]
        # The most specific path comes first in the document.
        if known:
            answer = known[0]["responses"][str(response.status_code)]
            assert media_type in answer["content"] or "application/octet-stream" in answer["content"]

    return check


async def count_jobs(database: Database) -> int:
    """The number of recorded jobs."""
    async with database.connection() as connection:
        found: int = await connection.fetchval("SELECT count(*) FROM herdbook.jobs")
    return found


def assert_problem(response: httpx.Response, status: int, name: str | None = None, *paths: str) -> dict[str, Any]:
    """The problem in a response, which must have this status, kind, and errors at these paths."""
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["type"] == (f"/problems/{name}" if name else "about:blank")
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == response.request.url.path
    assert [error["path"] for error in body.get("errors", [])] == list(paths)
    assert all(error["message"] for error in body.get("errors", []))
    return body
