"""The error of the embedded servers.

Its message never contains a password.
"""

from herdbook.errors import HerdbookError


class EmbeddedError(HerdbookError):
    """An embedded server cannot be started, or has exited by itself."""
