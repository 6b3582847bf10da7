"""Takes a job type, what a browser sent of its form, or an earlier job to do again.

Gives the form, and publishes the job that it asks for.
Never loses what was typed: what is refused comes back with the reason at its field.
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
from herdbook.web.form.draft import Draft, draft_like, new_draft, request_of, sent_draft, switched
from herdbook.web.form.example import example_of
from herdbook.web.form.field_errors import Placed, place
from herdbook.web.form.json_text import pretty
from herdbook.web.form.submitted import Submitted
from herdbook.web.form_data import read_form
from herdbook.web.humanize import seconds
from herdbook.web.render import Renderer

# Beside the job data: names of inputs and the options.
_ENVELOPE = 256 * 1024
# How much larger data are in a form: percent signs make three bytes of one, and JSON comes indented.
_SPREAD = 6
# No form of ours has as many: those that would get them are edited as JSON.
_MOST_ROWS = 1_000
_PLACES = {
    ExecutorKind.ASYNC: "in its worker's event loop",
    ExecutorKind.THREAD: "in a thread",
    ExecutorKind.PROCESS: "in a process of its own",
}
_STATUSES: dict[type[HerdbookError], HTTPStatus] = {
    InvalidJobError: HTTPStatus.UNPROCESSABLE_ENTITY,
    IdempotencyConflictError: HTTPStatus.CONFLICT,
    JobTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    RecordUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeCard:
    """A job type to choose; `description` is the first line of its own, `work` says where it runs and how long."""

    name: str
    queue: str
    description: str
    work: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeChoice:
    """The job types to choose from; `problem` says why the wanted one cannot be had."""

    types: list[TypeCard]
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobForm:
    """The form of one job type; `origin` is the job that it was filled in from."""

    card: TypeCard
    draft: Draft
    placed: Placed
    description: str
    schema: str
    example: str
    origin: str = ""

    @property
    def shows_options(self) -> bool:
        """Whether the options are unfolded."""
        return not self.draft.options.is_blank


class NewJobPage:
    """The routes of the form."""

    def __init__(self, services: Services, render: Renderer) -> None:
        self._registry = services.registry
        self._database = services.database
        self._publisher = Publisher(
            services.database, services.registry, max_job_bytes=services.settings.max_job_bytes, trace=services.trace
        )
        self._limit = services.settings.max_job_bytes * _SPREAD + _ENVELOPE
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        app.get("/jobs/new", include_in_schema=False, response_model=None)(self.new)
        app.post("/jobs/new", include_in_schema=False, response_model=None)(self.publish)

    async def new(self, request: Request) -> Response:
        """The choice of a type, the empty form of one, or the form filled in from an earlier job."""
        wanted, origin = request.query_params.get("type"), request.query_params.get("from")
        job = await self._job(origin) if origin else None
        name = job.job_type if job else wanted
        if not name:
            return self._choice(request)
        try:
            job_type = self._registry.get(name)
        except UnknownJobTypeError as error:
            return self._choice(request, str(error), status=404)
        try:
            draft = draft_like(job_type, job) if job else new_draft(job_type)
        except InvalidJobError as error:
            return self._form(request, new_draft(job_type), error)
        return self._form(request, draft, origin=str(job.id) if job else "")

    async def publish(self, request: Request) -> Response:
        """Publish the job, or show the form again: with more rows, in the other mode, or with what is wrong."""
        sent = Submitted((await read_form(request, limit=self._limit)).pairs)
        if sent.row_count > _MOST_ROWS:
            raise Refused(BODY_TOO_LARGE, f"the form has more than {_MOST_ROWS:,} rows: send the job data as JSON")
        try:
            draft = sent_draft(self._registry.get(sent.text("type")), sent)
        except UnknownJobTypeError as error:
            return self._choice(request, str(error), status=422)
        try:
            if sent.more or sent.has("switch"):
                return self._form(request, switched(draft, sent.text("switch")) if sent.has("switch") else draft)
            published = await self._publisher.publish(request_of(draft))
        except (InvalidJobError, IdempotencyConflictError, JobTooLargeError, RecordUnavailableError) as error:
            return self._form(request, draft, error)
        notice = "?notice=published" if published.created else ""
        return RedirectResponse(f"/jobs/{published.id}{notice}", HTTPStatus.SEE_OTHER)

    async def _job(self, id: str) -> Job:
        async with self._database.connection() as connection:
            return await find_job(connection, id)

    def _choice(self, request: Request, problem: str = "", *, status: int = 200) -> Response:
        open_types = [one for one in self._registry if not one.is_reserved]
        types = [_card(one) for one in sorted(open_types, key=lambda one: one.name)]
        page = TypeChoice(types=types, problem=problem)
        return self._render.page(request, "choose_type.html", title="New job", page=page, status=status)

    def _form(
        self, request: Request, draft: Draft, error: HerdbookError | None = None, *, origin: str = ""
    ) -> Response:
        job_type = draft.job_type
        page = JobForm(
            card=_card(job_type),
            draft=draft,
            placed=place(_problems(error), draft.entries),
            description=job_type.description,
            schema=pretty(job_type.payload.json_schema()),
            example=pretty(example_of(draft.data.field)),
            origin=origin,
        )
        status = next((code for kind, code in _STATUSES.items() if isinstance(error, kind)), HTTPStatus.OK)
        title = f"New {job_type.name} job"
        return self._render.page(request, "new_job.html", title=title, page=page, status=status)


def _card(job_type: JobType) -> TypeCard:
    description = job_type.description.partition("\n")[0]
    return TypeCard(name=job_type.name, queue=job_type.queue, description=description, work=_work(job_type))


def _work(job_type: JobType) -> str:
    if job_type.function is None:
        return "runs elsewhere"
    limit = f", at most {seconds(job_type.timeout)} a try" if job_type.timeout else ""
    return f"runs {_PLACES[job_type.executor]}{limit}"


def _problems(error: HerdbookError | None) -> list[FieldProblem]:
    """What is wrong, at paths; the whole error's words where it names no field."""
    if error is None:
        return []
    if isinstance(error, InvalidJobError) and error.problems:
        return list(error.problems)
    path = "options.idempotencyKey" if isinstance(error, IdempotencyConflictError) else ""
    return [FieldProblem(path=path, message=str(error))]
