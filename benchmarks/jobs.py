"""The jobs that are published: most have 300 bytes of data.

No two big ones may be alike, or compress well: that would be cheaper than real ones.
"""

import base64
import os
from collections.abc import Callable
from typing import Any

from herdbook.publishing.publish import JobRequest

PAD = "x" * 280
# Bytes of a big job's data.
BIG = 100_000
Make = Callable[[int], JobRequest]


def noop_data(n: int) -> dict[str, Any]:
    """The data of a job that does nothing."""
    return {"n": n, "pad": PAD}


def noop(n: int) -> JobRequest:
    """A job that does nothing but tell when it started."""
    return JobRequest(job_type="noop", job_data=noop_data(n))


def nap(n: int) -> JobRequest:
    """A job that waits."""
    return JobRequest(job_type="nap", job_data={"n": n})


def fail(n: int) -> JobRequest:
    """A job that fails."""
    return JobRequest(job_type="fail", job_data=noop_data(n))


def echo(n: int) -> JobRequest:
    """A big job whose result is as big."""
    return JobRequest(job_type="echo", job_data={"text": base64.b64encode(os.urandom(BIG * 3 // 4)).decode()})


def crunch(seconds: float) -> JobRequest:
    """A job that keeps a processor busy."""
    return JobRequest(job_type="crunch", job_data={"seconds": seconds})


# By the names that the publisher's command line knows.
MAKES: dict[str, Make] = {"noop": noop, "nap": nap, "echo": echo}
