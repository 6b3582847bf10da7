"""A TCP proxy between a program and a server, which can do to their connections what networks do."""

import asyncio
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit, urlunsplit

_CHUNK = 65_536
# Sends RST instead of FIN when the socket is closed.
_LINGER = struct.pack("ii", 1, 0)


class Mode(StrEnum):
    """What happens to connections."""

    PASS = "pass"
    # Nobody listens, and what was open is reset.
    REFUSE = "refuse"
    # Each connection is accepted, and reset at once.
    RESET = "reset"
    # Nothing arrives any more, on either side, and nobody is told. Connections of that time stay so for ever.
    BLACK_HOLE = "black hole"
    # Now and then the server gets a request, does its work, and the connection is reset instead of its answer.
    SWALLOW = "swallow"


class Call:
    """One connection through the proxy."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near = near
        self.far = far
        self.is_lost = False

    def reset(self) -> None:
        """End both sides with RST."""
        for writer in (self.near, self.far):
            end: socket.socket | None = writer.get_extra_info("socket")
            if end is not None and not writer.is_closing():
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
                writer.transport.abort()


class Proxy:
    """A proxy to one server. `happened` counts what it did to connections."""

    def __init__(self, url: str, *, seed: int) -> None:
        self._address = urlsplit(url)
        self._random = random.Random(seed)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._calls: dict[Call, list[asyncio.Task[None]]] = {}
        self._mode = Mode.PASS
        self._is_over = asyncio.Event()
        # Seconds that each chunk takes, and bytes per second on each connection (0: any number).
        self.latency = 0.0
        self.rate = 0
        # The share of answers that are swallowed.
        self.swallowed_share = 0.1
        self.happened: Counter[str] = Counter()

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str, *, seed: int) -> AsyncIterator[Self]:
        """A proxy for as long as the block lasts."""
        proxy = cls(url, seed=seed)
        await proxy._listen()
        try:
            yield proxy
        finally:
            await proxy._close()

    @property
    def url(self) -> str:
        """The server's address through the proxy."""
        account = self._address.netloc.rpartition("@")[0]
        return urlunsplit(self._address._replace(netloc=f"{account}@127.0.0.1:{self._port}"))

    async def set_mode(self, mode: Mode) -> None:
        """Change what happens to connections, also to those that are open."""
        self._mode = mode
        if mode is Mode.REFUSE and self._server is not None:
            self._server.close()
            self._server = None
        elif mode is not Mode.REFUSE and self._server is None:
            await self._listen()
        if mode in (Mode.REFUSE, Mode.RESET):
            self.reset_all()

    def reset_all(self) -> None:
        """Reset every open connection once."""
        for call in list(self._calls):
            self.happened["reset"] += 1
            call.reset()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._is_over.set()
        self.reset_all()
        tasks = [task for pumps in self._calls.values() for task in pumps]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        except OSError:
            writer.transport.abort()
            return
        call = Call(writer, far_writer)
        if self._mode is Mode.RESET:
            self.happened["reset"] += 1
            call.reset()
            return
        self._calls[call] = [
            asyncio.create_task(self._pump(call, reader, far_writer, is_answer=False)),
            asyncio.create_task(self._pump(call, far_reader, writer, is_answer=True)),
        ]

    async def _pump(
        self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        try:
            while (data := await reader.read(_CHUNK)) and await self._arrives(call, data, is_answer):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            # Half of a lost connection ends unnoticed, too.
            if not call.is_lost:
                writer.close()
            self._calls.pop(call, None)

    async def _arrives(self, call: Call, data: bytes, is_answer: bool) -> bool:
        if self.latency or self.rate:
            self.happened["delayed"] += 1
            await asyncio.sleep(self.latency + (len(data) / self.rate if self.rate else 0))
        if self._mode is Mode.SWALLOW and is_answer and self._random.random() < self.swallowed_share:
            self.happened["swallowed"] += 1
            call.reset()
            return False
        if self._mode is Mode.BLACK_HOLE and not call.is_lost:
            self.happened["lost"] += 1
            call.is_lost = True
        if call.is_lost:
            await self._is_over.wait()
            return False
        return True
