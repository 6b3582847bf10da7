"""Runs a `herdbook` command as a child process and restarts it when it dies, until it is told to stop.

A child never outlives its parent, and no password is ever on its command line.
"""

import asyncio
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from herdbook.cli.event_loop import ORPHANED
from herdbook.cli.exit_codes import USAGE
from herdbook.embedded.process import Launch, launcher
from herdbook.errors import HerdbookError
from herdbook.service import log, pause_after

# Seconds after which a process counts as healthy, so that its restarts are no longer slowed down.
_HEALTHY_AFTER = 30.0
# Seconds that a process gets beyond its deadline, and after a second signal.
_GRACE = 10.0

# -P keeps the current folder off the import path: a module there may be named like one of ours or Python's.
HERDBOOK = (sys.executable, "-P", "-m", "herdbook")


class InvalidUsageError(HerdbookError):
    """A child process rejected its arguments or settings, so restarting it would not help."""


class SupervisedProcess:
    """One process; `on_output` receives each line of its stdout, which otherwise goes to our stderr."""

    def __init__(
        self,
        role: str,
        arguments: Sequence[str],
        environment: dict[str, str],
        on_output: Callable[[str], None] | None = None,
    ) -> None:
        self.role = role
        self.arguments = list(arguments)
        self._environment = environment
        self._on_output = on_output
        self._process: Process | None = None
        self._stopping = asyncio.Event()

    async def keep_running(self, is_starting: Callable[[], bool]) -> None:
        """Run the process, and restart it when it dies, until `stop`.

        Raises InvalidUsageError when it exits for invalid input while `is_starting`. Later that may be an application
        that is being edited, so it is restarted.
        """
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            status = await self._run()
            if self._stopping.is_set():
                return
            if status == USAGE and is_starting():
                raise InvalidUsageError(f"{self.role} rejected its arguments or settings")
            failures = 1 if time.monotonic() - began > _HEALTHY_AFTER else failures + 1
            pause = pause_after(failures)
            log.warning("process died, restarting it", process=self.role, ended=_cause(status), pause=round(pause, 2))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def stop(self, deadline: float, now: asyncio.Event) -> None:
        """Stop the process: signal it again after `deadline` seconds or when `now` is set, and finally kill it."""
        self._stopping.set()
        self._send(signal.SIGTERM)
        process = self._process
        if process is None:
            return
        ended = asyncio.create_task(process.wait())
        impatient = asyncio.create_task(now.wait())
        await asyncio.wait([ended, impatient], timeout=deadline + _GRACE, return_when=asyncio.FIRST_COMPLETED)
        impatient.cancel()
        if not ended.done():
            self._send(signal.SIGTERM)
            await asyncio.wait([ended], timeout=_GRACE)
        if not ended.done():
            log.warning("process did not stop, killing it", process=self.role)
            self._send(signal.SIGKILL)
        await ended

    async def _run(self) -> int:
        launch = Launch(
            name=self.role,
            command=(*HERDBOOK, *self.arguments),
            folder=Path(),
            stop_signal=ORPHANED,
        )
        # In a session of its own, so that Ctrl-C in a terminal reaches only us, who stop the processes in order.
        self._process = process = await asyncio.create_subprocess_exec(
            *launcher(launch),
            stdin=DEVNULL,
            stdout=PIPE if self._on_output else sys.stderr,
            env=self._environment,
            start_new_session=True,
        )
        if self._stopping.is_set():
            self._send(signal.SIGTERM)
        log.debug("process started", process=self.role, pid=process.pid)
        await self._forward_output(process)
        return await process.wait()

    async def _forward_output(self, process: Process) -> None:
        if process.stdout is not None and self._on_output is not None:
            while line := await _next_line(process.stdout):
                self._on_output(line.decode(errors="replace").rstrip("\n"))

    def _send(self, one: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(one)


async def _next_line(output: asyncio.StreamReader) -> bytes:
    while True:
        try:
            return await output.readline()
        except ValueError:
            continue  # Longer than any line that we print.


def _cause(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
