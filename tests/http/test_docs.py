"""The OpenAPI document and the page `/docs`."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.openapi.models import OpenAPI
from fastapi.routing import APIRoute

from herdbook.http.problems import KINDS
from herdbook.http.publish_schemas import AcceptedJob
from herdbook.http.schemas import JobDetail


def references(value: Any) -> Iterator[str]:
    """The schemas that a document refers to."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix("#/components/schemas/")
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


async def test_the_document_is_valid_and_self_contained(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    OpenAPI.model_validate(document)
    assert set(references(document)) <= set(document["components"]["schemas"])
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_the_document_covers_every_route(app: FastAPI, api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    routes = {
        (route.path, method)
        for route in app.routes
        if isinstance(route, APIRoute) and route.path not in ("/docs", "/problems/{name}")
        for method in route.methods or ()
    }
    assert described == routes
    assert len(described) == 28
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(set(ids)) == len(ids)


async def test_publishing_is_described_although_it_reads_its_body_itself(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    single = document["paths"]["/api/jobs"]["post"]
    schema = single["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/PublishBody"}
    assert single["parameters"][0]["name"] == "Idempotency-Key"
    assert set(single["responses"]) == {"200", "201", "400", "403", "409", "413", "415", "422", "503"}
    schemas = document["components"]["schemas"]
    assert set(schemas["PublishBody"]["properties"]) == {"jobType", "jobData", "options"}
    assert "idempotencyKey" in schemas["JobOptions"]["properties"]
    example = single["requestBody"]["content"]["application/json"]["example"]
    answer = await api.post("/api/jobs", json={**example, "jobType": "any"})
    AcceptedJob.model_validate(answer.json())
    JobDetail.model_validate((await api.get(answer.headers["location"])).json())


class Page(HTMLParser):
    """The links, ids and loaded resources of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "a":
            self.links.append(found["href"] or "")
        self.ids += [found["id"] or ""] if "id" in found else []
        if tag in ("script", "link", "img", "iframe") or "src" in found:
            self.loads.append(tag)


async def test_the_page_describes_everything_and_loads_nothing(api: httpx.AsyncClient) -> None:
    answer = await api.get("/docs")
    page = Page(answer.text)
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert page.loads == []
    assert len(set(page.ids)) == len(page.ids)
    anchors = {link.removeprefix("#") for link in page.links if link.startswith("#")}
    assert anchors <= set(page.ids)
    document = (await api.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["operationId"] in page.ids
            assert f"{method.upper()} {path}" in answer.text
    for link in {link for link in page.links if link.startswith("/")}:
        assert (await api.get(link)).status_code == 200
    assert re.search(r"curl -X POST &#34;http://herdbook.test/api/jobs&#34;", answer.text)
    assert "1 to 500, default 50" in answer.text


async def test_problem_types_link_to_their_description(api: httpx.AsyncClient) -> None:
    page = Page((await api.get("/docs")).text)
    for kind in KINDS:
        answer = await api.get(kind.type)
        assert answer.status_code == 302
        assert answer.headers["location"] == f"/docs#problem-{kind.name}"
        assert f"problem-{kind.name}" in page.ids
    assert (await api.get("/problems/nope")).status_code == 404


async def test_hosts_are_not_trusted_in_the_page(app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://herdbook.test") as api:
        answer = await api.get("/docs", headers={"Host": "<script>alert(1)</script>"})
    assert "<script" not in answer.text
