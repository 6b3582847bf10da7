"""Bulk operations."""

import re

import httpx
from markupsafe import escape

from herdbook.http.services import Services
from herdbook.model.ids import new_job_id
from herdbook.model.job import JobStatus
from herdbook.operating.control import Control
from herdbook.record.reads import read_job
from herdbook.record.search import JobFilter, count_jobs
from herdbook.upkeep.operations import OperationRunner

from .conftest import HOSTILE
from .test_jobs_page import end, publish


async def confirmed(site: httpx.AsyncClient, asked: httpx.Response, **typed: str) -> httpx.Response:
    """Press the button of the confirmation page."""
    pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', asked.text)
    (do,) = re.findall(r'name="do" value="([^"]+)"', asked.text)
    body = httpx.QueryParams(
        [*((name, value.replace("&amp;", "&")) for name, value in pairs), ("do", do), *typed.items()]
    )
    return await site.post("/operations", content=str(body))


async def run(services: Services) -> None:
    runner = OperationRunner(services.database, Control(services.database, services.artifacts))
    while await runner.round() == 0:
        pass


async def left(services: Services, status: JobStatus) -> int:
    async with services.database.connection() as connection:
        return (await count_jobs(connection, JobFilter(status=status))).number


async def test_selected_jobs_are_retried_after_confirmation(site: httpx.AsyncClient, services: Services) -> None:
    ids = await publish(services, "a", "b", "c")
    await end(services, ids[:2], "failed", "no")
    asked = await site.post("/operations/new", content=f"do=retry&filter=&id={ids[0]}&id={ids[2]}")
    assert "Retry 2 jobs?" in asked.text
    begun = await confirmed(site, asked)
    assert begun.status_code == 303
    await run(services)
    page = await site.get(begun.headers["location"])
    assert re.search(r">1</strong> retried", page.text)
    assert f'href="/jobs/{ids[2]}"' in page.text
    assert "is already pending" in page.text
    assert await left(services, JobStatus.FAILED) == 1
    assert begun.headers["location"] in (await site.get("/operations")).text


async def test_all_matching_jobs_are_deleted_on_all_pages(site: httpx.AsyncClient, services: Services) -> None:
    ids = await publish(services, *["a"] * 60, "b")
    await end(services, ids, "failed", "no")
    asked = await site.post("/operations/new", data={"do_all": "delete", "filter": "?status=failed&q=no&type=note"})
    assert "Delete 61 jobs?" in asked.text
    begun = await confirmed(site, asked)
    await run(services)
    assert re.search(r">61</strong> deleted", (await site.get(begun.headers["location"])).text)
    assert await left(services, JobStatus.FAILED) == 0


async def test_selected_jobs_are_cancelled_with_a_reason(site: httpx.AsyncClient, services: Services) -> None:
    ids = await publish(services, "a", "b")
    asked = await site.post("/operations/new", content=f"do=cancel&filter=&id={ids[0]}&id={ids[1]}")
    assert 'name="reason"' in asked.text
    begun = await confirmed(site, asked, reason=HOSTILE)
    await run(services)
    page = await site.get(begun.headers["location"])
    assert f"Reason: {escape(HOSTILE)}" in page.text
    async with services.database.connection() as connection:
        assert {(await read_job(connection, id)).error_message for id in ids} == {HOSTILE}


async def test_only_a_cancellation_asks_for_a_reason(site: httpx.AsyncClient, services: Services) -> None:
    (id,) = await publish(services, "a")
    asked = await site.post("/operations/new", content=f"do=retry&filter=&id={id}")
    assert 'name="reason"' not in asked.text


async def test_a_reason_that_cannot_be_recorded_is_refused(site: httpx.AsyncClient, services: Services) -> None:
    (id,) = await publish(services, "a")
    asked = await site.post("/operations/new", content=f"do=cancel&filter=&id={id}")
    assert (await confirmed(site, asked, reason="x" * 1_001)).status_code == 422
    assert "No bulk operations yet" in (await site.get("/operations")).text


async def test_invalid_forms_are_refused(site: httpx.AsyncClient) -> None:
    for body in ("do=retry&filter=", "do=explode&id=1", "do=retry&id=17", "do_all=retry&filter=status%3Dlost"):
        page = await site.post("/operations/new", content=body)
        assert page.status_code == 422, body
    assert (await site.get("/operations/17")).status_code == 404
    assert (await site.get(f"/operations/{new_job_id()}")).status_code == 404


async def test_other_sites_cannot_act(site: httpx.AsyncClient, services: Services) -> None:
    (id,) = await publish(services, "a")
    answer = await site.post(
        "/operations", content=f"do=cancel&scope=selected&id={id}", headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert await left(services, JobStatus.PENDING) == 1


async def test_without_operations_the_list_says_how_to_start_one(site: httpx.AsyncClient) -> None:
    assert "No bulk operations yet" in (await site.get("/operations")).text
