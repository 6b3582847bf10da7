"""The list of queues."""

from dataclasses import replace

import httpx

from herdbook.http.services import Services
from herdbook.model.options import JobOptions
from herdbook.model.registry import Registry
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.settings import Settings
from herdbook.testing import eventually, running_system

from .conftest import HOSTILE, client
from .queue_setup import age_requested_pauses, beat, deliver, redis_of, region, site_without_redis
from .test_jobs_page import end, publish

LONG = "q" * 100


async def test_declared_queues_are_listed_before_any_job(site: httpx.AsyncClient) -> None:
    page = await site.get("/queues")
    assert page.status_code == 200
    assert region(page.text, "queue-notes").startswith("notes Waiting 0 Active 0 Delayed 0 Failed 0 Completed 0")
    assert region(page.text, "queue-notes").endswith("Workers 0 Pause")
    assert "No worker" not in page.text


async def test_without_queues_the_page_says_how_to_declare_one(services: Services) -> None:
    nothing = Registry()
    queues = QueueStatsReader.connect(services.settings, nothing, services.database)
    async with client(replace(services, registry=nothing, queues=queues)) as site:
        page = await site.get("/queues")
    await queues.close()
    assert "No queues yet" in page.text
    assert "herdbook up examples.app:book" in page.text


async def test_a_queue_shows_its_waiting_jobs_and_workers(site: httpx.AsyncClient, services: Services) -> None:
    publisher = Publisher(services.database, services.registry, max_job_bytes=1_000_000)
    options = (JobOptions(), JobOptions(priority=3), JobOptions(delay=3_600_000))
    await publisher.publish_bulk([JobRequest(job_type="note", job_data={"text": "x"}, options=one) for one in options])
    await deliver(services)
    row = region((await site.get("/queues")).text, "queue-notes")
    assert row.startswith("notes ! No worker Waiting 2 Active 0 Delayed 1")
    assert "Oldest job –" not in row
    await beat(services, "here", ["notes"])
    await beat(services, "leaving", ["notes"], state="quiet")
    await beat(services, "gone", ["notes"], silent=16)
    row = region((await site.get("/queues")).text, "queue-notes")
    assert "No worker" not in row
    assert "Workers 1" in row


async def test_counts_follow_the_work(site: httpx.AsyncClient, settings: Settings, registry: Registry) -> None:
    async with running_system(settings, registry) as system:
        made = await system.publisher.publish(JobRequest(job_type="count", job_data=1))
        await system.finished(made.id)

        async def counted() -> bool:
            row = region((await site.get("/queues")).text, "queue-count")
            return "Completed 1 Oldest job – Finished/min 0." in row and "Workers 1" in row

        await eventually(counted)


async def test_a_queue_is_paused_and_resumed(site: httpx.AsyncClient, services: Services) -> None:
    asked = await site.post("/queues/notes/pauses", content="next=/queues")
    assert (asked.status_code, asked.headers["location"]) == (303, "/queues?notice=paused")
    page = await site.get(asked.headers["location"])
    assert "Queue paused" in page.text
    # At once, though the relay has not brought it to the queue yet.
    assert region(page.text, "queue-notes").startswith("notes ‖ Paused")
    assert 'action="/queues/notes/resumptions"' in page.text
    await deliver(services)
    await age_requested_pauses(services)
    assert "Paused" in region((await site.get("/queues")).text, "queue-notes")
    asked = await site.post("/queues/notes/resumptions", content="next=//elsewhere.test")
    assert asked.headers["location"] == "/queues/notes?notice=resumed"
    await deliver(services)
    await age_requested_pauses(services)
    assert "Paused" not in region((await site.get("/queues")).text, "queue-notes")


async def test_a_pause_by_another_client_is_seen(site: httpx.AsyncClient, services: Services) -> None:
    async with redis_of(services) as redis:
        await redis.hset(f"{services.settings.queue_prefix}:notes:meta", "paused", "1")
    assert "Paused" in region((await site.get("/queues")).text, "queue-notes")


async def test_without_redis_the_record_is_shown(services: Services) -> None:
    ids = await publish(services, "a", "b", "c")
    await end(services, ids[:1], "failed", "no")
    async with site_without_redis(services) as site:
        await site.post("/queues/notes/pauses")
        page = await site.get("/queues")
    assert page.status_code == 200
    assert "Redis is unreachable" in page.text
    row = region(page.text, "queue-notes")
    assert row.startswith("notes ‖ Paused ! No worker Pending 2 Processing 0 Completed 0 Failed 1 Cancelled 0")


async def test_without_postgresql_an_error_page_says_so(lost_site: httpx.AsyncClient) -> None:
    page = await lost_site.get("/queues")
    assert page.status_code == 503
    assert "PostgreSQL is unreachable" in page.text


async def test_queues_of_any_name_have_a_row(site: httpx.AsyncClient, services: Services) -> None:
    services.registry.declare("long", dict, queue=LONG)
    name = f"a/b?{HOSTILE}"
    async with services.database.connection() as connection:
        await connection.fetchval("SELECT herdbook.publish('sql', '{}', queue => $1)", name)
    page = await site.get("/queues")
    assert LONG in page.text
    assert "<img src=x" not in page.text
    assert "a/b?&lt;/script&gt;" in page.text
    assert 'href="/queues/a%2Fb%3F%3C%2Fscript%3E' in page.text
