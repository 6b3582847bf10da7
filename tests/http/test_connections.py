"""Slow and silent clients, on real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from herdbook.http.connections import ConnectionGuard
from herdbook.testing import eventually

POST = b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"


class Client:
    """A connection that is used by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> str:
        """The status line and the body of the next response; empty if the server closes the connection."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return ""
        length = next((line for line in head.split(b"\r\n") if line.startswith(b"content-length: ")), b": 0")
        body = await self.reader.readexactly(int(length.partition(b": ")[2]))
        return (head.partition(b"\r\n")[0] + b" " + body).decode().strip()

    async def is_closed(self) -> bool:
        """Wait until the server closes the connection."""
        with suppress(ConnectionError):
            assert await self.reader.read() == b""
        return True


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the body."""
    try:
        body = await Request(scope, receive).body()
    except ClientDisconnect:
        return
    await PlainTextResponse(body)(scope, receive, send)


Connect = Callable[[], Awaitable[Client]]


@asynccontextmanager
async def serving(guard: ConnectionGuard) -> AsyncIterator[Connect]:
    """A server for the block, and a function that connects to it."""
    config = uvicorn.Config(echo, port=0, http=guard.protocol, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    clients: list[Client] = []

    async def connect() -> Client:
        port = server.servers[0].sockets[0].getsockname()[1]
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", port)))
        return clients[-1]

    async def started() -> bool:
        return server.started

    running = asyncio.create_task(server._serve())
    guard.start()
    await eventually(started)
    try:
        yield connect
    finally:
        for client in clients:
            client.writer.close()
        server.should_exit = True
        await running
        await guard.stop()


@pytest.mark.parametrize("begin", [b"GET / HT", b"GET / HTTP/1.1\r\nhost: h\r\nx: "], ids=["line", "header"])
async def test_a_head_that_does_not_end_is_given_up(begin: bytes) -> None:
    async with serving(ConnectionGuard(head_limit=0.1, body_limit=60)) as connect:
        first = await connect()
        first.send(begin)
        assert await first.answer() == "HTTP/1.1 408 Request Timeout"
        assert await first.is_closed()
        second = await connect()
        second.send(GET)
        assert await second.answer() == "HTTP/1.1 200 OK"
        second.send(begin)
        assert await second.answer() == "HTTP/1.1 408 Request Timeout"
        assert await second.is_closed()


async def test_a_client_that_sends_nothing_is_disconnected() -> None:
    async with serving(ConnectionGuard(head_limit=0.1, body_limit=60)) as connect:
        assert await (await connect()).is_closed()
        after_line_breaks = await connect()
        after_line_breaks.send(GET)
        assert await after_line_breaks.answer() == "HTTP/1.1 200 OK"
        after_line_breaks.send(b"\r\n")
        assert await after_line_breaks.is_closed()


async def test_a_head_that_comes_drop_by_drop_is_given_up() -> None:
    async with serving(ConnectionGuard(head_limit=0.1, body_limit=60)) as connect:
        client = await connect()
        client.send(b"GET / HTTP/1.1\r\n")

        async def is_given_up() -> bool:
            client.send(b"x: y\r\n")
            return answer.done()

        answer = asyncio.create_task(client.answer())
        await eventually(is_given_up)
        # What was sent meanwhile may have reset the connection.
        assert await answer in ("HTTP/1.1 408 Request Timeout", "")


async def test_a_body_that_does_not_end_is_given_up() -> None:
    async with serving(ConnectionGuard(head_limit=60, body_limit=0.1)) as connect:
        client = await connect()
        client.send(POST + b"12345")
        assert await client.answer() == "HTTP/1.1 408 Request Timeout"
        assert await client.is_closed()


async def test_requests_in_time_are_served_and_idle_connections_stay() -> None:
    guard = ConnectionGuard(head_limit=0.1, body_limit=0.1)
    async with serving(guard) as connect:
        client = await connect()
        client.send(POST + b"0123456789")
        assert await client.answer() == "HTTP/1.1 200 OK 0123456789"
        silent = await connect()
        # Connected later, and gone already.
        assert await silent.is_closed()
        client.send(POST + b"9876543210")
        assert await client.answer() == "HTTP/1.1 200 OK 9876543210"


async def test_new_connections_take_the_place_of_those_without_a_request() -> None:
    guard = ConnectionGuard(max_connections=20, head_limit=60, body_limit=60)
    async with serving(guard) as connect:
        busy = await connect()
        busy.send(POST + b"01234")
        half_open = [await connect() for _ in range(40)]

        async def served() -> bool:
            client = await connect()
            client.send(GET)
            return await client.answer() == "HTTP/1.1 200 OK"

        await eventually(served)
        for _ in range(30):
            await eventually(served)
        assert len(guard._connections) <= 22
        busy.send(b"56789")
        assert await busy.answer() == "HTTP/1.1 200 OK 0123456789"
        assert await half_open[0].is_closed()


async def test_without_room_a_connection_is_refused_with_the_time_to_wait() -> None:
    async with serving(ConnectionGuard(max_connections=2, head_limit=60, body_limit=60)) as connect:
        for _ in range(2):
            (await connect()).send(POST)
        refused = await connect()
        assert await refused.reader.read() == (
            b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
