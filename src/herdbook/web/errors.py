"""Takes what went wrong while a page was made.

Gives a page that says it in words, with what can be done.
Never answers programs: what is wrong under `/api` stays a problem in JSON.
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

_FOR_PROGRAMS = ("/api/", "/healthz", "/readyz", "/openapi.json")
_ADVICE = {
    "record-unavailable": (
        "PostgreSQL holds the record of all jobs, so there is nothing to show without it.",
        "Workers finish what they run and write it down when it is back; nothing is lost.",
    ),
    "queue-unavailable": (
        "Publishing goes on: jobs are recorded, and delivered when Redis is back.",
        "The lists of jobs come from the record and still work.",
    ),
}
Handler = Callable[[Request, Any], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """What went wrong. `again` is the address to try once more, or None."""

    status: int
    detail: str
    advice: tuple[str, ...] = ()
    again: str | None = None


class PageErrors:
    """Answers errors of pages with pages."""

    def __init__(self, render: Renderer) -> None:
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Answer for `app`'s pages; what is under `/api` keeps the handlers that it has."""
        for kind, own in (
            (HerdbookError, self._known),
            (RequestValidationError, self._invalid),
            (HTTPException, self._http),
        ):
            app.add_exception_handler(kind, _divided(own, app.exception_handlers[kind]))

    def fault(self, scope: Scope) -> Response:
        """The answer for a fault of ours."""
        if scope["path"].startswith(_FOR_PROGRAMS):
            return problem_of_fault(scope)
        page = ErrorPage(status=500, detail="This page could not be made. The log of `serve` says why.")
        return self._render.page(Request(scope), "error.html", title="The server failed", page=page, status=500)

    async def _known(self, request: Request, error: HerdbookError) -> Response:
        kind = kind_of(error)
        if kind is None:
            raise error
        away = kind.status == HTTPStatus.SERVICE_UNAVAILABLE
        page = ErrorPage(
            status=kind.status,
            detail=_sentence(str(error)),
            advice=_ADVICE.get(kind.name, ()),
            again=request.url.path if away and request.method == "GET" else None,
        )
        return self._render.page(request, "error.html", title=kind.title, page=page, status=kind.status)

    async def _invalid(self, request: Request, error: RequestValidationError) -> Response:
        problems = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors())
        page = ErrorPage(status=422, detail=problems)
        return self._render.page(request, "error.html", title="The address is not valid", page=page, status=422)

    async def _http(self, request: Request, error: HTTPException) -> Response:
        titles = {404: "There is no such page", 405: "This page does not do that"}
        title = titles.get(error.status_code, HTTPStatus(error.status_code).phrase)
        page = ErrorPage(status=error.status_code, detail=f"{request.method} {request.url.path}")
        answer = self._render.page(request, "error.html", title=title, page=page, status=error.status_code)
        answer.headers.update(error.headers or {})
        return answer


def _divided(for_people: Handler, for_programs: Any) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        programs = request.url.path.startswith(_FOR_PROGRAMS)
        answer: Response = await (for_programs if programs else for_people)(request, error)
        return answer

    return handle


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
