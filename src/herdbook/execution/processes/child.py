"""The process of a worker's jobs, seen from inside: it runs one call at a time, in its main thread.

It must never outlive its worker: it ends with the socket that it was started with, or with the worker's process.
"""

import ctypes
import faulthandler
import os
import pickle
import queue
import signal
import socket
import sys
import threading
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

from herdbook.errors import HerdbookError, InvalidJobError
from herdbook.execution.error_report import report_error
from herdbook.execution.processes.wire import (
    LENGTH,
    Begun,
    Call,
    Done,
    Keep,
    Kept,
    Message,
    Reported,
    Stop,
    Threw,
    pack_message,
    unpack_message,
)
from herdbook.model.artifacts import Artifact
from herdbook.model.context import JobContext, running_job
from herdbook.model.registry import JobType, Registry
from herdbook.model.result import encode_result
from herdbook.model.signals import Cancel, Retry, Snooze, Unrecoverable
from herdbook.observe.log import set_up_logging
from herdbook.settings import Settings

_PR_SET_PDEATHSIG = 1
# Asks a process where it is; the answer goes to its trace file.
WHERE = signal.SIGUSR2


def main(socket_fd: int, trace_fd: int, parent: int) -> None:
    """Serve the worker whose process is `parent`; `trace_fd` takes the stack of a crash."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Meant for the worker, which lets its jobs end. Ignoring them would be inherited by the job's own commands.
        signal.signal(number, lambda *_: None)
    faulthandler.enable(trace_fd, all_threads=False)
    faulthandler.register(WHERE, trace_fd, all_threads=False)
    set_up_logging(Settings(), "job")
    line = socket.socket(fileno=socket_fd)
    # A process that a job forks must not keep the line open when the job's own process has died.
    os.register_at_fork(after_in_child=line.close)
    Child(line).serve()


class Child:
    """The process of a worker's jobs, seen from inside."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._sending, self._keeping = threading.Lock(), threading.Lock()
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._kept: queue.SimpleQueue[Kept] = queue.SimpleQueue()
        self._context: JobContext | None = None
        self._types: dict[tuple[str, str, str], JobType] = {}

    def serve(self) -> None:
        """Run calls until the worker hangs up."""
        threading.Thread(target=self._listen, name="herdbook-line", daemon=True).start()
        while (call := self._calls.get()) is not None:
            self._run(call)

    def send(self, message: Message) -> None:
        """Tell the worker something."""
        packed = pack_message(message)
        with self._sending:
            self._line.sendall(packed)

    def keep(self, message: Keep) -> Artifact:
        """Have the worker keep an artifact."""
        with self._keeping:
            self.send(message)
            kept = self._kept.get()
        if kept.artifact is None:
            raise OSError(kept.error)
        return kept.artifact

    def _listen(self) -> None:
        with self._line.makefile("rb") as incoming:
            while len(head := incoming.read(LENGTH.size)) == LENGTH.size:
                match unpack_message(incoming.read(*LENGTH.unpack(head))):
                    case Call() as call:
                        self._calls.put(call)
                    case Kept() as kept:
                        self._kept.put(kept)
                    case Stop() if context := self._context:
                        context.mark_cancelled()
        # The worker hung up. An idle process ends in order; a job has nobody left to report to.
        self._calls.put(None)
        if self._context is not None:
            os._exit(1)

    def _run(self, call: Call) -> None:
        context = PipedContext(self, call)
        self._context = context
        answer: Done | Threw
        try:
            answer = Done(result=self._call(call, context))
        except BaseException as error:
            answer = Threw(error=portable(error), report=report_error(error))
        context.close()
        self._context = None
        self.send(answer)

    def _call(self, call: Call, context: "PipedContext") -> str:
        running_job.set(context)
        job_type = self._find(call)
        if call.limit is not None:
            context.deadline = datetime.now(UTC) + timedelta(seconds=call.limit)
        self.send(Begun())
        return encode_result(job_type.call(job_type.checked(call.data), context))

    def _find(self, call: Call) -> JobType:
        """The job type, of the function alone; its module is imported once."""
        place = (call.job_type, call.module, call.function)
        if place not in self._types:
            function: Any = import_module(call.module)
            for name in call.function.split("."):
                function = getattr(function, name)
            registry = Registry()
            registry.processor(call.job_type)(function)
            self._types[place] = registry.get(call.job_type)
        return self._types[place]


class PipedContext(JobContext):
    """A context whose reports travel to the worker."""

    __slots__ = ("_child",)

    def __init__(self, child: Child, call: Call) -> None:
        super().__init__(
            id=call.id,
            job_type=call.job_type,
            queue=call.queue,
            attempt=call.attempt,
            reported=call.reported,
            artifacts=self,
            started_at=call.started_at,
            began=call.began,
        )
        self._child: Child | None = child

    def progress(self, value: Any) -> None:
        """Report how far the work is."""
        super().progress(value)
        self._pass_on()

    def log(self, message: object) -> None:
        """Write a line to the job's log."""
        super().log(message)
        self._pass_on()

    def save(self, job: UUID, name: str, content: bytes, media_type: str) -> Artifact:
        """Keep a file that this job made; raises OSError when the worker could not."""
        if self._child is None:
            raise HerdbookError("the job has ended")
        return self._child.keep(Keep(name=name, content=bytes(content), media_type=media_type))

    def close(self) -> None:
        """Report no more: a thread that the function left behind must not speak for the next job."""
        self._child = None

    def _pass_on(self) -> None:
        if self._child is not None:
            self._child.send(Reported(report=self.take_report()))


def portable(error: BaseException) -> bytes:
    """The exception as the worker can load it: itself, or the nearest of ours."""
    try:
        packed = pickle.dumps(error)
        pickle.loads(packed)  # noqa: S301  (packed here)
    except Exception:
        return pickle.dumps(_nearest(error))
    return packed


def _nearest(error: BaseException) -> HerdbookError:
    match error:
        case Snooze(delay=delay):
            return Snooze(delay)
        case Retry(after=after):
            return Retry(after=after)
        case Cancel():
            return Cancel("cancelled by its processor")
        case Unrecoverable() | InvalidJobError():
            return Unrecoverable("failed for good")
    return HerdbookError(type(error).__qualname__)
