"""Gives each call a process of its own for as long as it runs, and uses idle processes again.

A call that dies, hangs or ends must never reach another call.
"""

import asyncio
from collections.abc import Callable

from herdbook.execution.processes.process import JobProcess
from herdbook.execution.processes.wire import Call
from herdbook.model.context import ArtifactSaver, JobContext
from herdbook.model.outcome import Raised, Returned


class ProcessPool:
    """At most `size` processes, started when they are first needed; calls beyond that wait for their turn."""

    def __init__(self, size: int, artifacts: ArtifactSaver) -> None:
        self.size = size
        self._artifacts = artifacts
        self._slots = asyncio.Semaphore(size)
        self._idle: list[JobProcess] = []
        self._endings: set[asyncio.Task[None]] = set()

    async def run(self, call: Call, context: JobContext, on_begin: Callable[[JobProcess], None]) -> Returned | Raised:
        """Run the call; `on_begin` is told when its time begins. Cancelling this kills the process."""
        async with self._slots:
            while True:
                process = await self._take()
                try:
                    ended = await process.run(call, context, self._artifacts, on_begin)
                except BaseException:
                    self._end(process, kill=True)
                    raise
                if process.is_usable:
                    self._idle.append(process)
                else:
                    self._end(process, kill=True)
                if not process.died_idle:
                    return ended

    async def close(self) -> None:
        """End all processes; returns when they are gone."""
        while self._idle:
            self._end(self._idle.pop(), kill=False)
        await asyncio.gather(*self._endings)

    async def _take(self) -> JobProcess:
        while self._idle:
            process = self._idle.pop()
            if process.is_alive:
                return process
            self._end(process, kill=True)
        return await JobProcess.start()

    def _end(self, process: JobProcess, *, kill: bool) -> None:
        ending = asyncio.create_task(process.end(kill=kill))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)
