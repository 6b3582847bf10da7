"""Scenarios of processes that die, are stopped, or are told to end."""

import asyncio
import signal

from .jobs import KILLED_BY_JOB
from .laboratory import LOCK, Laboratory
from .ledger import publish_more, publishing_beside
from .members import Member
from .scenario import Scenarios

scenario = Scenarios()


async def _kill_at_random(lab: Laboratory, members: list[Member], until: "asyncio.Task[None]") -> str:
    """Kill one of them about each second while jobs are published."""
    while not until.done():
        await asyncio.sleep(lab.chance.uniform(0.5, 1.2))
        await lab.chance.choice(members).restart(signal.SIGKILL)
    kills = sum(death.code == -signal.SIGKILL for member in members for death in member.deaths)
    assert kills
    return f"{kills} × kill -9"


async def _crash_at(lab: Laboratory, jobs: int, members: str, points: dict[str, int]) -> str:
    """Have the first of these members die at each point in turn, at some passing up to so many."""
    crashes = [f"{point}:{lab.chance.randint(1, most)}" for point, most in points.items() for _ in range(2)]
    async with publishing_beside(lab, jobs) as task:
        member: Member = getattr(lab, members)[0]
        crashing = asyncio.create_task(member.crash(crashes))
        await task
        while not crashing.done():
            await publish_more(lab, 200)
        await crashing
    assert member.crashes == len(crashes)
    return f"{member.crashes} crashes at {', '.join(points)}"


@scenario("none", jobs=5_000)
async def none(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs):
        pass
    return "nothing"


@scenario("worker: kill -9 at random", jobs=30_000)
async def kill_workers(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs, rate=500, workers=3) as task:
        return await _kill_at_random(lab, lab.workers, task)


@scenario("relay: kill -9 at random", jobs=5_000)
async def kill_relays(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs) as task:
        return await _kill_at_random(lab, lab.relays, task)


@scenario("publisher (web): kill -9 at random", jobs=5_000)
async def kill_webs(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs) as task:
        return await _kill_at_random(lab, lab.webs, task)


@scenario("all processes: kill -9 at random", jobs=5_000)
async def kill_any(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs) as task:
        return await _kill_at_random(lab, lab.members, task)


@scenario("worker: each crash point", jobs=6_000)
async def crash_worker(lab: Laboratory, jobs: int) -> str:
    points = {"fetched": 5, "claimed": 5, "ended": 5, "recorded": 5, "acknowledged": 5}
    return await _crash_at(lab, jobs, "workers", points)


@scenario("relay: each crash point", jobs=5_000)
async def crash_relay(lab: Laboratory, jobs: int) -> str:
    return await _crash_at(lab, jobs, "relays", {"added": 5, "relayed": 5})


@scenario("publisher (web): its crash point", jobs=5_000)
async def crash_web(lab: Laboratory, jobs: int) -> str:
    return await _crash_at(lab, jobs, "webs", {"published": 5})


@scenario("worker: killed by a job among good ones", jobs=5_000)
async def job_kills_worker(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs):
        deadly = {"jobType": "steady", "jobData": {"n": -1, "ms": 100, "kills": True}}
        options = {"attempts": 3, "backoff": {"type": "fixed", "delay": 400}}
        await lab.publishing.publish([{**deadly, "options": dict(options)} for _ in range(2)])
    await lab.calm()
    killed = sum(death.code == KILLED_BY_JOB for member in lab.workers for death in member.deaths)
    assert killed >= 3
    return f"2 jobs killed {killed} workers"


@scenario("worker: stopped past its lock, then continued", jobs=5_000)
async def stop_workers(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs, longest=600) as task:
        stops = 0
        while not task.done():
            await asyncio.sleep(0.7)
            await lab.stop_and_continue(lab.chance.choice(lab.workers), LOCK * lab.chance.uniform(1.2, 1.8))
            stops += 1
    assert stops
    return f"{stops} × SIGSTOP for {LOCK * 1.2:.1f} to {LOCK * 1.8:.1f} s"


@scenario("relay: stopped, then continued, beside another", jobs=5_000)
async def stop_relays(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs, relays=2) as task:
        stops = 0
        while not task.done():
            await asyncio.sleep(0.5)
            await lab.stop_and_continue(lab.chance.choice(lab.relays), 2.5)
            stops += 1
    assert stops
    return f"{stops} × SIGSTOP for 2.5 s"


@scenario("all processes: restarted in turn by SIGTERM", jobs=5_000)
async def rolling_restarts(lab: Laboratory, jobs: int) -> str:
    async with publishing_beside(lab, jobs, longest=1_500) as task:
        while not task.done():
            for member in lab.members:
                await member.restart(signal.SIGTERM)
    codes = [death.code for member in lab.members for death in member.deaths]
    assert codes
    assert set(codes) == {0}, f"not every process ended by itself: {codes}"
    return f"{len(codes)} × SIGTERM"
