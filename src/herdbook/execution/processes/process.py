"""One process for jobs, seen from the worker: a fresh interpreter in a session of its own.

No terminal's signal reaches it, and when it dies, what that call came to is known all the same.
"""

import asyncio
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import IO, Any, Self

import orjson

from herdbook.errors import HerdbookError
from herdbook.execution.error_report import crash_text, report_error
from herdbook.execution.processes.child import WHERE
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
from herdbook.model.context import ArtifactSaver, JobContext
from herdbook.model.outcome import Raised, Returned
from herdbook.model.signals import ProcessDied

# The child finds our modules and the application's where we find them.
_START = """
import sys
numbers, sys.path[:] = [int(word) for word in sys.argv[1:4]], sys.argv[4:]
del sys.argv[1:]
from herdbook.execution.processes.child import main
main(*numbers)
"""
# Seconds that an idle process gets to end in order.
_TIMEOUT = 1.0
_LONGEST_TRACE = 20_000


class JobProcess:
    """A process that runs jobs, one at a time."""

    def __init__(
        self,
        popen: "subprocess.Popen[bytes]",
        trace: IO[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._popen = popen
        self._trace = trace
        self._reader = reader
        self._writer = writer
        self._begun = False
        self._calls = 0
        self.is_usable = True

    @classmethod
    async def start(cls) -> Self:
        """A new process, which is not yet up."""
        ours, theirs = socket.socketpair()
        # The stack of a crash goes here: written by the dying process, read when it is dead.
        trace = tempfile.TemporaryFile("a+b", buffering=0)  # noqa: SIM115  (closed by `end`)
        descriptors = (theirs.fileno(), trace.fileno())
        words = [sys.executable, "-c", _START, *map(str, (*descriptors, os.getpid())), *sys.path]
        with theirs:
            popen = subprocess.Popen(  # noqa: S603, ASYNC220  (our own words; it takes a millisecond or two)
                words, pass_fds=descriptors, stdin=subprocess.DEVNULL, start_new_session=True
            )
        try:
            reader, writer = await asyncio.open_unix_connection(sock=ours)
        except BaseException:
            popen.kill()
            popen.wait()
            ours.close()
            trace.close()
            raise
        return cls(popen, trace, reader, writer)

    @property
    def is_alive(self) -> bool:
        """Whether the process is there."""
        return self._popen.poll() is None

    @property
    def died_idle(self) -> bool:
        """Whether it was dying already when it got its last call, which is then not to blame."""
        return not self.is_usable and not self._begun and self._calls > 1

    async def run(
        self, call: Call, context: JobContext, artifacts: ArtifactSaver, on_begin: Callable[[Self], None]
    ) -> Returned | Raised:
        """Run the call; after a death the process is not usable any more."""
        self._trace.truncate(0)
        self._begun = False
        self._calls += 1
        try:
            await self._send(call)
            while True:
                match await self._receive():
                    case Begun():
                        self._begun = True
                        on_begin(self)
                    case Reported(report=report):
                        context.add_report(report)
                    case Keep() as file:
                        await self._send(await asyncio.to_thread(_keep, artifacts, context, file))
                    case Done(result=result):
                        return Returned(value=orjson.Fragment(result))
                    case Threw(error=packed, report=report):
                        return Raised(error=_unpack_error(packed, report.message), report=report)
        except (asyncio.IncompleteReadError, OSError, pickle.UnpicklingError):
            self.is_usable = False
            return await self._died()

    def tell_to_stop(self) -> bool:
        """Tell the running call that it is to end, and ask where it is; False when none has begun."""
        if not self._begun:
            return False
        self._writer.write(pack_message(Stop()))
        with suppress(ProcessLookupError):
            os.kill(self._popen.pid, WHERE)
        return True

    def where(self) -> str | None:
        """The stack that the process wrote when it crashed or was told to stop."""
        self._trace.seek(0)
        return crash_text(self._trace.read(_LONGEST_TRACE).decode("utf-8", "replace"))

    async def end(self, *, kill: bool) -> None:
        """End the process, with what it started; an idle one gets a moment to do it in order."""
        if kill:
            self._kill()
        self._writer.close()
        await asyncio.to_thread(self._reap)
        with suppress(OSError):
            await self._writer.wait_closed()
        self._trace.close()

    async def _send(self, message: Message) -> None:
        self._writer.write(pack_message(message))
        await self._writer.drain()

    async def _receive(self) -> Message:
        (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
        return unpack_message(await self._reader.readexactly(length))

    async def _died(self) -> Raised:
        # Before it is reaped, as its number is then free for others. One that died keeps its own exit code.
        self._kill()
        await asyncio.to_thread(self._popen.wait)
        error = ProcessDied(_death(self._popen.returncode))
        return Raised(error=error, report=replace(report_error(error), stack_trace=self.where()))

    def _kill(self) -> None:
        if self._popen.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    def _reap(self) -> None:
        try:
            self._popen.wait(_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._kill()
            self._popen.wait()


def _keep(artifacts: ArtifactSaver, context: JobContext, file: Keep) -> Kept:
    try:
        return Kept(artifact=artifacts.save(context.id, file.name, file.content, file.media_type))
    except Exception as error:
        return Kept(artifact=None, error=f"the artifact could not be kept: {error}")


def _unpack_error(packed: bytes, message: str) -> BaseException:
    try:
        error: Any = pickle.loads(packed)  # noqa: S301  (see `wire`)
    except Exception:
        return HerdbookError(message)
    return error if isinstance(error, BaseException) else HerdbookError(message)


def _death(code: int) -> str:
    if code >= 0:
        return f"the job's process ended by itself, with exit code {code}"
    number = -code
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    hint = "; the kernel does so when memory runs out" if number == signal.SIGKILL else ""
    return f"the job's process was killed by {name}{hint}"
