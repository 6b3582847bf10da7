"""The payloads of the jobs that send alerts and callbacks.

An alert names its targets and never contains their URLs or secrets.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from herdbook.model.job import JobStatus
from herdbook.model.options import Backoff, CamelModel, WebAddress

ALERT, ALERT_QUEUE = "alert", "alerts"
CALLBACK, CALLBACK_QUEUE = "callback", "callbacks"
# Waits of 10 s, 20 s, 40 s … 21 min between attempts, 42 min in total. Migration 0003 has the same for callbacks.
ATTEMPTS = 9
BACKOFF = Backoff(type="exponential", delay=10_000, jitter=0.2)


class AlertPayload(CamelModel):
    """An alert to send: an incident was opened or resolved."""

    targets: tuple[str, ...] = Field(description="Names of targets in the HERDBOOK_ALERTS file.", min_length=1)
    event: Literal["opened", "resolved"] = Field(description="Whether the incident was opened or resolved.")
    incident: UUID = Field(description="The incident's id.")
    rule: str = Field(max_length=100, description="The name of the rule.")
    kind: str = Field(max_length=100, description="The rule's kind.")
    subject: str = Field(max_length=1_000, description="The job type, queue or worker concerned.")
    message: str = Field(max_length=10_000, description="What is or was wrong.")
    opened_at: datetime = Field(description="When it was opened.")
    resolved_at: datetime | None = Field(default=None, description="When it was resolved.")


class FinalJob(CamelModel):
    """The body of a callback. `result` is missing if there is none or it is larger than 256 kB."""

    job_id: UUID = Field(description="The job's id.")
    job_type: str = Field(description="The job's type.")
    status: JobStatus = Field(description="Its final status: completed, failed or cancelled.")
    result: Any = Field(default=None, description="Its result.")
    error_message: str | None = Field(description="Why it failed or was cancelled.")
    completed_at: datetime = Field(description="When it finished.")


class CallbackPayload(CamelModel):
    """A callback to send: a job finished."""

    url: WebAddress = Field(description="Where to POST the body.")
    body: FinalJob = Field(description="The finished job.")
