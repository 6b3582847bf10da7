"""Jobs that lost their worker begin few at a time, and alone when the next loss might fail them."""

import asyncio

from herdbook.execution.probation import Group, Probation
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


def test_the_more_losses_a_job_can_afford_the_more_begin_together() -> None:
    losses = {"2": 1, "5": 1, "3": 2, "4": 3}
    groups = list(Probation(max_lost=3).groups(delivered(17), losses))
    assert [len(group.members) for group in groups] == [10, 3, 2, 1, 1]
    assert [[one.job_id for one in group.members] for group in groups[2:]] == [["2", "5"], ["3"], ["4"]]
    assert [group.limit for group in groups] == [60, 60, 5, 1, 1]
    assert [group.limit for group in Probation(max_lost=1).groups(delivered(2), {})] == [1, 1]


async def test_no_more_than_a_limit_run_together() -> None:
    running = Running()
    groups = list(running.probation.groups(delivered(61), {}))
    for group in groups[:6]:
        await running.admit(group)
    last = asyncio.create_task(running.admit(groups[6]))
    assert await running.begun() == 60
    running.end(1)
    await last
    running.end(61)


async def test_a_job_alone_waits_for_the_others_and_nothing_begins_beside_it() -> None:
    running = Running()
    together, alone = running.probation.groups(delivered(3), {"2": 2})
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


async def test_many_wait_for_the_few_that_run() -> None:
    running = Running()
    many, few = running.probation.groups(delivered(5), {"3": 1, "4": 1})
    await running.admit(few)
    beside = asyncio.create_task(running.admit(Group(members=[*many.members, *many.members], limit=many.limit)))
    assert await running.begun() == 2
    running.end(2)
    await beside
    running.end(8)
