"""Takes the words of a `herdbook` command.

Gives it as a child process that is started again when it dies, until it is told to stop.
Never outlives us, and is never handed a password on its command line.
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

# A process that has lived so long, in seconds, was well.
_WELL = 30.0
# Seconds that a process gets beyond its deadline, and after a second signal.
_GRACE = 10.0

# -P keeps the current folder, where a module may have the name of ours or of Python's, off the import path.
HERDBOOK = (sys.executable, "-P", "-m", "herdbook")


class ChildRefusedError(HerdbookError):
    """A child said that it cannot work as it was told, so starting it again would not help."""


class SupervisedProcess:
    """One process; `on_output` gets each line that it writes to stdout, which else goes to stderr."""

    def __init__(
        self,
        role: str,
        words: Sequence[str],
        environment: dict[str, str],
        on_output: Callable[[str], None] | None = None,
    ) -> None:
        self.role = role
        self.words = list(words)
        self._environment = environment
        self._on_output = on_output
        self._process: Process | None = None
        self._stopping = asyncio.Event()

    async def keep(self, may_refuse: Callable[[], bool]) -> None:
        """Run the process again and again, until `stop`.

        Raises ChildRefusedError when it ends for wrong input while `may_refuse`; later the input may be in the making.
        """
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            status = await self._run()
            if self._stopping.is_set():
                return
            if status == USAGE and may_refuse():
                raise ChildRefusedError(f"{self.role} cannot work as it was told")
            failures = 1 if time.monotonic() - began > _WELL else failures + 1
            pause = pause_after(failures)
            log.warning(
                "process died, it is started again", process=self.role, ended=_how(status), pause=round(pause, 2)
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()

    async def stop(self, deadline: float, hurry: asyncio.Event) -> None:
        """End the process: it gets `deadline` seconds, and is told again when `hurry` is set; then it is killed."""
        self._stopping.set()
        self._tell(signal.SIGTERM)
        process = self._process
        if process is None:
            return
        ended = asyncio.create_task(process.wait())
        hurried = asyncio.create_task(hurry.wait())
        await asyncio.wait([ended, hurried], timeout=deadline + _GRACE, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not ended.done():
            self._tell(signal.SIGTERM)
            await asyncio.wait([ended], timeout=_GRACE)
        if not ended.done():
            log.warning("process does not end, it is killed", process=self.role)
            self._tell(signal.SIGKILL)
        await ended

    async def _run(self) -> int:
        launch = Launch(
            name=self.role,
            command=(*HERDBOOK, *self.words),
            folder=Path(),
            stop_signal=ORPHANED,
        )
        # A session of its own: Ctrl-C in a terminal is for us, who stop the processes in order.
        self._process = process = await asyncio.create_subprocess_exec(
            *launcher(launch),
            stdin=DEVNULL,
            stdout=PIPE if self._on_output else sys.stderr,
            env=self._environment,
            start_new_session=True,
        )
        if self._stopping.is_set():
            self._tell(signal.SIGTERM)
        log.debug("process started", process=self.role, pid=process.pid)
        await self._listen(process)
        return await process.wait()

    async def _listen(self, process: Process) -> None:
        if process.stdout is not None and self._on_output is not None:
            while line := await _next_line(process.stdout):
                self._on_output(line.decode(errors="replace").rstrip("\n"))

    def _tell(self, one: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(one)


async def _next_line(output: asyncio.StreamReader) -> bytes:
    while True:
        try:
            return await output.readline()
        except ValueError:
            continue  # Too long to be a line of ours.


def _how(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
