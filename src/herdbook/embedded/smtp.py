"""A local mail server that stores every mail as an .eml file, with the envelope's recipients on top.

It never forwards anything.
"""

import asyncio
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from herdbook.embedded.errors import EmbeddedError

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session


class CatchAllSmtp:
    """A mail server for development, in the running event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: asyncio.Server | None = None
        self._connections: WeakSet[SMTP] = WeakSet()

    async def start(self) -> str:
        """Open a free port, and return its URL, `smtp://127.0.0.1:port`."""
        try:
            from aiosmtpd.smtp import SMTP  # The other servers do not need it.
        except ImportError as error:
            raise EmbeddedError(
                "the local mail server needs aiosmtpd: install herdbook[embedded], or set SMTP_URL"
            ) from error
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()

        def connection() -> SMTP:
            # A host name saves each connection a lookup that may block.
            made = SMTP(_Mailbox(self._folder), hostname="localhost", enable_SMTPUTF8=True, loop=loop)
            self._connections.add(made)
            return made

        self._server = await loop.create_server(connection, "127.0.0.1", 0)
        return f"smtp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is None:
            return
        self._server.close()
        # Otherwise this would wait for clients that keep their connection open.
        for connection in self._connections:
            if isinstance(connection.transport, asyncio.WriteTransport):
                connection.transport.abort()
        await self._server.wait_closed()
        self._server = None


class _Mailbox:
    """The handler that aiosmtpd calls for each mail."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, server: "SMTP", session: "Session", envelope: "Envelope") -> str:  # noqa: N802  (aiosmtpd calls it so)
        """Store a mail; if it cannot be written, the sender may retry."""
        recipients = b"".join(f"X-Envelope-To: {recipient}\r\n".encode() for recipient in envelope.rcpt_tos)
        try:
            await asyncio.to_thread(write_mail, self._folder, recipients + (envelope.original_content or b""))
        except OSError as error:
            return f"451 the mail could not be written: {error.strerror}"
        return "250 kept"


def write_mail(folder: Path, content: bytes) -> Path:
    """Write a mail atomically; file names sort by time."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}.eml"
    new = folder / f".{name}"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    return new.rename(folder / name)
