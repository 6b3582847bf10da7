"""Keeps clients that are slow, or send nothing, from using up the server's connections.

By itself uvicorn only closes connections that are idle between two requests.
"""

import asyncio
import resource
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from herdbook.http.problems import RETRY_AFTER
from herdbook.service import Service

_ROUND = 1.0
# Seconds that a client has to send the head of a request, and its body; each `_BODY_RATE` bytes add one.
_HEAD_LIMIT = 10.0
_BODY_LIMIT = 20.0
_BODY_RATE = 16 * 1024
_MAX_CONNECTIONS = 10_000
# Files for what else a server has open: connections to PostgreSQL and Redis, artifacts that it sends.
_OTHER_FILES = 200
_END = "content-length: 0\r\nconnection: close\r\n\r\n"
_TIMED_OUT = f"HTTP/1.1 408 Request Timeout\r\n{_END}".encode()
_FULL = f"HTTP/1.1 503 Service Unavailable\r\nretry-after: {RETRY_AFTER}\r\n{_END}".encode()


class _Awaited(Enum):
    """What a connection waits for."""

    REQUEST = auto()  # Idle after an earlier request; uvicorn closes it in time.
    HEAD = auto()
    BODY = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wait:
    """`since` when a connection waits, for what, after which request, and how much body it had received by then."""

    awaited: _Awaited
    after: object
    since: float
    received: int


class ConnectionGuard(Service):
    """Closes connections whose clients are too slow, and makes room for new ones."""

    name = "connections"

    def __init__(
        self,
        *,
        max_connections: int | None = None,
        head_limit: float = _HEAD_LIMIT,
        body_limit: float = _BODY_LIMIT,
    ) -> None:
        super().__init__()
        self.max_connections = max_connections or _room_for_connections()
        self._limits = {_Awaited.HEAD: head_limit, _Awaited.BODY: body_limit}
        self._connections: set[Any] = set()
        self._waits: dict[GuardedConnection, _Wait] = {}

    @property
    def protocol(self) -> Any:
        """The protocol for uvicorn: its own, watched by this guard."""
        return partial(GuardedConnection, guard=self)

    async def round(self) -> float:
        """Close the connections whose time is up."""
        now = asyncio.get_running_loop().time()
        waits = ((connection, self._wait(connection, now)) for connection in list(self._connections))
        self._waits = {connection: wait for connection, wait in waits if wait is not None}
        for connection, wait in self._waits.items():
            limit = self._limits.get(wait.awaited)
            if limit is not None and wait.awaited is _Awaited.BODY:
                limit += (connection.received - wait.received) / _BODY_RATE
            if limit is not None and now - wait.since > limit:
                connection.time_out()
        return min(_ROUND, *self._limits.values())

    def admit(self, connections: set[Any]) -> bool:
        """Whether there is room for a new connection, which is one of these."""
        self._connections = connections
        return len(connections) <= self.max_connections or self._make_room()

    def _wait(self, connection: "GuardedConnection", now: float) -> _Wait | None:
        awaited = connection.awaited
        if awaited is None:
            return None
        known = self._waits.get(connection)
        if known is not None and known.awaited is awaited and known.after is connection.cycle:
            return known
        return _Wait(awaited=awaited, after=connection.cycle, since=now, received=connection.received)

    def _make_room(self) -> bool:
        """Close a tenth of the connections, of those without a request: the half-open first, the longest first."""
        waiting = [one for one in self._waits if one.can_close]
        waiting.sort(key=lambda one: (one.awaited is _Awaited.REQUEST, self._waits[one].since))
        closed = waiting[: max(1, self.max_connections // 10)]
        for connection in closed:
            connection.transport.close()
        return bool(closed)


class GuardedConnection(HttpToolsProtocol):
    """A connection to a client."""

    def __init__(self, *args: Any, guard: ConnectionGuard, **options: Any) -> None:
        super().__init__(*args, **options)
        self._guard = guard
        # Bytes of all bodies so far.
        self.received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection; it is closed at once if there is no room for it."""
        super().connection_made(transport)
        if not self._guard.admit(self.connections):
            transport.write(_FULL)
            transport.close()

    def on_body(self, body: bytes) -> None:
        """Count what is received."""
        self.received += len(body)
        super().on_body(body)

    @property
    def awaited(self) -> _Awaited | None:
        """What the client is to send; None while it waits for us."""
        if self.cycle is None or self.cycle.response_complete:
            return _Awaited.HEAD if self.timeout_keep_alive_task is None else _Awaited.REQUEST
        return _Awaited.BODY if self.cycle.more_body and not self.flow.read_paused else None

    @property
    def can_close(self) -> bool:
        """Whether no request is under way."""
        return self.awaited in (_Awaited.HEAD, _Awaited.REQUEST) and not self.transport.is_closing()

    def time_out(self) -> None:
        """Close the connection; a client that has begun a request is told why."""
        if self.transport.is_closing():
            return
        earlier = self.cycle.scope if self.cycle is not None else None
        has_begun = self.scope is not earlier or self.awaited is _Awaited.BODY
        if has_begun and not (self.awaited is _Awaited.BODY and self.cycle.response_started):
            self.transport.write(_TIMED_OUT)
        self.transport.close()


def _room_for_connections() -> int:
    """How many connections the limit of open files leaves room for."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MAX_CONNECTIONS if files == resource.RLIM_INFINITY else max(1, min(_MAX_CONNECTIONS, files - _OTHER_FILES))
