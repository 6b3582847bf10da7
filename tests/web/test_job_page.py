"""The page of one job and its actions."""

import json
import re
from html import escape
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.requests import Request

from herdbook.http.services import Services
from herdbook.model.context import LogLine
from herdbook.model.ids import new_job_id
from herdbook.model.job import AttemptKey, AttemptOutcome, Job, JobStatus
from herdbook.model.options import Backoff, JobOptions
from herdbook.model.outcome import ErrorReport
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.record.attempts import (
    FinishedAttempt,
    claim_jobs_if_newer_attempt,
    finish_attempts_if_running,
    insert_logs,
)
from herdbook.record.reads import read_job
from herdbook.web.json_view import build_json_view
from herdbook.web.pages.job import JobDetailsPage, describe_backoff
from herdbook.web.render import Renderer
from herdbook.web.timeline import build_timeline
from tests.record.attempts import outcome_of

from .conftest import EXTREMES, HOSTILE, check_html
from .queue_setup import region
from .test_timeline import attempt
from .test_timeline import job as job_of

PNG = b"\x89PNG\r\n\x1a\n"
LATER = JobOptions(delay=3_600_000)


async def publish(services: Services, text: str = "moo", options: JobOptions | None = None) -> UUID:
    publisher = Publisher(services.database, services.registry, max_job_bytes=1_000_000)
    request = JobRequest(job_type="note", job_data={"text": text}, options=options or JobOptions())
    (made,) = await publisher.publish_bulk([request])
    return made.id


async def begin(services: Services, job: UUID, number: int = 1, worker: str = "barn:1") -> None:
    """A worker claims the job."""
    key = AttemptKey(job=job, generation=(await read(services, job)).generation, number=number)
    async with services.database.connection() as connection:
        assert await claim_jobs_if_newer_attempt(connection, [key], [number - 1], worker)


async def end(
    services: Services, job: UUID, status: JobStatus, *, result: Any = None, error: ErrorReport | None = None
) -> None:
    """The worker's attempt ends."""
    found = await read(services, job)
    assert found.worker
    finished = FinishedAttempt(
        key=AttemptKey(job=job, generation=found.generation, number=found.attempt),
        outcome=outcome_of(status, result=json.dumps(result), error=error),
        attempts_made=found.attempt,
    )
    async with services.database.connection() as connection:
        assert await finish_attempts_if_running(connection, [finished], found.worker)


async def failed(services: Services, message: str = "no such cow") -> UUID:
    job = await publish(services)
    await begin(services, job)
    error = ErrorReport(type="LookupError", message=message, stack_trace=f"Traceback: {message}")
    await end(services, job, JobStatus.FAILED, error=error)
    return job


async def completed(services: Services, result: Any = None) -> UUID:
    job = await publish(services)
    await begin(services, job)
    await end(services, job, JobStatus.COMPLETED, result=result)
    return job


async def read(services: Services, job: UUID) -> Job:
    async with services.database.connection() as connection:
        return await read_job(connection, job)


async def log(services: Services, job: UUID, *messages: str) -> None:
    found = await read(services, job)
    key = AttemptKey(job=job, generation=found.generation, number=found.attempt)
    lines = [(key, LogLine(at=found.updated_at, message=message)) for message in messages]
    async with services.database.connection() as connection:
        await insert_logs(connection, lines)


def actions(page: httpx.Response) -> list[str]:
    return re.findall(r'<form method="post" action="/jobs/[^/]+/(\w+)"', page.text)


async def test_a_pending_job(site: httpx.AsyncClient, services: Services) -> None:
    job = await publish(services, "moo")
    page = await site.get(f"/jobs/{job}")
    assert page.status_code == 200
    assert "<title>note · Herdbook</title>" in page.text
    assert actions(page) == ["cancellations"]
    assert f'href="/jobs/new?from={job}"' in page.text
    assert 'href="/queues/notes"' in page.text
    assert "0 of 4" in page.text
    assert "10 ms, doubled after each attempt" in page.text
    assert '<span class="json-text">"moo"</span>' in page.text
    assert "No live worker takes queue notes" in page.text
    assert "No log lines" in page.text
    assert 'id="result-tree"' not in page.text
    assert f'data-live="job:{job}"' in page.text


async def test_a_scheduled_job(site: httpx.AsyncClient, services: Services) -> None:
    page = await site.get(f"/jobs/{await publish(services, options=LATER)}")
    assert actions(page) == ["promotions", "cancellations"]
    assert "Scheduled</span>" in page.text
    assert "Waiting 1 h until its scheduled time" in page.text


async def test_a_running_job(site: httpx.AsyncClient, services: Services) -> None:
    job = await publish(services)
    await begin(services, job, worker="barn:77")
    await log(services, job, "chewing")
    async with services.database.connection() as connection:
        await connection.execute("UPDATE herdbook.jobs SET progress = '40'")
    page = await site.get(f"/jobs/{job}")
    assert actions(page) == ["cancellations"]
    assert '<progress max="100" value="40"' in page.text
    assert "barn:77" in page.text
    assert "running for" in page.text
    assert "chewing" in page.text


async def test_the_worker_of_a_running_job_is_asked_to_stop_it(site: httpx.AsyncClient, services: Services) -> None:
    job = await publish(services)
    await begin(services, job)
    answer = await site.post(f"/jobs/{job}/cancellations", data={"reason": "too long"})
    assert answer.headers["location"] == f"/jobs/{job}?notice=asked"
    assert "asked to stop" in (await site.get(answer.headers["location"])).text


async def test_a_failed_job_says_why(site: httpx.AsyncClient, services: Services) -> None:
    job = await publish(services)
    for number, message in ((1, "first"), (2, "second")):
        await begin(services, job, number)
        status = JobStatus.PENDING if number == 1 else JobStatus.FAILED
        error = ErrorReport(type="LookupError", message=message, stack_trace=f"trace of {message}")
        await end(services, job, status, error=error)
    page = await site.get(f"/jobs/{job}")
    assert actions(page) == ["retries", "deletions"]
    assert re.search(r'banner-error">\s*<strong>Failed</strong>\s*<span class="break">second</span>', page.text)
    assert 'LookupError</strong>: <span class="break whitespace-pre-wrap">first</span>' in page.text
    assert re.search(r'id="trace-0-1">.*trace of first', page.text, re.DOTALL)
    assert re.search(r'id="trace-0-2" open>.*trace of second', page.text, re.DOTALL)


async def test_a_retried_job_shows_each_attempt_its_error_and_the_waits(
    site: httpx.AsyncClient, services: Services
) -> None:
    job = await publish(services)
    for number, message in ((1, "no cow"), (2, "no barn")):
        await begin(services, job, number)
        await end(services, job, JobStatus.PENDING, error=ErrorReport(type="LookupError", message=message))
    await begin(services, job, 3)
    await end(services, job, JobStatus.COMPLETED, result=12)
    async with services.database.connection() as connection:
        # The second and the third could have run 10 s and 20 s after the one before, and began 3 s later.
        await connection.execute(
            """
            UPDATE herdbook.job_attempts
            SET started_at = begun.at, ended_at = begun.at + interval '2 s', waited_ms = begun.waited
            FROM (
                SELECT number, now() - interval '1 h' + make_interval(secs => start) AS at, waited
                FROM (VALUES (1, 0, 0), (2, 15, 3000), (3, 40, 3000)) AS attempts (number, start, waited)
            ) AS begun
            WHERE attempt = begun.number
            """
        )
    page = await site.get(f"/jobs/{job}")
    shown = region(page.text, "job-timeline", "section")
    lines = re.findall(r"Attempt \d|Waited [\d.]+ s before the next attempt|LookupError: no \w+|Completed", shown)
    assert lines[:8] == [
        "Attempt 1",
        "LookupError: no cow",
        "Waited 10 s before the next attempt",
        "Attempt 2",
        "LookupError: no barn",
        "Waited 20 s before the next attempt",
        "Attempt 3",
        "Completed",
    ]


async def test_details_have_the_limits_and_the_callback(
    site: httpx.AsyncClient, services: Services, registry: Registry
) -> None:
    @registry.processor("slow", backoff=lambda attempt, error: 5, timeout=90)
    def slow(payload: int) -> None: ...

    publisher = Publisher(services.database, registry, max_job_bytes=1_000)
    limited = JobOptions(timeout="1500ms", callback_url=f"https://example.com/?{'x' * 200}")
    options = (JobOptions(), limited)
    plain, own = await publisher.publish_bulk([JobRequest(job_type="slow", job_data=1, options=one) for one in options])
    details = [region((await site.get(f"/jobs/{one.id}")).text, "job-details", "aside") for one in (plain, own)]
    assert "Backoff decided by the job type Timeout 1 min 30 s per attempt Priority" in details[0]
    assert f"Timeout 1.5 s per attempt Callback URL {limited.callback_url} Priority" in details[1]
    note = region((await site.get(f"/jobs/{await publish(services)}")).text, "job-details", "aside")
    assert "Timeout" not in note


async def test_a_completed_job_shows_its_result(site: httpx.AsyncClient, services: Services) -> None:
    page = await site.get(f"/jobs/{await completed(services, {'eaten': 12})}")
    assert actions(page) == ["deletions"]
    assert re.search(r'id="result-tree">.*>eaten</bdi>.*>12</span>', page.text, re.DOTALL)
    nothing = await site.get(f"/jobs/{await completed(services, None)}")
    assert re.search(r'id="result-tree">.*>null</span>', nothing.text, re.DOTALL)


@pytest.mark.parametrize(
    ("name", "media_type", "shown"),
    [
        ("a.pdf", "application/pdf", '<iframe [^>]*src="/api/jobs/{id}/artifact[?]inline=1" title="a.pdf"></iframe>'),
        ("a.png", "image/png", '<img [^>]*src="/api/jobs/{id}/artifact[?]inline=1" alt="a.png">'),
        ("a.html", "text/html", "<p [^>]*>text/html</p>"),
        ("a.svg", "image/svg+xml", "<p [^>]*>image/svg"),
    ],
)
async def test_its_artifact_is_shown(
    site: httpx.AsyncClient, services: Services, name: str, media_type: str, shown: str
) -> None:
    job = await completed(services)
    services.artifacts.save(job, name, PNG, media_type)
    page = await site.get(f"/jobs/{job}")
    assert re.search(shown.replace("{id}", str(job)), page.text)
    assert f'href="/api/jobs/{job}/artifact" download>Download (8 bytes)</a>' in page.text
    assert page.text.count("inline=1") == (1 if name in ("a.pdf", "a.png") else 0)


async def test_only_the_last_lines_of_a_log_are_shown(site: httpx.AsyncClient, services: Services) -> None:
    job = await publish(services)
    await begin(services, job)
    await log(services, job, *(f"line {number};" for number in range(501)))
    await log(services, job, "x" * 3_000)
    page = await site.get(f"/jobs/{job}")
    shown = [int(number) for number in re.findall(r"line (\d+);", page.text)]
    assert shown == list(range(2, 501))
    assert "x" * 2_000 + "…" in page.text
    assert "x" * 2_001 not in page.text
    assert f'href="/api/jobs/{job}/logs"' in page.text


async def test_only_the_newest_attempts_are_shown(site: httpx.AsyncClient, services: Services) -> None:
    job = await publish(services)
    for number in range(1, 31):
        await begin(services, job, number)
        await end(services, job, JobStatus.PENDING, error=ErrorReport(type="E", message="no"))
    page = await site.get(f"/jobs/{job}")
    assert re.findall(r'id="attempt-0-(\d+)"', page.text) == [str(number) for number in range(11, 31)]
    assert "Earlier attempts are not shown" in page.text


async def test_the_id_in_the_queue_works_too(site: httpx.AsyncClient, services: Services) -> None:
    job = await failed(services)
    await site.post(f"/jobs/{job}/retries")
    page = await site.get(f"/jobs/{job}~1")
    assert page.status_code == 200
    assert f"{job}~1" in page.text
    assert "Retried by an operator" in page.text


@pytest.mark.parametrize(
    "id",
    ["x", "new~1", "01999999-9999-7999-8999-999999999999", "01999999-9999-7999-8999-999999999999~1", "%00", "a%2Fb"],
)
async def test_an_unknown_job_has_an_error_page(site: httpx.AsyncClient, id: str) -> None:
    for answer in (await site.get(f"/jobs/{id}"), await site.post(f"/jobs/{id}/retries")):
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")


async def test_a_future_generation_is_unknown(site: httpx.AsyncClient, services: Services) -> None:
    assert (await site.get(f"/jobs/{await publish(services)}~1")).status_code == 404


async def test_retry(site: httpx.AsyncClient, services: Services) -> None:
    job = await failed(services)
    answer = await site.post(f"/jobs/{job}/retries")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{job}?notice=retried")
    found = await read(services, job)
    assert (found.status, found.generation) == (JobStatus.PENDING, 1)
    assert "The job will run again." in (await site.get(answer.headers["location"])).text


async def test_cancel_with_and_without_a_reason(site: httpx.AsyncClient, services: Services) -> None:
    for reason, expected in ((" wrong herd ", "wrong herd"), ("", "cancelled by an operator")):
        job = await publish(services)
        answer = await site.post(f"/jobs/{job}/cancellations", data={"reason": reason})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{job}?notice=cancelled")
        found = await read(services, job)
        assert (found.status, found.error_message) == (JobStatus.CANCELLED, expected)
        assert expected in (await site.get(f"/jobs/{job}")).text


@pytest.mark.parametrize("reason", ["x" * 1_001, "a\0b"])
async def test_a_reason_that_cannot_be_recorded_is_refused(
    site: httpx.AsyncClient, services: Services, reason: str
) -> None:
    job = await publish(services)
    answer = await site.post(f"/jobs/{job}/cancellations", data={"reason": reason})
    assert answer.status_code == 422
    assert (await read(services, job)).status is JobStatus.PENDING


async def test_run_now(site: httpx.AsyncClient, services: Services) -> None:
    job = await publish(services, options=LATER)
    answer = await site.post(f"/jobs/{job}/promotions")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{job}?notice=promoted")
    assert (await read(services, job)).run_at is None


async def test_delete(site: httpx.AsyncClient, services: Services) -> None:
    job = await completed(services)
    answer = await site.post(f"/jobs/{job}/deletions")
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs?notice=deleted")
    assert (await site.get(f"/jobs/{job}")).status_code == 404


@pytest.mark.parametrize(
    ("status", "noun", "said"),
    [
        ("completed", "retries", "The job is completed. Only failed and cancelled jobs can be retried."),
        ("pending", "retries", "The job is already pending. Only failed and cancelled jobs can be retried."),
        ("completed", "cancellations", "The job is completed. Only pending and running jobs can be cancelled."),
        (
            "pending",
            "promotions",
            "The job is not waiting for a time. Only scheduled jobs and jobs waiting for a retry can be run now.",
        ),
        ("pending", "deletions", "The job is pending: cancel it first. Only finished jobs can be deleted."),
    ],
)
async def test_a_refused_action_says_why(
    site: httpx.AsyncClient, services: Services, status: str, noun: str, said: str
) -> None:
    job = await completed(services) if status == "completed" else await publish(services)
    answer = await site.post(f"/jobs/{job}/{noun}")
    assert answer.status_code == 409
    assert f'<p class="banner banner-error" role="alert">{said}</p>' in answer.text
    assert (await read(services, job)).status == status
    # Asking for the same address again, as a browser does on reload, leads to the job.
    again = await site.get(f"/jobs/{job}/{noun}")
    assert (again.status_code, again.headers["location"]) == (303, f"/jobs/{job}")


@pytest.mark.parametrize(
    ("following", "expected"),
    [("/jobs?status=failed", "/jobs?status=failed"), ("https://evil.test/", None), ("//evil.test", None)],
)
async def test_an_action_redirects_to_where_it_was_chosen(
    site: httpx.AsyncClient, services: Services, following: str, expected: str | None
) -> None:
    job = await failed(services)
    answer = await site.post(f"/jobs/{job}/retries", data={"next": following})
    assert answer.headers["location"] == (expected or f"/jobs/{job}?notice=retried")


@pytest.mark.parametrize("noun", ["retries", "cancellations", "promotions", "deletions"])
@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}])
async def test_other_sites_cannot_act(
    site: httpx.AsyncClient, services: Services, noun: str, headers: dict[str, str]
) -> None:
    job = await failed(services)
    answer = await site.post(f"/jobs/{job}/{noun}", headers=headers)
    assert answer.status_code == 403
    assert (await read(services, job)).status is JobStatus.FAILED


async def test_unknown_actions_are_not_found(site: httpx.AsyncClient, services: Services) -> None:
    job = await publish(services)
    assert (await site.post(f"/jobs/{job}/explosions")).status_code == 404
    assert (await site.get(f"/jobs/{job}/explosions")).status_code == 404
    assert (await site.get(f"/jobs/{new_job_id()}/retries")).status_code == 404


@pytest.mark.parametrize("text", EXTREMES)
async def test_extreme_values_in_every_field_are_escaped(
    site: httpx.AsyncClient, services: Services, text: str
) -> None:
    job = await publish(services, text)
    await begin(services, job, worker=text[:200])
    await log(services, job, text)
    await end(services, job, JobStatus.PENDING, error=ErrorReport(type=text, message=text, stack_trace=text))
    await begin(services, job, 2, worker=text[:200])
    await end(services, job, JobStatus.COMPLETED, result={text: text})
    services.artifacts.save(job, text, b"x", text)
    async with services.database.connection() as connection:
        await connection.execute(
            "UPDATE herdbook.jobs SET job_type = $1, queue = $2, progress = $3",
            text[:200],
            text[:100],
            json.dumps({text: text}),
        )
    page = await site.get(f"/jobs/{job}")
    assert page.status_code == 200
    assert escape(text[:2_000]).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page.text
    assert HOSTILE not in page.text
    assert "<img src=x" not in page.text


async def test_a_page_with_large_values_stays_small(site: httpx.AsyncClient, services: Services) -> None:
    job = await completed(services, [{"name": "x" * 500, "tags": list(range(50))} for _ in range(5_000)])
    page = await site.get(f"/jobs/{job}")
    assert len(page.content) < 300_000
    assert "Only a part is shown" in page.text
    assert f'<a href="/api/jobs/{job}">View the whole job as JSON</a>' in page.text


async def test_without_postgresql_an_error_page_says_so(lost_site: httpx.AsyncClient) -> None:
    page = await lost_site.get(f"/jobs/{new_job_id()}")
    assert page.status_code == 503
    assert "PostgreSQL is unreachable" in page.text


@pytest.mark.parametrize(
    ("backoff", "words"),
    [
        (None, "none"),
        (Backoff(delay=0), "none"),
        (Backoff(type="fixed", delay=500), "500 ms"),
        (Backoff(delay=60_000, jitter=0.5), "1 min, doubled after each attempt, randomly reduced by up to 50%"),
    ],
)
def test_backoff_in_words(backoff: Backoff | None, words: str) -> None:
    assert describe_backoff(backoff) == words


@pytest.mark.parametrize("outcome", [*AttemptOutcome, None])
def test_every_outcome_has_a_label(outcome: AttemptOutcome | None) -> None:
    shown = attempt(1, 1, None if outcome is None else 2, outcome)
    of = job_of(JobStatus.PROCESSING, attempt=1)
    page = JobDetailsPage(
        job=of,
        entries=build_timeline(of, [shown]),
        newest_failure=None,
        reasons=[HOSTILE],
        data=build_json_view({}),
        result=None,
        log_lines=[],
        has_older_log_lines=False,
        artifact=None,
    )
    request = Request({"type": "http", "method": "GET", "path": "/jobs/x", "query_string": b"", "headers": []})
    html = bytes(Renderer().page(request, "job.html", title="t", page=page).body).decode()
    check_html(html)
    assert re.search(
        r'id="attempt-0-1">Attempt 1</strong>\s*<span class="badge [^>]*>\s*<span aria-hidden="true">.', html
    )
    assert escape(HOSTILE).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in html
