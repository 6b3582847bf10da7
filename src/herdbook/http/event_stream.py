"""A response of server-sent events, which sends each message before it takes the next and so buffers none."""

import asyncio
from collections.abc import AsyncGenerator
from time import monotonic

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

# Milliseconds after which a client that lost its stream reconnects.
RETRY = b"retry: 2000\n\n"
# Seconds without a message after which a comment is sent, so that proxies keep the stream open and lost clients are
# noticed. This is checked whenever a message comes, even an empty one: at least every five seconds.
_KEEP_ALIVE_AFTER = 10.0
# No blank line follows it, which some clients would take for an event.
_KEEP_ALIVE = b": keep-alive\n"


def message(event: str, data: str, id: str | None = None) -> bytes:
    """A server-sent event; `data` and `id` are one line each."""
    position = f"id: {id}\n" if id else ""
    return f"event: {event}\n{position}data: {data}\n\n".encode()


class EventStream(Response):
    """A long-lived response. An empty message sends nothing, but lets the stream be kept alive.

    An error before the first message is handled like any other route's.
    """

    media_type = "text/event-stream"

    def __init__(self, messages: AsyncGenerator[bytes]) -> None:
        self.status_code = 200
        self.background = None
        self._messages = messages
        # Keeps proxies from storing or buffering it.
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send messages until they end or the client disconnects."""
        sending = asyncio.create_task(self._send(send))
        disconnected = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait((sending, disconnected), return_when=asyncio.FIRST_COMPLETED)
        finally:
            disconnected.cancel()
            if not sending.done():
                sending.cancel()
            await asyncio.gather(sending, disconnected, return_exceptions=True)
            await self._messages.aclose()
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        text = await anext(self._messages)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": text, "more_body": True})
        last_sent = monotonic()
        async for text in self._messages:
            if text or monotonic() - last_sent >= _KEEP_ALIVE_AFTER:
                await send({"type": "http.response.body", "body": text or _KEEP_ALIVE, "more_body": True})
                last_sent = monotonic()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
