"""The server on a real socket: start, stop, and PostgreSQL and Redis that come later."""

import asyncio
import os
import resource
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse, Response

from herdbook.errors import ConfigurationError
from herdbook.http.app import create_app
from herdbook.http.server import serve
from herdbook.http.services import Services
from herdbook.model.registry import Registry
from herdbook.record.database import Database
from herdbook.settings import Settings
from herdbook.testing import eventually
from tests.http.conftest import NOBODY, assert_problem, count_jobs

_ROOT = Path(__file__).parents[2]
JOB = {"jobType": "any", "jobData": {"n": 1}}


@asynccontextmanager
async def serving(settings: Settings, registry: Registry, **more: object) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that runs in this process for the block."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    options = {"host": "127.0.0.1", "port": 0, "on_ready": ready.set_result, "stop": stop, **more}
    running = asyncio.create_task(serve(settings, registry, **options))  # type: ignore[arg-type]
    running.add_done_callback(lambda _: ready.done() or ready.cancel())
    with suppress(asyncio.CancelledError):
        await ready
    if running.done():
        await running
    try:
        async with httpx.AsyncClient(base_url=await ready) as api:
            yield api
    finally:
        stop.set()
        await running


@asynccontextmanager
async def program(settings: Settings, *, max_files: int | None = None) -> AsyncIterator[tuple[Process, str]]:
    """The server in its own process, which may open so many files, and its URL."""
    env = {
        **os.environ,
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "HERDBOOK_QUEUE_PREFIX": settings.queue_prefix,
    }

    def limit_files() -> None:
        if max_files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max_files, max_files))

    command = (sys.executable, "-m", "tests.http.program", "0")
    process = await asyncio.create_subprocess_exec(
        *command, env=env, cwd=_ROOT, stdout=PIPE, stderr=PIPE, preexec_fn=limit_files
    )
    assert process.stdout
    try:
        yield process, (await process.stdout.readline()).decode().strip()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
async def test_a_server_process_answers_until_a_signal(
    settings: Settings, database: Database, stop_signal: signal.Signals
) -> None:
    async with program(settings) as (process, url):
        async with httpx.AsyncClient(base_url=url) as api:
            answer = await api.post("/api/jobs", json=JOB)
            assert answer.status_code == 201
            assert "server" not in answer.headers
            head = await api.head(answer.headers["location"])
            assert (head.status_code, head.content) == (200, b"")
            process.send_signal(stop_signal)
            assert await process.wait() == 0
        assert process.stderr
        assert await process.stderr.read() == b""
    assert await count_jobs(database) == 1


async def test_silent_connections_shut_nobody_out(settings: Settings, database: Database) -> None:
    async with program(settings, max_files=300) as (_, url), AsyncExitStack() as stack:
        address = urlsplit(url)
        for _ in range(400):
            silent = stack.enter_context(socket.socket())
            silent.setblocking(False)
            silent.connect_ex((address.hostname, address.port))

        async def served() -> bool:
            async with httpx.AsyncClient(base_url=url, timeout=2) as api:
                with suppress(httpx.TransportError):
                    return (await api.post("/api/jobs", json=JOB)).status_code == 201
            return False

        assert await eventually(served)


async def test_requests_in_progress_are_answered_before_it_stops(settings: Settings, registry: Registry) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    def with_slow(services: Services) -> FastAPI:
        app = create_app(services)

        @app.get("/slow")
        async def slow() -> Response:
            entered.set()
            await leave.wait()
            return PlainTextResponse("done")

        return app

    stop = asyncio.Event()
    async with serving(settings, registry, create=with_slow, stop=stop) as api:
        under_way = asyncio.create_task(api.get("/slow"))
        await entered.wait()
        stop.set()

        async def refused() -> bool:
            async with httpx.AsyncClient(base_url=api.base_url) as late:
                try:
                    await late.get("/healthz")
                except httpx.TransportError:
                    return True
            return False

        await eventually(refused)
        leave.set()
        assert (await under_way).text == "done"


async def test_a_cancelled_server_closes_everything(settings: Settings, registry: Registry) -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        serve(settings, registry, host="127.0.0.1", port=0, on_ready=ready.set_result, stop=asyncio.Event())
    )
    url = await ready
    async with httpx.AsyncClient(base_url=url) as api:
        assert (await api.post("/api/jobs", json=JOB)).status_code == 201
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    port = urlsplit(url).port
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_it_starts_while_its_servers_are_unreachable(settings: Settings, registry: Registry) -> None:
    unreachable = {"database_url": f"postgresql://u:p@127.0.0.1:{NOBODY}/x", "redis_url": f"redis://127.0.0.1:{NOBODY}"}
    async with serving(settings.model_copy(update=unreachable), registry) as api:
        assert (await api.get("/healthz")).status_code == 200
        assert (await api.get("/readyz")).status_code == 503
        assert_problem(await api.post("/api/jobs", json=JOB), 503, "record-unavailable")


async def test_job_types_are_declared_once_postgresql_is_there(
    settings: Settings, registry: Registry, database: Database
) -> None:
    assert settings.database_url
    address = urlsplit(settings.database_url)
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    netloc = f"{address.netloc.rpartition('@')[0]}@127.0.0.1:{port}"
    later = settings.model_copy(update={"database_url": urlunsplit(address._replace(netloc=netloc))})

    async def declared() -> set[str]:
        async with database.connection() as connection:
            return {row["name"] for row in await connection.fetch("SELECT name FROM herdbook.job_types")}

    async with serving(later, registry) as api:
        assert_problem(await api.post("/api/jobs", json=JOB), 503, "record-unavailable")
        assert await declared() == set()
        async with forwarding(port, address.hostname or "", address.port or 0):
            assert await eventually(declared) == {"any", "count", "note"}
            assert (await api.post("/api/jobs", json=JOB)).status_code == 201
            assert (await api.get("/readyz")).status_code == 200


@asynccontextmanager
async def forwarding(port: int, host: str, to: int) -> AsyncIterator[None]:
    """Forward connections on `port` to another server, for the block."""
    tasks: list[asyncio.Task[None]] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
        finally:
            writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, to)
        tasks.extend(asyncio.create_task(one) for one in (copy(reader, far_writer), copy(far_reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    yield
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_an_address_in_use_is_a_clear_error(settings: Settings, registry: Registry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1 port {port}"):
            async with serving(settings, registry, port=port):
                pass
    with pytest.raises(ConfigurationError, match="cannot listen on"):
        async with serving(settings, registry, host="999.0.0.1"):
            pass


@pytest.mark.parametrize("missing", ["database_url", "redis_url"])
async def test_addresses_of_the_servers_are_needed(settings: Settings, registry: Registry, missing: str) -> None:
    with pytest.raises(ConfigurationError, match=missing.upper()):
        async with serving(settings.model_copy(update={missing: None}), registry):
            pass


@pytest.mark.parametrize(("host", "expected"), [("0.0.0.0", "127.0.0.1"), ("localhost", None), ("::", None)])
async def test_the_url_can_be_opened(settings: Settings, registry: Registry, host: str, expected: str | None) -> None:
    if host == "::" and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    async with serving(settings, registry, host=host) as api:
        assert (await api.get("/healthz")).status_code == 200
        assert expected is None or api.base_url.host == expected
