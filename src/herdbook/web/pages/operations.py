"""Takes jobs that were selected, or a filter, and what to do to them.

Gives a page that asks once more, with a count; then one that shows how far the operation has come.
Never does the operation: `control` begins it, and upkeep carries it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from herdbook.errors import FieldProblem, OperationNotFoundError
from herdbook.http.problems import INVALID_REQUEST, Refused
from herdbook.http.services import Services
from herdbook.operating.control import Control, Operation
from herdbook.record.search import JobCount, JobFilter
from herdbook.web.bulk_actions import CHOICES, Choice, choice
from herdbook.web.form_data import PostedForm, read_form, read_reason
from herdbook.web.job_query import JobQuery
from herdbook.web.render import Renderer

_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPage:
    """What is about to be done, to how many jobs. `ids` are None when `query` wants everything that matches."""

    choice: Choice
    count: JobCount
    ids: list[UUID] | None
    query: JobQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRow:
    """An operation, and what it does in words."""

    operation: Operation
    choice: Choice

    @property
    def looked_at(self) -> int:
        """The jobs that it has come past."""
        return self.operation.changed + self.operation.skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsPage:
    """The newest operations."""

    operations: list[OperationRow]


class OperationPages:
    """The routes of bulk operations."""

    def __init__(self, services: Services, control: Control, render: Renderer) -> None:
        self._database = services.database
        self._control = control
        self._render = render

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        hidden = {"include_in_schema": False, "response_model": None}
        app.get("/operations", **hidden)(self.operations)  # type: ignore[arg-type]
        app.post("/operations", **hidden)(self.begin)  # type: ignore[arg-type]
        app.post("/operations/new", **hidden)(self.confirm)  # type: ignore[arg-type]
        app.get("/operations/{id}", **hidden)(self.operation)  # type: ignore[arg-type]

    async def confirm(self, request: Request) -> Response:
        """Ask once more, with a count."""
        form = await read_form(request)
        everything = form.get("do_all")
        what, query = _read_choice(everything or form.get("do")), JobQuery.parse_text(form.get("filter").lstrip("?"))
        ids = None if everything else _read_ids(form)
        count = await self._control.count(what.action, _wanted(query, ids))
        page = ConfirmPage(choice=what, count=count, ids=ids, query=query)
        return self._render.page(request, "operations/confirm.html", title=f"{what.name} jobs", page=page)

    async def begin(self, request: Request) -> Response:
        """Begin the operation, and go to its page."""
        form = await read_form(request)
        what, query = _read_choice(form.get("do")), JobQuery.parse_text(form.get("filter").lstrip("?"))
        ids = _read_ids(form) if form.get("scope") == "selected" else None
        begun = await self._control.begin(what.action, _wanted(query, ids), read_reason(form))
        return RedirectResponse(f"/operations/{begun.id}", 303)

    async def operation(self, request: Request, id: str) -> Response:
        """How far an operation has come."""
        try:
            uuid = UUID(id)
        except ValueError:
            raise OperationNotFoundError("this is not the id of an operation") from None
        page = _view(await self._control.operation(uuid))
        return self._render.page(request, "operations/operation.html", title=f"{page.choice.name} jobs", page=page)

    async def operations(self, request: Request) -> Response:
        """The newest operations."""
        found = await self._control.operations(_SHOWN)
        page = OperationsPage(operations=[_view(one) for one in found])
        return self._render.page(request, "operations/list.html", title="Bulk operations", page=page)


def _view(operation: Operation) -> OperationRow:
    return OperationRow(operation=operation, choice=choice(operation.action))


def _wanted(query: JobQuery, ids: Sequence[UUID] | None) -> JobFilter | Sequence[UUID]:
    return query.wanted(datetime.now(UTC)) if ids is None else ids


def _read_choice(name: str) -> Choice:
    try:
        return choice(name)
    except KeyError:
        known = ", ".join(one.action for one in CHOICES)
        raise _refused("do", f"not one of {known}") from None


def _read_ids(form: PostedForm) -> list[UUID]:
    ids = form.all("id")
    if not ids:
        raise _refused("id", "no job is selected")
    try:
        return [UUID(id) for id in ids]
    except ValueError:
        raise _refused("id", "not the id of a job") from None


def _refused(path: str, message: str) -> Refused:
    return Refused(INVALID_REQUEST, message, [FieldProblem(path=path, message=message)])
