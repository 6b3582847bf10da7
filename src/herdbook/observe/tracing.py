"""Takes jobs that are published, attempts that run, and OpenTelemetry's tracer provider.

Gives each a span, and a job the trace that its attempts go on with, as a text that travels with it.
Never records job data, results, local variables or stacks.
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

# Attributes: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/. It knows no name for BullMQ, and
# allows one's own. As in BullMQ's own telemetry, an attempt is a child of the publish and not only linked to it.
_SYSTEM = {"messaging.system": "bullmq"}
_PUBLISH = {**_SYSTEM, "messaging.operation.name": "publish", "messaging.operation.type": "send"}
_PROCESS = {**_SYSTEM, "messaging.operation.name": "process", "messaging.operation.type": "process"}


class Tracing:
    """Makes the spans; its two methods are a `PublishTrace` and an `AttemptTrace`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("herdbook")

    @contextmanager
    def publishing(self, jobs: Sequence[NewJob]) -> Iterator[Sequence[NewJob]]:
        """One span, for as long as the block lasts, of jobs that are recorded together; gives them their trace."""
        job_types, queues = {job.job_type for job in jobs}, {job.queue for job in jobs}
        attributes: dict[str, str | int] = {**_PUBLISH}
        if len(queues) == 1:
            attributes["messaging.destination.name"] = jobs[0].queue
        if len(jobs) > 1:
            attributes["messaging.batch.message_count"] = len(jobs)
        # A key may bring an earlier job, of another id.
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
        """Begin an attempt's span, which becomes the current one of the calling task; gives what ends it."""
        parent = parse_context(run.trace_context)
        span = self._tracer.start_span(
            # Names are few, by the rules; and others than ours may call a job what they like.
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
    """The current context as BullMQ's telemetry writes it down: the propagators' fields as JSON. None without one."""
    fields: dict[str, str] = {}
    propagate.inject(fields)
    text = json.dumps(fields)
    if len(text) > LONGEST_TRACE_CONTEXT:
        # Baggage and vendors' state come from outside, and may be of any size. The trace itself goes on.
        text = json.dumps({name: fields[name] for name in ("traceparent",) if name in fields})
    return text if text != "{}" else None


def parse_context(text: str | None) -> Context:
    """The context of such a text, which anybody may have written; an empty one for what is none."""
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
