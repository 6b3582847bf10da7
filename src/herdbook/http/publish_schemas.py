"""The JSON of publishing: request bodies and the responses to them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import Field

from herdbook.model.job import JobStatus, NewJob
from herdbook.model.options import CamelModel, JobOptions


class PublishBody(CamelModel):
    """A job to publish."""

    job_type: str = Field(description="One of the job types that `GET /api/job-types` lists.")
    job_data: Any = Field(description="The payload, which must match the job type's schema.")
    options: JobOptions | None = None


class BulkPublishBody(CamelModel):
    """Jobs to publish together: all of them or none."""

    jobs: list[PublishBody] = Field(min_length=1, max_length=10_000)


class AcceptedJob(CamelModel):
    """A job that has been recorded and will be queued."""

    job_id: UUID
    queue_job_id: str
    job_type: str
    queue: str
    status: JobStatus
    priority: int
    run_at: datetime | None = Field(description="The job does not run before this time.")
    max_attempts: int

    @classmethod
    def json_of(cls, job: NewJob) -> bytes:
        """The JSON for a job that was just recorded; building the model first would take four times as long."""
        run_at = job.run_at.astimezone(UTC) if job.run_at else None
        id, status = str(job.id), JobStatus.PENDING
        values = (id, id, job.job_type, job.queue, status, job.priority, run_at, job.max_attempts)
        return orjson.dumps(dict(zip(_ACCEPTED_FIELDS, values, strict=True)), option=orjson.OPT_UTC_Z)


_ACCEPTED_FIELDS = tuple(field.alias or name for name, field in AcceptedJob.model_fields.items())


class AcceptedJobs(CamelModel):
    """The ids of the published jobs, in the order of the request."""

    job_ids: list[UUID]
