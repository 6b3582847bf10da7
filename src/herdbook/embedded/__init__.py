"""Real Redis and PostgreSQL servers as child processes, and a local mail server that catches all mail."""

from herdbook.embedded.errors import EmbeddedError
from herdbook.embedded.servers import EmbeddedServers, RunningServers, read_running_servers
from herdbook.embedded.smtp import CatchAllSmtp

__all__ = ["CatchAllSmtp", "EmbeddedError", "EmbeddedServers", "RunningServers", "read_running_servers"]
