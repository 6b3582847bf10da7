"""Takes requests of browsers.

Gives the pages: create, watch, understand and operate jobs; they work before any script runs.
Never talks to the queue: figures come through `queue_figures`, actions go through `control`.
"""

from herdbook.web.app import create_app

__all__ = ["create_app"]
