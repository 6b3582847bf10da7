"""Jobs that lost their worker begin few at a time, and alone when the next loss might fail them."""

import asyncio

from herdbook.execution.probation import TOGETHER, Group, Probation
from herdbook.queue.delivery import Delivery, parse_delivery


def delivered(count: int) -> list[Delivery]:
    return [
        parse_delivery("q", ["t", "{}", "{}", "2", None, None, "1", None, "1", str(number)], "token")
        for number in range(count)
    ]


class Running:
    """Jobs that were admitted, and run until they are told to end."""

    def __init__(self) -> None:
        self.probation = Probation(max_lost=3)
        self.gates: list[asyncio.Event] = []

    async def admit(self, group: Group) -> None:
        await self.probation.admit(group)
        gates = [asyncio.Event() for _ in group.members]
        self.gates += gates
        self.probation.watch([asyncio.create_task(self._run(gate)) for gate in gates])

    async def _run(self, gate: asyncio.Event) -> None:
        await gate.wait()

    async def begun(self) -> int:
        """How many have begun, once all that may begin has."""
        for _ in range(20):
            await asyncio.sleep(0)
        return len(self.gates)

    def end(self, count: int) -> None:
        """End the first ones."""
        for gate in self.gates[:count]:
            gate.set()


def test_those_that_can_afford_another_loss_begin_together() -> None:
    suspects = delivered(4)
    groups = Probation(max_lost=3).groups(suspects, {"1": 1, "3": 2})
    assert [[one.job_id for one in group.members] for group in groups] == [["0", "2"], ["1"], ["3"]]
    assert [group.others for group in groups] == [TOGETHER - 2, 0, 0]
    assert len(Probation(max_lost=2).groups(suspects, {})) == 4


async def test_no_more_than_a_few_run_together() -> None:
    running = Running()
    (many,) = running.probation.groups(delivered(15), {})
    (few,) = running.probation.groups(delivered(7), {})
    await running.admit(many)
    second = asyncio.create_task(running.admit(few))
    assert await running.begun() == 15
    running.end(2)
    await second
    running.end(22)


async def test_a_job_alone_waits_for_the_others_and_nothing_begins_beside_it() -> None:
    running = Running()
    together, alone = running.probation.groups(delivered(3), {"2": 1})
    await running.admit(together)
    waiting = asyncio.create_task(running.admit(alone))
    running.end(1)
    assert await running.begun() == 2
    running.end(2)
    await waiting
    beside = asyncio.create_task(running.admit(together))
    assert await running.begun() == 3
    running.end(3)
    await beside
    running.end(5)
