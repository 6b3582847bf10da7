"""Spans for publishing and attempts, and the trace context that travels with a job."""

import json
from collections.abc import AsyncIterator, Sequence

import pytest
import redis.asyncio
from bullmq import Queue
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from herdbook.errors import IdempotencyConflictError
from herdbook.execution.worker import Worker
from herdbook.model.context import JobContext
from herdbook.model.ids import new_job_id
from herdbook.model.job import LONGEST_TRACE_CONTEXT, NewJob
from herdbook.model.options import JobOptions
from herdbook.model.registry import Registry
from herdbook.model.signals import Cancel, Snooze
from herdbook.observe.events import Observer
from herdbook.observe.tracing import Tracing, parse_context
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.record.database import Database
from herdbook.settings import Settings
from herdbook.testing import eventually

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = json.dumps({"traceparent": f"00-{TRACE}-{PARENT}-01"})

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
registry = Registry()


@registry.processor("nest", queue="traced", attempts=1)
async def nest(payload: str) -> None:
    with provider.get_tracer("test").start_as_current_span("async"):
        pass


@registry.processor("nest_thread", queue="traced", attempts=1)
def nest_thread(payload: str) -> None:
    with provider.get_tracer("test").start_as_current_span("thread"):
        pass


@registry.processor("end", queue="traced", attempts=1)
async def end(how: str, job: JobContext) -> None:
    match how:
        case "cancel":
            raise Cancel("not wanted")
        case "snooze" if job.attempt == 1:
            raise Snooze(0.001)
        case "fail":
            raise ValueError("as requested")


@pytest.fixture
def tracing() -> Tracing:
    exporter.clear()
    return Tracing(provider)


@pytest.fixture
async def publisher(database: Database, tracing: Tracing) -> Publisher:
    return Publisher(database, registry, max_job_bytes=1_000, trace=tracing.publishing)


@pytest.fixture
async def worker(settings: Settings, database: Database, tracing: Tracing) -> AsyncIterator[Worker]:
    worker = Worker(settings, registry, database, observer=Observer(tracing.attempt))
    worker.start()
    yield worker
    await worker.stop(deadline=5.0)


@pytest.fixture
async def other(settings: Settings) -> AsyncIterator[Queue]:
    """Another client of the queue."""
    assert settings.redis_url
    client = redis.asyncio.Redis.from_url(settings.redis_url, decode_responses=True, socket_timeout=30)
    queue = Queue("traced", {"connection": client, "prefix": settings.queue_prefix})
    yield queue
    await queue.close()


async def spans(name: str, count: int = 1) -> Sequence[ReadableSpan]:
    async def found() -> list[ReadableSpan]:
        those = [span for span in exporter.get_finished_spans() if span.name == name]
        return those if len(those) == count else []

    return await eventually(found)


def new_job(job_type: str = "nest", queue: str = "traced") -> NewJob:
    return NewJob(
        id=new_job_id(),
        queue=queue,
        job_type=job_type,
        job_data="1",
        priority=0,
        run_at=None,
        max_attempts=1,
        backoff=None,
    )


def test_jobs_get_the_trace_context_of_their_publish(tracing: Tracing) -> None:
    with (
        provider.get_tracer("test").start_as_current_span("caller") as caller,
        tracing.publishing([new_job()]) as (job,),
    ):
        current = get_current_span()
    (span, _) = exporter.get_finished_spans()
    assert (span.name, span.kind) == ("publish nest", SpanKind.PRODUCER)
    assert span.parent == caller.get_span_context()
    assert span.attributes is not None
    assert span.attributes["messaging.system"] == "bullmq"
    parsed = get_current_span(parse_context(job.trace_context)).get_span_context()
    assert (parsed.trace_id, parsed.span_id) == (span.context.trace_id, span.context.span_id)
    assert current.get_span_context() == span.context


def test_jobs_of_one_bulk_share_a_span(tracing: Tracing) -> None:
    with tracing.publishing([new_job(), new_job("end", "others")]) as (one, other):
        assert one.trace_context == other.trace_context
    with tracing.publishing([]) as none:
        assert none == []
    span, empty = exporter.get_finished_spans()
    assert (span.name, empty.name) == ("publish", "publish")
    assert span.attributes is not None
    assert span.attributes["messaging.batch.message_count"] == 2
    assert "messaging.destination.name" not in span.attributes


def test_oversized_trace_state_is_dropped(tracing: Tracing) -> None:
    state = ",".join(f"vendor{number}={'x' * 200}" for number in range(20))
    context = parse_context(json.dumps({"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": state}))
    with (
        trace.use_span(get_current_span(context)),
        tracing.publishing([new_job()]) as (job,),
    ):
        assert job.trace_context is not None
        assert len(job.trace_context) < LONGEST_TRACE_CONTEXT
        assert list(json.loads(job.trace_context)) == ["traceparent"]
        assert TRACE in job.trace_context


def test_without_a_trace_jobs_have_no_trace_context() -> None:
    with Tracing(trace.NoOpTracerProvider()).publishing([new_job()]) as (job,):
        assert job.trace_context is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{}",
        "[]",
        "no JSON",
        '"traceparent"',
        '{"traceparent": 1}',
        '{"traceparent": ["a"], "baggage": {}}',
        '{"traceparent": "00-0-0-01", "tracestate": "=", "baggage": "=,;%%"}',
        "[" * 1_000,
    ],
)
def test_an_invalid_trace_context_is_an_empty_one(text: str | None) -> None:
    assert not get_current_span(parse_context(text)).get_span_context().is_valid


async def test_the_span_of_a_refused_publish_has_the_error(publisher: Publisher) -> None:
    options = JobOptions(idempotency_key="k")
    first = await publisher.publish(JobRequest(job_type="nest", job_data="a", options=options))
    again = await publisher.publish(JobRequest(job_type="nest", job_data="a", options=options))
    assert (again.id, again.created) == (first.id, False)
    with pytest.raises(IdempotencyConflictError):
        await publisher.publish(JobRequest(job_type="nest", job_data="b", options=options))
    *fine, refused = await spans("publish nest", 3)
    assert [span.status.status_code for span in fine] == [StatusCode.UNSET] * 2
    assert refused.status.status_code is StatusCode.ERROR
    assert refused.attributes is not None
    assert refused.attributes["error.type"] == "IdempotencyConflictError"
    # It would be the id of a job that was never recorded.
    assert "messaging.message.id" not in refused.attributes


async def test_a_job_of_another_client_continues_its_trace(other: Queue, worker: Worker, database: Database) -> None:
    await other.add("nest", "a", {"tm": GIVEN})
    await other.add("nest_thread", "a", {"tm": GIVEN})
    for name, inner in (("process nest", "async"), ("process nest_thread", "thread")):
        (attempt,), (own,) = await spans(name), await spans(inner)
        assert attempt.kind is SpanKind.CONSUMER
        assert attempt.parent is not None
        assert (f"{attempt.context.trace_id:032x}", f"{attempt.parent.span_id:016x}") == (TRACE, PARENT)
        assert own.parent is not None
        assert own.parent.span_id == attempt.context.span_id
    async with database.connection() as connection:
        # An operator's retry needs it.
        rows = await connection.fetch("SELECT trace_context FROM herdbook.jobs")
    assert [row["trace_context"] for row in rows] == [GIVEN] * 2


@pytest.mark.parametrize("tm", [7, "", "x" * 100_000, 'a"\0b', {"traceparent": "x"}])
async def test_invalid_trace_contexts_of_other_clients_are_ignored(
    tm: object, other: Queue, worker: Worker, database: Database
) -> None:
    await other.add("nest", "a", {"tm": tm})
    (attempt,) = await spans("process nest")
    assert attempt.parent is None
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT trace_context FROM herdbook.jobs") is None


@pytest.mark.parametrize(
    ("how", "outcomes", "status"),
    [
        ("well", ["completed"], StatusCode.UNSET),
        ("cancel", ["cancelled"], StatusCode.UNSET),
        ("snooze", ["snoozed", "completed"], StatusCode.UNSET),
        ("fail", ["failed"], StatusCode.ERROR),
    ],
)
async def test_the_span_of_an_attempt_has_its_outcome(
    how: str, outcomes: list[str], status: StatusCode, other: Queue, worker: Worker
) -> None:
    await other.add("end", how, {})
    found = await spans("process end", len(outcomes))
    assert [(span.attributes or {})["herdbook.job.outcome"] for span in found] == outcomes
    assert found[0].status.status_code is status
    for event in found[0].events:
        assert event.name == "exception"
        assert dict(event.attributes or {}) == {"exception.type": "ValueError", "exception.message": "as requested"}


async def test_an_undeclared_job_type_is_not_part_of_the_span_name(other: Queue, worker: Worker) -> None:
    await other.add("made up by others", "a", {})
    (span,) = await spans("process")
    assert span.status.status_code is StatusCode.ERROR


async def test_without_tracing_jobs_have_no_trace_context(database: Database) -> None:
    await Publisher(database, registry, max_job_bytes=1_000).publish(JobRequest(job_type="nest", job_data="a"))
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT trace_context FROM herdbook.jobs") is None
