"""Takes a job type.

Gives the fields of a job's options, which say what the type's own are.
Never knows the options' limits: `JobOptions` does.
"""

import json
from typing import Any

from herdbook.model.duration import format_duration
from herdbook.model.job import Job
from herdbook.model.options import MAX_PRIORITY
from herdbook.model.registry import JobType
from herdbook.web.form.entries import FieldEntry
from herdbook.web.form.fields import Field, FieldKind, Option
from herdbook.web.form.fill import fill

NAME = "options"
_DURATION = "Such as 500ms, 30s, 10m, 2h or 1d; a bare number is in milliseconds."
_LIMIT = "Such as 500ms, 30s or 10m; a bare number is in seconds."


# When the job runs.
_WHEN = (
    Field(kind=FieldKind.DURATION, key="delay", label="Delay", help="Wait before the first try.", hint=_DURATION),
    Field(
        kind=FieldKind.DATE_TIME,
        key="runAt",
        label="Run at",
        help="Instead of a delay: do not run before this time.",
    ),
    Field(
        kind=FieldKind.INTEGER,
        key="priority",
        label="Priority",
        help="1 goes first, higher numbers later; empty or 0 is none.",
        hint=f"From 0 to {MAX_PRIORITY:,}.",
    ),
)
# What does not depend on its type either, and is rarely wanted.
_MORE = (
    Field(
        kind=FieldKind.TEXT,
        key="callbackUrl",
        label="Callback",
        help="Where to POST what became of the job, once it is completed, failed or cancelled.",
        hint="An http or https URL, without a user name or a password.",
        input_mode="url",
    ),
    Field(
        kind=FieldKind.TEXT,
        key="idempotencyKey",
        label="Idempotency key",
        help="Publishing again with the same key and the same content brings this job, not a second one.",
        hint="At most 255 characters.",
    ),
)


def options_of(job_type: JobType) -> Field:
    """The options of a job of this type, as one field."""
    attempts = Field(
        kind=FieldKind.INTEGER,
        key="attempts",
        label="Attempts",
        help="How often the job may be tried.",
        hint=f"From 1 to 1,000. Default: {job_type.attempts}.",
    )
    timeout = Field(
        kind=FieldKind.DURATION,
        key="timeout",
        label="Time limit",
        help="How long one try may take; one that takes longer is stopped, and counts.",
        hint=f"{_LIMIT} Default: {_usual_limit(job_type)}.",
    )
    return Field(
        kind=FieldKind.OBJECT,
        label="Options",
        required=True,
        fields=(*_WHEN, attempts, _backoff(f"Default: {_usual_backoff(job_type)}."), timeout, *_MORE),
    )


def _usual_backoff(job_type: JobType) -> str:
    if job_type.own_backoff:
        return "the job type decides, by the number of the try and its error"
    backoff = job_type.backoff
    return f"{backoff.type}, from {format_duration(backoff.delay)}" if backoff else "none, the next try comes at once"


def _usual_limit(job_type: JobType) -> str:
    if job_type.timeout:
        return format_duration(round(job_type.timeout * 1_000))
    return "none" if job_type.function else "that of the program which does the work"


def _backoff(hint: str) -> Field:
    kinds = tuple(Option(text=json.dumps(one), label=one, value=one) for one in ("exponential", "fixed"))
    return Field(
        kind=FieldKind.OBJECT,
        key="backoff",
        label="Backoff",
        help="How long to wait between two tries.",
        hint=hint,
        fields=(
            Field(
                kind=FieldKind.CHOICE,
                key="type",
                label="Type",
                help="The same wait each time, or twice as long after each try.",
                options=kinds,
            ),
            Field(kind=FieldKind.DURATION, key="delay", label="Delay", help="The first wait.", hint=_DURATION),
            Field(
                kind=FieldKind.NUMBER,
                key="jitter",
                label="Jitter",
                help="The share of the wait that is random.",
                hint="From 0 to 1.",
                input_mode="decimal",
            ),
        ),
    )


def options_like(job_type: JobType, job: Job) -> FieldEntry:
    """The options of an earlier job, but for its time and key; what is usual for its type is left out."""
    found: dict[str, Any] = {}
    if job.priority:
        found["priority"] = job.priority
    if job.max_attempts != job_type.attempts:
        found["attempts"] = job.max_attempts
    if job.backoff and job.backoff != job_type.backoff:
        found["backoff"] = job.backoff.model_dump(mode="json", by_alias=True)
    if job.timeout_ms:
        found["timeout"] = job.timeout_ms
    if job.callback_url:
        found["callbackUrl"] = job.callback_url
    return fill(options_of(job_type), NAME, found)
