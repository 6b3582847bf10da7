"""The notification job type: sends a short message to channels through Apprise; a retry skips those that got it.

Secrets in channel URLs are never shown or stored: channels are identified by their position in the list.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal
from urllib.parse import unquote

import apprise
from pydantic import AfterValidator, ConfigDict, Field, field_validator

from herdbook.builtin.answers import TargetResponse, captured_responses
from herdbook.builtin.checks import problem, single_line
from herdbook.builtin.delivery import DeliveryError
from herdbook.model.context import JobContext
from herdbook.model.options import CamelModel
from herdbook.model.signals import Unrecoverable

_SCHEME = re.compile(r"([a-z0-9_-]{1,25})://", re.IGNORECASE)
_MAX_ERROR = 300
_UNKNOWN = "unknown channel"
_is_parsing: ContextVar[bool] = ContextVar("is_parsing", default=False)


def _service(url: str) -> apprise.NotifyBase | None:
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


def _channel_url(url: str) -> str:
    scheme = _SCHEME.match(url)
    # Apprise would log a text without a scheme verbatim, and it may be a token.
    if scheme is None:
        raise problem("not an Apprise URL: expected something like slack://token/channel")
    if _service(url) is None:
        raise problem(f"{scheme[1].lower()}:// is not a service of Apprise, or its URL is incomplete")
    return url


def _not_blank(text: str) -> str:
    if not text.strip():
        raise problem("the message must not be empty")
    return text


class NotificationPayload(CamelModel):
    """A short message to send."""

    model_config = ConfigDict(hide_input_in_errors=True)

    channels: tuple[Annotated[str, AfterValidator(_channel_url)], ...] = Field(
        max_length=50,
        # No min_length: pydantic would not count an invalid channel, and report that as a second error.
        json_schema_extra={"minItems": 1},
        description="Where the message goes: Apprise URLs (Slack, Telegram, ntfy, webhooks and many more).",
        examples=[["slack://TokenA/TokenB/TokenC/#general", "json://example.com/hook"]],
    )
    title: Annotated[str, AfterValidator(single_line)] = Field(
        default="", max_length=250, description="The title above the message.", examples=["Backup"]
    )
    body: Annotated[str, AfterValidator(_not_blank)] = Field(
        max_length=100_000,
        description="The message, as plain text.",
        examples=["The nightly backup is done."],
    )
    level: Literal["info", "success", "warning", "failure"] = Field(
        default="info", description="The kind of message; many services show it as a colour or an icon."
    )

    @field_validator("channels")
    @classmethod
    def _some_channel(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        if not channels:
            raise problem("give at least one channel")
        return channels


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


class Notifier:
    """Sends notifications with Apprise."""

    async def run(self, payload: NotificationPayload, job: JobContext) -> dict[str, Any]:
        """Send a short message to chats, phones and webhooks, through Apprise."""
        delivered = _delivered_before(job.reported)
        results = await asyncio.gather(
            *(self._deliver(payload, channel, delivered, job) for channel in range(len(payload.channels)))
        )
        failed = [result for result in results if result.status == "failed" and not result.optional]
        if failed:
            reasons = "; ".join(f"{result.channel}: {result.error}" for result in failed)
            raise _failure(f"{len(failed)} of {len(results)} channels failed: {reasons}", failed)
        return {"channels": [result.as_json() for result in results]}

    async def _deliver(
        self, payload: NotificationPayload, channel: int, delivered: set[int], job: JobContext
    ) -> ChannelResult:
        url = payload.channels[channel]
        if channel in delivered:
            service = _service(url)
            return ChannelResult(channel=redacted(service) if service else _UNKNOWN, status="sentEarlier")
        result = await send(url, payload)
        if result.status == "sent":
            delivered.add(channel)
            job.progress({"delivered": sorted(delivered), "channels": len(payload.channels)})
        else:
            job.log(f"{result.channel}: {result.error}")
        return result


async def send(url: str, payload: NotificationPayload) -> ChannelResult:
    """Send the message to one channel, ignoring the channels that it lists."""
    service = _service(url)
    if service is None:
        return ChannelResult(channel=_UNKNOWN, status="failed", error="not a service of Apprise here")
    shown = redacted(service)
    with captured_responses() as responses:
        error, optional = await _send(service, payload)
    if error is None:
        return ChannelResult(channel=shown, status="sent")
    return ChannelResult(
        channel=shown,
        status="failed",
        error=_without_secrets(error, url, shown),
        optional=optional,
        response=responses[-1] if responses else None,
    )


def is_channel(url: str) -> bool:
    """Whether Apprise supports this URL."""
    return _SCHEME.match(url) is not None and _service(url) is not None


def _failure(message: str, failed: Sequence[ChannelResult]) -> DeliveryError | Unrecoverable:
    """Final if every channel refused for good; otherwise a retry, after the longest Retry-After."""
    responses = [result.response for result in failed if result.response]
    if len(responses) == len(failed) and all(response.is_final for response in responses):
        return Unrecoverable(message)
    waits = [response.retry_after for response in responses if response.retry_after is not None]
    return DeliveryError(message, after=max(waits, default=None))


async def _send(service: apprise.NotifyBase, payload: NotificationPayload) -> tuple[str | None, bool]:
    """The error (None on success), and whether the URL says `optional=yes`."""
    sender = apprise.Apprise(services=[service])
    results = await sender.async_notify(
        body=payload.body,
        title=payload.title,
        notify_type=apprise.NotifyType(payload.level),
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


def _delivered_before(reported: Any) -> set[int]:
    """The channels that earlier attempts delivered to, according to their progress."""
    found = reported.get("delivered") if isinstance(reported, dict) else None
    return {channel for channel in found if isinstance(channel, int)} if isinstance(found, list) else set()
