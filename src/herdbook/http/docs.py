"""The page `/docs`, rendered from the OpenAPI document, without scripts or external resources."""

import json
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from herdbook.http.problems import KINDS, plain_problem

# Nothing but inline styles.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PREFIX = "#/components/schemas/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of an operation; `kind` is its schema in a few words."""

    name: str
    place: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedResponse:
    """A response of an operation; `schema` is the name of its model, or None."""

    status: str
    description: str
    media_type: str | None
    schema: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedOperation:
    """An operation as the page shows it."""

    anchor: str
    method: str
    path: str
    summary: str
    parameters: list[Parameter]
    body: str | None
    responses: list[DocumentedResponse]
    curl: str


class DocsRoutes:
    """`GET /docs` and `GET /problems/{name}`."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        loader = PackageLoader("herdbook.http")
        self._templates = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )

    def add_to(self, app: FastAPI) -> None:
        """Add the routes to `app`."""
        app.get("/docs", include_in_schema=False, response_model=None)(self.docs)
        app.get("/problems/{name}", include_in_schema=False, response_model=None)(self.problem)

    async def docs(self, request: Request) -> Response:
        """All operations, kinds of problems and schemas."""
        document = self._app.openapi()
        schemas = document["components"]["schemas"]
        page = self._templates.get_template("docs.html").render(
            info=document["info"],
            operations=operations(document, base=str(request.base_url).rstrip("/")),
            schemas={name: json.dumps(schemas[name], indent=2, ensure_ascii=False) for name in sorted(schemas)},
            kinds=sorted(KINDS, key=lambda kind: (kind.status, kind.name)),
        )
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})

    async def problem(self, request: Request, name: str) -> Response:
        """Redirect to the description of a kind of problem."""
        if name not in {kind.name for kind in KINDS}:
            return plain_problem(404, instance=request.url.path)
        return RedirectResponse(f"/docs#problem-{name}", 302)


def operations(document: dict[str, Any], *, base: str) -> list[DocumentedOperation]:
    """The operations of an OpenAPI document, in its order; `base` is the address in the examples."""
    return [
        DocumentedOperation(
            anchor=operation["operationId"],
            method=method.upper(),
            path=path,
            summary=operation.get("description") or operation["summary"],
            parameters=[_parameter(one) for one in operation.get("parameters", [])],
            body=_schema_name(operation.get("requestBody", {}).get("content", {}).get("application/json", {})),
            responses=[_response(status, one) for status, one in sorted(operation["responses"].items())],
            curl=_curl(base, method.upper(), path, operation),
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _parameter(described: dict[str, Any]) -> Parameter:
    return Parameter(
        name=described["name"],
        place=described["in"],
        kind=_kind(described["schema"]),
        required=described.get("required", False),
        description=described.get("description", ""),
    )


def _kind(schema: dict[str, Any]) -> str:
    for choice in schema.get("anyOf", []):
        if choice.get("type") != "null":
            return _kind(choice)
    name = _schema_name({"schema": schema})
    if name:
        return name
    words = [schema.get("format") or schema.get("type", "any")]
    if "minimum" in schema and "maximum" in schema:
        words.append(f"{schema['minimum']} to {schema['maximum']}")
    if schema.get("default") is not None:
        words.append(f"default {json.dumps(schema['default'])}")
    return ", ".join(words)


def _response(status: str, described: dict[str, Any]) -> DocumentedResponse:
    media_type, content = next(iter(described.get("content", {}).items()), (None, {}))
    return DocumentedResponse(
        status=status, description=described["description"], media_type=media_type, schema=_schema_name(content)
    )


def _schema_name(content: dict[str, Any]) -> str | None:
    reference: str = content.get("schema", {}).get("$ref", "")
    return reference.removeprefix(_PREFIX) or None


def _curl(base: str, method: str, path: str, operation: dict[str, Any]) -> str:
    address = base + path.replace("{id}", "$JOB")
    body = operation.get("requestBody")
    if body is None:
        return f'curl "{address}"'
    example = json.dumps(body["content"]["application/json"]["example"])
    return f"curl -X {method} \"{address}\" -H 'Content-Type: application/json' -d '{example}'"
