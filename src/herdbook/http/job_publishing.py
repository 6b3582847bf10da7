"""The routes that publish jobs; they answer once the record has them, without reading anything back."""

from uuid import UUID

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from herdbook.errors import FieldProblem
from herdbook.http.body import read_json
from herdbook.http.job_bodies import parse_job, parse_jobs
from herdbook.http.openapi import DirectRoute, header_parameter, json_body, problem_responses
from herdbook.http.problems import INVALID_REQUEST, Refused
from herdbook.http.publish_schemas import AcceptedJob, AcceptedJobs, BulkPublishBody, PublishBody
from herdbook.http.schemas import JobView
from herdbook.publishing.publish import Publisher
from herdbook.record.database import Database
from herdbook.record.reads import read_job

# Room for what surrounds the job data in a body.
_ENVELOPE = 64 * 1024
_BULK_LIMIT = 64 * 1024 * 1024
_JSON = "application/json"
_KEY_HEADER = b"idempotency-key"
_EXAMPLE = {"jobType": "email", "jobData": {"to": ["ada@example.com"], "subject": "Hello", "text": "Hello Ada"}}


class PublishRoutes:
    """`POST /api/jobs` and `POST /api/jobs/bulk`."""

    def __init__(self, publisher: Publisher, database: Database, *, max_job_bytes: int) -> None:
        self._publisher = publisher
        self._database = database
        self._limit = max_job_bytes + _ENVELOPE

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        app.router.add_api_route(
            "/api/jobs",
            self.publish,
            methods=["POST"],
            status_code=201,
            response_model=AcceptedJob,
            route_class_override=DirectRoute,
            responses={
                200: {"model": JobView, "description": "The job that was already published with this idempotency key"},
                **problem_responses(400, 403, 409, 413, 415, 422, 503),
            },
            openapi_extra=json_body(PublishBody, _EXAMPLE)
            | header_parameter("Idempotency-Key", "Requests with the same key publish the job only once."),
            tags=["jobs"],
        )
        app.router.add_api_route(
            "/api/jobs/bulk",
            self.publish_bulk,
            methods=["POST"],
            status_code=201,
            response_model=AcceptedJobs,
            route_class_override=DirectRoute,
            responses=problem_responses(400, 403, 409, 413, 415, 422, 503),
            openapi_extra=json_body(BulkPublishBody, {"jobs": [_EXAMPLE]}),
            tags=["jobs"],
        )

    async def publish(self, request: Request) -> Response:
        """Publish a job. Once this is answered the job is recorded; it is queued soon after."""
        request_body = await read_json(request, self._limit)
        published = await self._publisher.publish(parse_job(request_body, key=_idempotency_key(request)))
        if not published.created:
            return await self._replay(published.id)
        headers = {"Location": f"/api/jobs/{published.id}"}
        return Response(AcceptedJob.json_of(published.job), 201, headers, _JSON)

    async def publish_bulk(self, request: Request) -> Response:
        """Publish up to 10,000 jobs: all of them or none. The body may have 64 MiB and 1,000,000 JSON values."""
        if _idempotency_key(request) is not None:
            message = "set options.idempotencyKey of each job instead"
            raise Refused(INVALID_REQUEST, message, [FieldProblem(path="Idempotency-Key", message=message)])
        jobs = parse_jobs(await read_json(request, _BULK_LIMIT))
        published = await self._publisher.publish_bulk(jobs)
        accepted = AcceptedJobs(job_ids=[one.id for one in published])
        return Response(accepted.model_dump_json(by_alias=True), 201, media_type=_JSON)

    async def _replay(self, id: UUID) -> Response:
        async with self._database.connection() as connection:
            job = await read_job(connection, id)
        headers = {"Location": f"/api/jobs/{id}", "Idempotency-Replayed": "true"}
        return Response(JobView.of(job).model_dump_json(by_alias=True), 200, headers, _JSON)


def _idempotency_key(request: Request) -> str | None:
    for name, value in request.scope["headers"]:
        if name == _KEY_HEADER:
            try:
                return str(value, "utf-8")
            except UnicodeDecodeError:
                return str(value, "latin-1")
    return None
