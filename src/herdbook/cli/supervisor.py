"""Runs the processes of `herdbook up` on its servers: serve, relay and workers.

It never leaves a process behind, and stops when one of its servers is lost.
"""

import asyncio
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

import typer

from herdbook.cli import exit_codes
from herdbook.cli.connect import open_record
from herdbook.cli.event_loop import StopRequest, stop_on_signals
from herdbook.cli.supervised_process import InvalidUsageError, SupervisedProcess
from herdbook.embedded import CatchAllSmtp, EmbeddedError, EmbeddedServers
from herdbook.record.migrate import migrate
from herdbook.service import log
from herdbook.settings import Settings

# Seconds between two checks that the embedded servers are alive.
_CHECK_INTERVAL = 0.5
_READY = "ready "


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The arguments of `up`; `settings` has no URLs of servers that it starts itself."""

    settings: Settings
    app: str | None
    host: str
    port: int
    workers: int


async def supervise(plan: Plan, servers: EmbeddedServers) -> int:
    """Run the system until a signal; returns the exit code."""
    settings = plan.settings
    smtp = CatchAllSmtp(settings.data / "mail")
    with stop_on_signals() as request:
        smtp_url = settings.smtp_url or await smtp.start()
        try:
            settings = _with_servers(settings, servers, smtp_url)
            servers.announce(
                redis_url=settings.redis_url, database_url=settings.database_url, smtp_url=settings.smtp_url
            )
            # Programs of other versions may use a PostgreSQL that others run.
            await _migrate(settings, contract=plan.settings.database_url is None)
            return await _System(plan, settings, servers, request).run()
        finally:
            await smtp.stop()


class _System:
    """The processes."""

    def __init__(self, plan: Plan, settings: Settings, servers: EmbeddedServers, request: StopRequest) -> None:
        self._plan = plan
        self._settings = settings
        self._servers = servers
        self._request = request
        self._ready = False
        app = [plan.app] if plan.app else []
        environment = _environment(settings)
        self._serve = SupervisedProcess("serve", self._serve_arguments(plan.port), environment, self._on_output)
        self._relay = SupervisedProcess("relay", ["relay", *_metrics_arguments(settings, 0)], environment)
        self._workers = [
            SupervisedProcess(f"worker {number}", ["worker", *app, *_metrics_arguments(settings, number)], environment)
            for number in range(1, plan.workers + 1)
        ]

    async def run(self) -> int:
        """Start everything; stop everything on request or when a server is lost. Returns the exit code."""
        children = [self._serve, self._relay, *self._workers]
        keeping = [asyncio.create_task(child.keep_running(lambda: not self._ready)) for child in children]
        watching = asyncio.create_task(self._watch_servers())
        stop = asyncio.create_task(self._stop_requested())
        done, _ = await asyncio.wait([stop, watching, *keeping], return_when=asyncio.FIRST_COMPLETED)
        code = self._exit_code(done)
        await self._stop_children()
        for task in (stop, watching):
            task.cancel()
        await asyncio.gather(stop, watching, *keeping, return_exceptions=True)
        return code

    def _exit_code(self, done: set["asyncio.Task[None]"]) -> int:
        for task in done:
            error = task.exception()
            if isinstance(error, EmbeddedError):
                exit_codes.print_error(str(error))
                # Without their servers workers cannot finish anything.
                self._request.now.set()
                return exit_codes.UNAVAILABLE
            if isinstance(error, InvalidUsageError):
                return exit_codes.USAGE
            if error is not None:
                raise error
        log.info("stopping; press Ctrl-C again to stop now")
        return exit_codes.SUCCESS

    async def _stop_children(self) -> None:
        deadline, now = self._settings.stop_deadline, self._request.now
        await asyncio.gather(*(child.stop(deadline, now) for child in (self._serve, *self._workers)))
        await self._relay.stop(deadline, now)

    async def _stop_requested(self) -> None:
        await self._request.stop.wait()

    async def _watch_servers(self) -> None:
        while True:
            self._servers.check()
            await asyncio.sleep(_CHECK_INTERVAL)

    def _on_output(self, line: str) -> None:
        """Print the first `ready` line; what an application prints goes to stderr."""
        if not line.startswith(_READY):
            typer.echo(line, err=True)
            return
        url = line.removeprefix(_READY)
        if not self._ready:
            self._ready = True
            typer.echo(line)
        # After a restart it has the same port, even if any free one was asked for.
        self._serve.arguments = self._serve_arguments(urlsplit(url).port or self._plan.port)
        log.info("serving", url=url, data=str(self._settings.data))

    def _serve_arguments(self, port: int) -> list[str]:
        app = [self._plan.app] if self._plan.app else []
        return ["serve", *app, "--host", self._plan.host, "--port", str(port)]


def _metrics_arguments(settings: Settings, number: int) -> list[str]:
    """A metrics port per process, counted up from the configured one; 0 stays 0, any free port."""
    port = settings.metrics_port
    return [] if port is None else ["--metrics-port", str(port + number if port else 0)]


def _with_servers(settings: Settings, servers: EmbeddedServers, smtp_url: str) -> Settings:
    return settings.model_copy(
        update={
            "database_url": settings.database_url or servers.database_url,
            "redis_url": settings.redis_url or servers.redis_url,
            "smtp_url": smtp_url,
            "data": settings.data.absolute(),
        }
    )


def _environment(settings: Settings) -> dict[str, str]:
    """The children's environment: ours and the URLs, whose passwords must not appear on a command line."""
    urls = {
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "SMTP_URL": settings.smtp_url or "",
        "HERDBOOK_DATA": str(settings.data),
    }
    # The names of settings are not case-sensitive.
    others = {name: value for name, value in os.environ.items() if name.upper() not in urls}
    return {**others, **urls, "PYTHONUNBUFFERED": "1"}


async def _migrate(settings: Settings, *, contract: bool) -> None:
    async with open_record(settings, "migrate", size=2) as database:
        await migrate(database, contract=contract)
