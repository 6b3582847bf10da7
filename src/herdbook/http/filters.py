"""The filter for jobs that clients send in a query string or as JSON."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from herdbook.model.job import JobStatus
from herdbook.model.options import CamelModel
from herdbook.record.search import JobFilter

# PostgreSQL's text holds everything but NUL.
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


class JobFilterFields(CamelModel):
    """Which jobs to select; fields that are left out match any job."""

    status: JobStatus | None = None
    job_type: Text | None = None
    queue: Text | None = None
    words: Text | None = Field(
        default=None, description="Search words, each of which must occur in the job's data, error or id."
    )
    since: AwareDatetime | None = Field(default=None, description="Published at this time or later.")
    until: AwareDatetime | None = Field(default=None, description="Published before this time.")

    def job_filter(self) -> JobFilter:
        """The filter for a search in the record."""
        return JobFilter(
            status=self.status,
            job_type=self.job_type,
            queue=self.queue,
            words=tuple((self.words or "").split()),
            since=self.since,
            until=self.until,
        )
