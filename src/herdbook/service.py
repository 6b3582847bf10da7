"""The loop of a background service: start, quiet, stop, errors, jitter."""

import asyncio
import random
from abc import ABC, abstractmethod

import structlog

from herdbook.errors import HerdbookError

log = structlog.get_logger("herdbook")

# Seconds to wait after the first error, doubled for each one that follows, up to the longest.
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


def pause_after(failures: int) -> float:
    """Seconds to wait after `failures` consecutive errors (from 1): growing, with jitter to spread out the callers."""
    full: float = min(_FIRST_PAUSE * 2 ** min(failures - 1, 10), _LONGEST_PAUSE)
    return full * random.uniform(0.5, 1.0)


class Service(ABC):
    """A loop in the background; a subclass says what one round does and how long to sleep after it."""

    name: str

    def __init__(self) -> None:
        self._awake = asyncio.Event()
        self._quieted = asyncio.Event()
        self._quiet = False
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def round(self) -> float:
        """Do one round; returns the seconds to sleep until the next."""

    def start(self) -> None:
        """Start the loop."""
        self._task = asyncio.create_task(self._loop(), name=self.name)

    def wake(self) -> None:
        """End the current sleep; not the pause after an error, which a busy program would cut short."""
        self._awake.set()

    @property
    def is_quiet(self) -> bool:
        """Whether the service was told to take no more work."""
        return self._quiet

    def quiet(self) -> None:
        """Take no more work: the current round is the last."""
        self._quiet = True
        self._quieted.set()
        self.wake()

    async def stop(self, deadline: float = 5.0) -> None:
        """Quiet the service and end it: the current round is cancelled after `deadline` seconds."""
        self.quiet()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=deadline)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _loop(self) -> None:
        failures = 0
        while not self._quiet:
            self._awake.clear()
            try:
                pause = await self.round()
            except Exception as error:
                failures += 1
                pause = pause_after(failures)
                self._report(error, failures)
            else:
                if failures:
                    log.info("service recovered", service=self.name, failures=failures)
                failures = 0
            await self._sleep(pause, self._quieted if failures else self._awake)

    def _report(self, error: Exception, failures: int) -> None:
        # An outage is logged once; a bug is logged every time, with its stack trace.
        if not isinstance(error, HerdbookError):
            log.error("service failed", service=self.name, exc_info=error)
        elif failures == 1:
            log.warning("service interrupted", service=self.name, error=str(error))

    async def _sleep(self, seconds: float, until: asyncio.Event) -> None:
        if seconds <= 0 or self._quiet:
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout(seconds):
                await until.wait()
        except TimeoutError:
            pass
