"""Takes HTTP requests.

Gives the JSON API: publish jobs, read what became of them, look at the system.
Never talks to the queue: publishing goes through the record, figures through `queue_figures`.
"""

from herdbook.http.app import create_app
from herdbook.http.server import serve

__all__ = ["create_app", "serve"]
