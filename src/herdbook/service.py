"""Takes what one round of a background service does.

Gives its loop: start, quiet, stop, errors, jitter.
Never knows what the round is about.
"""

import asyncio
import random
from abc import ABC, abstractmethod

import structlog

from herdbook.errors import HerdbookError

log = structlog.get_logger("herdbook")

# Seconds before the first try after an error, doubled up to the longest.
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


def pause_after(failures: int) -> float:
    """Seconds to wait after `failures` errors in a row (from 1): growing, and never the same for many callers."""
    full: float = min(_FIRST_PAUSE * 2 ** min(failures - 1, 10), _LONGEST_PAUSE)
    return full * random.uniform(0.5, 1.0)


class Service(ABC):
    """A loop in the background. A service says what one round does and how long to sleep after it."""

    name: str

    def __init__(self) -> None:
        self._awake = asyncio.Event()
        self._quiet = False
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def round(self) -> float:
        """Do one round; returns the seconds to sleep, 0 for none."""

    def start(self) -> None:
        """Start the loop."""
        self._task = asyncio.create_task(self._loop(), name=self.name)

    def wake(self) -> None:
        """End the present sleep."""
        self._awake.set()

    @property
    def is_quiet(self) -> bool:
        """Whether the service was told to take no more."""
        return self._quiet

    def quiet(self) -> None:
        """Take no more: the round under way is the last."""
        self._quiet = True
        self.wake()

    async def stop(self, deadline: float = 5.0) -> None:
        """Be quiet, and end: the round under way is cut off after `deadline` seconds."""
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
                    log.info("service is well again", service=self.name, failures=failures)
                failures = 0
            await self._sleep(pause)

    def _report(self, error: Exception, failures: int) -> None:
        # An outage is told once, and a fault of ours always with its trace.
        if not isinstance(error, HerdbookError):
            log.error("service failed", service=self.name, exc_info=error)
        elif failures == 1:
            log.warning("service waits", service=self.name, error=str(error))

    async def _sleep(self, seconds: float) -> None:
        if seconds <= 0 or self._quiet:
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._awake.wait()
        except TimeoutError:
            pass
