"""Publishes over HTTP on kept-alive connections, and measures how many jobs a second are accepted.

It parses only what it must of an answer: the load must cost less than what is measured.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

BODY = b'{"jobType":"noop","jobData":{"pad":"%s"}}' % (b"x" * 280)


class Caller:
    """One kept-alive connection that posts the same job again and again."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._request = (
            b"POST /api/jobs HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (host.encode(), len(BODY), BODY)
        )

    async def post(self) -> bytes:
        """Publish the job; returns the answer's body."""
        self._writer.write(self._request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 201"):
            raise RuntimeError(head.decode())
        return await self._reader.readexactly(_length(head))


@asynccontextmanager
async def calling(url: str) -> AsyncIterator[Caller]:
    """A caller of the Herdbook at `url`, for as long as the block lasts."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port or 80)
    try:
        yield Caller(address.netloc, reader, writer)
    finally:
        writer.close()


async def publish_over_http(url: str, *, jobs: int, connections: int = 64) -> tuple[float, list[float]]:
    """Post `jobs` jobs; returns jobs per second and each request's milliseconds, sorted."""
    times: list[float] = []
    start = time.perf_counter()
    await asyncio.gather(*[_post(url, jobs // connections, times) for _ in range(connections)])
    return len(times) / (time.perf_counter() - start), sorted(times)


async def _post(url: str, count: int, times: list[float]) -> None:
    async with calling(url) as caller:
        for _ in range(count):
            start = time.perf_counter()
            await caller.post()
            times.append((time.perf_counter() - start) * 1_000)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    raise RuntimeError("an answer without a length")
