"""Alerts to chats and programs: each target gets one, and its URL never shows up."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from herdbook.alerting.messages import AlertPayload
from herdbook.errors import ConfigurationError
from herdbook.job_types.alert import Alerter
from herdbook.model.context import JobContext
from herdbook.model.signals import Unrecoverable
from herdbook.sending.delivery_error import DeliveryError
from herdbook.settings import Settings
from tests.receiving import SECRET, receiving

TOKEN = "hush-hush"


def alerter(folder: Path, url: str, apprise: str = "", *, private: bool = True) -> Alerter:
    path = folder / "alerts.toml"
    team = apprise or f"{url.replace('http', 'json', 1)}/{TOKEN}"
    path.write_text(
        f'[targets.team]\napprise = "{team}"\n'
        f'[targets.program]\nwebhook = "{url}/{TOKEN}"\nsecret = "{SECRET}"\n'
        '[[rules]]\nkind = "job-failed"\n',
        encoding="utf-8",
    )
    return Alerter(Settings(alerts=path, allow_private_targets=private))


def news(*targets: str, **more: Any) -> AlertPayload:
    fields = {
        "targets": targets,
        "event": "opened",
        "incident": "0198c000-0000-7000-8000-000000000001",
        "rule": "Mails",
        "kind": "job-failed",
        "subject": "mail",
        "message": "1 job of type mail failed for good.",
        "openedAt": "2026-01-02T03:04:05Z",
        **more,
    }
    return AlertPayload.model_validate_json(orjson.dumps(fields))


async def test_a_program_gets_a_signed_event(tmp_path: Path, job: JobContext) -> None:
    async with receiving() as receiver:
        result = await alerter(tmp_path, receiver.url).run(news("program"), job)
    (message,) = receiver.messages
    assert (result, message.id, message.is_signed) == ({"sent": ["program"]}, str(job.id), True)
    assert message.body["type"] == "incident.opened"
    assert message.body["data"] == {
        "incident": "0198c000-0000-7000-8000-000000000001",
        "rule": "Mails",
        "kind": "job-failed",
        "subject": "mail",
        "message": "1 job of type mail failed for good.",
        "openedAt": "2026-01-02T03:04:05Z",
        "resolvedAt": None,
    }


async def test_a_retry_skips_targets_that_were_notified(
    tmp_path: Path, make_job: Callable[..., JobContext], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with receiving() as receiver:
        sender = alerter(tmp_path, receiver.url, apprise=f"json://127.0.0.1:1/{TOKEN}")
        first = make_job()
        with pytest.raises(DeliveryError, match="target team: ") as caught:
            await sender.run(news("team", "program"), first)
        report = first.take_report()
        assert report.progress == '{"told":["program"]}'
        assert TOKEN not in f"{caught.value}{report}"
        with pytest.raises(DeliveryError):
            await sender.run(news("team", "program"), make_job(reported=orjson.loads(report.progress), attempt=2))
    assert len(receiver.messages) == 1


async def test_an_alert_that_every_target_refuses_for_good_is_not_retried(tmp_path: Path, job: JobContext) -> None:
    async with receiving() as receiver:
        receiver.answers = [410]
        with pytest.raises(
            Unrecoverable, match=r"target gone: is not in the .* file; target program: .* responded with 410"
        ):
            await alerter(tmp_path, receiver.url).run(news("gone", "program"), job)


async def test_webhooks_to_private_addresses_are_refused_like_callbacks(tmp_path: Path, job: JobContext) -> None:
    async with receiving() as receiver:
        with pytest.raises(Unrecoverable, match="only private addresses"):
            await alerter(tmp_path, receiver.url, private=False).run(news("program"), job)
    assert receiver.messages == []


@pytest.mark.parametrize("url", [f"nosuch://{TOKEN}", f"slack://{TOKEN}", TOKEN])
def test_a_url_that_apprise_does_not_support_is_a_configuration_error_and_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    caplog.set_level(logging.WARNING)
    with pytest.raises(ConfigurationError, match="HERDBOOK_ALERTS: target 'team': apprise") as caught:
        alerter(tmp_path, "http://x.example", url)
    assert TOKEN not in f"{caught.value}{caplog.text}"
