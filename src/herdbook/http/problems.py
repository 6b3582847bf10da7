"""Takes exceptions.

Gives each its answer in `application/problem+json` (RFC 9457).
Never shows what was sent, nor the inside of the program.
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
# Seconds after which a client may ask again while a server is away.
_RETRY_AFTER = "5"
# A body can be wrong in a million places; the first ones are enough to find them.
_MOST_ERRORS = 100
_LONGEST_DETAIL = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemKind:
    """A kind of problem, with a name that stays the same."""

    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """What identifies it in an answer; the address tells people about it."""
        return f"/problems/{self.name}"


MALFORMED_BODY = ProblemKind(name="malformed-body", status=400, title="The body is not JSON")
CROSS_SITE = ProblemKind(name="cross-site", status=403, title="The request came from another site's page")
NO_ARTIFACT = ProblemKind(name="no-artifact", status=404, title="The job has no artifact")
BODY_TOO_LARGE = ProblemKind(name="body-too-large", status=413, title="The body is too large")
UNSUPPORTED_BODY = ProblemKind(name="unsupported-body", status=415, title="The body is not sent as JSON")
INVALID_REQUEST = ProblemKind(name="invalid-request", status=422, title="The request is not valid")

_BY_ERROR: dict[type[Exception], ProblemKind] = {
    JobNotFoundError: ProblemKind(name="job-not-found", status=404, title="No such job"),
    OperationNotFoundError: ProblemKind(name="operation-not-found", status=404, title="No such operation"),
    QueueNotFoundError: ProblemKind(name="queue-not-found", status=404, title="No such queue"),
    JobStateError: ProblemKind(name="job-state", status=409, title="The job's state does not allow this"),
    IdempotencyConflictError: ProblemKind(
        name="idempotency-conflict", status=409, title="The idempotency key is taken"
    ),
    JobTooLargeError: ProblemKind(name="job-too-large", status=413, title="The job data are too large"),
    UnknownJobTypeError: ProblemKind(name="unknown-job-type", status=422, title="Unknown job type"),
    InvalidJobError: ProblemKind(name="invalid-job", status=422, title="The job is not valid"),
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
    *_BY_ERROR.values(),
)


class Refused(HerdbookError):
    """The request is refused for a reason that only HTTP knows."""

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
    """The answer for a problem of a known kind at path `instance`."""
    return _answer(kind.type, kind.title, kind.status, detail, instance, problems, headers)


def plain_problem(
    status: int, detail: str | None = None, *, instance: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer for a problem that its status says all about."""
    phrase = HTTPStatus(status).phrase
    return _answer("about:blank", phrase, status, detail or phrase, instance, (), headers)


def install(app: FastAPI) -> None:
    """Answer all expected errors of `app` as problems; what else may come up is `Edge`'s."""
    app.add_exception_handler(HerdbookError, _known)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http)


def kind_of(error: Exception) -> ProblemKind | None:
    """What kind of problem an error is; None for a fault of ours."""
    if isinstance(error, Refused):
        return error.kind
    return next((_BY_ERROR[cls] for cls in type(error).__mro__ if cls in _BY_ERROR), None)


async def _known(request: Request, error: Exception) -> Response:
    path = request.url.path
    if isinstance(error, Refused):
        return problem(error.kind, str(error), instance=path, problems=error.problems, headers=error.headers)
    kind = kind_of(error)
    if kind is None:
        raise error
    headers = {"Retry-After": _RETRY_AFTER} if kind.status == HTTPStatus.SERVICE_UNAVAILABLE else None
    problems = error.problems if isinstance(error, InvalidJobError) else ()
    return problem(kind, str(error), instance=path, problems=problems, headers=headers)


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # The first part of a location is the place: query, path or header.
    problems = [
        FieldProblem(path=".".join(map(str, found["loc"][1:])), message=found["msg"]) for found in error.errors()
    ]
    detail = "; ".join(f"{one.path}: {one.message}" for one in problems)
    return problem(INVALID_REQUEST, detail, instance=request.url.path, problems=problems)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return plain_problem(error.status_code, error.detail, instance=request.url.path, headers=error.headers)


def _answer(
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
        "detail": detail[:_LONGEST_DETAIL],
        "instance": instance,
    }
    if problems:
        body["errors"] = [{"path": one.path, "message": one.message} for one in problems[:_MOST_ERRORS]]
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)
