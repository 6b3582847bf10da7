"""The pages of bulk operations: confirm one, follow its progress, and list recent ones.

They only start an operation; upkeep carries it out.
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
from herdbook.web.bulk_actions import BULK_ACTIONS, BulkAction, bulk_action
from herdbook.web.form_data import PostedForm, read_form, read_reason
from herdbook.web.job_query import JobQuery
from herdbook.web.render import Renderer

_MAX_OPERATIONS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmOperationPage:
    """The action to confirm and the number of jobs; `ids` is None for all jobs that match `query`."""

    action: BulkAction
    count: JobCount
    ids: list[UUID] | None
    query: JobQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationRow:
    """An operation and its action."""

    operation: Operation
    action: BulkAction

    @property
    def processed(self) -> int:
        """The number of jobs that were changed or skipped so far."""
        return self.operation.changed + self.operation.skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationListPage:
    """The newest operations."""

    operations: list[OperationRow]


class OperationRoutes:
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
        """Ask for confirmation, with the number of jobs."""
        form = await read_form(request)
        everything = form.get("do_all")
        action, query = _read_action(everything or form.get("do")), _read_query(form)
        ids = None if everything else _read_ids(form)
        count = await self._control.count(action.kind, _selection(query, ids))
        page = ConfirmOperationPage(action=action, count=count, ids=ids, query=query)
        return self._render.page(request, "operations/confirm.html", title=f"{action.label} jobs", page=page)

    async def begin(self, request: Request) -> Response:
        """Start the operation and redirect to its page."""
        form = await read_form(request)
        action, query = _read_action(form.get("do")), _read_query(form)
        ids = _read_ids(form) if form.get("scope") == "selected" else None
        operation = await self._control.begin(action.kind, _selection(query, ids), read_reason(form))
        return RedirectResponse(f"/operations/{operation.id}", 303)

    async def operation(self, request: Request, id: str) -> Response:
        """The progress of an operation."""
        try:
            uuid = UUID(id)
        except ValueError:
            raise OperationNotFoundError("not the id of an operation") from None
        page = _row(await self._control.operation(uuid))
        return self._render.page(request, "operations/operation.html", title=f"{page.action.label} jobs", page=page)

    async def operations(self, request: Request) -> Response:
        """The newest operations."""
        found = await self._control.operations(_MAX_OPERATIONS)
        page = OperationListPage(operations=[_row(one) for one in found])
        return self._render.page(request, "operations/list.html", title="Bulk operations", page=page)


def _row(operation: Operation) -> OperationRow:
    return OperationRow(operation=operation, action=bulk_action(operation.action))


def _selection(query: JobQuery, ids: Sequence[UUID] | None) -> JobFilter | Sequence[UUID]:
    return query.to_filter(datetime.now(UTC)) if ids is None else ids


def _read_query(form: PostedForm) -> JobQuery:
    return JobQuery.parse_string(form.get("filter").lstrip("?"))


def _read_action(kind: str) -> BulkAction:
    try:
        return bulk_action(kind)
    except KeyError:
        known = ", ".join(one.kind for one in BULK_ACTIONS)
        raise _refused("do", f"must be one of {known}") from None


def _read_ids(form: PostedForm) -> list[UUID]:
    ids = form.all("id")
    if not ids:
        raise _refused("id", "no jobs are selected")
    try:
        return [UUID(id) for id in ids]
    except ValueError:
        raise _refused("id", "not the id of a job") from None


def _refused(path: str, message: str) -> Refused:
    return Refused(INVALID_REQUEST, message, [FieldProblem(path=path, message=message)])
