"""The job types of the laboratory: what a job does is in its data, and each execution is written down."""

import asyncio
import os
import time

from pydantic import BaseModel, ConfigDict

from herdbook import Herdbook, JobContext

from .executions import VARIABLE, ExecutionLog

# The exit code of a worker that its job has killed.
KILLED_BY_JOB = 87
QUEUES = ("brief", "steady", "threaded")


class Work(BaseModel):
    """A job that takes `ms` milliseconds, raises in its first `fails` attempts, or kills its worker."""

    model_config = ConfigDict(extra="forbid")

    n: int
    ms: int = 0
    fails: int = 0
    kills: bool = False
    padding: str = ""


class WantedError(Exception):
    """What a job raises that is to fail."""


book = Herdbook()
_log = ExecutionLog(os.environ.get(VARIABLE, os.devnull))


@book.processor("brief", queue="brief")
async def brief(work: Work, job: JobContext) -> int:
    with _log.execution(job.id, job.attempt):
        return _result(work, job)


@book.processor("steady", queue="steady")
async def steady(work: Work, job: JobContext) -> int:
    with _log.execution(job.id, job.attempt):
        await asyncio.sleep(work.ms / 1_000)
        if work.kills:
            os._exit(KILLED_BY_JOB)
        return _result(work, job)


@book.processor("threaded", queue="threaded")
def threaded(work: Work, job: JobContext) -> int:
    with _log.execution(job.id, job.attempt):
        time.sleep(work.ms / 1_000)
        return _result(work, job)


def _result(work: Work, job: JobContext) -> int:
    # Attempts that lost their worker are counted too, so a job that is to succeed has one to spare.
    if job.attempt <= work.fails:
        raise WantedError(f"attempt {job.attempt} of {work.n}")
    return work.n
