"""What the proxy does to connections is what networks do to them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from .proxy import Mode, Proxy


@asynccontextmanager
async def echo(mode: Mode = Mode.PASS) -> AsyncIterator[tuple[Proxy, list[bytes]]]:
    """A proxy in front of a server that sends everything back, and what that server got."""
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(100):
                got.append(data)
                writer.write(data)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"tcp://me@127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    async with server, Proxy.to(url, seed=1) as proxy:
        await proxy.set_mode(mode)
        yield proxy, got


async def ask(proxy: Proxy, question: bytes = b"ping") -> bytes:
    """The answer to a question on a new connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(proxy.url).port)
    writer.write(question)
    try:
        return await reader.read(100)
    finally:
        writer.transport.abort()


async def test_it_passes_everything_on() -> None:
    async with echo() as (proxy, _):
        assert urlsplit(proxy.url).username == "me"
        assert await ask(proxy) == b"ping"
        assert not proxy.happened


async def test_it_refuses_and_resets_connections() -> None:
    async with echo(Mode.REFUSE) as (proxy, got):
        with pytest.raises(ConnectionRefusedError):
            await ask(proxy)
        await proxy.set_mode(Mode.RESET)
        with pytest.raises(ConnectionResetError):
            await ask(proxy)
        await proxy.set_mode(Mode.PASS)
        assert await ask(proxy) == b"ping"
        assert (got, proxy.happened["reset"]) == ([b"ping"], 1)


async def test_it_forwards_a_request_and_swallows_the_answer() -> None:
    async with echo(Mode.SWALLOW) as (proxy, got):
        proxy.swallowed_share = 1.0
        with pytest.raises(ConnectionResetError):
            await ask(proxy)
        assert (got, proxy.happened["swallowed"]) == ([b"ping"], 1)


async def test_in_a_black_hole_nothing_arrives_and_nobody_is_told() -> None:
    async with echo(Mode.BLACK_HOLE) as (proxy, got):
        question = asyncio.create_task(ask(proxy))
        while not proxy.happened["lost"]:
            await asyncio.sleep(0)
        await proxy.set_mode(Mode.PASS)
        assert await ask(proxy, b"later") == b"later"
        assert (got, question.done()) == ([b"later"], False)
        question.cancel()


async def test_it_delays_what_it_passes_on() -> None:
    async with echo() as (proxy, _):
        proxy.latency, proxy.rate = 0.001, 1_000_000
        assert await ask(proxy) == b"ping"
        assert proxy.happened["delayed"] == 2
