"""The command `env`, which prints the URLs of a running `herdbook up` as lines for a shell."""

import typer

from herdbook.cli import exit_codes, options
from herdbook.cli.connect import environment_settings
from herdbook.embedded import read_running_servers


def env(data: options.Data = None) -> int:
    """Print the URLs of a running `herdbook up` as shell variables.

    The output contains passwords. The exit code is 1 if nothing is running on the
    data folder.

    Examples:
      eval "$(herdbook env)"
      eval "$(herdbook env --data /srv/herdbook)" && psql "$DATABASE_URL"
    """
    folder = environment_settings(data).data.absolute()
    running = read_running_servers(folder)
    if running is None:
        exit_codes.print_error(f"no `herdbook up` is running on {folder}")
        return exit_codes.FAILURE
    for name in ("DATABASE_URL", "REDIS_URL", "SMTP_URL"):
        url = getattr(running, name.lower())
        if url is not None:
            typer.echo(f"export {name}={_shell_quoted(url)}")
    return exit_codes.SUCCESS


def _shell_quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"
