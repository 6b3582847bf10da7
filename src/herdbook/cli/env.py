"""Takes a data folder.

Gives the URLs of the servers that run on it, as lines for a shell.
Never starts a server.
"""

import typer

from herdbook.cli import exit_codes, options
from herdbook.cli.connect import given_settings
from herdbook.embedded import read_running_servers


def env(data: options.Data = None) -> int:
    """Print how to reach the servers of a running `herdbook up`, for a shell.

    The lines hold passwords. Exit code 1 when nothing runs on the data folder.

    Examples:
      eval "$(herdbook env)"
      eval "$(herdbook env --data /srv/herdbook)" && psql "$DATABASE_URL"
    """
    folder = given_settings(data).data.absolute()
    running = read_running_servers(folder)
    if running is None:
        exit_codes.tell(f"nothing runs on {folder}: start `herdbook up` with that data folder")
        return exit_codes.NO
    for name in ("DATABASE_URL", "REDIS_URL", "SMTP_URL"):
        url = getattr(running, name.lower())
        if url is not None:
            typer.echo(f"export {name}={_quoted(url)}")
    return exit_codes.OK


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"
