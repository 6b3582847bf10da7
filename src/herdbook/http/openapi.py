"""Describes the routes in OpenAPI: bodies and headers that routes read themselves, and problems as error responses."""

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
from herdbook.http.publish_schemas import BulkPublishBody, PublishBody
from herdbook.http.schemas import Problem

_REFERENCE = "#/components/schemas/{model}"
_BODIES = (PublishBody, BulkPublishBody, BulkAction, BulkCancellation, CancelBody)
Responses = dict[int | str, dict[str, Any]]


class DescribedApp(FastAPI):
    """An application whose OpenAPI document includes the models that routes only refer to."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        document = super().openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in _referenced_schemas().items():
            schemas.setdefault(name, schema)
        return document


class DirectRoute(APIRoute):
    """A documented route that passes the bare request to its function.

    FastAPI's handling of parameters and responses costs more than publishing a job.
    """

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]], **options: Any) -> None:
        super().__init__(path, endpoint, **options)

        async def direct(scope: Scope, receive: Receive, send: Send) -> None:
            response = await endpoint(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = direct


def problem_responses(*statuses: int) -> Responses:
    """The description of problem responses with these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def json_body(model: type[BaseModel], example: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    """The description of a JSON body that the route reads itself; `model` is one of `_BODIES`."""
    schema = {"$ref": _REFERENCE.format(model=model.__name__)}
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": required, "content": content}}


def header_parameter(name: str, description: str) -> dict[str, Any]:
    """The description of an optional header that the route reads itself."""
    schema = {"type": "string", "maxLength": 255}
    return {"parameters": [{"name": name, "in": "header", "description": description, "schema": schema}]}


def _referenced_schemas() -> dict[str, Any]:
    _, found = models_json_schema(
        [*((body, "validation") for body in _BODIES), (Problem, "serialization")], ref_template=_REFERENCE
    )
    schemas: dict[str, Any] = found["$defs"]
    return schemas
