"""Takes an incident that began or ended, or a job that became final.

Gives the data of the job that tells of it.
Never holds a URL or a secret of the operator's: targets are named.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from herdbook.model.job import JobStatus
from herdbook.model.options import Backoff, CamelModel, WebAddress

ALERT, ALERT_QUEUE = "alert", "alerts"
CALLBACK, CALLBACK_QUEUE = "callback", "callbacks"
# 10 s, 20 s, 40 s … 21 min between two tries, 42 min in all. Migration 0003 says the same of callbacks.
ATTEMPTS = 9
BACKOFF = Backoff(type="exponential", delay=10_000, jitter=0.2)


class AlertPayload(CamelModel):
    """An alert to send: an incident that began or ended."""

    targets: tuple[str, ...] = Field(description="Names of targets in the file of HERDBOOK_ALERTS.", min_length=1)
    event: Literal["opened", "resolved"] = Field(description="Whether the incident began or ended.")
    incident: UUID = Field(description="The incident's id.")
    rule: str = Field(max_length=100, description="The name of the rule.")
    kind: str = Field(max_length=100, description="The rule's kind.")
    subject: str = Field(max_length=1_000, description="The job type, queue or worker that it is about.")
    message: str = Field(max_length=10_000, description="What is wrong, or was.")
    opened_at: datetime = Field(description="When it began.")
    resolved_at: datetime | None = Field(default=None, description="When it ended.")


class FinalJob(CamelModel):
    """What a callback tells. `result` is missing when it is larger than 256 kB, or there is none."""

    job_id: UUID = Field(description="The job's id.")
    job_type: str = Field(description="The job's type.")
    status: JobStatus = Field(description="What became of it: completed, failed or cancelled.")
    result: Any = Field(default=None, description="What it returned.")
    error_message: str | None = Field(description="Why it failed or was cancelled.")
    completed_at: datetime = Field(description="When it became so.")


class CallbackPayload(CamelModel):
    """A job that became final, and who wants to know."""

    url: WebAddress = Field(description="Where to POST it.")
    body: FinalJob = Field(description="What is told.")
