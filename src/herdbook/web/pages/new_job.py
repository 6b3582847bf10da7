"""The form that publishes a job, blank or pre-filled from an earlier job.

What was typed is never lost: a refused form comes back with the problems at its fields.
"""

from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from herdbook.errors import (
    FieldProblem,
    HerdbookError,
    IdempotencyConflictError,
    InvalidJobError,
    JobTooLargeError,
    RecordUnavailableError,
    UnknownJobTypeError,
)
from herdbook.http.job_reads import find_job
from herdbook.http.problems import BODY_TOO_LARGE, Refused
from herdbook.http.services import Services
from herdbook.model.job import Job
from herdbook.model.processor import ExecutorKind
from herdbook.model.registry import JobType
from herdbook.publishing.publish import Publisher
from herdbook.web.form.draft import Draft, draft_from_job, job_request, new_draft, submitted_draft, switch_mode
from herdbook.web.form.example import example_value
from herdbook.web.form.field_errors import FieldErrors, assign_errors
from herdbook.web.form.json_text import format_json
from herdbook.web.form.submission import Submission
from herdbook.web.form_data import read_form
from herdbook.web.humanize import duration_s
from herdbook.web.render import Renderer

# Besides the job data: the names of inputs, and the options.
_OVERHEAD = 256 * 1024
# How much larger data is in a form: percent-encoding makes three bytes of one, and JSON is indented.
_FORM_GROWTH = 6
# No form has as many rows: larger data is edited as JSON.
_MAX_SUBMITTED_ROWS = 1_000
_EXECUTORS = {
    ExecutorKind.ASYNC: "in the worker's event loop",
    ExecutorKind.THREAD: "in a thread",
    ExecutorKind.PROCESS: "in a separate process",
}
_STATUSES: dict[type[HerdbookError], HTTPStatus] = {
    InvalidJobError: HTTPStatus.UNPROCESSABLE_ENTITY,
    IdempotencyConflictError: HTTPStatus.CONFLICT,
    JobTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    RecordUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTypeCard:
    """A job type to choose; `summary` is the first line of its description, `execution` says how it runs."""

    name: str
    queue: str
    summary: str
    execution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTypeListPage:
    """The job types to choose from; `problem` says why the requested one is not available."""

    job_types: list[JobTypeCard]
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFormPage:
    """The form of one job type; `source_job` is the id of the job it was pre-filled from."""

    card: JobTypeCard
    draft: Draft
    errors: FieldErrors
    description: str
    schema: str
    example: str
    source_job: str = ""

    @property
    def shows_options(self) -> bool:
        """Whether the options are expanded."""
        return not self.draft.options.is_blank


class NewJobRoutes:
    """The routes of the form."""

    def __init__(self, services: Services, render: Renderer) -> None:
        self._registry = services.registry
        self._database = services.database
        self._publisher = Publisher(
            services.database, services.registry, max_job_bytes=services.settings.max_job_bytes, trace=services.trace
        )
        self._limit = services.settings.max_job_bytes * _FORM_GROWTH + _OVERHEAD
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        app.get("/jobs/new", include_in_schema=False, response_model=None)(self.new)
        app.post("/jobs/new", include_in_schema=False, response_model=None)(self.publish)

    async def new(self, request: Request) -> Response:
        """The job types to choose from, the blank form of one, or a form pre-filled from an earlier job."""
        source = request.query_params.get("from")
        job = await self._job(source) if source else None
        name = job.job_type if job else request.query_params.get("type")
        if not name:
            return self._job_types(request)
        try:
            job_type = self._registry.get(name)
        except UnknownJobTypeError as error:
            return self._job_types(request, str(error), status=404)
        try:
            draft = draft_from_job(job_type, job) if job else new_draft(job_type)
        except InvalidJobError as error:
            return self._form(request, new_draft(job_type), error)
        return self._form(request, draft, source_job=str(job.id) if job else "")

    async def publish(self, request: Request) -> Response:
        """Publish the job, or show the form again: with more rows, in the other mode, or with its problems."""
        submission = await self._read_submission(request)
        try:
            draft = submitted_draft(self._registry.get(submission.text("type")), submission)
        except UnknownJobTypeError as error:
            return self._job_types(request, str(error), status=422)
        try:
            if submission.has("switch"):
                return self._form(request, switch_mode(draft, submission.text("switch")))
            if submission.add_rows_to:
                return self._form(request, draft)
            published = await self._publisher.publish(job_request(draft))
        except (InvalidJobError, IdempotencyConflictError, JobTooLargeError, RecordUnavailableError) as error:
            return self._form(request, draft, error)
        notice = "?notice=published" if published.created else ""
        return RedirectResponse(f"/jobs/{published.id}{notice}", HTTPStatus.SEE_OTHER)

    async def _read_submission(self, request: Request) -> Submission:
        submission = Submission((await read_form(request, limit=self._limit)).pairs)
        if submission.row_count > _MAX_SUBMITTED_ROWS:
            message = f"the form has more than {_MAX_SUBMITTED_ROWS:,} rows; send the job data as JSON"
            raise Refused(BODY_TOO_LARGE, message)
        return submission

    async def _job(self, id: str) -> Job:
        async with self._database.connection() as connection:
            return await find_job(connection, id)

    def _job_types(self, request: Request, problem: str = "", *, status: int = 200) -> Response:
        available = [one for one in self._registry if not one.is_reserved]
        cards = [_card(one) for one in sorted(available, key=lambda one: one.name)]
        page = JobTypeListPage(job_types=cards, problem=problem)
        return self._render.page(request, "choose_job_type.html", title="New job", page=page, status=status)

    def _form(
        self, request: Request, draft: Draft, error: HerdbookError | None = None, *, source_job: str = ""
    ) -> Response:
        job_type = draft.job_type
        page = JobFormPage(
            card=_card(job_type),
            draft=draft,
            errors=assign_errors(_problems(error), draft.entries),
            description=job_type.description,
            schema=format_json(job_type.payload.json_schema()),
            example=format_json(example_value(draft.data.field)),
            source_job=source_job,
        )
        status = next((code for kind, code in _STATUSES.items() if isinstance(error, kind)), HTTPStatus.OK)
        title = f"New {job_type.name} job"
        return self._render.page(request, "new_job.html", title=title, page=page, status=status)


def _card(job_type: JobType) -> JobTypeCard:
    summary = job_type.description.partition("\n")[0]
    return JobTypeCard(name=job_type.name, queue=job_type.queue, summary=summary, execution=_execution(job_type))


def _execution(job_type: JobType) -> str:
    if job_type.function is None:
        return "runs in another program"
    limit = f", timeout {duration_s(job_type.timeout)} per attempt" if job_type.timeout else ""
    return f"runs {_EXECUTORS[job_type.executor]}{limit}"


def _problems(error: HerdbookError | None) -> list[FieldProblem]:
    """The problems and their paths; the whole message where it names no field."""
    if error is None:
        return []
    if isinstance(error, InvalidJobError) and error.problems:
        return list(error.problems)
    path = "options.idempotencyKey" if isinstance(error, IdempotencyConflictError) else ""
    return [FieldProblem(path=path, message=str(error))]
