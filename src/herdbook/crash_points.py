"""Named points at which the fault laboratory has this process die, to see what a crash there leaves behind.

`HERDBOOK_CRASH_AT=relayed:3` ends the process, at once and without any clean-up, when it passes the point `relayed`
for the third time. Unset, a point costs one comparison per batch.
"""

import os
import sys

from herdbook.errors import ConfigurationError
from herdbook.settings import crash_at

# Tells such a death from any other.
EXIT_CODE = 86
POINTS = frozenset(
    {
        "published",  # the publisher has committed, and not answered yet
        "added",  # the relay has added jobs to their queues, and not committed yet
        "relayed",  # the relay has committed
        "fetched",  # a worker has taken jobs from their queue
        "claimed",  # a worker has claimed jobs, and not begun to run them
        "ended",  # jobs have ended, and are not recorded yet
        "recorded",  # jobs are recorded, and not acknowledged yet
        "acknowledged",  # jobs are acknowledged, and those fetched along are not known to the worker yet
        "noticed",  # the reconciler has noted that Redis lost writes, and not compared yet
        "redelivered",  # the reconciler has put lost jobs into the outbox
    }
)


class CrashPoint:
    """Where to die: at the `count`-th time that the point `name` is passed."""

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._left = count

    @classmethod
    def parse(cls, text: str) -> "CrashPoint":
        """The point in a text such as `relayed:3`. Raises ConfigurationError."""
        name, _, count = text.partition(":")
        if name not in POINTS or not count.isdecimal() or int(count) < 1:
            raise ConfigurationError(
                f"HERDBOOK_CRASH_AT={text}: give point:count with one of {', '.join(sorted(POINTS))}"
            )
        return cls(name, int(count))

    def is_reached(self, name: str) -> bool:
        """Whether this is the time to die; counts the times that the point is passed."""
        if name == self._name:
            self._left -= 1
        return self._left == 0


# Of the process, as its death is.
_point = CrashPoint.parse(text) if (text := crash_at()) else None


def crash_point(name: str) -> None:
    """Die here, if that is wanted."""
    if _point is not None and _point.is_reached(name):
        sys.stderr.write(f"crashed at {name}\n")
        sys.stderr.flush()
        os._exit(EXIT_CODE)
