"""A proxy in front of a server, so that a test can cut and restore its connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Line:
    """A line to a server, whole at first."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._calls: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def to(cls, url: str) -> AsyncIterator[Self]:
        """A line to the server at `url`; cut at the end of the block."""
        line = cls(url)
        await line.mend()
        try:
            yield line
        finally:
            await line.cut()

    @property
    def url(self) -> str:
        """The server's address on this line."""
        account = self._address.netloc.rpartition("@")[0]
        return urlunsplit(self._address._replace(netloc=f"{account}@127.0.0.1:{self._port}"))

    async def mend(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """End all connections, and refuse new ones."""
        if self._server is not None:
            self._server.close()
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        for ends in ((reader, far_writer), (far_reader, writer)):
            call = asyncio.create_task(_copy(*ends))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
    finally:
        writer.close()
