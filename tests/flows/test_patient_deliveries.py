"""Servers that do not want our mail or our message at once, and how built-in jobs deal with them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from herdbook.job_types.assembly import build_registry
from herdbook.model.job import Attempt, AttemptOutcome, Job, JobStatus
from herdbook.model.options import JobOptions
from herdbook.publishing.publish import JobRequest
from herdbook.record.database import Database
from herdbook.record.reads import read_attempts
from herdbook.settings import Settings
from herdbook.testing import RunningSystem, running_system

QUICK = JobOptions.model_validate({"backoff": {"type": "fixed", "delay": 20}})
MAIL = {"to": "ada@example.com", "subject": "Milk", "text": "28 litres"}


class Greylist:
    """A mail server's handler that refuses the first mails."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.taken: list[Envelope] = []

    async def handle_DATA(  # noqa: N802  (aiosmtpd calls it so)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.answers:
            return self.answers.pop(0)
        self.taken.append(envelope)
        return "250 OK"


@asynccontextmanager
async def mail_server(handler: Greylist) -> AsyncIterator[str]:
    """The URL of a server with this handler."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()


class Hook:
    """A web server that answers as it is told, then 200."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str | None]] = []
        self.asked = 0
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                hook.asked += 1
                status, retry_after = hook.answers.pop(0) if hook.answers else (200, None)
                self.send_response(status)
                if retry_after:
                    self.send_header("Retry-After", retry_after)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    thread = threading.Thread(target=hook.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()
    thread.join()


async def run(
    system: RunningSystem, job_type: str, data: dict[str, Any], options: JobOptions
) -> tuple[Job, list[Attempt]]:
    """A job once it is final, and its attempts."""
    published = await system.publisher.publish(JobRequest(job_type=job_type, job_data=data, options=options))
    job = await system.finished(published.id)
    async with system.database.connection() as connection:
        return job, await read_attempts(connection, job)


async def test_a_mail_server_that_refuses_twice_then_accepts(settings: Settings, database: Database) -> None:
    greylist = Greylist("451 4.7.1 greylisted, come back", "451 4.7.1 greylisted, come back")
    async with mail_server(greylist) as url:
        with_mail = settings.model_copy(update={"smtp_url": url})
        async with running_system(with_mail, build_registry(with_mail, database)) as system:
            job, attempts = await run(system, "email", MAIL, QUICK)
    assert (job.status, job.max_attempts, len(greylist.taken)) == (JobStatus.COMPLETED, 6, 1)
    assert [(one.outcome, one.error_type) for one in attempts] == [
        (AttemptOutcome.RETRY, "DeliveryError"),
        (AttemptOutcome.RETRY, "DeliveryError"),
        (AttemptOutcome.COMPLETED, None),
    ]
    assert "451 4.7.1 greylisted" in (attempts[0].error_message or "")


async def test_a_mail_server_that_refuses_for_good_is_not_asked_again(settings: Settings, database: Database) -> None:
    greylist = Greylist("554 5.7.1 we do not want this")
    async with mail_server(greylist) as url:
        with_mail = settings.model_copy(update={"smtp_url": url})
        async with running_system(with_mail, build_registry(with_mail, database)) as system:
            job, attempts = await run(system, "email", MAIL, QUICK)
    assert (job.status, len(attempts), greylist.taken) == (JobStatus.FAILED, 1, [])


def test_mails_survive_greylisting_by_default(settings: Settings, database: Database) -> None:
    email = build_registry(settings, database).get("email")
    assert email.backoff
    waited = sum(email.backoff.wait(tries, 0.0) for tries in range(1, email.attempts))
    assert waited > 10 * 60_000


@pytest.mark.parametrize("status", [429, 503])
async def test_a_web_server_says_when_to_come_back(
    settings: Settings, database: Database, hook: Hook, status: int
) -> None:
    """The job's own backoff of an hour does not hold then."""
    hook.answers = [(status, "1")]
    patient = JobOptions.model_validate({"backoff": {"type": "fixed", "delay": "1h"}})
    async with running_system(settings, build_registry(settings, database)) as system:
        job, attempts = await run(system, "notification", {"channels": [hook.url], "body": "hello"}, patient)
    assert (job.status, hook.asked) == (JobStatus.COMPLETED, 2)
    assert attempts[0].outcome is AttemptOutcome.RETRY
    assert attempts[0].ended_at
    assert attempts[1].started_at
    assert (attempts[1].started_at - attempts[0].ended_at).total_seconds() >= 0.9


async def test_a_web_server_that_knows_no_such_hook_is_not_asked_again(
    settings: Settings, database: Database, hook: Hook
) -> None:
    hook.answers = [(404, None)] * 5
    async with running_system(settings, build_registry(settings, database)) as system:
        job, attempts = await run(system, "notification", {"channels": [hook.url], "body": "hello"}, QUICK)
    assert (job.status, len(attempts), hook.asked) == (JobStatus.FAILED, 1, 1)


async def test_with_one_channel_worth_it_a_message_is_tried_again(
    settings: Settings, database: Database, hook: Hook
) -> None:
    hook.answers = [(404, None), (503, None)]
    channels = [hook.url, f"{hook.url}/other"]
    async with running_system(settings, build_registry(settings, database)) as system:
        job, attempts = await run(system, "notification", {"channels": channels, "body": "hello"}, QUICK)
    assert (job.status, len(attempts)) == (JobStatus.COMPLETED, 2)
