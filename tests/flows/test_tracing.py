"""One trace goes from the caller's request by the publish to each attempt, through the record and the queue."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis.asyncio

from herdbook.model.job import JobStatus
from herdbook.record.database import Database
from herdbook.settings import Settings
from herdbook.testing import eventually
from tests.cli.conftest import environment
from tests.cli.processes import read_log_until, running, wait_for_exit
from tests.collecting import Collector, collecting

APP = """
from herdbook import Herdbook, JobContext
from opentelemetry import trace

book = Herdbook()
tracer = trace.get_tracer("app")

@book.processor("greet", queue="greetings", attempts=2, backoff={"type": "fixed", "delay": 1})
async def greet(name: str, job: JobContext) -> str:
    with tracer.start_as_current_span(f"write {name}"):
        if job.attempt == 1:
            raise ValueError("the pen is empty")
    return f"Hello {name}"

@book.processor("shout", queue="greetings", attempts=1)
def shout(name: str, job: JobContext) -> str:
    with tracer.start_as_current_span(f"shout {name}"):
        if job.attempt == 1 and not book.heard:
            book.heard = True
            raise ValueError("nobody heard")
    return name.upper()

book.heard = False
"""
# A program of somebody's own, which traces.
PROGRAM = """
import asyncio, os, sys
import asyncpg
from herdbook import Herdbook, JobRequest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(sys.argv[1] + "/v1/traces")))
trace.set_tracer_provider(provider)
book = Herdbook()
book.declare("note", str, queue="notes")

async def main():
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    async with book:
        with trace.get_tracer("program").start_as_current_span("order"):
            await book.publish("note", "alone")
            await book.publish("note", "in a transaction", connection=connection)
            await book.publish_bulk([JobRequest(job_type="note", job_data=text) for text in ("one", "two")])
    await connection.close()

asyncio.run(main())
"""
CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PRODUCER, CONSUMER, SERVER = 4, 5, 2


@dataclass(frozen=True, kw_only=True)
class System:
    """A web process, a relay and a worker that trace, and the collector that they tell."""

    api: httpx.AsyncClient
    collector: Collector

    async def publish(self, job_type: str, data: str) -> str:
        """Publish as a caller who traces; gives the job's id."""
        answer = await self.api.post(
            "/api/jobs",
            json={"jobType": job_type, "jobData": data},
            headers={"traceparent": f"00-{CALLER[0]}-{CALLER[1]}-01", "tracestate": "vendor=1"},
        )
        assert answer.status_code == 201
        return str(answer.json()["jobId"])

    async def until(self, id: str, status: JobStatus) -> None:
        async def reached() -> bool:
            return bool((await self.api.get(f"/api/jobs/{id}")).json()["status"] == status)

        await eventually(reached)


@pytest.fixture
def variables(settings: Settings) -> dict[str, str]:
    """The environment of processes on the test's servers, whose traces are sent soon."""
    return {
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "HERDBOOK_QUEUE_PREFIX": settings.queue_prefix,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }


@asynccontextmanager
async def traced_system(folder: Path, variables: dict[str, str]) -> AsyncIterator[System]:
    (folder / "traced_app.py").write_text(APP, encoding="utf-8")
    async with collecting() as collector, AsyncExitStack() as stack:
        variables = {**variables, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}

        async def start(*words: str) -> Any:
            return await stack.enter_async_context(running(*words, cwd=folder, **variables))

        serve = await start("serve", "traced_app:book", "--port", "0")
        relay = await start("relay")
        worker = await start("worker", "traced_app:book", "--queue", "greetings")
        word, _, url = (await serve.stdout.readline()).decode().strip().partition(" ")
        assert word == "ready"
        async with httpx.AsyncClient(base_url=url) as api:
            yield System(api=api, collector=collector)
        for process in (serve, relay, worker):
            process.terminate()
            code, _, log = await wait_for_exit(process)
            assert code == 0
            assert "Traceback" not in log


async def test_a_request_its_publish_and_each_attempt_are_one_trace(
    variables: dict[str, str], settings: Settings, client: "redis.asyncio.Redis", tmp_path: Path
) -> None:
    async with traced_system(tmp_path, variables) as system:
        id = await system.publish("greet", "Ada")
        first, second = await eventually(lambda: system.collector.got("process greet", 2))
        (publish,) = await eventually(lambda: system.collector.got("publish greet"))
        (request,) = await eventually(lambda: system.collector.got("POST /api/jobs"))
        cards = await eventually(lambda: system.collector.got("write Ada", 2))
        options = json.loads(str(await client.hget(f"{settings.queue_prefix}:greetings:{id}", "opts")))
    assert {one.trace for one in system.collector.spans if one.name != "GET /api/jobs/{id}"} == {CALLER[0]}
    assert (request.kind, request.parent, request.service) == (SERVER, CALLER[1], "herdbook-serve")
    assert (publish.kind, publish.parent, publish.service) == (PRODUCER, request.id, "herdbook-serve")
    for number, attempt in enumerate((first, second), start=1):
        assert (attempt.kind, attempt.parent, attempt.service) == (CONSUMER, publish.id, "herdbook-worker")
        assert attempt.attributes["herdbook.job.attempt"] == number
        assert attempt.attributes["herdbook.job.id"] == attempt.attributes["messaging.message.id"] == id
        assert attempt.attributes["messaging.destination.name"] == "greetings"
    assert publish.attributes["messaging.message.id"] == id
    assert [one.attributes["herdbook.job.outcome"] for one in (first, second)] == ["retry", "completed"]
    assert [one.error for one in (first, second)] == ["the pen is empty", None]
    assert first.attributes["error.type"] == "ValueError"
    assert first.events == [
        ("exception", {"exception.type": "ValueError", "exception.message": "the pen is empty"}),
    ]
    assert [one.parent for one in cards] == [first.id, second.id]
    # What BullMQ's telemetry for Node reads: a text of JSON, made by the propagators.
    assert json.loads(options["tm"]) == {
        "traceparent": f"00-{publish.trace}-{publish.id}-01",
        "tracestate": "vendor=1",
    }


async def test_an_operators_retry_goes_on_with_the_trace(variables: dict[str, str], tmp_path: Path) -> None:
    async with traced_system(tmp_path, variables) as system:
        id = await system.publish("shout", "Ada")
        await system.until(id, JobStatus.FAILED)
        assert (await system.api.post(f"/api/jobs/{id}/retries")).is_success
        await system.until(id, JobStatus.COMPLETED)
        first, second = await eventually(lambda: system.collector.got("process shout", 2))
        (publish,) = await eventually(lambda: system.collector.got("publish shout"))
        shouts = await eventually(lambda: system.collector.got("shout Ada", 2))
    assert {(one.trace, one.parent) for one in (first, second)} == {(CALLER[0], publish.id)}
    assert [one.attributes["messaging.message.id"] for one in (first, second)] == [id, f"{id}~1"]
    assert [one.attributes["herdbook.job.outcome"] for one in (first, second)] == ["failed", "completed"]
    assert [one.parent for one in shouts] == [first.id, second.id]


async def test_a_program_that_traces_sees_what_it_publishes(
    variables: dict[str, str], database: Database, tmp_path: Path
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    async with collecting() as collector:
        words = (sys.executable, "program.py", collector.endpoint)
        process = await asyncio.create_subprocess_exec(*words, cwd=tmp_path, env=environment(**variables))
        assert await process.wait() == 0
    (order,) = collector.named("order")
    published = collector.named("publish note")
    assert [(one.trace, one.parent) for one in published] == [(order.trace, order.id)] * 3
    assert published[2].attributes["messaging.batch.message_count"] == 2
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT trace_context FROM herdbook.jobs ORDER BY id")
    parents = [json.loads(row["trace_context"])["traceparent"].split("-")[2] for row in rows]
    assert parents == [published[0].id, published[1].id, published[2].id, published[2].id]


async def test_a_collector_that_is_away_keeps_nobody_from_working(variables: dict[str, str], tmp_path: Path) -> None:
    variables = {**variables, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    words = ("publish", "email", '{"to": "a@example.com", "subject": "s", "text": "t"}')
    async with running(*words, cwd=tmp_path, **variables) as process:
        code, out, _ = await wait_for_exit(process)
    assert (code, len(out.strip())) == (0, 36)
    async with running("worker", cwd=tmp_path, **variables) as worker:
        await read_log_until(worker, "worker started")
        worker.terminate()
        code, _, log = await wait_for_exit(worker)
    assert code == 0
    assert "Traceback" not in log
