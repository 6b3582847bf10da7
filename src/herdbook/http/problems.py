"""Turns exceptions into `application/problem+json` responses (RFC 9457).

They never contain input values or internals of the program.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from herdbook.errors import (
    FieldProblem,
    HerdbookError,
    IdempotencyConflictError,
    InvalidJobError,
    JobNotFoundError,
    JobStateError,
    JobTooLargeError,
    OperationNotFoundError,
    QueueNotFoundError,
    QueueUnavailableError,
    RecordUnavailableError,
    UnknownJobTypeError,
)

MEDIA_TYPE = "application/problem+json"
# Seconds after which a client may retry while a server is unreachable or busy.
RETRY_AFTER = "5"
# A body can have a million errors.
_MAX_ERRORS = 100
_MAX_DETAIL_LENGTH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemKind:
    """A kind of problem; its name never changes."""

    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """Its identifier in responses, which is also the path of its description."""
        return f"/problems/{self.name}"


MALFORMED_BODY = ProblemKind(name="malformed-body", status=400, title="The body is not valid JSON")
CROSS_SITE = ProblemKind(name="cross-site", status=403, title="Cross-site request")
NO_ARTIFACT = ProblemKind(name="no-artifact", status=404, title="The job has no artifact")
BODY_TOO_LARGE = ProblemKind(name="body-too-large", status=413, title="The body is too large")
UNSUPPORTED_BODY = ProblemKind(name="unsupported-body", status=415, title="The body must be sent as JSON")
INVALID_REQUEST = ProblemKind(name="invalid-request", status=422, title="Invalid request")
SERVER_BUSY = ProblemKind(name="server-busy", status=503, title="The server is busy")

_BY_ERROR: dict[type[Exception], ProblemKind] = {
    JobNotFoundError: ProblemKind(name="job-not-found", status=404, title="Job not found"),
    OperationNotFoundError: ProblemKind(name="operation-not-found", status=404, title="Operation not found"),
    QueueNotFoundError: ProblemKind(name="queue-not-found", status=404, title="Queue not found"),
    JobStateError: ProblemKind(name="job-state", status=409, title="The job's state does not allow this"),
    IdempotencyConflictError: ProblemKind(
        name="idempotency-conflict", status=409, title="The idempotency key was used for a different job"
    ),
    JobTooLargeError: ProblemKind(name="job-too-large", status=413, title="The job data is too large"),
    UnknownJobTypeError: ProblemKind(name="unknown-job-type", status=422, title="Unknown job type"),
    InvalidJobError: ProblemKind(name="invalid-job", status=422, title="Invalid job"),
    RecordUnavailableError: ProblemKind(name="record-unavailable", status=503, title="PostgreSQL is unreachable"),
    QueueUnavailableError: ProblemKind(name="queue-unavailable", status=503, title="Redis is unreachable"),
}

KINDS = (
    MALFORMED_BODY,
    CROSS_SITE,
    NO_ARTIFACT,
    BODY_TOO_LARGE,
    UNSUPPORTED_BODY,
    INVALID_REQUEST,
    SERVER_BUSY,
    *_BY_ERROR.values(),
)


class Refused(HerdbookError):
    """A request is refused for a reason that only concerns HTTP."""

    def __init__(
        self,
        kind: ProblemKind,
        detail: str,
        problems: Sequence[FieldProblem] = (),
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.problems = tuple(problems)
        self.headers = headers


def problem(
    kind: ProblemKind,
    detail: str,
    *,
    instance: str,
    problems: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The response for a problem of a known kind at path `instance`."""
    return _response(kind.type, kind.title, kind.status, detail, instance, problems, headers)


def plain_problem(
    status: int, detail: str | None = None, *, instance: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The response for a problem that its status describes fully."""
    phrase = HTTPStatus(status).phrase
    return _response("about:blank", phrase, status, detail or phrase, instance, (), headers)


def install_handlers(app: FastAPI) -> None:
    """Turn expected errors of `app` into problems; all others are left to `HttpMiddleware`."""
    app.add_exception_handler(HerdbookError, _handle_herdbook_error)
    app.add_exception_handler(RequestValidationError, _handle_validation_error)
    app.add_exception_handler(HTTPException, _handle_http_exception)


def kind_of(error: Exception) -> ProblemKind | None:
    """The kind of problem that an error is; None for an internal error."""
    if isinstance(error, Refused):
        return error.kind
    return next((_BY_ERROR[cls] for cls in type(error).__mro__ if cls in _BY_ERROR), None)


async def _handle_herdbook_error(request: Request, error: Exception) -> Response:
    path = request.url.path
    if isinstance(error, Refused):
        return problem(error.kind, str(error), instance=path, problems=error.problems, headers=error.headers)
    kind = kind_of(error)
    if kind is None:
        raise error
    headers = {"Retry-After": RETRY_AFTER} if kind.status == HTTPStatus.SERVICE_UNAVAILABLE else None
    problems = error.problems if isinstance(error, InvalidJobError) else ()
    return problem(kind, str(error), instance=path, problems=problems, headers=headers)


async def _handle_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # The first part of a location says where: query, path or header.
    problems = [
        FieldProblem(path=".".join(map(str, found["loc"][1:])), message=found["msg"]) for found in error.errors()
    ]
    detail = "; ".join(f"{one.path}: {one.message}" for one in problems)
    return problem(INVALID_REQUEST, detail, instance=request.url.path, problems=problems)


async def _handle_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return plain_problem(error.status_code, error.detail, instance=request.url.path, headers=error.headers)


def _response(
    type: str,
    title: str,
    status: int,
    detail: str,
    instance: str,
    problems: Sequence[FieldProblem],
    headers: Mapping[str, str] | None,
) -> Response:
    body: dict[str, Any] = {
        "type": type,
        "title": title,
        "status": status,
        "detail": detail[:_MAX_DETAIL_LENGTH],
        "instance": instance,
    }
    if problems:
        body["errors"] = [{"path": one.path, "message": one.message} for one in problems[:_MAX_ERRORS]]
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)
