"""Takes a job's id, and what an operator wants of the job.

Gives a page with all that is known of it: what happened and why, its data, result, log and file.
Never changes a job itself: `control` does, and says why when it does not.
"""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from herdbook.http.job_reads import find_job
from herdbook.http.services import Services
from herdbook.model.artifacts import Artifact
from herdbook.model.job import Attempt, AttemptOutcome, Job, JobStatus
from herdbook.model.options import Backoff
from herdbook.model.registry import JobType
from herdbook.operating.control import NO_REASON, Changes, Control
from herdbook.operating.explain import why_not_running
from herdbook.record.reads import StoredLogLine, read_attempts, read_newest_logs
from herdbook.web.form_data import PostedForm, local_path, read_form, read_reason
from herdbook.web.humanize import duration, seconds
from herdbook.web.json_view import JsonView, json_view
from herdbook.web.render import Renderer
from herdbook.web.timeline import TimelineEntry, timeline

_MOST_ATTEMPTS = 20
_MOST_LINES = 500
_LONGEST_LINE = 2_000
_FRAMED = frozenset({"application/pdf"})
_PICTURES = frozenset({"image/png", "image/jpeg"})
_BAD = frozenset({AttemptOutcome.RETRY, AttemptOutcome.FAILED, AttemptOutcome.LOST})
# By the noun in their address: what the page says of an action that was done, and whom else it is for.
_ACTIONS = {
    "retries": ("retried", "Only failed and cancelled jobs can be retried."),
    "cancellations": ("cancelled", "Only jobs that are not over can be cancelled."),
    "promotions": ("promoted", "Only jobs that wait for a time can be run early."),
    "deletions": ("deleted", "Only jobs that are over can be deleted."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetails:
    """All that the page shows of a job. `reasons` say why it does not run, `refusal` why an action was not done.

    `job_type` is None where this program does not know it.
    """

    job: Job
    entries: list[TimelineEntry]
    newest_failure: Attempt | None
    reasons: list[str]
    data: JsonView
    result: JsonView | None
    lines: list[StoredLogLine]
    has_older_lines: bool
    artifact: Artifact | None
    job_type: JobType | None = None
    refusal: str | None = None

    @property
    def address(self) -> str:
        """The job's own page."""
        return f"/jobs/{self.job.id}"

    @property
    def waits_for_a_time(self) -> bool:
        """Whether it could run earlier."""
        return self.job.status is JobStatus.PENDING and self.job.run_at is not None

    @property
    def backoff(self) -> str:
        """The wait between two tries, in words."""
        if self.job.backoff is None and self.job_type and self.job_type.own_backoff:
            return "the job type decides"
        return backoff_words(self.job.backoff)

    @property
    def time_limit(self) -> str:
        """How long one try may take, in words; nothing where no limit is known."""
        if self.job.timeout_ms is not None:
            return duration(self.job.timeout_ms)
        return seconds(self.job_type.timeout) if self.job_type and self.job_type.timeout else ""

    @property
    def is_framed(self) -> bool:
        """Whether its file is one that a browser shows in a frame."""
        return self.artifact is not None and self.artifact.media_type in _FRAMED

    @property
    def is_picture(self) -> bool:
        """Whether its file is a picture."""
        return self.artifact is not None and self.artifact.media_type in _PICTURES


class JobPageContext:
    """The routes of one job."""

    def __init__(self, services: Services, control: Control, render: Renderer) -> None:
        self._database = services.database
        self._queues = services.queues
        self._registry = services.registry
        self._artifacts = services.artifacts
        self._control = control
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`, behind those with other words in the id's place."""
        app.get("/jobs/{id}", include_in_schema=False, response_model=None)(self.job)
        app.post("/jobs/{id}/{noun}", include_in_schema=False, response_model=None)(self.act)
        app.get("/jobs/{id}/{noun}", include_in_schema=False, response_model=None)(self.back)

    async def job(self, request: Request, id: str) -> Response:
        """The job of this id, the record's or the queue's."""
        return await self._answer(request, id)

    async def act(self, request: Request, id: str, noun: str) -> Response:
        """Do what the operator wants, and go back to the page; or say why it is not done."""
        done, rule = _action(noun)
        form = await read_form(request)
        async with self._database.connection() as connection:
            job = (await find_job(connection, id)).id
        changes = await self._change(noun, job, form)
        refused = changes.refused.get(job)
        if refused is not None:
            return await self._answer(request, id, refusal=f"The job {refused}. {rule}", status=409)
        done = "asked" if changes.asked else done
        following = "/jobs" if noun == "deletions" else f"/jobs/{job}"
        return RedirectResponse(local_path(form.get("next"), f"{following}?notice={done}"), 303)

    async def back(self, id: str, noun: str) -> Response:
        """From an action's address, which a refusal leaves in the browser, to the job."""
        _action(noun)
        async with self._database.connection() as connection:
            job = await find_job(connection, id)
        return RedirectResponse(f"/jobs/{job.id}", 303)

    async def _change(self, noun: str, job: UUID, form: PostedForm) -> Changes:
        match noun:
            case "retries":
                return await self._control.retry([job])
            case "cancellations":
                return await self._control.cancel([job], read_reason(form) or NO_REASON)
            case "promotions":
                return await self._control.promote([job])
            case _:
                return await self._control.delete([job])

    async def _answer(self, request: Request, id: str, *, refusal: str | None = None, status: int = 200) -> Response:
        page = await self._details(id, refusal)
        return self._render.page(request, "job.html", title=page.job.job_type, page=page, status=status)

    async def _details(self, id: str, refusal: str | None) -> JobDetails:
        async with self._database.connection() as connection:
            job = await find_job(connection, id)
            attempts = await read_attempts(connection, job, newest=_MOST_ATTEMPTS + 1)
            lines = await read_newest_logs(connection, job.id, limit=_MOST_LINES + 1, longest=_LONGEST_LINE)
        reasons = await why_not_running(self._database, self._queues, self._registry, job)
        artifact = await asyncio.to_thread(self._artifacts.find, job.id)
        is_cut = len(attempts) > _MOST_ATTEMPTS
        attempts = attempts[-_MOST_ATTEMPTS:]
        return JobDetails(
            job=job,
            entries=timeline(job, attempts, is_cut=is_cut),
            newest_failure=next((one for one in reversed(attempts) if one.outcome in _BAD), None),
            reasons=reasons,
            data=json_view(job.job_data),
            result=json_view(job.result) if job.status is JobStatus.COMPLETED else None,
            lines=lines[-_MOST_LINES:],
            has_older_lines=len(lines) > _MOST_LINES,
            artifact=artifact[0] if artifact else None,
            job_type=self._registry.find(job.job_type),
            refusal=refusal,
        )


def backoff_words(backoff: Backoff | None) -> str:
    """The wait between two tries."""
    if backoff is None or backoff.delay == 0:
        return "none"
    growth = ", doubled after each try" if backoff.type == "exponential" else ""
    jitter = f", up to {backoff.jitter:.0%} less at random" if backoff.jitter else ""
    return f"{duration(backoff.delay)}{growth}{jitter}"


def _action(noun: str) -> tuple[str, str]:
    if noun not in _ACTIONS:
        raise HTTPException(404)
    return _ACTIONS[noun]
