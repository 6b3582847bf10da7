"""Takes the address of a running Herdbook.

Gives how many jobs a second it accepts over HTTP, on kept-alive connections.
Never parses more of an answer than it must: the load must cost less than what is measured.
"""

import asyncio
import time
from urllib.parse import urlsplit

BODY = b'{"jobType":"noop","jobData":{"pad":"%s"}}' % (b"x" * 280)


async def publish_over_http(url: str, *, jobs: int, connections: int = 64) -> tuple[float, list[float]]:
    """Post `jobs` jobs; returns jobs per second and each request's milliseconds, sorted."""
    address = urlsplit(url)
    request = (
        b"POST /api/jobs HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (address.netloc.encode(), len(BODY), BODY)
    )
    times: list[float] = []
    start = time.perf_counter()
    await asyncio.gather(
        *[
            _post(address.hostname or "", address.port or 80, request, jobs // connections, times)
            for _ in range(connections)
        ]
    )
    return len(times) / (time.perf_counter() - start), sorted(times)


async def _post(host: str, port: int, request: bytes, count: int, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    for _ in range(count):
        start = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 201"):
            raise RuntimeError(head.decode())
        await reader.readexactly(_length(head))
        times.append((time.perf_counter() - start) * 1_000)
    writer.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    raise RuntimeError("an answer without a length")
