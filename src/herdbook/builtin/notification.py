"""Takes a short message and the channels it goes to, as Apprise URLs.

Gives it to each channel by itself; a retry goes only to the channels that failed.
Never shows or keeps what is secret in a URL: channels are named by their place in the list.
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

from herdbook.builtin.answers import TargetResponse, hearing
from herdbook.builtin.checks import problem, single_line
from herdbook.builtin.delivery import DeliveryError
from herdbook.model.context import JobContext
from herdbook.model.options import CamelModel
from herdbook.model.signals import Unrecoverable

_SCHEME = re.compile(r"([a-z0-9_-]{1,25})://", re.IGNORECASE)
_LONGEST_ERROR = 300
_UNKNOWN = "unknown channel"
_checking: ContextVar[bool] = ContextVar("checking", default=False)


def _service(url: str) -> apprise.NotifyBase | None:
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


def _channel_url(url: str) -> str:
    scheme = _SCHEME.match(url)
    # Apprise would log a text without a scheme as it is, and it may be a token.
    if scheme is None:
        raise problem("not an Apprise URL: expected something like slack://token/channel")
    if _service(url) is None:
        raise problem(f"{scheme[1].lower()}:// is no service of Apprise, or its URL lacks a part")
    return url


def _has_words(text: str) -> str:
    if not text.strip():
        raise problem("an empty message is not sent")
    return text


class NotificationPayload(CamelModel):
    """A short message to send."""

    model_config = ConfigDict(hide_input_in_errors=True)

    channels: tuple[Annotated[str, AfterValidator(_channel_url)], ...] = Field(
        max_length=50,
        # No min_length: pydantic would count a wrong channel as none, and say so as well.
        json_schema_extra={"minItems": 1},
        description="Where the message goes: Apprise URLs (Slack, Telegram, ntfy, webhooks and many more).",
        examples=[["slack://TokenA/TokenB/TokenC/#general", "json://example.com/hook"]],
    )
    title: Annotated[str, AfterValidator(single_line)] = Field(
        default="", max_length=250, description="A line above the message.", examples=["Backup"]
    )
    body: Annotated[str, AfterValidator(_has_words)] = Field(
        max_length=100_000,
        description="The message, as plain text.",
        examples=["The nightly backup is done."],
    )
    level: Literal["info", "success", "warning", "failure"] = Field(
        default="info", description="What kind of news it is; many services show it as a colour or a sign."
    )

    @field_validator("channels")
    @classmethod
    def _some_channel(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        if not channels:
            raise problem("give at least one channel")
        return channels


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelResult:
    """What became of the message on one channel; `optional` failures do not fail the job.

    `answer` is the last HTTP answer to a message that failed, if there was one.
    """

    channel: str
    status: Literal["sent", "sentEarlier", "failed"]
    error: str | None = None
    optional: bool = False
    answer: TargetResponse | None = None

    def as_json(self) -> dict[str, str]:
        """The channel's part of the job's result."""
        shown = {"channel": self.channel, "status": self.status}
        return {**shown, "error": self.error} if self.error else shown


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
    """Send the message to one channel, whatever others it names."""
    service = _service(url)
    if service is None:
        return ChannelResult(channel=_UNKNOWN, status="failed", error="not a service of Apprise here")
    shown = redacted(service)
    with hearing() as answers:
        error, optional = await _send(service, payload)
    if error is None:
        return ChannelResult(channel=shown, status="sent")
    answer = answers[-1] if answers else None
    return ChannelResult(
        channel=shown, status="failed", error=_without_secrets(error, url, shown), optional=optional, answer=answer
    )


def is_channel(url: str) -> bool:
    """Whether a URL is one that Apprise can use."""
    return _SCHEME.match(url) is not None and _service(url) is not None


def _failure(message: str, failed: Sequence[ChannelResult]) -> DeliveryError | Unrecoverable:
    """Final when every channel refused for good; else tried again, when the last of the servers wants to be asked."""
    answers = [result.answer for result in failed if result.answer]
    if len(answers) == len(failed) and all(answer.is_final for answer in answers):
        return Unrecoverable(message)
    waits = [answer.retry_after for answer in answers if answer.retry_after is not None]
    return DeliveryError(message, after=max(waits, default=None))


async def _send(service: apprise.NotifyBase, payload: NotificationPayload) -> tuple[str | None, bool]:
    """What went wrong (None: nothing), and whether the URL says `optional=yes`."""
    sender = apprise.Apprise(services=[service])
    answer = await sender.async_notify(
        body=payload.body,
        title=payload.title,
        notify_type=apprise.NotifyType(payload.level),
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


def _delivered_before(reported: Any) -> set[int]:
    """The channels that earlier attempts delivered to, from the progress they left."""
    found = reported.get("delivered") if isinstance(reported, dict) else None
    return {channel for channel in found if isinstance(channel, int)} if isinstance(found, list) else set()
