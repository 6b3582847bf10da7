"""The loop of a background service."""

import asyncio

import pytest

from herdbook.errors import RecordUnavailableError
from herdbook.service import Service, pause_after


class Counter(Service):
    name = "counter"

    def __init__(self, errors: list[Exception] | None = None, sleep: float = 0.0) -> None:
        super().__init__()
        self.rounds = 0
        self.errors = errors or []
        self.sleep = sleep
        self.reached = asyncio.Event()

    async def round(self) -> float:
        self.rounds += 1
        if self.errors:
            raise self.errors.pop()
        self.reached.set()
        return self.sleep


async def test_a_service_continues_after_errors() -> None:
    service = Counter(errors=[RecordUnavailableError("unreachable"), KeyError("bug")])
    service.start()
    await asyncio.wait_for(service.reached.wait(), 10)
    await service.stop()
    assert service.rounds >= 3


async def test_a_sleeping_service_can_be_woken() -> None:
    service = Counter(sleep=3_600)
    service.start()
    await service.reached.wait()
    service.reached.clear()
    service.wake()
    await asyncio.wait_for(service.reached.wait(), 10)
    await service.stop()
    assert service.rounds == 2


async def test_waking_a_service_does_not_cut_its_pause_after_an_error_short() -> None:
    service = Counter(errors=[RecordUnavailableError("unreachable") for _ in range(1_000)])
    service.start()
    for _ in range(500):
        service.wake()
        await asyncio.sleep(0)
    assert service.rounds == 1
    await service.stop()


async def test_stop_cancels_a_round_that_does_not_end() -> None:
    class Stuck(Counter):
        async def round(self) -> float:
            self.reached.set()
            await asyncio.Event().wait()
            return 0

    service = Stuck()
    service.start()
    await service.reached.wait()
    await service.stop(deadline=0.01)
    assert service.is_quiet


@pytest.mark.parametrize("failures", [1, 2, 5, 100])
def test_pauses_grow_to_a_limit(failures: int) -> None:
    assert 0.05 <= pause_after(failures) <= 5.0
