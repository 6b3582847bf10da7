"""Runs a prepared Redis or PostgreSQL server on a free loopback port."""

from contextlib import suppress
from pathlib import Path
from typing import Protocol

from herdbook.embedded.errors import EmbeddedError
from herdbook.embedded.folder import write_private
from herdbook.embedded.process import Launch, ServerEndedError, ServerProcess, free_port

READY_DEADLINE = 120.0  # seconds; loading a large append-only file or a recovery takes long
PORT_ATTEMPTS = 5


class Prepared(Protocol):
    """A server that only lacks a port."""

    @property
    def folder(self) -> Path:
        """The server's part of the data folder."""

    def launch(self, port: int) -> Launch:
        """How to run the server on this port."""

    def answers(self, port: int) -> bool:
        """Whether the server on this port accepts our connections."""

    def url(self, port: int) -> str:
        """The URL for clients."""


class EmbeddedServer:
    """A server that runs as a child process."""

    def __init__(self, prepared: Prepared, lock: int) -> None:
        self._prepared = prepared
        self._lock = lock
        self._port_file = prepared.folder / "port"
        self._spawn(self._last_port())

    @property
    def url(self) -> str:
        """The URL for clients."""
        return self._prepared.url(self._port)

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def wait_ready(self) -> None:
        """Return once clients can connect; switch to another port if ours was taken in the meantime."""
        for _ in range(PORT_ATTEMPTS):
            try:
                self._process.wait_until(lambda: self._prepared.answers(self._port), READY_DEADLINE)
            except ServerEndedError as error:
                if not error.port_taken:
                    raise
                self._spawn(None)
            else:
                write_private(self._port_file, str(self._port))
                return
        raise EmbeddedError(f"no free loopback port was found in {PORT_ATTEMPTS} attempts")

    def check(self) -> None:
        """Raise if the server has exited by itself."""
        self._process.check()

    def signal_stop(self) -> None:
        """Begin to stop the server, and return at once."""
        self._process.signal_stop()

    def stop(self) -> None:
        """Stop the server."""
        self._process.stop()

    def _spawn(self, preferred: int | None) -> None:
        self._port = free_port(preferred)
        self._process = ServerProcess(self._prepared.launch(self._port), self._lock)

    def _last_port(self) -> int | None:
        # The port of the last run, so that programs that are still running find the server again.
        with suppress(OSError, ValueError):
            return int(self._port_file.read_text(encoding="utf-8"))
        return None
