"""Takes nothing.

Gives the one error of the embedded servers; its message is a sentence for a person.
Never carries a password.
"""

from herdbook.errors import HerdbookError


class EmbeddedError(HerdbookError):
    """An embedded server cannot be started, or has ended on its own."""
