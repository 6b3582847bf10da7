"""Sends a short message to one channel, an Apprise URL.

Secrets in the URL are never shown or logged.
"""

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Literal
from urllib.parse import unquote

import apprise

from herdbook.sending.captured_responses import captured_responses
from herdbook.sending.responses import TargetResponse

Level = Literal["info", "success", "warning", "failure"]
UNKNOWN = "unknown channel"

_SCHEME = re.compile(r"([a-z0-9_-]{1,25})://", re.IGNORECASE)
_MAX_ERROR = 300
_is_parsing: ContextVar[bool] = ContextVar("is_parsing", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelResult:
    """The result of sending the message to one channel; `optional` failures do not fail the job.

    `response` is the last HTTP response to a message that failed, if there was one.
    """

    channel: str
    status: Literal["sent", "sentEarlier", "failed"]
    error: str | None = None
    optional: bool = False
    response: TargetResponse | None = None

    def as_json(self) -> dict[str, str]:
        """The channel's part of the job's result."""
        result = {"channel": self.channel, "status": self.status}
        return {**result, "error": self.error} if self.error else result


def scheme_of(url: str) -> str | None:
    """The scheme of a URL, which names its service; None if there is none."""
    found = _SCHEME.match(url)
    return found[1].lower() if found else None


def open_channel(url: str) -> apprise.NotifyBase | None:
    """The channel of a URL; None if Apprise does not support it."""
    # Each has its own asset, because Apprise keeps state in it. No keys or files are created on this machine.
    asset = apprise.AppriseAsset(app_id="Herdbook", app_desc="Herdbook", pgp_autogen=False, pem_autogen=False)
    _silence_parse_errors()
    token = _is_parsing.set(True)
    try:
        return apprise.Apprise.instantiate(url, asset=asset)
    finally:
        _is_parsing.reset(token)


@cache
def _silence_parse_errors() -> None:
    """Keep Apprise from logging errors in a URL, which would show tokens; our own error message suffices."""
    logging.getLogger("apprise").addFilter(lambda _: not _is_parsing.get())


def is_channel(url: str) -> bool:
    """Whether Apprise supports this URL."""
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
    return ChannelResult(
        channel=shown,
        status="failed",
        error=_without_secrets(error, url, shown),
        optional=optional,
        response=responses[-1] if responses else None,
    )


async def _send(service: apprise.NotifyBase, title: str, body: str, level: Level) -> tuple[str | None, bool]:
    """The error (None on success), and whether the URL says `optional=yes`."""
    sender = apprise.Apprise(services=[service])
    results = await sender.async_notify(
        body=body,
        title=title,
        notify_type=apprise.NotifyType(level),
        body_format=apprise.NotifyFormat.TEXT,
    )
    for result in results:
        if result.attempts and result.attempts[-1]:
            return None, False
    errors = " ".join(entry.message for entry in results.logs())
    return errors or f"not delivered ({results.status.name.lower()})", any(result.optional for result in results)


def redacted(service: apprise.NotifyBase) -> str:
    """What may be shown of a channel: its scheme, and its host as far as Apprise considers that public."""
    private_url: Callable[..., str] = service.url
    scheme, _, rest = private_url(privacy=True).partition("://")
    # No paths, parameters and user names: Apprise shows some of them, but they may contain tokens.
    host = re.split(r"[/?]", rest, maxsplit=1)[0].rpartition("@")[2]
    return f"{scheme}://{host}/…"


def _without_secrets(text: str, url: str, shown: str) -> str:
    """The text without the parts of the URL that are not shown, truncated."""
    parts = {part for form in (url, unquote(url)) for part in re.split(r"[/?&=:@,#+\s]+", form)}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= 4 and part not in shown:
            text = text.replace(part, "…")
    return text[:_MAX_ERROR]
