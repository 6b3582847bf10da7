"""The list of workers."""

import asyncio
from uuid import UUID

import httpx

from herdbook.http.services import Services
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest
from herdbook.settings import Settings
from herdbook.testing import eventually, running_system

from .conftest import HOSTILE
from .queue_setup import beat, mark_active, region, site_without_redis, text_of
from .test_job_page import begin
from .test_jobs_page import publish


async def claimed(services: Services, worker: str, count: int = 1) -> list[UUID]:
    """Jobs that this worker runs."""
    ids = await publish(services, *map(str, range(count)))
    for id in ids:
        await begin(services, id, worker=worker)
    await mark_active(services, "notes", ids)
    return ids


async def test_without_workers_the_page_says_how_to_start_one(site: httpx.AsyncClient) -> None:
    page = await site.get("/workers")
    assert page.status_code == 200
    assert "herdbook worker examples.app:book" in page.text
    assert "herdbook up --workers 2" in page.text


async def test_a_worker_is_shown_with_its_running_jobs(
    site: httpx.AsyncClient, settings: Settings, registry: Registry
) -> None:
    release = asyncio.Event()

    @registry.processor("wait")
    async def wait(payload: int) -> None:
        await release.wait()

    async with running_system(settings, registry) as system:
        made = await system.publisher.publish(JobRequest(job_type="wait", job_data=1))

        async def shown() -> str | None:
            page = await site.get("/workers")
            return page.text if f'href="/jobs/{made.id}"' in page.text else None

        html = await eventually(shown)
        release.set()
    assert html
    card = region(html, f"worker-{system.worker.id}", "section")
    assert card.startswith(f"{system.worker.id} ▶ Running Host")
    assert "Running 1 of" in card
    assert 'href="/queues/wait"' in html
    assert region(html, f"running-{made.id}", "li").startswith("wait …")


async def test_a_quiet_worker_says_so(site: httpx.AsyncClient, services: Services) -> None:
    await beat(services, "leaving", ["notes"], state="quiet", running=2)
    card = region((await site.get("/workers")).text, "worker-leaving", "section")
    assert card.startswith("leaving – Quiet Takes no new jobs")
    assert "Running 2 of 10" in card


async def test_a_worker_whose_clock_is_wrong_says_so(site: httpx.AsyncClient, services: Services) -> None:
    await beat(services, "early", ["notes"], clock_ahead=3_600.4)
    await beat(services, "right", ["notes"], clock_ahead=-4.9)
    html = (await site.get("/workers")).text
    assert "Its clock is 1 h ahead." in region(html, "worker-early", "section")
    assert "clock" not in region(html, "worker-right", "section")


async def test_a_lost_worker_comes_first_with_its_jobs(site: httpx.AsyncClient, services: Services) -> None:
    await beat(services, "here", ["count"], running=1)
    await beat(services, "gone", ["notes", "count"], silent=16, running=2)
    ids = await claimed(services, "gone", 2)
    page = await site.get("/workers")
    assert page.text.index('id="worker-gone"') < page.text.index('id="worker-here"')
    card = region(page.text, "worker-gone", "section")
    assert "✕ Lost Last seen 16 s ago. It was running 2 jobs, listed below." in card
    assert "another worker's stalled check returns them to the queue" in card
    assert "No other worker serves notes:" in card
    assert all(f'href="/jobs/{id}"' in page.text for id in ids)
    assert "1 healthy worker, 1 running job, 9 free slots. 1 lost worker." in text_of(page.text)


async def test_a_lost_worker_does_not_show_reassigned_jobs(site: httpx.AsyncClient, services: Services) -> None:
    await beat(services, "gone", ["notes"], silent=16, running=1)
    (id,) = await claimed(services, "gone")
    await beat(services, "here", ["notes"], running=1)
    await begin(services, id, 2, worker="here")
    page = await site.get("/workers")
    assert "The 1 job it was running has been reassigned." in region(page.text, "worker-gone", "section")
    assert f'href="/jobs/{id}"' in page.text


async def test_when_all_workers_are_lost_the_page_says_so(site: httpx.AsyncClient, services: Services) -> None:
    await beat(services, "gone", ["notes"], silent=60)
    assert "No healthy workers" in (await site.get("/workers")).text


async def test_a_busy_worker_shows_its_longest_running_jobs(site: httpx.AsyncClient, services: Services) -> None:
    await beat(services, "here", ["notes"], running=12)
    ids = await claimed(services, "here", 12)
    page = await site.get("/workers")
    assert page.text.count('<li class="spread') == 10
    assert f"running-{ids[0]}" in page.text
    assert "and 2 more" in page.text


async def test_without_redis_the_workers_are_shown(services: Services) -> None:
    await beat(services, "here", ["notes"], running=2)
    async with site_without_redis(services) as site:
        page = await site.get("/workers")
    assert page.status_code == 200
    assert "Redis is unreachable" in page.text
    assert "Running 2 of 10" in text_of(page.text)


async def test_names_of_workers_and_queues_are_escaped(site: httpx.AsyncClient, services: Services) -> None:
    await beat(services, "w" * 200, ["q" * 100, HOSTILE])
    page = await site.get("/workers")
    assert page.status_code == 200
    assert "<img src=x" not in page.text
