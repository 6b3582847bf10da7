"""Functions that run in processes of their own: other processes must be able to import them."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import psutil
from pydantic import BaseModel

from herdbook import Cancel, Herdbook, JobContext, Retry, Snooze, Unrecoverable

book = Herdbook()


def job_processes(worker: int | None = None) -> set[int]:
    """The processes of jobs that a worker's process (this one unless given) has."""
    found = set()
    for process in psutil.Process(worker).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "herdbook.execution.processes.child" in " ".join(process.cmdline()):
                found.add(process.pid)
    return found


class Order(BaseModel):
    number: int


class NotToBePickledError(Exception):
    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"{left} and {right}")


@book.processor("square", queue="apart", executor="process", attempts=1)
def square(order: Order, job: JobContext) -> dict[str, Any]:
    """Tells of itself by every way that a job has."""
    job.log(f"squaring {order.number}")
    job.progress(50)
    kept = job.save_artifact("square.txt", str(order.number**2).encode(), "text/plain")
    return {
        "square": order.number**2,
        "pid": os.getpid(),
        "attempt": job.attempt,
        "kept": kept.size,
        "deadline": job.deadline.isoformat() if job.deadline else None,
        "cancelled": job.cancelled,
        "in main thread": threading.current_thread() is threading.main_thread(),
    }


@book.processor("raise", queue="apart", executor="process", attempts=2, backoff=None)
def raising(what: str) -> Any:
    match what:
        case "value":
            try:
                raise KeyError("inner")
            except KeyError as error:
                raise ValueError("smtp://me:secret@host is no number") from error
        case "exit":
            sys.exit("enough")
        case "strange":
            raise NotToBePickledError("this", "that")
        case "cancel":
            raise Cancel("not wanted")
        case "final":
            raise Unrecoverable("never")
        case "retry":
            raise Retry("busy", after=5)
        case "snooze":
            raise Snooze("1h")
        case "set":
            return {1, 2}
        case "nan":
            return [None, float("inf")]
    return what


@book.processor("die", queue="apart", executor="process", attempts=1)
def dying(how: str) -> None:
    """Ends the process under its job."""
    match how:
        case "segfault":
            ctypes.string_at(0)
        case "exit":
            os._exit(7)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)


@book.processor("deadly", queue="apart", executor="process", attempts=10, backoff=None)
def deadly(order: Order) -> None:
    os._exit(order.number)


@book.processor("calm", queue="apart", executor="process", attempts=1)
def calm(order: Order) -> int:
    if order.number < 0:
        ctypes.string_at(0)
    return order.number


# Set where a test has seen what it wanted: a thread cannot be stopped, and would keep the tests from ending.
enough = threading.Event()


def _wait_for_ever() -> None:
    enough.wait(120)


@book.processor("stuck", queue="apart", executor="process", attempts=1)
def stuck(children: int) -> None:
    """Never ends, and starts processes of its own."""
    for _ in range(children):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    _wait_for_ever()


@book.processor("polite", queue="apart", executor="process", attempts=1)
def polite(order: Order, job: JobContext) -> str:
    """Looks whether it is to end."""
    while not job.cancelled:
        threading.Event().wait(0.01)
    job.log("it is to end")
    return "ignored"


@book.processor("stuck_thread", queue="apart-threads", attempts=1)
def stuck_thread(order: Order) -> None:
    _wait_for_ever()


@book.processor("stuck_async", queue="apart-async", attempts=1)
async def stuck_async(order: Order) -> None:
    await asyncio.sleep(120)
