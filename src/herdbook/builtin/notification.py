"""The notification job type: sends a short message to channels through Apprise; a retry skips those that got it.

Secrets in channel URLs are never shown or stored: channels are identified by their position in the list.
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, field_validator

from herdbook.builtin.checks import problem, single_line
from herdbook.model.context import JobContext
from herdbook.model.options import CamelModel
from herdbook.model.registry import Registry
from herdbook.model.signals import Unrecoverable
from herdbook.model.summary import RecordReader
from herdbook.sending.channel import UNKNOWN, ChannelResult, Level, open_channel, redacted, scheme_of, send
from herdbook.sending.delivery_error import DeliveryError
from herdbook.settings import Settings


def job_types(_settings: Settings, _: RecordReader) -> Registry:
    """The job type `notification`."""
    registry = Registry()
    registry.processor("notification")(Notifier().run)
    return registry


def _channel_url(url: str) -> str:
    scheme = scheme_of(url)
    # Apprise would log a text without a scheme verbatim, and it may be a token.
    if scheme is None:
        raise problem("not an Apprise URL: expected something like slack://token/channel")
    if open_channel(url) is None:
        raise problem(f"{scheme}:// is not a service of Apprise, or its URL is incomplete")
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
    level: Level = Field(
        default="info", description="The kind of message; many services show it as a colour or an icon."
    )

    @field_validator("channels")
    @classmethod
    def _some_channel(cls, channels: tuple[str, ...]) -> tuple[str, ...]:
        if not channels:
            raise problem("give at least one channel")
        return channels


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
            service = open_channel(url)
            return ChannelResult(channel=redacted(service) if service else UNKNOWN, status="sentEarlier")
        result = await send(url, title=payload.title, body=payload.body, level=payload.level)
        if result.status == "sent":
            delivered.add(channel)
            job.progress({"delivered": sorted(delivered), "channels": len(payload.channels)})
        else:
            job.log(f"{result.channel}: {result.error}")
        return result


def _failure(message: str, failed: Sequence[ChannelResult]) -> DeliveryError | Unrecoverable:
    """Final if every channel refused for good; otherwise a retry, after the longest Retry-After."""
    responses = [result.response for result in failed if result.response]
    if len(responses) == len(failed) and all(response.is_final for response in responses):
        return Unrecoverable(message)
    waits = [response.retry_after for response in responses if response.retry_after is not None]
    return DeliveryError(message, after=max(waits, default=None))


def _delivered_before(reported: Any) -> set[int]:
    """The channels that earlier attempts delivered to, according to their progress."""
    found = reported.get("delivered") if isinstance(reported, dict) else None
    return {channel for channel in found if isinstance(channel, int)} if isinstance(found, list) else set()
