"""The command `worker`: a process that runs jobs."""

from typing import Annotated

import typer

from herdbook.cli import options
from herdbook.cli.connect import database_url, read_settings, redis_url
from herdbook.cli.event_loop import run_on_fast_loop
from herdbook.cli.loading import load_app

Queues = Annotated[
    list[str] | None,
    typer.Option("--queue", metavar="NAME", help="Work on this queue only; can be repeated."),
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        "--concurrency",
        metavar="N",
        min=1,
        max=10_000,
        help="Jobs of each queue to run at once. Default: HERDBOOK_CONCURRENCY, or 100.",
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

    Works on the queues of your job types and the built-in ones. It also starts
    while a server is unreachable, and keeps retrying.

    On Ctrl-C or SIGTERM it takes no new jobs, waits up to HERDBOOK_STOP_DEADLINE
    seconds for running ones, releases the rest to other workers, and exits. Press
    Ctrl-C again to stop now. A processor that cannot be stopped does not keep it:
    it ends a few seconds after that at the latest. The exit code is 1 if it could
    not release its jobs by then; they run again once their locks have expired.

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
