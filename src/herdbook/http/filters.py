"""Takes what a client says of the jobs that it wants, in a query string or in JSON.

Gives the question to the record.
Never asks it.
"""

from typing import Annotated

from pydantic import AwareDatetime, Field

from herdbook.model.job import JobStatus
from herdbook.model.options import CamelModel
from herdbook.record.search import JobFilter

# PostgreSQL's text holds everything but NUL.
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


class JobFilterFields(CamelModel):
    """Which jobs are wanted; what is left out is any."""

    status: JobStatus | None = None
    job_type: Text | None = None
    queue: Text | None = None
    words: Text | None = Field(
        default=None, description="Words that each occur in the job's data, its error or its id."
    )
    since: AwareDatetime | None = Field(default=None, description="Published at this time or later.")
    until: AwareDatetime | None = Field(default=None, description="Published before this time.")

    def wanted(self) -> JobFilter:
        """The question to the record."""
        return JobFilter(
            status=self.status,
            job_type=self.job_type,
            queue=self.queue,
            words=tuple((self.words or "").split()),
            since=self.since,
            until=self.until,
        )
