"""Scenarios of the lines to Redis and PostgreSQL: cut, slow, half open, or with answers that get lost."""

import asyncio

from .laboratory import LOCK, Laboratory
from .ledger import publish_more, publishing_beside
from .proxy import Mode, Proxy
from .scenario import Scenarios

scenario = Scenarios()
SERVERS = {"Redis": "redis", "PostgreSQL": "postgres"}
# Seconds.
_LONGER_THAN_A_LOCK = LOCK * 2


async def _with_mode(lab: Laboratory, jobs: int, server: str, mode: Mode, seconds: float, counted: str) -> str:
    line: Proxy = getattr(lab, SERVERS[server])
    async with publishing_beside(lab, jobs, longest=1_000) as task:
        await asyncio.sleep(1.0)
        with lab.fault(f"{server}: {mode}"):
            await line.set_mode(mode)
            await asyncio.sleep(seconds)
            await line.set_mode(Mode.PASS)
        if task.done():
            await publish_more(lab, 500)
    assert line.happened[counted]
    return f"{line.happened[counted]:,} connections {counted}, {seconds:g} s"


def _declare(server: str) -> None:
    @scenario(f"{server}: away longer than the lock", jobs=5_000)
    async def away(lab: Laboratory, jobs: int) -> str:
        return await _with_mode(lab, jobs, server, Mode.REFUSE, _LONGER_THAN_A_LOCK, "reset")

    @scenario(f"{server}: accepts and resets", jobs=5_000)
    async def resets(lab: Laboratory, jobs: int) -> str:
        return await _with_mode(lab, jobs, server, Mode.RESET, _LONGER_THAN_A_LOCK, "reset")

    @scenario(f"{server}: half open", jobs=5_000)
    async def half_open(lab: Laboratory, jobs: int) -> str:
        return await _with_mode(lab, jobs, server, Mode.BLACK_HOLE, _LONGER_THAN_A_LOCK, "lost")

    @scenario(f"{server}: answers swallowed", jobs=5_000)
    async def swallowed(lab: Laboratory, jobs: int) -> str:
        line: Proxy = getattr(lab, SERVERS[server])
        line.swallowed_share = 0.03
        return await _with_mode(lab, jobs, server, Mode.SWALLOW, 6.0, "swallowed")

    @scenario(f"{server}: reset every 2 s", jobs=5_000)
    async def reset_often(lab: Laboratory, jobs: int) -> str:
        line: Proxy = getattr(lab, SERVERS[server])
        async with publishing_beside(lab, jobs) as task:
            with lab.fault("resets"):
                while not task.done():
                    await asyncio.sleep(2.0)
                    line.reset_all()
        assert line.happened["reset"]
        return f"{line.happened['reset']} connections reset"

    @scenario(f"{server}: slow", jobs=5_000)
    async def slow(lab: Laboratory, jobs: int) -> str:
        line: Proxy = getattr(lab, SERVERS[server])
        async with publishing_beside(lab, jobs, rate=500):
            with lab.fault("slow"):
                line.latency, line.rate = 0.1, 2_000_000
                await asyncio.sleep(6.0)
                line.latency, line.rate = 0.0, 0
        assert line.happened["delayed"]
        return f"{line.happened['delayed']:,} messages delayed by 0.1 s"


for name in SERVERS:
    _declare(name)
