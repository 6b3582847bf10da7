"""Herdbook tells when something is wrong, once, and when it is healthy again, once; and what became of a job."""

import pytest

from herdbook.alerting import load_alerts
from herdbook.execution.worker import Worker
from herdbook.job_types.assembly import build_registry
from herdbook.model.context import JobContext
from herdbook.model.job import Job, JobStatus
from herdbook.model.options import JobOptions
from herdbook.model.registry import Registry
from herdbook.model.signals import Unrecoverable
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.publishing.publish import JobRequest, Publisher
from herdbook.queue.connection import connect
from herdbook.record.alerts import read_incidents
from herdbook.record.database import Database
from herdbook.record.job_types import declare_job_types
from herdbook.record.reads import job_of
from herdbook.settings import Settings
from herdbook.testing import eventually, running_system
from herdbook.upkeep.alerts import AlertWatch
from tests.receiving import SECRET, receiving


def with_alerts(settings: Settings, url: str, rule: str) -> Settings:
    """The settings with one rule, which tells a webhook."""
    path = settings.data / "alerts.toml"
    path.write_text(f'[targets.hook]\nwebhook = "{url}"\nsecret = "{SECRET}"\n[[rules]]\n{rule}\n', encoding="utf-8")
    return settings.model_copy(update={"alerts": path, "allow_private_targets": True})


async def test_an_outage_of_workers_is_told_once_and_its_end_once(settings: Settings, database: Database) -> None:
    """The worker of queue `mails` is missing; another one, which takes alerts, still tells."""
    app = Registry()

    @app.processor("mail", queue="mails")
    async def mail(payload: int) -> int:
        return payload

    async with database.connection() as connection:
        await declare_job_types(connection, app)
    publisher = Publisher(database, app, max_job_bytes=1_000)
    async with receiving() as receiver:
        receiver.answers = [503]
        settings = with_alerts(settings, receiver.url, 'kind = "no-worker"\nlonger_than = "100ms"')
        assert settings.redis_url
        builtin = build_registry(settings, database)
        async with running_system(settings, builtin) as system, connect(settings.redis_url) as client:
            queues = QueueStatsReader(database, app, client, prefix=settings.queue_prefix)
            watch = AlertWatch(database, queues, load_alerts(settings), pause=0.05)
            watch.start()
            job = await publisher.publish(JobRequest(job_type="mail", job_data=1))
            await eventually(lambda: receiver.got(2))
            worker = Worker(settings, app, database)
            worker.start()
            assert (await system.finished(job.id)).status is JobStatus.COMPLETED
            await eventually(lambda: receiver.got(3))
            await watch.stop()
            await worker.stop(deadline=5.0)
    async with database.connection() as connection:
        (incident,) = await read_incidents(connection, 10)
    refused, again, over = receiver.messages
    assert refused.id == again.id == str(incident.opening_job)
    assert over.id == str(incident.resolving_job)
    assert [one.is_signed for one in receiver.messages] == [True] * 3
    assert [one.body["type"] for one in (again, over)] == ["incident.opened", "incident.resolved"]
    assert again.body["data"]["subject"] == "mails"
    assert again.body["data"]["message"] == "No live worker takes queue mails: 1 job waiting."


@pytest.fixture
def app(settings: Settings, database: Database) -> Registry:
    """A job type that does as it is told."""
    app = Registry()

    @app.processor("do", attempts=2, backoff=None)
    async def do(payload: str, job: JobContext) -> dict[str, str]:
        if payload == "fail" or (payload == "stumble" and job.attempt == 1):
            raise ValueError("no")
        if payload == "refuse":
            raise Unrecoverable("never")
        return {"did": payload * 200_000 if payload == "much" else payload}

    called = settings.model_copy(update={"allow_private_targets": True, "webhook_secret": SECRET})
    return build_registry(called, database, app)


async def callbacks(database: Database) -> list[Job]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT * FROM herdbook.jobs WHERE job_type = 'callback' ORDER BY id")
    return [job_of(row) for row in rows]


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ("well", {"status": "completed", "result": {"did": "well"}, "errorMessage": None}),
        ("stumble", {"status": "completed", "result": {"did": "stumble"}, "errorMessage": None}),
        ("much", {"status": "completed", "errorMessage": None}),
        ("fail", {"status": "failed", "errorMessage": "no"}),
        ("refuse", {"status": "failed", "errorMessage": "never"}),
    ],
)
async def test_who_asked_is_told_once_what_became_of_a_job(
    settings: Settings, database: Database, app: Registry, payload: str, told: dict[str, object]
) -> None:
    async with receiving() as receiver:
        receiver.answers = [503]
        options = JobOptions.model_validate({"callbackUrl": receiver.url})
        async with running_system(settings, app) as system:
            made = await system.publisher.publish(JobRequest(job_type="do", job_data=payload, options=options))
            job = await system.finished(made.id)
            await eventually(lambda: receiver.got(2))
            (call,) = await callbacks(database)
            assert (await system.finished(call.id)).result == {"status": 204}
    refused, again = receiver.messages
    assert refused.id == again.id == str(call.id)
    assert again.is_signed
    assert job.callback_url == receiver.url
    assert job.completed_at
    stamp = str(again.body.pop("completedAt"))
    assert stamp[:19] == job.completed_at.isoformat()[:19]
    assert again.body == {"jobId": str(job.id), "jobType": "do", **told}


async def test_who_asked_is_told_of_a_cancelled_job(settings: Settings, database: Database, app: Registry) -> None:
    async with receiving() as receiver:
        options = JobOptions.model_validate({"callbackUrl": receiver.url, "delay": "1h"})
        async with running_system(settings, app) as system:
            made = await system.publisher.publish(JobRequest(job_type="do", job_data="well", options=options))
            await system.control.cancel([made.id], "not wanted")
            await eventually(lambda: receiver.got(1))
    (message,) = receiver.messages
    assert (message.body["status"], message.body["errorMessage"]) == ("cancelled", "not wanted")


async def test_a_callback_into_the_private_network_is_refused(settings: Settings, database: Database) -> None:
    app = Registry()

    @app.processor("do")
    async def do(payload: int) -> int:
        return payload

    async with receiving() as receiver:
        options = JobOptions.model_validate({"callbackUrl": receiver.url})
        async with running_system(settings, build_registry(settings, database, app)) as system:
            made = await system.publisher.publish(JobRequest(job_type="do", job_data=1, options=options))
            await system.finished(made.id)
            (call,) = await callbacks(database)
            refused = await system.finished(call.id)
    assert receiver.messages == []
    assert refused.status is JobStatus.FAILED
    assert "only private addresses" in (refused.error_message or "")


async def test_callbacks_are_published_as_their_job_type_is_declared(database: Database, app: Registry) -> None:
    async with database.connection() as connection:
        await connection.fetchval(
            "SELECT herdbook.publish_callback('http://x.y/', gen_random_uuid(), 't', 'completed', NULL, NULL, now())"
        )
    (job,) = await callbacks(database)
    declared = app.get("callback")
    assert (job.queue, job.max_attempts, job.backoff) == (declared.queue, declared.attempts, declared.backoff)
