"""Publishes jobs for the stories."""

from typing import Any
from uuid import UUID

from herdbook.model.options import JobOptions
from herdbook.publishing.publish import JobRequest

from .conftest import Site


async def publish(site: Site, job_type: str, data: Any, **options: Any) -> UUID:
    """Publish a job; returns its id."""
    request = JobRequest(job_type=job_type, job_data=data, options=JobOptions(**options))
    return (await site.system.publisher.publish(request)).id
