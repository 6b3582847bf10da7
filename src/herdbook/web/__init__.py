"""The pages for browsers: publish, watch and manage jobs, with or without JavaScript.

They never reach for the queue: its statistics and every action go through `operating`.
"""

from herdbook.web.app import create_app

__all__ = ["create_app"]
