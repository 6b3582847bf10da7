"""Takes what an operator wants done to one job, or to many.

Gives one job back as it is then, and many an operation that can be watched.
Never runs or delivers a job: the record is changed, and the queue follows.
"""

from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import FastAPI, Query
from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from herdbook.errors import JobStateError
from herdbook.http.action_schemas import (
    BegunOperation,
    BulkAction,
    BulkCancellation,
    CancelBody,
    Expected,
    OperationList,
    OperationView,
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

# Ten thousand ids, each with its quotes, and room for indentation.
_BODY_LIMIT = 1024 * 1024
# Seconds that the answer to a cancellation waits for the worker that runs the job.
_TIMEOUT = 5.0
_BULK = {"filter": {"status": "failed", "jobType": "email"}, "dryRun": True}
_ONE = problem_responses(403, 404, 409, 422, 503)
_ONE_WITH_BODY = problem_responses(400, 403, 404, 409, 413, 415, 422, 503)

Body = TypeVar("Body", bound=CamelModel)


class OperationsQuery(CamelModel):
    """How many operations to list."""

    limit: int = Field(default=50, ge=1, le=500)


class JobActions:
    """The routes that act on jobs."""

    def __init__(self, control: Control, database: Database) -> None:
        self._control = control
        self._database = database

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        self._add_bulk(app)
        app.post("/api/jobs/{id}/retries", responses=_ONE, tags=["actions"])(self.retry)
        app.post(
            "/api/jobs/{id}/cancellations",
            responses={202: {"model": JobView, "description": "Its worker is asked to stop it"}, **_ONE_WITH_BODY},
            openapi_extra=json_body(CancelBody, {"reason": "sent by mistake"}, required=False),
            tags=["actions"],
        )(self.cancel)
        app.post("/api/jobs/{id}/promotions", responses=_ONE, tags=["actions"])(self.promote)
        app.delete("/api/jobs/{id}", responses=_ONE, tags=["actions"])(self.delete)
        app.get("/api/operations", responses=problem_responses(422, 503), tags=["actions"])(self.operations)
        app.get("/api/operations/{id}", responses=problem_responses(404, 422, 503), tags=["actions"])(self.operation)

    def _add_bulk(self, app: FastAPI) -> None:
        ways = (
            ("retries", self.retry_jobs, json_body(BulkAction, _BULK)),
            ("cancellations", self.cancel_jobs, json_body(BulkCancellation, {**_BULK, "reason": "sent by mistake"})),
            ("promotions", self.promote_jobs, json_body(BulkAction, _BULK)),
            ("deletions", self.delete_jobs, json_body(BulkAction, _BULK)),
        )
        for name, endpoint, body in ways:
            app.post(
                f"/api/jobs/{name}",
                status_code=202,
                response_model=BegunOperation,
                responses={
                    200: {"model": Expected, "description": "Of a dry run: how many jobs it would look at"},
                    **problem_responses(400, 403, 413, 415, 422, 503),
                },
                openapi_extra=body,
                tags=["actions"],
            )(endpoint)

    async def retry(self, id: str) -> JobView:
        """Have a failed or cancelled job begin anew; its attempts and logs so far stay."""
        job = await self._find(id)
        return await self._answer(job, await self._control.retry([job.id]))

    async def cancel(self, id: str, request: Request, response: Response) -> JobView:
        """Cancel a job that is not over.

        When it runs, its worker is asked to stop it, and the answer waits some seconds for what comes first:
        it was cancelled, or it ended by itself (409). Should neither come in time, the answer is 202.
        """
        given = await _read(request, CancelBody) if _has_body(request) else CancelBody()
        job = await self._find(id)
        changes = await self._control.cancel_and_wait(job.id, given.reason, timeout=_TIMEOUT)
        if changes.asked:
            response.status_code = 202
        return await self._answer(job, changes)

    async def promote(self, id: str) -> JobView:
        """Have a job that waits for a time, or for its next try, run at once."""
        job = await self._find(id)
        return await self._answer(job, await self._control.promote([job.id]))

    async def delete(self, id: str) -> JobView:
        """Delete a job that is over with all that is kept of it; the answer is what it was."""
        job = await self._find(id)
        _check(job.id, await self._control.delete([job.id]))
        return JobView.of(job)

    async def retry_jobs(self, request: Request) -> Response | BegunOperation:
        """Have many jobs begin anew: those that failed or were cancelled; others are left alone."""
        return await self._begin(OperationAction.RETRY, await _read(request, BulkAction))

    async def cancel_jobs(self, request: Request) -> Response | BegunOperation:
        """Cancel many jobs: those that have not started; asked for by status, or by id, those that run as well."""
        asked = await _read(request, BulkCancellation)
        return await self._begin(OperationAction.CANCEL, asked, asked.reason)

    async def promote_jobs(self, request: Request) -> Response | BegunOperation:
        """Have many jobs run at once: those that wait for a time; others are left alone."""
        return await self._begin(OperationAction.PROMOTE, await _read(request, BulkAction))

    async def delete_jobs(self, request: Request) -> Response | BegunOperation:
        """Delete many jobs: those that are over; others are left alone."""
        return await self._begin(OperationAction.DELETE, await _read(request, BulkAction))

    async def operations(self, query: Annotated[OperationsQuery, Query()]) -> OperationList:
        """Actions on many jobs, newest first."""
        found = await self._control.operations(query.limit)
        return OperationList(operations=[OperationView.of(one) for one in found])

    async def operation(self, id: UUID) -> OperationView:
        """How far an action on many jobs has come."""
        return OperationView.of(await self._control.operation(id))

    async def _begin(
        self, action: OperationAction, asked: BulkAction, reason: str | None = None
    ) -> Response | BegunOperation:
        if asked.dry_run:
            counted = await self._control.count(action, asked.wanted())
            expected = Expected(expected=counted.number, is_exact=counted.is_exact)
            return Response(expected.model_dump_json(by_alias=True), 200, media_type="application/json")
        begun = await self._control.begin(action, asked.wanted(), reason)
        return BegunOperation(operation_id=begun.id, expected=begun.expected)

    async def _find(self, id: str) -> Job:
        async with self._database.connection() as connection:
            return await find_job(connection, id)

    async def _answer(self, job: Job, changes: Changes) -> JobView:
        _check(job.id, changes)
        async with self._database.connection() as connection:
            return JobView.of(await read_job(connection, job.id))


def _check(id: UUID, changes: Changes) -> None:
    """Raise JobStateError when the job did not change."""
    if id in changes.refused:
        raise JobStateError(f"job {id}: {changes.refused[id]}")


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


async def _read(request: Request, model: type[Body]) -> Body:
    """The body as `model`; raises Refused that names what is wrong with it."""
    body: Any = await read_json(request, _BODY_LIMIT)
    try:
        return model.model_validate(body)
    except ValidationError as error:
        found = field_problems(error, "")
        detail = "; ".join(f"{one.path or 'the body'}: {one.message}" for one in found[:3])
        raise Refused(INVALID_REQUEST, detail, found) from None
