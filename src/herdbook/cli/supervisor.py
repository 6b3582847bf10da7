"""Takes running servers, and how many workers are wanted.

Gives one system: mail server, tables, and the processes that serve, relay and work, until it is told to stop.
Never leaves a process behind, and never works without its servers.
"""

import asyncio
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

import typer

from herdbook.cli import exit_codes
from herdbook.cli.connect import open_record
from herdbook.cli.event_loop import StopRequest, listening_to_signals
from herdbook.cli.supervised_process import ChildRefusedError, SupervisedProcess
from herdbook.embedded import CatchAllSmtp, EmbeddedError, EmbeddedServers
from herdbook.record.migrate import migrate
from herdbook.service import log
from herdbook.settings import Settings

# Seconds between two looks whether the embedded servers are still there.
_LOOK = 0.5
_READY = "ready "


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `up` was asked for; `settings` have no URL for the servers that it starts."""

    settings: Settings
    app: str | None
    host: str
    port: int
    workers: int


async def supervise(plan: Plan, servers: EmbeddedServers) -> int:
    """Run the system until a signal; returns the exit code."""
    settings = plan.settings
    smtp = CatchAllSmtp(settings.data / "mail")
    with listening_to_signals() as told:
        smtp_url = settings.smtp_url or await smtp.start()
        try:
            settings = _with_servers(settings, servers, smtp_url)
            servers.announce(
                redis_url=settings.redis_url, database_url=settings.database_url, smtp_url=settings.smtp_url
            )
            await _migrate(settings)
            return await _System(plan, settings, servers, told).run()
        finally:
            await smtp.stop()


class _System:
    """The processes."""

    def __init__(self, plan: Plan, settings: Settings, servers: EmbeddedServers, told: StopRequest) -> None:
        self._plan = plan
        self._settings = settings
        self._servers = servers
        self._told = told
        self._ready = False
        app = [plan.app] if plan.app else []
        environment = _environment(settings)
        self._serve = SupervisedProcess("serve", self._serve_words(plan.port), environment, self._hear)
        self._relay = SupervisedProcess("relay", ["relay", *_metrics_words(settings, 0)], environment)
        self._workers = [
            SupervisedProcess(f"worker {number}", ["worker", *app, *_metrics_words(settings, number)], environment)
            for number in range(1, plan.workers + 1)
        ]

    async def run(self) -> int:
        """Start everything; stop everything when told, or when a part is lost."""
        children = [self._serve, self._relay, *self._workers]
        keeping = [asyncio.create_task(child.keep(lambda: not self._ready)) for child in children]
        watching = asyncio.create_task(self._watch_servers())
        stop = asyncio.create_task(self._until_told())
        done, _ = await asyncio.wait([stop, watching, *keeping], return_when=asyncio.FIRST_COMPLETED)
        code = self._judge(done)
        await self._stop_children()
        for task in (stop, watching):
            task.cancel()
        await asyncio.gather(stop, watching, *keeping, return_exceptions=True)
        return code

    def _judge(self, done: set["asyncio.Task[None]"]) -> int:
        for task in done:
            error = task.exception()
            if isinstance(error, EmbeddedError):
                exit_codes.tell(str(error))
                # Without their servers the workers cannot bring anything to an end.
                self._told.hurry.set()
                return exit_codes.AWAY
            if isinstance(error, ChildRefusedError):
                return exit_codes.USAGE
            if error is not None:
                raise error
        log.info("stopping; a second time hurries")
        return exit_codes.OK

    async def _stop_children(self) -> None:
        deadline, hurry = self._settings.stop_deadline, self._told.hurry
        await asyncio.gather(*(child.stop(deadline, hurry) for child in (self._serve, *self._workers)))
        await self._relay.stop(deadline, hurry)

    async def _until_told(self) -> None:
        await self._told.stop.wait()

    async def _watch_servers(self) -> None:
        while True:
            self._servers.check()
            await asyncio.sleep(_LOOK)

    def _hear(self, line: str) -> None:
        """Pass `ready` on, once; what an application prints goes to stderr."""
        if not line.startswith(_READY):
            typer.echo(line, err=True)
            return
        url = line.removeprefix(_READY)
        if not self._ready:
            self._ready = True
            typer.echo(line)
        # Started again, it is found where it was, also when any free port would have done.
        self._serve.words = self._serve_words(urlsplit(url).port or self._plan.port)
        log.info("serving", url=url, data=str(self._settings.data))

    def _serve_words(self, port: int) -> list[str]:
        app = [self._plan.app] if self._plan.app else []
        return ["serve", *app, "--host", self._plan.host, "--port", str(port)]


def _metrics_words(settings: Settings, number: int) -> list[str]:
    """Each process serves its metrics on a port of its own: the first, or as many further on; 0 is any free one."""
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
    """The children's environment: ours, and the URLs, which have passwords and so belong on no command line."""
    urls = {
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "SMTP_URL": settings.smtp_url or "",
        "HERDBOOK_DATA": str(settings.data),
    }
    # Settings are found under any spelling of their names.
    others = {name: value for name, value in os.environ.items() if name.upper() not in urls}
    return {**others, **urls, "PYTHONUNBUFFERED": "1"}


async def _migrate(settings: Settings) -> None:
    async with open_record(settings, "migrate", size=2) as database:
        for one in await migrate(database):
            log.info("migrated", version=one.version, name=one.name)
