"""The page of one queue and its actions."""

import re
from urllib.parse import quote

import httpx
import pytest

from herdbook.http.services import Services
from herdbook.model.job import JobStatus
from herdbook.model.options import JobOptions
from herdbook.model.registry import Registry
from herdbook.operating.control import Control
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.record.search import JobFilter, count_jobs
from herdbook.settings import Settings
from herdbook.testing import eventually, running_system
from herdbook.upkeep.operations import OperationRunner

from .conftest import EXTREMES, HOSTILE
from .queue_setup import add_external_jobs, beat, deliver, redis_of, site_without_redis, text_of
from .test_jobs_page import end, publish

ACTIONS = ("pauses", "resumptions", "cleanings", "retries", "promotions")


def tabs(page: httpx.Response) -> dict[str, str]:
    return dict(re.findall(r'>([\w-]+) <span class="badge number [^"]*">([\d,]+)<', page.text))


async def scheduled(services: Services, count: int) -> None:
    publisher = Publisher(services.database, services.registry, max_job_bytes=1_000_000)
    later = JobOptions(delay=3_600_000)
    await publisher.publish_bulk([JobRequest(job_type="note", job_data={"text": "x"}, options=later)] * count)


async def left(services: Services, wanted: JobFilter) -> int:
    async with services.database.connection() as connection:
        return (await count_jobs(connection, wanted)).number


async def carried_out(services: Services, begun: httpx.Response) -> None:
    """Check the redirect to the operation, and carry it out."""
    assert begun.status_code == 303
    assert re.fullmatch(r"/operations/[0-9a-f-]{36}", begun.headers["location"])
    runner = OperationRunner(services.database, Control(services.database, services.artifacts))
    while await runner.round() == 0:
        pass


async def test_an_idle_queue_has_all_states_and_windows(site: httpx.AsyncClient) -> None:
    page = await site.get("/queues/notes")
    assert page.status_code == 200
    assert tabs(page) == dict.fromkeys(("Waiting", "Active", "Delayed", "Prioritized", "Completed", "Failed"), "0")
    assert "No waiting jobs in Redis." in page.text
    assert "No finished jobs in this period" in page.text
    assert "/jobs?queue=notes" in page.text
    for window in ("24h", "7d"):
        shown = await site.get(f"/queues/notes?state=failed&window={window}")
        assert re.search(rf'href="/queues/notes\?state=failed&amp;window={window}" aria-current="true"', shown.text)


async def test_the_jobs_of_a_state_lead_to_the_record(site: httpx.AsyncClient, services: Services) -> None:
    (id,) = await publish(services, "moo")
    await scheduled(services, 1)
    await deliver(services)
    await add_external_jobs(services, "notes", ["7"])
    waiting = await site.get("/queues/notes")
    assert tabs(waiting)["Waiting"] == "2"
    assert f'href="/jobs/{id}"' in waiting.text
    assert "moo" in waiting.text
    assert "7 Not recorded: published by another program" in text_of(waiting.text)
    assert "2 jobs are waiting, but this queue has no worker" in text_of(waiting.text)
    delayed = await site.get("/queues/notes?state=delayed")
    assert re.search(r"Scheduled now in (1 h|59 min) 0 of 4", text_of(delayed.text))


async def test_only_the_next_fifty_are_listed(site: httpx.AsyncClient, services: Services) -> None:
    await publish(services, *map(str, range(51)))
    await deliver(services)
    page = await site.get("/queues/notes")
    assert page.text.count('<tr id="job-') == 50
    assert "Showing the next 50 jobs." in page.text


async def test_counts_and_lists_follow_the_work(
    site: httpx.AsyncClient, settings: Settings, registry: Registry
) -> None:
    async with running_system(settings, registry) as system:
        made = await system.publisher.publish(JobRequest(job_type="count", job_data=1))
        await system.finished(made.id)

        async def shown() -> bool:
            page = await site.get("/queues/count?state=completed")
            return f'href="/jobs/{made.id}"' in page.text and "1 completed, 0 failed" in page.text

        await eventually(shown)


async def test_a_paused_queue_says_how_many_jobs_wait(site: httpx.AsyncClient, services: Services) -> None:
    await publish(services, "a")
    await deliver(services)
    await beat(services, "here", ["notes"])
    asked = await site.post("/queues/notes/pauses")
    assert asked.headers["location"] == "/queues/notes?notice=paused"
    page = await site.get("/queues/notes")
    assert "1 job is waiting until the queue is resumed." in page.text
    assert 'action="/queues/notes/resumptions"' in page.text


async def test_all_failed_jobs_are_retried(site: httpx.AsyncClient, services: Services) -> None:
    assert "Retry all failed" not in (await site.get("/queues/notes")).text
    await end(services, await publish(services, "a", "b"), "failed", "no such mailbox")
    page = await site.get("/queues/notes")
    assert "Retry 2 failed jobs?" in page.text
    assert 'action="/queues/notes/retries"' in page.text
    await carried_out(services, await site.post("/queues/notes/retries"))
    assert await left(services, JobFilter(status=JobStatus.FAILED)) == 0


async def test_all_delayed_jobs_are_promoted(site: httpx.AsyncClient, services: Services) -> None:
    await scheduled(services, 2)
    await deliver(services)
    assert "Run 2 delayed jobs now?" in (await site.get("/queues/notes")).text
    await carried_out(services, await site.post("/queues/notes/promotions"))
    assert await left(services, JobFilter(scheduled=True)) == 0
    await deliver(services)
    assert tabs(await site.get("/queues/notes"))["Waiting"] == "2"


async def test_completed_jobs_are_removed_from_redis_only(site: httpx.AsyncClient, services: Services) -> None:
    (id,) = await publish(services, "a")
    await deliver(services)
    await end(services, [id], "completed")
    prefix = f"{services.settings.queue_prefix}:notes:"
    async with redis_of(services) as redis:
        await redis.lrem(f"{prefix}wait", 0, str(id))
        await redis.zadd(f"{prefix}completed", {str(id): 1})
    page = await site.get("/queues/notes?state=completed")
    assert "Remove 1 completed job from Redis?" in page.text
    asked = await site.post("/queues/notes/cleanings")
    assert asked.headers["location"] == "/queues/notes?notice=cleaned"
    await deliver(services)
    page = await site.get("/queues/notes?state=completed")
    assert tabs(page)["Completed"] == "0"
    assert "the record has 1 completed job" in text_of(page.text)


async def test_without_redis_the_record_is_shown(services: Services) -> None:
    await end(services, await publish(services, "a", "b"), "failed", "no")
    async with site_without_redis(services) as site:
        page = await site.get("/queues/notes?state=failed")
        assert page.status_code == 200
        assert "Redis is unreachable" in page.text
        assert "✕ Failed 2" in text_of(page.text)
        assert 'href="/jobs?queue=notes&amp;status=failed"' in page.text
        assert (await site.post("/queues/notes/pauses")).status_code == 303


async def test_a_queue_that_only_redis_knows_has_a_page(site: httpx.AsyncClient, services: Services) -> None:
    await add_external_jobs(services, "by-node", ["7"])
    page = await site.get("/queues/by-node")
    assert tabs(page)["Waiting"] == "1"
    asked = await site.post("/queues/by-node/pauses")
    assert "Queue paused" in (await site.get(asked.headers["location"])).text


@pytest.mark.parametrize("name", ["unknown", "notes/", "a%00b"])
async def test_an_unknown_queue_is_not_found(site: httpx.AsyncClient, name: str) -> None:
    page = await site.get(f"/queues/{name}")
    assert page.status_code == 404
    assert "Queue not found" in page.text
    for action in ACTIONS:
        assert (await site.post(f"/queues/{name}/{action}")).status_code == 404


@pytest.mark.parametrize("choice", ["state=missing", "state=x", "window=2h", "state=%00"])
async def test_an_invalid_choice_is_refused(site: httpx.AsyncClient, choice: str) -> None:
    page = await site.get(f"/queues/notes?{choice}")
    assert page.status_code == 422
    assert "must be one of" in page.text


async def test_other_sites_cannot_act(site: httpx.AsyncClient) -> None:
    for action in ACTIONS:
        refused = await site.post(f"/queues/notes/{action}", headers={"Sec-Fetch-Site": "cross-site"})
        assert refused.status_code == 403


async def test_hostile_jobs_are_escaped(site: httpx.AsyncClient, services: Services) -> None:
    ids = await publish(services, *EXTREMES)
    await deliver(services)
    await add_external_jobs(services, "notes", [HOSTILE])
    for id, text in zip(ids, EXTREMES, strict=True):
        await end(services, [id], "failed", text)
    page = await site.get("/queues/notes")
    assert page.status_code == 200
    assert "<img src=x" not in page.text
    assert "שלום עולם" in page.text


@pytest.mark.parametrize("name", ["q" * 100, "a/b", "ask?", "100%", "hash#", "quote\"'<b>", "🐄", "x/pauses"])
async def test_queues_of_any_name_have_a_page(site: httpx.AsyncClient, services: Services, name: str) -> None:
    async with services.database.connection() as connection:
        await connection.fetchval("SELECT herdbook.publish('sql', '{}', queue => $1)", name)
    page = await site.get(f"/queues/{quote(name, safe='')}")
    assert page.status_code == 200
    (action,) = re.findall(r'action="(/queues/[^"]*/pauses)"', page.text)
    asked = await site.post(action)
    assert asked.status_code == 303
    assert "Queue paused" in (await site.get(asked.headers["location"])).text
