"""The stream of job events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from herdbook.http.app import create_app
from herdbook.http.services import Services
from herdbook.model.registry import Registry
from herdbook.operating.feed import ChangeFeed
from herdbook.record.database import Database
from herdbook.settings import Settings
from herdbook.testing import eventually, running_system
from tests.http.conftest import assert_problem
from tests.http.listening import Stream, listening
from tests.http.test_server import serving
from tests.line import Line


@pytest.fixture
async def served(settings: Settings, registry: Registry) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(settings, registry) as api:
        yield api


async def publish(api: httpx.AsyncClient, job_type: str = "count", data: Any = 1) -> str:
    answer = await api.post("/api/jobs", json={"jobType": job_type, "jobData": data})
    id: str = answer.json()["jobId"]
    return id


async def change(database: Database, id: str, what: str) -> None:
    """Change a job as a worker would."""
    async with database.connection() as connection:
        await connection.execute(f"UPDATE herdbook.jobs SET updated_at = now(), {what} WHERE id = $1", UUID(id))


STORY = [
    ("job.processing", "status = 'processing', started_at = now(), attempt = 1, worker = 'w'"),
    ("job.progress", "progress = '{\"a\\n\": 50}'"),
    ("job.pending", "status = 'pending', worker = NULL, error_message = E'late\\n\\ndata: x'"),
    ("job.processing", "status = 'processing', started_at = now(), attempt = 2, worker = 'w'"),
    ("job.failed", "status = 'failed', worker = NULL, completed_at = now()"),
    ("job.pending", "status = 'pending', completed_at = NULL, generation = 1, attempt = 0, error_message = NULL"),
    ("job.cancelled", "status = 'cancelled', completed_at = now()"),
]


async def test_a_job_is_followed_from_state_to_state(served: httpx.AsyncClient, database: Database) -> None:
    async with listening(served) as stream:
        id = await publish(served)
        event = await stream.next()
        assert event.name == "job.pending"
        assert set(event.json()) == {
            "jobId", "jobType", "queue", "status", "attempt", "generation", "progress", "errorMessage", "at",
        }  # fmt: skip
        assert event.json() | {"at": ""} == {
            "jobId": id,
            "jobType": "count",
            "queue": "count",
            "status": "pending",
            "attempt": 0,
            "generation": 0,
            "progress": None,
            "errorMessage": None,
            "at": "",
        }
        assert event.json()["at"].endswith("Z")
        found = []
        for _, what in STORY:
            await change(database, id, what)
            found.append(await stream.next())
        assert [event.name for event in found] == [name for name, _ in STORY]
        assert found[1].json()["progress"] == {"a\n": 50}
        assert found[2].json()["errorMessage"] == "late\n\ndata: x"
        assert [(event.json()["attempt"], event.json()["generation"]) for event in found[-3:]] == [
            (2, 0),
            (0, 1),
            (0, 1),
        ]


async def test_real_jobs_send_events(settings: Settings, registry: Registry, served: httpx.AsyncClient) -> None:
    async with running_system(settings, registry), listening(served, event="job.completed") as stream:
        ids = {await publish(served) for _ in range(20)}
        assert {event.json()["jobId"] for event in await stream.take(20)} == ids


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"jobType": "count"}, [0]),
        ({"jobType": ["note", "any"]}, [1, 2]),
        ({"queue": ["notes", "any"]}, [1, 2]),
        ({"queue": "notes", "jobType": "any"}, []),
        ({"event": ["job.pending", "job.failed"]}, [0, 1, 2]),
        ({"event": "job.failed"}, []),
    ],
)
async def test_a_client_receives_the_events_it_asked_for(
    served: httpx.AsyncClient, database: Database, query: dict[str, Any], wanted: list[int]
) -> None:
    async with listening(served, **query) as stream:
        jobs = (("count", 1), ("note", {"text": "a"}), ("any", None))
        ids = [await publish(served, job_type, data) for job_type, data in jobs]
        # The last one passes every filter.
        last = await publish(served)
        names = {"queue": first(query, "queue"), "job_type": first(query, "jobType")}
        named = ", ".join(f"{column} = '{name}'" for column, name in names.items())
        await change(database, last, f"status = 'failed', completed_at = now(), {named}")
        found: list[dict[str, Any]] = []
        while not found or found[-1]["jobId"] != last or found[-1]["status"] != "failed":
            found.append((await stream.next()).json())
    assert [event["jobId"] for event in found if event["jobId"] != last] == [ids[index] for index in wanted]


def first(query: dict[str, Any], name: str) -> str:
    value = query.get(name, "any")
    return value if isinstance(value, str) else value[0]


async def test_jobs_are_followed_by_their_ids(served: httpx.AsyncClient, database: Database) -> None:
    one, other, third = [await publish(served) for _ in range(3)]
    async with listening(served, jobId=[one, third], event="job.failed") as stream:
        for id in (other, third, one):
            await change(database, id, "status = 'failed', completed_at = now()")
        assert [event.json()["jobId"] for event in await stream.take(2)] == [third, one]


@pytest.mark.parametrize("by_header", [True, False])
async def test_a_client_that_reconnects_receives_what_it_missed(
    served: httpx.AsyncClient, database: Database, by_header: bool
) -> None:
    def again(last: str) -> AbstractAsyncContextManager[Stream]:
        if by_header:
            return listening(served, headers={"Last-Event-ID": last})
        return listening(served, lastEventId=last)

    async with listening(served) as stream:
        known = await publish(served)
        last = (await stream.next()).id
    missed = [await publish(served) for _ in range(3)]
    await change(database, known, "progress = '1'")
    async with again(last) as stream:
        events = await stream.take(4)
        assert [event.json()["jobId"] for event in events] == [*missed, known]
        # Then new events as they happen.
        new = await publish(served)
        event = await stream.next()
        assert event.json()["jobId"] == new
    # A client that saw only part of a batch receives all of it again, so that it misses nothing.
    async with again(events[1].id) as stream:
        assert [event.json()["jobId"] for event in await stream.take(5)] == [*missed, known, new]
    async with again(event.id) as stream:
        newer = await publish(served)
        assert (await stream.next()).json()["jobId"] == newer


async def test_more_than_a_page_of_missed_events_is_sent_while_more_happens(
    served: httpx.AsyncClient, database: Database
) -> None:
    async with listening(served) as stream:
        await publish(served)
        last = (await stream.next()).id
    async with database.connection() as connection:
        await connection.execute("SELECT herdbook.publish('any', '1') FROM generate_series(1, 2500)")
    ids = set()
    async with listening(served, lastEventId=last) as stream:
        for number in range(2_500):
            if number % 500 == 0:
                await publish(served)
            ids.add((await stream.next()).json()["jobId"])
        while len(ids) < 2_505:
            ids.add((await stream.next()).json()["jobId"])


async def test_a_client_that_reconnects_too_late_receives_a_reset(served: httpx.AsyncClient) -> None:
    at = int(datetime.now(UTC).timestamp() - 301) * 1_000_000
    await publish(served)
    async with listening(served, lastEventId=f"{at}-700") as stream:
        event = await stream.next()
        assert event.name == "reset"
        assert "missed" in event.json()["reason"]
        new = await publish(served)
        assert (await stream.next()).json()["jobId"] == new
    # Its id is a valid position.
    async with listening(served, lastEventId=event.id) as stream:
        assert (await stream.next()).json()["jobId"] == new


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"event": "job.finished"}, "event.0"),
        ({"jobId": "7"}, "jobId.0"),
        ({"jobType": ["a", ""]}, "jobType.1"),
        ({"queue": "x" * 201}, "queue.0"),
        ({"topic": "jobs"}, "topic"),
        ({"lastEventId": "7"}, "lastEventId"),
        ({"lastEventId": "-1-7"}, "lastEventId"),
        ({"lastEventId": f"1-{2**32}"}, "lastEventId"),
        ({"lastEventId": "9" * 18 + "-7"}, "lastEventId"),
        ({"lastEventId": "\u0661-1"}, "lastEventId"),
    ],
)
async def test_invalid_queries_are_refused(api: httpx.AsyncClient, query: dict[str, Any], path: str) -> None:
    assert_problem(await api.get("/api/events", params=query), 422, "invalid-request", path)


async def test_a_position_in_the_far_future_is_no_error(served: httpx.AsyncClient) -> None:
    async with listening(served, lastEventId=f"{'9' * 17}-{2**32 - 1}") as stream:
        id = await publish(served)
        assert (await stream.next()).json()["jobId"] == id


async def test_without_the_record_a_stream_does_not_begin(lost_api: httpx.AsyncClient) -> None:
    assert_problem(await lost_api.get("/api/events"), 503, "record-unavailable")


async def test_streams_stay_open_while_the_record_is_unreachable(
    settings: Settings, registry: Registry, database: Database
) -> None:
    assert settings.database_url
    async with Line.to(settings.database_url) as line:
        later = settings.model_copy(update={"database_url": line.url})
        async with serving(later, registry) as api, listening(api) as stream:
            await publish(api)
            await stream.next()
            await line.cut()
            assert_problem(await api.get("/api/events"), 503, "record-unavailable")
            async with database.connection() as connection:
                id = await connection.fetchval("SELECT herdbook.publish('any', '1')")
            await line.mend()
            assert (await stream.next()).json()["jobId"] == str(id)


async def test_a_server_that_stops_ends_its_streams(settings: Settings, registry: Registry) -> None:
    stop = asyncio.Event()
    # If streams did not end, the server would wait for them longer than the test may take.
    patient = settings.model_copy(update={"stop_deadline": 3_600.0})
    async with serving(patient, registry, stop=stop) as api, listening(api) as stream:
        await publish(api)
        await stream.next()
        stop.set()
        with pytest.raises(EOFError):
            await stream.next()


async def test_head_does_not_open_a_stream(served: httpx.AsyncClient) -> None:
    for _ in range(3):
        answer = await served.head("/api/events", timeout=10)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"


async def test_a_stream_ends_when_its_client_is_gone(settings: Settings, registry: Registry) -> None:
    feeds: list[ChangeFeed] = []

    def create(services: Services) -> FastAPI:
        # A feed that the test runs round by round.
        feeds.append(ChangeFeed(services.database))
        return create_app(replace(services, feed=feeds[0]))

    async with serving(settings, registry, create=create) as api:

        async def rests() -> bool:
            return await feeds[0].round() > 60

        async def listens() -> bool:
            return not await rests()

        async with listening(api):
            await eventually(listens)
        await eventually(rests)


def test_events_are_described(app: FastAPI) -> None:
    operation = app.openapi()["paths"]["/api/events"]["get"]
    assert set(operation["responses"]) == {"200", "422", "503"}
    assert set(operation["responses"]["200"]["content"]) == {"text/event-stream"}
    parameters = {(one["in"], one["name"]) for one in operation["parameters"]}
    names = {"jobType", "queue", "jobId", "event", "lastEventId"}
    assert parameters == {*(("query", name) for name in names), ("header", "last-event-id")}
    assert "skipped" in operation["description"]
    assert "The record is authoritative" in operation["description"]
