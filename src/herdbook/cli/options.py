"""The arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

App = Annotated[
    str | None,
    typer.Argument(metavar="APP", help="Your job types, as module:attribute.", show_default=False),
]
AppOption = Annotated[
    str | None,
    typer.Option("--app", metavar="APP", help="Your job types, as module:attribute.", show_default=False),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Data folder. Default: HERDBOOK_DATA, or .herdbook in the current folder.",
        show_default=False,
    ),
]
Host = Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")]
Port = Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65_535, help="Port; 0 picks a free one.")]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port",
        metavar="PORT",
        min=0,
        max=65_535,
        help="Serve this process's Prometheus metrics on this port. Default: HERDBOOK_METRICS_PORT, or off.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
