"""Takes messages in the form of server-sent events, as they come.

Gives the response that sends them, until they end or the client is gone.
Never keeps messages for a client: it takes the next one when the last is sent.
"""

import asyncio
from collections.abc import AsyncGenerator
from time import monotonic

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

# Milliseconds after which a client that lost its stream comes again.
RETRY = b"retry: 2000\n\n"
# Seconds of silence after which a stream says that it is there, so that proxies keep it and clients that
# vanished are noticed. It does so when it is asked for the next message, every five seconds at least.
_SILENCE = 10.0
# A comment; without an empty line behind it, which some clients take for an event.
_STILL_HERE = b": still here\n"


def message(event: str, data: str, id: str | None = None) -> bytes:
    """An event; `data` and `id` are one line each."""
    position = f"id: {id}\n" if id else ""
    return f"event: {event}\n{position}data: {data}\n\n".encode()


class EventStream(Response):
    """A response that goes on; a message may be empty, and then says only that there is nothing to say.

    An error before the first message is answered like any other route's.
    """

    media_type = "text/event-stream"

    def __init__(self, messages: AsyncGenerator[bytes]) -> None:
        self.status_code = 200
        self.background = None
        self._messages = messages
        # Proxies neither store it nor hold it back.
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the messages while the client is there."""
        sending = asyncio.create_task(self._send(send))
        there = asyncio.create_task(_while_there(receive))
        try:
            await asyncio.wait((sending, there), return_when=asyncio.FIRST_COMPLETED)
        finally:
            there.cancel()
            if not sending.done():
                sending.cancel()
            await asyncio.gather(sending, there, return_exceptions=True)
            await self._messages.aclose()
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        text = await anext(self._messages)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": text, "more_body": True})
        heard = monotonic()
        async for text in self._messages:
            if text or monotonic() - heard >= _SILENCE:
                await send({"type": "http.response.body", "body": text or _STILL_HERE, "more_body": True})
                heard = monotonic()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _while_there(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
