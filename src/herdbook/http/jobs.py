"""Takes jobs to be published, one or many.

Gives their ids as soon as the record has them.
Never waits for Redis, and never reads back what it has just written.
"""

from typing import Any
from uuid import UUID

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from herdbook.errors import FieldProblem
from herdbook.http.body import read_json
from herdbook.http.job_bodies import parse_job, parse_jobs
from herdbook.http.openapi import DirectRoute, header, json_body, problems
from herdbook.http.problems import INVALID_REQUEST, Refused
from herdbook.http.schemas import AcceptedJob, AcceptedJobs, BulkPublishBody, JobView, PublishBody
from herdbook.model.job import JobStatus
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.record.database import Database
from herdbook.record.reads import read_job

# What surrounds the job data in a body.
_ENVELOPE = 64 * 1024
_BULK_LIMIT = 64 * 1024 * 1024
_JSON = "application/json"
_KEY = b"idempotency-key"
_EXAMPLE = {"jobType": "email", "jobData": {"to": ["ada@example.com"], "subject": "Hello", "text": "Hello Ada"}}


class JobPublishing:
    """The routes that publish."""

    def __init__(self, publisher: Publisher, registry: Registry, database: Database, *, max_job_bytes: int) -> None:
        self._publisher = publisher
        self._registry = registry
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
                200: {"model": JobView, "description": "The job that the idempotency key brought before"},
                **problems(400, 403, 409, 413, 415, 422, 503),
            },
            openapi_extra=json_body(PublishBody, _EXAMPLE)
            | header("Idempotency-Key", "A repeated request with the same key brings the job only once."),
            tags=["jobs"],
        )
        app.router.add_api_route(
            "/api/jobs/bulk",
            self.publish_bulk,
            methods=["POST"],
            status_code=201,
            response_model=AcceptedJobs,
            route_class_override=DirectRoute,
            responses=problems(400, 403, 409, 413, 415, 422, 503),
            openapi_extra=json_body(BulkPublishBody, {"jobs": [_EXAMPLE]}),
            tags=["jobs"],
        )

    async def publish(self, request: Request) -> Response:
        """Publish a job: it is recorded when the answer comes, and delivered soon after."""
        body = await read_json(request, self._limit)
        job = parse_job(body, key=_idempotency_key(request))
        published = await self._publisher.publish(job)
        if published.created:
            return self._accepted(job, published.id)
        return await self._replayed(published.id)

    async def publish_bulk(self, request: Request) -> Response:
        """Publish up to 10,000 jobs, all or none."""
        if _idempotency_key(request) is not None:
            message = "give each job its own options.idempotencyKey"
            raise Refused(INVALID_REQUEST, message, [FieldProblem(path="Idempotency-Key", message=message)])
        jobs = parse_jobs(await read_json(request, _BULK_LIMIT))
        published = await self._publisher.publish_bulk(jobs)
        return Response(orjson.dumps({"jobIds": [one.id for one in published]}), 201, media_type=_JSON)

    def _accepted(self, job: JobRequest, id: UUID) -> Response:
        job_type = self._registry.get(job.job_type)
        answer: dict[str, Any] = {
            "jobId": id,
            "queueJobId": str(id),
            "jobType": job_type.name,
            "queue": job_type.queue,
            "status": JobStatus.PENDING,
            "priority": job.options.priority or 0,
            "maxAttempts": job.options.attempts or job_type.attempts,
        }
        return Response(orjson.dumps(answer), 201, {"Location": f"/api/jobs/{id}"}, _JSON)

    async def _replayed(self, id: UUID) -> Response:
        async with self._database.connection() as connection:
            job = await read_job(connection, id)
        headers = {"Location": f"/api/jobs/{id}", "Idempotency-Replayed": "true"}
        return Response(JobView.of(job).model_dump_json(by_alias=True), 200, headers, _JSON)


def _idempotency_key(request: Request) -> str | None:
    for name, value in request.scope["headers"]:
        if name == _KEY:
            try:
                return str(value, "utf-8")
            except UnicodeDecodeError:
                return str(value, "latin-1")
    return None
