"""The command `serve`: a process for the HTTP API and the web UI."""

import typer

from herdbook.cli import options
from herdbook.cli.connect import database_url, read_settings, redis_url
from herdbook.cli.event_loop import run_on_fast_loop
from herdbook.cli.loading import load_app
from herdbook.settings import Settings


def serve(
    app: options.App = None,
    host: options.Host = "127.0.0.1",
    port: options.Port = 3000,
    data: options.Data = None,
) -> None:
    """Serve the HTTP API and the web UI.

    Uses DATABASE_URL and REDIS_URL, or the servers of a running `herdbook up`.
    Prints one line, `ready http://host:port`, when it is ready. Ctrl-C or SIGTERM
    stops it.

    Examples:
      herdbook serve --port 3000
      herdbook serve app:book --host 0.0.0.0
    """
    settings = read_settings(data)
    database_url(settings)
    redis_url(settings)
    _serve(settings, app, host, port)


def _serve(settings: Settings, app: str | None, host: str, port: int) -> None:
    from herdbook.http.server import serve as run_server
    from herdbook.job_types.assembly import build_registry, log_missing
    from herdbook.observe.exporting import traced
    from herdbook.observe.log import set_up_logging
    from herdbook.record.database import Database
    from herdbook.web import create_app

    set_up_logging(settings, "serve")
    # Only processors use the registry's database, and none runs here, so it is never opened.
    registry = build_registry(settings, Database(database_url(settings), size=1), load_app(app))
    log_missing(registry)
    with traced(settings, "serve") as tracing:
        run_on_fast_loop(
            run_server(
                settings,
                registry,
                host=host,
                port=port,
                create=create_app,
                on_ready=lambda url: typer.echo(f"ready {url}"),
                trace=tracing.publishing if tracing else None,
            )
        )
