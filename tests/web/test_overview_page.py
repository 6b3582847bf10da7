"""The overview."""

from datetime import UTC, datetime

import httpx

from herdbook.http.services import Services
from tests.record.attempts import ended

from .queue_setup import beat, deliver, region, site_without_redis
from .test_jobs_page import publish
from .test_workers_page import claimed


async def test_the_whole_system_is_on_one_page(site: httpx.AsyncClient, services: Services) -> None:
    now = datetime.now(UTC)
    await beat(services, "here", ["notes"], running=7)
    ids = await claimed(services, "here", 7)
    await ended(services.database, now, queue="notes")
    for seconds in range(3):
        failed = await ended(services.database, now, "failed", queue="notes", error=f"no answer within {seconds} s")
    page = await site.get("/")
    assert page.status_code == 200
    counts = region(page.text, "counts", "dl")
    assert all(words in counts for words in ("Processing 7", "Completed 1", "Failed 3"))
    workers = region(page.text, "workers", "section")
    assert "7 running" in workers
    assert "and 2 more" in workers
    assert f"/jobs/{ids[0]}" in page.text
    assert "3 jobs" in region(page.text, "failures", "section")
    assert f"/jobs/{failed}" in page.text


async def test_what_is_wrong_is_said_on_top(site: httpx.AsyncClient, services: Services) -> None:
    assert "All systems normal" in region((await site.get("/")).text, "notices", "div")
    await publish(services, "moo")
    await deliver(services)
    page = await site.get("/")
    assert region(page.text, "notices", "div") == "No live worker takes queue notes: 1 job waiting. View"
    assert 'href="/queues/notes">View' in page.text


async def test_without_redis_the_record_is_shown(services: Services) -> None:
    await beat(services, "here", ["notes"], running=1)
    await claimed(services, "here")
    async with site_without_redis(services) as site:
        page = await site.get("/")
    assert page.status_code == 200
    assert "Redis is unreachable" in page.text
    assert "Processing 1" in region(page.text, "counts", "dl")
    assert "1 running" in region(page.text, "workers", "section")


async def test_without_postgresql_an_error_page_says_so(lost_site: httpx.AsyncClient) -> None:
    page = await lost_site.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 503
    assert "PostgreSQL is unreachable" in page.text
