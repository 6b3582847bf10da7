"""Takes the application's routes.

Gives their description: the OpenAPI document, with problems as the answer to errors.
Never decides what a route does.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from herdbook.http.action_schemas import BulkAction, BulkCancellation, CancelBody
from herdbook.http.problems import MEDIA_TYPE
from herdbook.http.schemas import BulkPublishBody, Problem, PublishBody

_REFERENCE = "#/components/schemas/{model}"
_BODIES = (PublishBody, BulkPublishBody, BulkAction, BulkCancellation, CancelBody)
Responses = dict[int | str, dict[str, Any]]


class DescribedApp(FastAPI):
    """An application whose document also holds the models that routes name by reference only."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        document = super().openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in _referenced_schemas().items():
            schemas.setdefault(name, schema)
        return document


class DirectRoute(APIRoute):
    """A described route that hands the request to its function as it is.

    FastAPI's handling of parameters and answers costs more than publishing a job does.
    """

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]], **described: Any) -> None:
        super().__init__(path, endpoint, **described)

        async def direct(scope: Scope, receive: Receive, send: Send) -> None:
            response = await endpoint(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = direct


def problems(*statuses: int) -> Responses:
    """The description of answers that are problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def json_body(model: type[BaseModel], example: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    """The description of a JSON body that a route reads itself; `model` is one of `_BODIES`."""
    schema = {"$ref": _REFERENCE.format(model=model.__name__)}
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": required, "content": content}}


def header(name: str, description: str) -> dict[str, Any]:
    """The description of an optional request header that a route reads by itself."""
    schema = {"type": "string", "maxLength": 255}
    return {"parameters": [{"name": name, "in": "header", "description": description, "schema": schema}]}


def _referenced_schemas() -> dict[str, Any]:
    _, found = models_json_schema(
        [*((body, "validation") for body in _BODIES), (Problem, "serialization")], ref_template=_REFERENCE
    )
    schemas: dict[str, Any] = found["$defs"]
    return schemas
