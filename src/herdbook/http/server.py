"""Runs the HTTP server until it is told to stop, whether PostgreSQL and Redis are reachable or not."""

import asyncio
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from herdbook.errors import ConfigurationError
from herdbook.http.app import create_app
from herdbook.http.connections import ConnectionGuard
from herdbook.http.services import Services
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.registry import Registry
from herdbook.operating.feed import ChangeFeed
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.publishing.declaration import Declaration
from herdbook.publishing.publish import PublishTrace
from herdbook.record.database import Database
from herdbook.settings import Settings

# Seconds that an idle connection stays open: longer than load balancers keep it, commonly 60.
_KEEP_ALIVE = 75
_BACKLOG = 2_048
# Milliseconds after which a client that receives nothing is disconnected: a stream would wait for it for ever.
_USER_TIMEOUT = 30_000


async def serve(
    settings: Settings,
    registry: Registry,
    *,
    host: str,
    port: int,
    on_ready: Callable[[str], None],
    create: Callable[[Services], FastAPI] = create_app,
    trace: PublishTrace | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, or until `stop` is set if it is given, or until this task is cancelled.

    `create` makes the application: `create_app`, or a function that adds pages to it; `trace` is for published jobs.
    Port 0 picks a free one; `on_ready` is called with the URL once connections are accepted. Run it on uvloop. Raises
    ConfigurationError if an address is missing, invalid or in use.
    """
    if settings.database_url is None:
        raise ConfigurationError("set DATABASE_URL")
    database = Database(settings.database_url, size=settings.pool_size)
    declaration = Declaration(database, registry)
    with _listener_on(host, port) as listener, _stop_event(stop) as stop_event:
        queues = QueueStatsReader.connect(settings, registry, database)
        artifacts = FolderArtifacts(settings.artifact_folder)
        feed = ChangeFeed(database)
        services = Services(
            settings=settings,
            registry=registry,
            database=database,
            queues=queues,
            artifacts=artifacts,
            feed=feed,
            trace=trace,
        )
        app = create(services)
        await database.open()
        declaration.start()
        feed.start()
        try:
            await _run(_Server(app, settings, listener, on_ready), stop_event, feed)
        finally:
            await feed.stop()
            await declaration.stop()
            await queues.close()
            await database.close()


class _Server(uvicorn.Server):
    """A uvicorn server that does not handle signals, reports its address, and guards its connections."""

    def __init__(
        self, app: FastAPI, settings: Settings, listener: socket.socket, on_ready: Callable[[str], None]
    ) -> None:
        self._guard = ConnectionGuard()
        super().__init__(_config(app, settings, self._guard))
        self.listener = listener
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn would raise the signal again at its end, before our connections are closed.
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What exists by now stays: when measured, collecting it again and again took a fifth of the throughput
        # and caused pauses of 60 ms.
        gc.collect()
        gc.freeze()
        if not self.should_exit:
            self._guard.start()
            self._on_ready(_url(self.listener))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        await self._guard.stop()


def _config(app: FastAPI, settings: Settings, guard: ConnectionGuard) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=guard.protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # Nothing depends on the client's address or the scheme, so there is no need to trust proxy headers.
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, round(settings.stop_deadline)),
    )


async def _run(server: _Server, stop: asyncio.Event, feed: ChangeFeed) -> None:
    serving = asyncio.create_task(server.serve(sockets=[server.listener]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        # Ends the streams, which the server would wait for.
        feed.quiet()
        server.should_exit = True
        await serving


@contextmanager
def _stop_event(given: asyncio.Event | None) -> Iterator[asyncio.Event]:
    """The event that stops the server: the caller's, or one that signals set."""
    if given is not None:
        yield given
        return
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for one in signals:
        loop.add_signal_handler(one, stop.set)
    try:
        yield stop
    finally:
        for one in signals:
            loop.remove_signal_handler(one)


@contextmanager
def _listener_on(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket on the first address of `host`."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        dual = host == "::" and socket.has_dualstack_ipv6()
        listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG, dualstack_ipv6=dual)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host} port {port}: {error}") from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Connections inherit it. Only Linux has it; elsewhere only clients that are gone are disconnected.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT)
    with listener:
        yield listener


def _url(listener: socket.socket) -> str:
    """The URL to open; for a server on all addresses, that of the loopback interface."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (only for display)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
