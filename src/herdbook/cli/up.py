"""The command `up`, which starts the whole system and never leaves anything running that it started."""

import asyncio
import errno
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from herdbook.cli import exit_codes, options
from herdbook.cli.connect import environment_settings
from herdbook.cli.event_loop import stop_signals
from herdbook.embedded import EmbeddedServers
from herdbook.errors import ConfigurationError

Workers = Annotated[int, typer.Option("--workers", metavar="N", min=0, max=100, help="Number of worker processes.")]


def up(
    app: options.App = None,
    host: options.Host = "127.0.0.1",
    port: options.Port = 3000,
    workers: Workers = 1,
    data: options.Data = None,
) -> int:
    """Start everything: servers, HTTP API, web UI, relay and workers.

    Starts Redis and PostgreSQL in the data folder unless REDIS_URL or
    DATABASE_URL is set. Unless SMTP_URL is set, also starts a mail server that
    delivers nothing and keeps each mail in DIR/mail.

    Prints one line, `ready http://host:port`, when it is ready; logs go to
    stderr. A process that dies is restarted. Ctrl-C or SIGTERM stops everything
    in order; press Ctrl-C again to stop now.

    Examples:
      herdbook up
      herdbook up app:book --port 8080 --workers 2
      REDIS_URL=redis://queues:6379 DATABASE_URL=postgresql://… herdbook up
    """
    from herdbook.cli.supervisor import Plan, supervise
    from herdbook.observe.log import set_up_logging

    settings = environment_settings(data)
    set_up_logging(settings, "up")
    _check_port(host, port)
    if app is not None and (status := _check_app(app)):
        return status
    servers = EmbeddedServers(settings.data, redis=settings.redis_url is None, postgres=settings.database_url is None)
    plan = Plan(settings=settings, app=app, host=host, port=port, workers=workers)
    with _signals_interrupt():
        try:
            with servers:
                try:
                    return asyncio.run(supervise(plan, servers))
                finally:
                    _ignore_signals()
        except KeyboardInterrupt:
            return exit_codes.SUCCESS


def _check_port(host: str, port: int) -> None:
    """Raise ConfigurationError if the address cannot be used, before anything is started."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        socket.create_server(address[:2], family=family).close()
    except OSError as error:
        # The error's own text for a port in use repeats itself.
        why = "already in use" if error.errno == errno.EADDRINUSE else error.strerror
        raise ConfigurationError(f"cannot listen on {host} port {port}: {why}; choose another with --port") from None


def _check_app(app: str) -> int:
    """Import the application in a separate process, which prints what is wrong, before anything is started."""
    from herdbook.cli.supervised_process import HERDBOOK

    command = [*HERDBOOK, "types", app]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False).returncode  # noqa: S603  (our own arguments)


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt on signals until the event loop handles them, so that what is started by then stops."""
    for one in stop_signals():
        signal.signal(one, _interrupt)
    yield


def _interrupt(_number: int, _frame: object) -> None:
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    """The servers are about to stop, quickly and in order: nothing may interrupt that."""
    for one in stop_signals():
        signal.signal(one, signal.SIG_IGN)
