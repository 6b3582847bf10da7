"""OpenTelemetry spans for publishing jobs and running attempts, linked by a trace context that travels with the job.

Spans never contain job data, results, local variables or stack traces.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import orjson
from opentelemetry import propagate
from opentelemetry.context import Context, attach
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider, set_span_in_context

from herdbook.model.job import LONGEST_TRACE_CONTEXT, NewJob
from herdbook.model.outcome import Failed, WillRetry
from herdbook.observe.events import ObservedAttempt

# Attributes: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/. They define no system name for
# BullMQ, but allow custom ones. As in BullMQ's own telemetry, an attempt is a child of the publish, not just linked.
_SYSTEM = {"messaging.system": "bullmq"}
_PUBLISH = {**_SYSTEM, "messaging.operation.name": "publish", "messaging.operation.type": "send"}
_PROCESS = {**_SYSTEM, "messaging.operation.name": "process", "messaging.operation.type": "process"}


class Tracing:
    """Creates the spans; its two methods are a `PublishTrace` and an `AttemptTrace`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("herdbook")

    @contextmanager
    def publishing(self, jobs: Sequence[NewJob]) -> Iterator[Sequence[NewJob]]:
        """A span, for the length of the block, for jobs recorded together; yields the jobs with their trace context."""
        job_types, queues = {job.job_type for job in jobs}, {job.queue for job in jobs}
        attributes: dict[str, str | int] = {**_PUBLISH}
        if len(queues) == 1:
            attributes["messaging.destination.name"] = jobs[0].queue
        if len(jobs) > 1:
            attributes["messaging.batch.message_count"] = len(jobs)
        # With an idempotency key, the result may be an earlier job with another id.
        elif jobs and jobs[0].idempotency_key is None:
            attributes |= {"messaging.message.id": str(jobs[0].id), "herdbook.job.id": str(jobs[0].id)}
        with self._tracer.start_as_current_span(
            f"publish {jobs[0].job_type}" if len(job_types) == 1 else "publish",
            kind=SpanKind.PRODUCER,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            trace_context = context_text()
            try:
                yield [replace(job, trace_context=trace_context) for job in jobs]
            except Exception as error:
                _fail(span, type(error).__qualname__, str(error))
                raise

    def attempt(self, run: ObservedAttempt) -> Callable[[], None]:
        """Start an attempt's span and make it current in the calling task; returns a function that ends it."""
        parent = parse_context(run.trace_context)
        span = self._tracer.start_span(
            # Span names must have low cardinality, and other clients may use any job type names.
            f"process {run.type_name}" if run.type_name else "process",
            context=parent,
            kind=SpanKind.CONSUMER,
            attributes={
                **_PROCESS,
                "messaging.destination.name": run.queue,
                "messaging.message.id": run.job_id,
                "herdbook.job.id": str(run.key.job),
                "herdbook.job.attempt": run.key.number,
            },
        )
        attach(set_span_in_context(span, parent))
        return partial(_end, span, run)


def context_text() -> str | None:
    """The current context in BullMQ's telemetry format: the propagators' fields as JSON. None if there is none."""
    fields: dict[str, str] = {}
    propagate.inject(fields)
    text = json.dumps(fields)
    if len(text) > LONGEST_TRACE_CONTEXT:
        # Baggage and vendor state come from outside and may be of any size; the trace itself continues without them.
        text = json.dumps({name: fields[name] for name in ("traceparent",) if name in fields})
    return text if text != "{}" else None


def parse_context(text: str | None) -> Context:
    """The context in such a text, which any client may have written; an empty one if it is invalid."""
    try:
        fields = orjson.loads(text or "{}")
    except ValueError:
        return Context()
    if not isinstance(fields, Mapping):
        return Context()
    return propagate.extract({name: one for name, one in fields.items() if isinstance(one, str)}, Context())


def _end(span: Span, run: ObservedAttempt) -> None:
    outcome = run.outcome
    assert outcome is not None
    span.set_attribute("herdbook.job.outcome", outcome.attempt_outcome)
    if isinstance(outcome, Failed | WillRetry):
        _fail(span, outcome.error.type, outcome.error.message)
    span.end()


def _fail(span: Span, kind: str, message: str) -> None:
    span.set_attribute("error.type", kind)
    span.add_event("exception", {"exception.type": kind, "exception.message": message})
    span.set_status(Status(StatusCode.ERROR, message))
