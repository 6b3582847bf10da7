"""A webhook receiver for tests."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_KEY = base64.b64decode(SECRET.removeprefix("whsec_"))


@dataclass(kw_only=True)
class Message:
    """One request; `is_signed` is whether it is correctly signed with `SECRET`."""

    id: str
    timestamp: int
    is_signed: bool
    body: dict[str, Any]


@dataclass
class Receiver:
    """Stores requests, and responds with the statuses in `answers`, then with 204; retries may follow at once."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    async def got(self, count: int) -> bool:
        """Whether it has received at least `count` messages."""
        return len(self.messages) >= count

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.messages.append(_message(headers, body))
        writer.write(b"HTTP/1.1 %d -\r\nRetry-After: 0\r\n\r\n" % (self.answers.pop(0) if self.answers else 204))
        writer.close()


def _message(headers: dict[str, str], body: bytes) -> Message:
    id = headers["webhook-id"]
    signed = hmac.digest(_KEY, f"{id}.{headers['webhook-timestamp']}.".encode() + body, hashlib.sha256)
    expected = f"v1,{base64.b64encode(signed).decode()}"
    return Message(
        id=id,
        timestamp=int(headers["webhook-timestamp"]),
        is_signed=headers.get("webhook-signature") == expected,
        body=orjson.loads(body),
    )


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on this machine."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield receiver
