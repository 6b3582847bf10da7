"""The event stream that tells open pages which topics have changed.

It never sends content: a page fetches itself again.
"""

from collections.abc import AsyncGenerator

from fastapi import FastAPI

from herdbook.http.event_stream import RETRY, EventStream, message
from herdbook.operating.feed import EVERYTHING, Batch, ChangeFeed


class LiveUpdates:
    """The route of the stream."""

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed
        # The last batch, encoded once for all streams.
        self._encoded: tuple[Batch | None, bytes] = (None, b"")

    def add_to(self, app: FastAPI) -> None:
        """Add the route to `app`."""
        app.get("/events", include_in_schema=False, response_class=EventStream)(self.events)

    async def events(self) -> EventStream:
        """The topics that become stale. A stream starts with "all", since the page may have missed something."""
        return EventStream(self._messages())

    async def _messages(self) -> AsyncGenerator[bytes]:
        yield RETRY
        with self._feed.subscription() as subscription:
            is_joined = False
            async for batch in subscription:
                if batch is None:
                    yield b""
                    continue
                yield self._encode(batch) if is_joined else message("stale", EVERYTHING)
                is_joined = True

    def _encode(self, batch: Batch) -> bytes:
        known, text = self._encoded
        if known is not batch:
            text = message("stale", batch.topics) if batch.topics else b""
            self._encoded = (batch, text)
        return text
