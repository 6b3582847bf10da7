"""The main job: what is published is recorded, carried, run, and its result read back."""

from pydantic import BaseModel

from herdbook.model.job import JobStatus
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest
from herdbook.record.reads import read_attempts
from herdbook.settings import Settings
from herdbook.testing import running_system


class Greeting(BaseModel):
    name: str


async def test_a_job_is_published_run_and_read_back(settings: Settings) -> None:
    registry = Registry()

    @registry.processor("greet")
    async def greet(greeting: Greeting) -> dict[str, str]:
        return {"text": f"Hello {greeting.name}"}

    async with running_system(settings, registry) as system:
        published = await system.publisher.publish(JobRequest(job_type="greet", job_data={"name": "Io"}))
        job = await system.finished(published.id)
        async with system.database.connection() as connection:
            attempts = await read_attempts(connection, job)

    assert job.status is JobStatus.COMPLETED
    assert job.result == {"text": "Hello Io"}
    assert [(one.number, one.outcome, one.worker) for one in attempts] == [(1, "completed", system.worker.id)]
