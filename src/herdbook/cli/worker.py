"""Takes an application's job types, and which queues to work on.

Gives a worker process, see `working`.
Never publishes or serves anything.
"""

from typing import Annotated

import typer

from herdbook.cli import options
from herdbook.cli.connect import database_url, read_settings, redis_url
from herdbook.cli.event_loop import run_on_fast_loop
from herdbook.cli.loading import load_app

Queues = Annotated[
    list[str] | None,
    typer.Option("--queue", metavar="NAME", help="Work on this queue only; may be given several times."),
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        "--concurrency",
        metavar="N",
        min=1,
        max=10_000,
        help="Jobs of one queue that run at once. Default: HERDBOOK_CONCURRENCY, or 100.",
        show_default=False,
    ),
]


def worker(
    app: options.App = None,
    queue: Queues = None,
    concurrency: Concurrency = None,
    metrics_port: options.MetricsPort = None,
    data: options.Data = None,
) -> None:
    """Run jobs.

    Works on the queues of your job types and of the built-in ones. It starts while a server is
    away, and keeps trying.

    Ctrl-C or SIGTERM: takes no more jobs, gives those that run HERDBOOK_STOP_DEADLINE seconds,
    hands back what is left, and ends. A second time: hands back at once.

    Examples:
      herdbook worker
      herdbook worker app:book --queue greet --concurrency 10
    """
    settings = read_settings(data, concurrency=concurrency, metrics_port=metrics_port)
    database_url(settings)
    redis_url(settings)
    from herdbook.cli.run_worker import run_worker
    from herdbook.observe.log import set_up_logging

    set_up_logging(settings, "worker")
    run_on_fast_loop(run_worker(settings, load_app(app), queue))
