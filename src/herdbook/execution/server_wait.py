"""Repeats a step until the servers are there, for jobs that are held meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from herdbook.errors import HerdbookError
from herdbook.service import log, pause_after

Result = TypeVar("Result")


class GivenUpError(HerdbookError):
    """The worker is stopping, and waits no longer for a server."""


class ServerWait:
    """Waits on behalf of the steps of one queue."""

    def __init__(self, queue: str) -> None:
        self._queue = queue
        self._given_up = False

    def give_up(self) -> None:
        """Wait no longer for a server that is unreachable."""
        self._given_up = True

    async def until_there(
        self, step: Callable[[bool], Awaitable[Result]], *, is_wanted: Callable[[], bool] = lambda: True
    ) -> Result:
        """What the step returns, once its server is there; raises GivenUpError, also when it is not wanted any more.

        The step is told whether this is a repeat: the server may have done its work, and only the reply was lost.
        The jobs keep their locks meanwhile, and their places, so fetching stops.
        """
        failures = 0
        while True:
            try:
                return await step(failures > 0)
            except HerdbookError as error:
                failures += 1
                if failures == 1:
                    log.warning("worker waits", queue=self._queue, error=str(error))
                if self._given_up or not is_wanted():
                    raise GivenUpError(str(error)) from error
            await asyncio.sleep(pause_after(failures))
