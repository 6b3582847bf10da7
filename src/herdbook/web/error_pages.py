"""The pages that report errors and suggest what to do.

Errors under `/api` and the other paths for programs never become pages; they stay JSON problems.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from herdbook.errors import HerdbookError
from herdbook.http.middleware import problem_of_fault
from herdbook.http.problems import kind_of
from herdbook.web.render import Renderer

_PROGRAM_PATHS = ("/api/", "/healthz", "/readyz", "/openapi.json")
_ADVICE = {
    "record-unavailable": (
        "All jobs are recorded in PostgreSQL, so there is nothing to show without it.",
        "Workers finish their running jobs and record the results once it is back. Nothing is lost.",
    ),
    "queue-unavailable": (
        "Publishing still works: jobs are recorded now and delivered once Redis is back.",
        "The job list is read from PostgreSQL and still works.",
    ),
}
Handler = Callable[[Request, Any], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """What went wrong. `retry_url` is what "Try again" loads, or None."""

    status: int
    detail: str
    advice: tuple[str, ...] = ()
    retry_url: str | None = None


class ErrorPages:
    """The exception handlers that answer browsers with pages."""

    def __init__(self, render: Renderer) -> None:
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Handle the errors of `app`'s pages; the paths for programs keep their handlers."""
        for error, handler in (
            (HerdbookError, self._herdbook_error),
            (RequestValidationError, self._invalid_url),
            (HTTPException, self._http_error),
        ):
            app.add_exception_handler(error, _by_path(handler, app.exception_handlers[error]))

    def internal_error(self, scope: Scope) -> Response:
        """The answer to an unexpected exception."""
        if scope["path"].startswith(_PROGRAM_PATHS):
            return problem_of_fault(scope)
        page = ErrorPage(status=500, detail="This page could not be rendered. The server log says why.")
        return self._render.page(Request(scope), "error.html", title="Internal server error", page=page, status=500)

    async def _herdbook_error(self, request: Request, error: HerdbookError) -> Response:
        kind = kind_of(error)
        if kind is None:
            raise error
        is_unavailable = kind.status == HTTPStatus.SERVICE_UNAVAILABLE
        page = ErrorPage(
            status=kind.status,
            detail=_sentence(str(error)),
            advice=_ADVICE.get(kind.name, ()),
            retry_url=request.url.path if is_unavailable and request.method == "GET" else None,
        )
        return self._render.page(request, "error.html", title=kind.title, page=page, status=kind.status)

    async def _invalid_url(self, request: Request, error: RequestValidationError) -> Response:
        problems = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors())
        page = ErrorPage(status=422, detail=problems)
        return self._render.page(request, "error.html", title="Invalid URL", page=page, status=422)

    async def _http_error(self, request: Request, error: HTTPException) -> Response:
        path, method = request.url.path, request.method
        texts = {
            404: ("Page not found", f"There is no page at {path}."),
            405: ("Method not allowed", f"{path} does not accept {method} requests."),
        }
        default = (HTTPStatus(error.status_code).phrase, f"{method} {path}")
        title, detail = texts.get(error.status_code, default)
        page = ErrorPage(status=error.status_code, detail=detail)
        answer = self._render.page(request, "error.html", title=title, page=page, status=error.status_code)
        answer.headers.update(error.headers or {})
        return answer


def _by_path(for_people: Handler, for_programs: Any) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        is_program = request.url.path.startswith(_PROGRAM_PATHS)
        answer: Response = await (for_programs if is_program else for_people)(request, error)
        return answer

    return handle


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
