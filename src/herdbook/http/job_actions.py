"""The routes for operators' actions on jobs: one at a time, or many as an operation whose progress can be read."""

from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import FastAPI, Query
from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from herdbook.errors import JobStateError
from herdbook.http.action_schemas import (
    BulkAction,
    BulkCancellation,
    CancelBody,
    DryRun,
    OperationList,
    OperationView,
    StartedOperation,
)
from herdbook.http.body import read_json
from herdbook.http.job_reads import find_job
from herdbook.http.openapi import json_body, problem_responses
from herdbook.http.problems import INVALID_REQUEST, Refused
from herdbook.http.schemas import JobView
from herdbook.model.job import Job
from herdbook.model.options import CamelModel
from herdbook.model.registry import field_problems
from herdbook.operating.control import Changes, Control, OperationAction
from herdbook.record.database import Database
from herdbook.record.reads import read_job

# Enough for ten thousand ids in quotes, indented.
_BODY_LIMIT = 1024 * 1024
# Seconds to wait for a worker to stop a running job.
_CANCEL_TIMEOUT = 5.0
_BULK_EXAMPLE = {"filter": {"status": "failed", "jobType": "email"}, "dryRun": True}
_RESPONSES = problem_responses(403, 404, 409, 422, 503)
_RESPONSES_WITH_BODY = problem_responses(400, 403, 404, 409, 413, 415, 422, 503)

Body = TypeVar("Body", bound=CamelModel)


class OperationsQuery(CamelModel):
    """The number of operations to list."""

    limit: int = Field(default=50, ge=1, le=500)


class JobActionRoutes:
    """Retries, cancellations, promotions and deletions under `/api/jobs`, and `/api/operations`."""

    def __init__(self, control: Control, database: Database) -> None:
        self._control = control
        self._database = database

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        self._add_bulk(app)
        app.post("/api/jobs/{id}/retries", responses=_RESPONSES, tags=["actions"])(self.retry)
        app.post(
            "/api/jobs/{id}/cancellations",
            responses={
                202: {
                    "model": JobView,
                    "description": "The job is still running; its worker has been asked to stop it",
                },
                **_RESPONSES_WITH_BODY,
            },
            openapi_extra=json_body(CancelBody, {"reason": "sent by mistake"}, required=False),
            tags=["actions"],
        )(self.cancel)
        app.post("/api/jobs/{id}/promotions", responses=_RESPONSES, tags=["actions"])(self.promote)
        app.delete("/api/jobs/{id}", responses=_RESPONSES, tags=["actions"])(self.delete)
        app.get("/api/operations", responses=problem_responses(422, 503), tags=["actions"])(self.operations)
        app.get("/api/operations/{id}", responses=problem_responses(404, 422, 503), tags=["actions"])(self.operation)

    def _add_bulk(self, app: FastAPI) -> None:
        actions = (
            ("retries", self.retry_jobs, json_body(BulkAction, _BULK_EXAMPLE)),
            (
                "cancellations",
                self.cancel_jobs,
                json_body(BulkCancellation, {**_BULK_EXAMPLE, "reason": "sent by mistake"}),
            ),
            ("promotions", self.promote_jobs, json_body(BulkAction, _BULK_EXAMPLE)),
            ("deletions", self.delete_jobs, json_body(BulkAction, _BULK_EXAMPLE)),
        )
        for name, endpoint, body in actions:
            app.post(
                f"/api/jobs/{name}",
                status_code=202,
                response_model=StartedOperation,
                responses={
                    200: {"model": DryRun, "description": "Dry run: the number of jobs it would check"},
                    **problem_responses(400, 403, 413, 415, 422, 503),
                },
                openapi_extra=body,
                tags=["actions"],
            )(endpoint)

    async def retry(self, id: str) -> JobView:
        """Run a failed or cancelled job again; its earlier attempts and logs are kept."""
        job = await self._find(id)
        return await self._answer(job, await self._control.retry([job.id]))

    async def cancel(self, id: str, request: Request, response: Response) -> JobView:
        """Cancel a job that is not finished.

        If the job is running, its worker is asked to stop it, and the response waits up to 5 seconds: 200 if the
        job was cancelled, 409 if it finished first, 202 if it is still running.
        """
        given = await _read(request, CancelBody) if _has_body(request) else CancelBody()
        job = await self._find(id)
        changes = await self._control.cancel_and_wait(job.id, given.reason, timeout=_CANCEL_TIMEOUT)
        if changes.asked:
            response.status_code = 202
        return await self._answer(job, changes)

    async def promote(self, id: str) -> JobView:
        """Run a scheduled job, or one that is waiting for a retry, right away."""
        job = await self._find(id)
        return await self._answer(job, await self._control.promote([job.id]))

    async def delete(self, id: str) -> JobView:
        """Delete a finished job with its attempts, logs and file; returns the job as it was."""
        job = await self._find(id)
        _raise_if_refused(job.id, await self._control.delete([job.id]))
        return JobView.of(job)

    async def retry_jobs(self, request: Request) -> Response | StartedOperation:
        """Run many failed or cancelled jobs again; jobs in other states are skipped."""
        return await self._start(OperationAction.RETRY, await _read(request, BulkAction))

    async def cancel_jobs(self, request: Request) -> Response | StartedOperation:
        """Cancel many pending jobs. Running ones are included only if selected by status or by id."""
        cancellation = await _read(request, BulkCancellation)
        return await self._start(OperationAction.CANCEL, cancellation, cancellation.reason)

    async def promote_jobs(self, request: Request) -> Response | StartedOperation:
        """Run many scheduled jobs, or jobs that are waiting for a retry, right away; others are skipped."""
        return await self._start(OperationAction.PROMOTE, await _read(request, BulkAction))

    async def delete_jobs(self, request: Request) -> Response | StartedOperation:
        """Delete many finished jobs; others are skipped."""
        return await self._start(OperationAction.DELETE, await _read(request, BulkAction))

    async def operations(self, query: Annotated[OperationsQuery, Query()]) -> OperationList:
        """List actions on many jobs, newest first."""
        found = await self._control.operations(query.limit)
        return OperationList(operations=[OperationView.of(one) for one in found])

    async def operation(self, id: UUID) -> OperationView:
        """The progress of an action on many jobs."""
        return OperationView.of(await self._control.operation(id))

    async def _start(
        self, action: OperationAction, action_body: BulkAction, reason: str | None = None
    ) -> Response | StartedOperation:
        if action_body.dry_run:
            counted = await self._control.count(action, action_body.selection())
            dry_run = DryRun(expected=counted.number, is_exact=counted.is_exact)
            return Response(dry_run.model_dump_json(by_alias=True), 200, media_type="application/json")
        begun = await self._control.begin(action, action_body.selection(), reason)
        return StartedOperation(operation_id=begun.id, expected=begun.expected)

    async def _find(self, id: str) -> Job:
        async with self._database.connection() as connection:
            return await find_job(connection, id)

    async def _answer(self, job: Job, changes: Changes) -> JobView:
        _raise_if_refused(job.id, changes)
        async with self._database.connection() as connection:
            return JobView.of(await read_job(connection, job.id))


def _raise_if_refused(id: UUID, changes: Changes) -> None:
    """Raise JobStateError if the job did not change."""
    if id in changes.refused:
        raise JobStateError(f"job {id}: {changes.refused[id]}")


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


async def _read(request: Request, model: type[Body]) -> Body:
    """The body as `model`; raises Refused with the invalid fields."""
    content: Any = await read_json(request, _BODY_LIMIT)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        found = field_problems(error, "")
        detail = "; ".join(f"{one.path or 'body'}: {one.message}" for one in found[:3])
        raise Refused(INVALID_REQUEST, detail, found) from None
