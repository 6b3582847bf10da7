"""Combining the application's job types with the built-in ones."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from herdbook.errors import ConfigurationError
from herdbook.job_types.assembly import build_registry
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.context import JobContext
from herdbook.model.job import JobStatus
from herdbook.model.registry import Registry
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.record.database import Database
from herdbook.settings import Settings


def test_the_applications_types_override_the_built_in_ones(settings: Settings, database: Database) -> None:
    app = Registry()
    app.declare("greet", dict)
    app.declare("email", dict, queue="mine")
    registry = build_registry(settings, database, app)
    assert {one.name for one in registry} == {"alert", "callback", "greet", "email", "notification", "report"}
    assert registry.get("email").queue == "mine"
    assert app.find("report") is None


def test_invalid_mail_settings_are_a_configuration_error(settings: Settings, database: Database) -> None:
    with pytest.raises(ConfigurationError, match="SMTP_URL"):
        build_registry(settings.model_copy(update={"smtp_url": "http://mail"}), database)


def test_the_types_that_come_along_know_their_payloads_and_queues(settings: Settings, database: Database) -> None:
    registry = build_registry(settings, database)
    assert registry.queues() == ["alerts", "callbacks", "email", "notification", "report"]
    for job_type in registry:
        assert job_type.queue in (job_type.name, f"{job_type.name}s")
        assert job_type.executor == "async"
        assert job_type.takes_context
        assert job_type.description
        schema = job_type.payload.json_schema(by_alias=True)
        fields = [schema, *schema.get("$defs", {}).values()]
        described = [field for model in fields for field in model.get("properties", {}).values()]
        assert all(field.get("description") for field in described)


async def test_a_report_of_the_record_reads_it(settings: Settings, database: Database, tmp_path: Path) -> None:
    registry = build_registry(settings, database)
    publisher = Publisher(database, registry, max_job_bytes=10_000)
    rows = {"title": "Rows", "source": {"rows": [{"a": 1}]}}
    await asyncio.gather(*(publisher.publish(JobRequest(job_type="report", job_data=rows)) for _ in range(3)))
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE herdbook.jobs SET status = $1, started_at = now(), completed_at = now()", JobStatus.COMPLETED
        )
    artifacts = FolderArtifacts(tmp_path)
    job = JobContext(id=uuid4(), job_type="report", queue="report", attempt=1, reported=None, artifacts=artifacts)
    report = registry.get("report")
    payload = report.validate('{"title": "All", "format": "csv", "source": {"record": {"hours": 1}}}')
    await report.call(payload, job)
    found = artifacts.find(job.id)
    assert found is not None
    assert "report,3" in found[1].read_text(encoding="utf-8-sig").replace(";", ",")
