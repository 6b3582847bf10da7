"""Takes an application, an address and a data folder.

Gives the whole system with one command: servers that are not configured, tables, processes; see `supervisor`.
Never leaves anything behind that it started.
"""

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
from herdbook.cli.connect import given_settings
from herdbook.cli.event_loop import stop_signals
from herdbook.embedded import EmbeddedServers
from herdbook.errors import ConfigurationError

Workers = Annotated[int, typer.Option("--workers", metavar="N", min=0, max=100, help="Worker processes.")]


def up(
    app: options.App = None,
    host: options.Host = "127.0.0.1",
    port: options.Port = 3000,
    workers: Workers = 1,
    data: options.Data = None,
) -> int:
    """Start everything: servers, tables, HTTP API, relay, workers.

    Redis and PostgreSQL are started in the data folder, unless REDIS_URL or DATABASE_URL is set;
    so is a mail server that only keeps what it is sent, as files in DIR/mail, unless SMTP_URL is.

    Prints one line, `ready http://host:port`, when it serves; the log goes to stderr. A process
    that dies is started again. Ctrl-C or SIGTERM ends all of it in order; a second one hurries.

    Examples:
      herdbook up
      herdbook up app:book --port 8080 --workers 2
      REDIS_URL=redis://queues:6379 DATABASE_URL=postgresql://… herdbook up
    """
    from herdbook.cli.supervisor import Plan, supervise
    from herdbook.observe.log import set_up_logging

    settings = given_settings(data)
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
            return exit_codes.OK


def _check_port(host: str, port: int) -> None:
    """Find out before anything is started."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        socket.create_server(address[:2], family=family).close()
    except OSError as error:
        # The error's own text for a port in use says it all twice.
        why = "it is in use" if error.errno == errno.EADDRINUSE else error.strerror
        raise ConfigurationError(f"cannot listen on {host} port {port}: {why}; choose another with --port") from None


def _check_app(app: str) -> int:
    """Import the application in a process of its own, before anything is started; it tells what is wrong."""
    from herdbook.cli.supervised_process import HERDBOOK

    command = [*HERDBOOK, "types", app]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False).returncode  # noqa: S603  (our own words)


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Signals interrupt until the event loop takes them over: what was started by then is ended."""
    for one in stop_signals():
        signal.signal(one, _interrupt)
    yield


def _interrupt(_number: int, _frame: object) -> None:
    _ignore_signals()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    """The servers are about to end, quickly and in order: nothing may cut that short."""
    for one in stop_signals():
        signal.signal(one, signal.SIG_IGN)
