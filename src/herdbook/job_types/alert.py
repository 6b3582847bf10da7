"""Sends alerts to their targets, one by one, so that a retry goes only to those that failed.

A target's URL or secret is never shown: targets are named.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import orjson

from herdbook.alerting import Alerts, AppriseTarget, WebhookTarget, load_alerts
from herdbook.alerting.messages import AlertPayload
from herdbook.alerting.signing import signed_headers
from herdbook.errors import ConfigurationError
from herdbook.model.context import JobContext
from herdbook.model.signals import Retry, Unrecoverable
from herdbook.sending.delivery_error import DeliveryError
from herdbook.sending.webhook import post
from herdbook.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """Why a target did not get the alert; `after` is how long it asked to wait, in milliseconds."""

    target: str
    error: str
    is_final: bool = False
    after: int | None = None


class Alerter:
    """Sends alerts about incidents."""

    def __init__(self, settings: Settings) -> None:
        self._allow_private = settings.allow_private_targets
        self._alerts = _validated(load_alerts(settings))

    async def run(self, payload: AlertPayload, job: JobContext) -> dict[str, Any]:
        """Send an alert about an incident; published by Herdbook itself, by the rules in HERDBOOK_ALERTS."""
        notified = _notified_before(job.reported)
        wanted = dict.fromkeys(payload.targets)
        results = await asyncio.gather(*(self._send(payload, name, notified, job) for name in wanted))
        failures = [one for one in results if one is not None]
        if failures:
            message = "; ".join(f"target {one.target}: {one.error}" for one in failures)
            if all(one.is_final for one in failures):
                raise Unrecoverable(message)
            raise DeliveryError(
                message, after=max((one.after for one in failures if one.after is not None), default=None)
            )
        return {"sent": list(wanted)}

    async def _send(self, payload: AlertPayload, name: str, notified: set[str], job: JobContext) -> _Failure | None:
        if name in notified:
            return None
        match self._alerts.targets.get(name):
            case WebhookTarget() as target:
                failure = await self._post(payload, name, target, job)
            case AppriseTarget() as target:
                failure = await _notify(payload, name, target)
            case None:
                failure = _Failure(target=name, error="is not in the HERDBOOK_ALERTS file", is_final=True)
        if failure is None:
            notified.add(name)
            job.progress({"told": sorted(notified)})
        else:
            job.log(f"target {name}: {failure.error}")
        return failure

    async def _post(self, payload: AlertPayload, name: str, target: WebhookTarget, job: JobContext) -> _Failure | None:
        data = payload.model_dump(mode="json", by_alias=True, exclude={"targets", "event"})
        body = orjson.dumps({"type": f"incident.{payload.event}", "timestamp": job.now().isoformat(), "data": data})
        headers = signed_headers(str(job.id), int(job.now().timestamp()), body, target.secret)
        try:
            await post(target.webhook, body, headers, allow_private=self._allow_private)
        except Unrecoverable as error:
            return _Failure(target=name, error=str(error), is_final=True)
        except Retry as error:
            return _Failure(target=name, error=str(error), after=error.after)
        return None


async def _notify(payload: AlertPayload, name: str, target: AppriseTarget) -> _Failure | None:
    from herdbook.sending.channel import send

    is_over = payload.event == "resolved"
    since = f"Since {payload.opened_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    until = f", until {payload.resolved_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if payload.resolved_at else ""
    result = await send(
        target.apprise,
        title=f"Resolved: {payload.rule}" if is_over else f"Alert: {payload.rule}",
        body=f"{payload.message}\n{since}{until}.",
        level="success" if is_over else "failure",
    )
    if result.status == "sent":
        return None
    response = result.response
    return _Failure(
        target=name,
        error=result.error or "not delivered",
        is_final=response is not None and response.is_final,
        after=response.retry_after if response else None,
    )


def _validated(alerts: Alerts) -> Alerts:
    """The alerts, if Apprise supports all their URLs; raises ConfigurationError.

    Without such URLs, Apprise need not be installed.
    """
    urls = {name: target.apprise for name, target in alerts.targets.items() if isinstance(target, AppriseTarget)}
    if urls:
        from herdbook.sending.channel import is_channel

    for name, url in urls.items():
        if not is_channel(url):
            raise ConfigurationError(
                f"HERDBOOK_ALERTS: target {name!r}: apprise: not an Apprise URL, expected something like "
                "slack://token/channel"
            )
    return alerts


def _notified_before(reported: Any) -> set[str]:
    """The targets that earlier attempts notified, according to their progress."""
    found = reported.get("told") if isinstance(reported, dict) else None
    return {name for name in found if isinstance(name, str)} if isinstance(found, list) else set()
