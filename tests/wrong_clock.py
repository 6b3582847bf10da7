"""Runs the `herdbook` command with a clock that is wrong by so many seconds: `wrong_clock.py 3600 worker …`.

Only this process sees it; the servers and all others keep the right time.
"""

import ctypes
import datetime
import gc
import runpy
import sys
import time
from typing import Any


def set_wrong(seconds: float) -> None:
    """Shift whatever Python tells of the time of day; what measures durations stays."""
    right_time, right_time_ns, right_now = time.time, time.time_ns, datetime.datetime.now
    time.time = lambda: right_time() + seconds
    time.time_ns = lambda: right_time_ns() + int(seconds * 1e9)

    def now(kind: type[datetime.datetime], tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return right_now(tz) + datetime.timedelta(seconds=seconds)

    # The type itself, since pydantic and asyncpg know it by its identity. It can only be changed behind its back.
    attributes: Any = gc.get_referents(datetime.datetime.__dict__)[0]
    attributes["now"] = classmethod(now)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime.datetime))


if __name__ == "__main__":
    set_wrong(float(sys.argv[1]))
    sys.argv[:2] = ["herdbook"]
    runpy.run_module("herdbook", run_name="__main__", alter_sys=True)
