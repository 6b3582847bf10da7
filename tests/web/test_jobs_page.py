"""The list of jobs."""

import re
from html import escape
from uuid import UUID

import httpx
import pytest

from herdbook.http.services import Services
from herdbook.model.ids import new_job_id
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.record import search
from herdbook.web import job_query

from .conftest import EXTREMES


async def publish(services: Services, *texts: str) -> list[UUID]:
    publisher = Publisher(services.database, services.registry, max_job_bytes=1_000_000)
    made = await publisher.publish_bulk([JobRequest(job_type="note", job_data={"text": text}) for text in texts])
    return [one.id for one in made]


async def end(services: Services, ids: list[UUID], status: str, error: str | None = None) -> None:
    async with services.database.connection() as connection:
        await connection.execute(
            "UPDATE herdbook.jobs SET status = $2::text::herdbook.job_status, completed_at = now(),"
            " error_message = $3 WHERE id = ANY ($1::uuid[])",
            ids,
            status,
            error,
        )


def rows(response: httpx.Response) -> list[str]:
    return re.findall(r'<tr id="job-([^"]+)"', response.text)


async def test_an_empty_list_says_how_to_publish(site: httpx.AsyncClient) -> None:
    page = await site.get("/jobs")
    assert page.status_code == 200
    assert "No jobs yet" in page.text
    assert "curl http://herdbook.test/api/jobs" in page.text


async def test_jobs_come_newest_first_with_their_counts(site: httpx.AsyncClient, services: Services) -> None:
    ids = await publish(services, "a", "b", "c")
    await end(services, ids[:1], "failed", "no such mailbox")
    page = await site.get("/jobs")
    assert rows(page) == [str(id) for id in reversed(ids)]
    assert "no such mailbox" in page.text
    counts = dict(re.findall(r'">(\w+) <span class="badge number [^"]*">([\d,]+)<', page.text))
    assert counts == {"All": "3", "Pending": "2", "Processing": "0", "Completed": "0", "Failed": "1", "Cancelled": "0"}


async def test_the_query_string_is_the_filter(site: httpx.AsyncClient, services: Services) -> None:
    first, second = await publish(services, "needle", "hay")
    await end(services, [second], "failed", "sharp needle")
    assert rows(await site.get("/jobs?q=needle")) == [str(second), str(first)]
    page = await site.get("/jobs?q=needle&status=failed&type=note&queue=notes&within=1h")
    assert rows(page) == [str(second)]
    assert 'value="needle"' in page.text
    assert "<option selected>note</option>" in page.text
    assert rows(await site.get("/jobs?q=needle&type=other")) == []
    assert rows(await site.get("/jobs?since=2001-01-01T00:00&until=2001-01-02T00:00")) == []


@pytest.mark.parametrize("bad", ["status=lost", "since=yesterday", "before=17", "within=2y", "type=" + "x" * 201])
async def test_an_invalid_query_string_is_refused(site: httpx.AsyncClient, bad: str) -> None:
    page = await site.get(f"/jobs?{bad}")
    assert page.status_code == 422
    assert f"{bad.partition(chr(61))[0]}:" in page.text.lower()


async def test_pages_follow_one_another(
    site: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_query, "PAGE_SIZE", 2)
    ids = [str(id) for id in reversed(await publish(services, "a", "b", "c"))]
    first = await site.get("/jobs?type=note")
    assert rows(first) == ids[:2]
    (older,) = re.findall(r'rel="next" href="([^"]+)"', first.text)
    second = await site.get(older.replace("&amp;", "&"))
    assert rows(second) == ids[2:]
    assert 'rel="next"' not in second.text
    assert 'href="/jobs?type=note">Newest jobs' in second.text


async def test_a_search_without_matches_can_continue(
    site: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_SLICE_FOR_WORDS", 2)
    ids = await publish(services, "needle", "b", "c")
    page = await site.get("/jobs?q=needle")
    assert "No matches among the jobs created since" in page.text
    (older,) = re.findall(r'rel="next" href="([^"]+)"', page.text)
    assert rows(await site.get(older.replace("&amp;", "&"))) == [str(ids[0])]


@pytest.mark.parametrize("text", EXTREMES)
async def test_extreme_data_is_escaped(site: httpx.AsyncClient, services: Services, text: str) -> None:
    ids = await publish(services, text)
    await end(services, ids, "failed", text)
    page = await site.get("/jobs")
    assert rows(page) == [str(id) for id in ids]
    assert escape(" ".join(text.split())[:100]).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page.text
    assert (await site.get("/jobs", params={"q": text[:200]})).status_code == 200


async def test_without_postgresql_an_error_page_says_so(lost_site: httpx.AsyncClient) -> None:
    page = await lost_site.get("/jobs")
    assert page.status_code == 503
    assert "PostgreSQL is unreachable" in page.text
    assert "hushhush" not in page.text


async def test_an_unknown_page_has_an_error_page(site: httpx.AsyncClient) -> None:
    page = await site.get("/nowhere")
    assert page.status_code == 404
    assert "Page not found" in page.text
    assert (await site.get(f"/api/jobs/{new_job_id()}")).headers["content-type"] == "application/problem+json"
