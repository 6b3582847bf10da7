"""The event stream of the pages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest

from herdbook.model.registry import Registry
from herdbook.record.database import Database
from herdbook.settings import Settings
from herdbook.web import create_app
from tests.http.listening import Stream, listening
from tests.http.test_server import serving
from tests.line import Line

JOB = {"jobType": "count", "jobData": 1}


@pytest.fixture
async def served(settings: Settings, registry: Registry) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(settings, registry, create=create_app) as api:
        yield api


async def stale(stream: Stream) -> str:
    event = await stream.next()
    assert event.name == "stale"
    return event.data


async def test_a_stream_starts_with_all_and_continues_with_topics(served: httpx.AsyncClient) -> None:
    async with listening(served, "/events") as stream:
        assert await stale(stream) == "all"
        id = (await served.post("/api/jobs", json=JOB)).json()["jobId"]
        assert await stale(stream) == f"jobs queue:count job:{id}"


async def test_all_pages_receive_the_same(served: httpx.AsyncClient) -> None:
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(listening(served, "/events")) for _ in range(5)]
        assert {await stale(stream) for stream in streams} == {"all"}
        id = (await served.post("/api/jobs", json=JOB)).json()["jobId"]
        assert {await stale(stream) for stream in streams} == {f"jobs queue:count job:{id}"}


async def test_hostile_names_stay_inside_their_message(served: httpx.AsyncClient, database: Database) -> None:
    async with listening(served, "/events") as stream:
        await stale(stream)
        async with database.connection() as connection:
            id = await connection.fetchval("SELECT herdbook.publish('x', '1', queue => E'a b\\n\\nevent: c')")
        assert await stale(stream) == f"jobs queue:a%20b%0A%0Aevent%3A%20c job:{id}"


async def test_a_stream_opens_without_postgresql_and_starts_once_it_is_back(
    settings: Settings, registry: Registry
) -> None:
    assert settings.database_url
    async with Line.to(settings.database_url) as line:
        later = settings.model_copy(update={"database_url": line.url})
        async with serving(later, registry, create=create_app) as api:
            await line.cut()
            async with listening(api, "/events") as stream:
                await line.mend()
                assert await stale(stream) == "all"


async def test_a_stopping_server_ends_its_streams(settings: Settings, registry: Registry) -> None:
    stop = asyncio.Event()
    patient = settings.model_copy(update={"stop_deadline": 3_600.0})
    async with serving(patient, registry, create=create_app, stop=stop) as api, listening(api, "/events") as stream:
        await stale(stream)
        stop.set()
        with pytest.raises(EOFError):
            await stream.next()


async def test_head_does_not_open_a_stream(served: httpx.AsyncClient) -> None:
    assert (await served.head("/events", timeout=10)).status_code == 200
