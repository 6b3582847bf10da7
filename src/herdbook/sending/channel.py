"""Sends a short message to one channel, an Apprise URL; what is secret in the URL is never shown or kept."""

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Literal
from urllib.parse import unquote

import apprise

from herdbook.sending.answers import TargetResponse
from herdbook.sending.requests_answers import captured_responses

Level = Literal["info", "success", "warning", "failure"]
UNKNOWN = "unknown channel"

_SCHEME = re.compile(r"([a-z0-9_-]{1,25})://", re.IGNORECASE)
_LONGEST_ERROR = 300
_checking: ContextVar[bool] = ContextVar("checking", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelResult:
    """What became of the message on one channel; `optional` failures do not fail the job.

    `response` is the last HTTP response to a message that failed, if there was one.
    """

    channel: str
    status: Literal["sent", "sentEarlier", "failed"]
    error: str | None = None
    optional: bool = False
    response: TargetResponse | None = None

    def as_json(self) -> dict[str, str]:
        """The channel's part of the job's result."""
        shown = {"channel": self.channel, "status": self.status}
        return {**shown, "error": self.error} if self.error else shown


def scheme_of(url: str) -> str | None:
    """The scheme of a URL, which names its service; None for a text that has none."""
    found = _SCHEME.match(url)
    return found[1].lower() if found else None


def open_channel(url: str) -> apprise.NotifyBase | None:
    """The channel of a URL; None when Apprise cannot use it."""
    # Its own asset for each: Apprise keeps state in it. No keys or files are made on this machine.
    asset = apprise.AppriseAsset(app_id="Herdbook", app_desc="Herdbook", pgp_autogen=False, pem_autogen=False)
    _hush_checks()
    token = _checking.set(True)
    try:
        return apprise.Apprise.instantiate(url, asset=asset)
    finally:
        _checking.reset(token)


@cache
def _hush_checks() -> None:
    """Have Apprise not log what is wrong with a URL: it would show tokens. Whoever gave the URL is told."""
    logging.getLogger("apprise").addFilter(lambda _: not _checking.get())


def is_channel(url: str) -> bool:
    """Whether a URL is one that Apprise can use."""
    return scheme_of(url) is not None and open_channel(url) is not None


async def send(url: str, *, title: str, body: str, level: Level) -> ChannelResult:
    """Send a message to one channel."""
    service = open_channel(url)
    if service is None:
        return ChannelResult(channel=UNKNOWN, status="failed", error="not a service of Apprise here")
    shown = redacted(service)
    with captured_responses() as responses:
        error, optional = await _send(service, title, body, level)
    if error is None:
        return ChannelResult(channel=shown, status="sent")
    response = responses[-1] if responses else None
    return ChannelResult(
        channel=shown, status="failed", error=_without_secrets(error, url, shown), optional=optional, response=response
    )


async def _send(service: apprise.NotifyBase, title: str, body: str, level: Level) -> tuple[str | None, bool]:
    """What went wrong (None: nothing), and whether the URL says `optional=yes`."""
    sender = apprise.Apprise(services=[service])
    answer = await sender.async_notify(
        body=body,
        title=title,
        notify_type=apprise.NotifyType(level),
        body_format=apprise.NotifyFormat.TEXT,
    )
    for result in answer:
        if result.attempts and result.attempts[-1]:
            return None, False
    said = " ".join(entry.message for entry in answer.logs())
    return said or f"not delivered ({answer.status.name.lower()})", any(result.optional for result in answer)


def redacted(service: apprise.NotifyBase) -> str:
    """What may be shown of a channel: its scheme and its host, as far as Apprise holds that for public."""
    private_url: Callable[..., str] = service.url
    scheme, _, rest = private_url(privacy=True).partition("://")
    # Paths, parameters and user names stay out: Apprise shows some of them, and tokens are kept there.
    host = re.split(r"[/?]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme}://{host}/…"


def _without_secrets(text: str, url: str, shown: str) -> str:
    """The text without the parts of the URL that are not shown, cut to a bearable length."""
    parts = {part for form in (url, unquote(url)) for part in re.split(r"[/?&=:@,#+\s]+", form)}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= 4 and part not in shown:
            text = text.replace(part, "…")
    return text[:_LONGEST_ERROR]
