"""The form fields of a job's options, with the defaults of its type.

What is valid is decided by `JobOptions`, not here.
"""

import json
from typing import Any

from herdbook.model.duration import format_duration
from herdbook.model.job import Job
from herdbook.model.options import MAX_PRIORITY
from herdbook.model.registry import JobType
from herdbook.web.form.entries import FieldEntry
from herdbook.web.form.fields import Field, FieldKind, Option
from herdbook.web.form.value_to_entry import value_to_entry

OPTIONS = "options"
_DELAY_HINT = "Examples: 500ms, 30s, 10m, 2h, 1d. A number without a unit is in milliseconds."
_TIMEOUT_HINT = "Examples: 500ms, 30s, 10m. A number without a unit is in seconds."


_SCHEDULING_FIELDS = (
    Field(
        kind=FieldKind.DURATION,
        key="delay",
        label="Delay",
        help="How long to wait before the first attempt.",
        hint=_DELAY_HINT,
    ),
    Field(
        kind=FieldKind.DATE_TIME,
        key="runAt",
        label="Run at",
        help="The earliest time to run, instead of a delay.",
    ),
    Field(
        kind=FieldKind.INTEGER,
        key="priority",
        label="Priority",
        help="1 is the highest priority, larger numbers run later; empty or 0 means no priority.",
        hint=f"From 0 to {MAX_PRIORITY:,}.",
    ),
)
# Less common options that do not depend on the job type either.
_OTHER_FIELDS = (
    Field(
        kind=FieldKind.TEXT,
        key="callbackUrl",
        label="Callback URL",
        help="Herdbook POSTs the outcome here when the job is completed, failed or cancelled.",
        hint="An http or https URL without a user name or password.",
        input_mode="url",
    ),
    Field(
        kind=FieldKind.TEXT,
        key="idempotencyKey",
        label="Idempotency key",
        help="Publishing again with the same key and content returns this job instead of creating another one.",
        hint="At most 255 characters.",
    ),
)


def options_field(job_type: JobType) -> Field:
    """The options of a job of this type, as one object field."""
    attempts = Field(
        kind=FieldKind.INTEGER,
        key="attempts",
        label="Attempts",
        help="The maximum number of attempts, including the first one.",
        hint=f"From 1 to 1,000. Default: {job_type.attempts}.",
    )
    timeout = Field(
        kind=FieldKind.DURATION,
        key="timeout",
        label="Timeout",
        help="The maximum run time of one attempt. An attempt that takes longer is stopped and counts as failed.",
        hint=f"{_TIMEOUT_HINT} Default: {_default_timeout(job_type)}.",
    )
    return Field(
        kind=FieldKind.OBJECT,
        label="Options",
        required=True,
        fields=(*_SCHEDULING_FIELDS, attempts, _backoff_field(job_type), timeout, *_OTHER_FIELDS),
    )


def _default_backoff(job_type: JobType) -> str:
    if job_type.own_backoff:
        return "decided by the job type from the attempt number and the error"
    backoff = job_type.backoff
    if backoff is None:
        return "none, failed attempts are retried immediately"
    return f"{backoff.type}, from {format_duration(backoff.delay)}"


def _default_timeout(job_type: JobType) -> str:
    if job_type.timeout:
        return format_duration(round(job_type.timeout * 1_000))
    return "none" if job_type.function else "set by the program that runs the job"


def _backoff_field(job_type: JobType) -> Field:
    kinds = tuple(Option(text=json.dumps(one), label=one, value=one) for one in ("exponential", "fixed"))
    return Field(
        kind=FieldKind.OBJECT,
        key="backoff",
        label="Backoff",
        help="How long to wait before a retry.",
        hint=f"Default: {_default_backoff(job_type)}.",
        fields=(
            Field(
                kind=FieldKind.CHOICE,
                key="type",
                label="Type",
                help="Fixed: the same delay before each retry. Exponential: the delay doubles after each attempt.",
                options=kinds,
            ),
            Field(
                kind=FieldKind.DURATION,
                key="delay",
                label="Delay",
                help="The delay before the first retry.",
                hint=_DELAY_HINT,
            ),
            Field(
                kind=FieldKind.NUMBER,
                key="jitter",
                label="Jitter",
                help="The fraction of the delay that is random.",
                hint="From 0 to 1.",
                input_mode="decimal",
            ),
        ),
    )


def options_from_job(job_type: JobType, job: Job) -> FieldEntry:
    """The options of an earlier job that differ from its type's, without its run time and idempotency key."""
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
    return value_to_entry(options_field(job_type), OPTIONS, found)
