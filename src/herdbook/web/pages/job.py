"""The page of one job: its timeline, data, result, log and artifact, and the actions on it."""

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
from herdbook.web.humanize import duration_ms, duration_s
from herdbook.web.json_view import JsonView, build_json_view
from herdbook.web.render import Renderer
from herdbook.web.timeline import TimelineEntry, build_timeline

_MAX_ATTEMPTS = 20
_MAX_LOG_LINES = 500
_MAX_LINE_LENGTH = 2_000
_FRAME_TYPES = frozenset({"application/pdf"})
_IMAGE_TYPES = frozenset({"image/png", "image/jpeg"})
_UNSUCCESSFUL = frozenset({AttemptOutcome.RETRY, AttemptOutcome.FAILED, AttemptOutcome.LOST})
# By the noun in their URL: the flash message of an action, and what a refusal says about when it is possible.
_ACTIONS = {
    "retries": ("retried", "Only failed and cancelled jobs can be retried."),
    "cancellations": ("cancelled", "Only pending and running jobs can be cancelled."),
    "promotions": ("promoted", "Only scheduled jobs and jobs waiting for a retry can be run now."),
    "deletions": ("deleted", "Only finished jobs can be deleted."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetailsPage:
    """What the page shows. `reasons` say why the job is not running, `refusal` why an action was refused.

    `job_type` is None when this program does not declare it.
    """

    job: Job
    entries: list[TimelineEntry]
    newest_failure: Attempt | None
    reasons: list[str]
    data: JsonView
    result: JsonView | None
    log_lines: list[StoredLogLine]
    has_older_log_lines: bool
    artifact: Artifact | None
    job_type: JobType | None = None
    refusal: str | None = None

    @property
    def url(self) -> str:
        """The URL of the page."""
        return f"/jobs/{self.job.id}"

    @property
    def is_delayed(self) -> bool:
        """Whether it is scheduled or waiting for a retry, and could run earlier."""
        return self.job.status is JobStatus.PENDING and self.job.run_at is not None

    @property
    def backoff(self) -> str:
        """The wait before a retry, in words."""
        if self.job.backoff is None and self.job_type and self.job_type.own_backoff:
            return "decided by the job type"
        return describe_backoff(self.job.backoff)

    @property
    def timeout(self) -> str:
        """The timeout of an attempt, in words; empty when there is none."""
        if self.job.timeout_ms is not None:
            return duration_ms(self.job.timeout_ms)
        return duration_s(self.job_type.timeout) if self.job_type and self.job_type.timeout else ""

    @property
    def is_artifact_framed(self) -> bool:
        """Whether the artifact is shown in a frame."""
        return self.artifact is not None and self.artifact.media_type in _FRAME_TYPES

    @property
    def is_artifact_image(self) -> bool:
        """Whether the artifact is shown as an image."""
        return self.artifact is not None and self.artifact.media_type in _IMAGE_TYPES


class JobRoutes:
    """The routes of one job."""

    def __init__(self, services: Services, control: Control, render: Renderer) -> None:
        self._database = services.database
        self._queues = services.queues
        self._registry = services.registry
        self._artifacts = services.artifacts
        self._control = control
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`; its other routes under /jobs must come first."""
        app.get("/jobs/{id}", include_in_schema=False, response_model=None)(self.job)
        app.post("/jobs/{id}/{noun}", include_in_schema=False, response_model=None)(self.act)
        app.get("/jobs/{id}/{noun}", include_in_schema=False, response_model=None)(self.back)

    async def job(self, request: Request, id: str) -> Response:
        """The page of the job with this id, in the record or in the queue."""
        return await self._answer(request, id)

    async def act(self, request: Request, id: str, noun: str) -> Response:
        """Apply an action and redirect to the page, or say why it was refused."""
        notice, rule = _find_action(noun)
        form = await read_form(request)
        async with self._database.connection() as connection:
            job = (await find_job(connection, id)).id
        changes = await self._change(noun, job, form)
        refused = changes.refused.get(job)
        if refused is not None:
            return await self._answer(request, id, refusal=f"The job {refused}. {rule}", status=409)
        notice = "asked" if changes.asked else notice
        next_page = "/jobs" if noun == "deletions" else f"/jobs/{job}"
        return RedirectResponse(local_path(form.get("next"), f"{next_page}?notice={notice}"), 303)

    async def back(self, id: str, noun: str) -> Response:
        """Redirect from the URL of an action, which a refusal leaves in the browser, to the job."""
        _find_action(noun)
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

    async def _details(self, id: str, refusal: str | None) -> JobDetailsPage:
        async with self._database.connection() as connection:
            job = await find_job(connection, id)
            attempts = await read_attempts(connection, job, newest=_MAX_ATTEMPTS + 1)
            lines = await read_newest_logs(connection, job.id, limit=_MAX_LOG_LINES + 1, longest=_MAX_LINE_LENGTH)
        reasons = await why_not_running(self._database, self._queues, self._registry, job)
        artifact = await asyncio.to_thread(self._artifacts.find, job.id)
        is_truncated = len(attempts) > _MAX_ATTEMPTS
        attempts = attempts[-_MAX_ATTEMPTS:]
        return JobDetailsPage(
            job=job,
            entries=build_timeline(job, attempts, is_truncated=is_truncated),
            newest_failure=next((one for one in reversed(attempts) if one.outcome in _UNSUCCESSFUL), None),
            reasons=reasons,
            data=build_json_view(job.job_data),
            result=build_json_view(job.result) if job.status is JobStatus.COMPLETED else None,
            log_lines=lines[-_MAX_LOG_LINES:],
            has_older_log_lines=len(lines) > _MAX_LOG_LINES,
            artifact=artifact[0] if artifact else None,
            job_type=self._registry.find(job.job_type),
            refusal=refusal,
        )


def describe_backoff(backoff: Backoff | None) -> str:
    """A backoff in words, such as "10 s, doubled after each attempt"."""
    if backoff is None or backoff.delay == 0:
        return "none"
    growth = ", doubled after each attempt" if backoff.type == "exponential" else ""
    jitter = f", randomly reduced by up to {backoff.jitter:.0%}" if backoff.jitter else ""
    return f"{duration_ms(backoff.delay)}{growth}{jitter}"


def _find_action(noun: str) -> tuple[str, str]:
    if noun not in _ACTIONS:
        raise HTTPException(404)
    return _ACTIONS[noun]
