"""Takes settings, job types and an address.

Gives a listening server that runs until it is told to stop, with PostgreSQL and Redis there or not.
Never leaves a connection behind.
"""

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
from herdbook.http.services import Services
from herdbook.model.artifacts import FolderArtifacts
from herdbook.model.registry import Registry
from herdbook.operating.feed import ChangeFeed
from herdbook.operating.queue_stats import QueueStatsReader
from herdbook.publishing.declaration import Declaration
from herdbook.publishing.publish import PublishTrace
from herdbook.record.database import Database
from herdbook.settings import Settings

# Seconds that an idle connection stays open: longer than the load balancers in front wait, commonly 60.
_KEEP_ALIVE = 75
_BACKLOG = 2_048
# Milliseconds after which a client that takes nothing of what was sent is cut off: a stream would wait for ever.
_STUCK = 30_000


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
    """Serve until SIGTERM or SIGINT, or until `stop` is set when it is given, or this task is cancelled.

    `create` makes the application: `create_app`, or a function that adds pages to what it makes; `trace`
    follows what is published.
    `port` 0 takes a free one; `on_ready` gets the URL once connections are accepted. Run it on
    uvloop. Raises ConfigurationError when an address is missing, wrong or taken.
    """
    if settings.database_url is None:
        raise ConfigurationError("set DATABASE_URL")
    database = Database(settings.database_url, size=settings.pool_size)
    declaration = Declaration(database, registry)
    with _listening(host, port) as listener, _told_to_stop(stop) as told:
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
            await _run(_Server(_config(app, settings), listener, on_ready), told, feed)
        finally:
            await feed.stop()
            await declaration.stop()
            await queues.close()
            await database.close()


class _Server(uvicorn.Server):
    """A uvicorn that leaves signals alone and tells its address."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, on_ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self.listener = listener
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own way sends itself the signal again at the end, before our connections are closed.
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What exists by now stays: looking through it again and again took a fifth of the throughput when
        # measured, and made pauses of 60 ms.
        gc.collect()
        gc.freeze()
        if not self.should_exit:
            self._on_ready(_url(self.listener))


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # Nothing here depends on the client's address or the scheme, so the headers of proxies need no trust.
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, round(settings.stop_deadline)),
    )


async def _run(server: _Server, told: asyncio.Event, feed: ChangeFeed) -> None:
    serving = asyncio.create_task(server.serve(sockets=[server.listener]))
    stopping = asyncio.create_task(told.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        # Ends the streams, for which the server would wait.
        feed.quiet()
        server.should_exit = True
        await serving


@contextmanager
def _told_to_stop(given: asyncio.Event | None) -> Iterator[asyncio.Event]:
    """The event that ends the server: the caller's, or one that signals set."""
    if given is not None:
        yield given
        return
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for one in signals:
        loop.add_signal_handler(one, told.set)
    try:
        yield told
    finally:
        for one in signals:
            loop.remove_signal_handler(one)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket on the first address of `host`."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        dual = host == "::" and socket.has_dualstack_ipv6()
        listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG, dualstack_ipv6=dual)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {host} port {port}: {error}") from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Connections have it of their listener. Linux knows it; elsewhere only vanished clients are cut off.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STUCK)
    with listener:
        yield listener


def _url(listener: socket.socket) -> str:
    """The address to open; a server on all addresses is reached on this machine's own."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (it is told, not bound)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
