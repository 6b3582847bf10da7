"""Measures systems in turn, round by round, each on fresh servers."""

import asyncio
import os
from subprocess import TimeoutExpired

import psutil

from benchmarks.against.install import NotAvailableError, Program, installed
from benchmarks.against.results import Figures, Measured, Results, Round
from benchmarks.against.running import FailedError, measure
from benchmarks.against.systems import BY_NAME
from benchmarks.processes import servers
from benchmarks.report import surroundings, tell
from benchmarks.turns import order_of_round
from herdbook.settings import Settings


def compare(names: list[str], *, jobs: int, rounds: int) -> Results:
    """Measure these systems. `jobs` is what a fast one drains; slow ones get their share of it."""
    if Settings().database_url or Settings().redis_url:
        raise SystemExit("the comparison starts fresh servers for each system: unset DATABASE_URL and REDIS_URL")
    programs, missing = _installed(names)
    measured = [
        Measured(system=BY_NAME[name], version=program.version, language=program.language)
        for name, program in programs.items()
    ]
    with servers() as settings:
        environment = asyncio.run(surroundings(settings))
    done = []
    for n in range(rounds):
        load = os.getloadavg()[0]
        tell(f"round {n + 1} of {rounds}, load {load:.2f}")
        figures: dict[str, Figures] = {}
        for name in order_of_round(list(programs), n):
            try:
                figures[name] = _turn(name, programs[name], jobs)
            except (FailedError, psutil.Error, TimeoutExpired) as error:
                missing[name] = f"failed in round {n + 1}: {error}"
                tell(f"{name}: {missing[name]}")
                del programs[name]
        done.append(Round(load=load, figures=figures))
    return Results(environment=environment, jobs=jobs, rounds=done, measured=measured, missing=missing)


def _installed(names: list[str]) -> tuple[dict[str, Program], dict[str, str]]:
    programs: dict[str, Program] = {}
    missing: dict[str, str] = {}
    for name in names:
        tell(f"installing {name}, if it is not yet")
        try:
            programs[name] = installed(BY_NAME[name])
        except NotAvailableError as error:
            missing[name] = f"not available: {error}"
            tell(missing[name])
    return programs, missing


def _turn(name: str, program: Program, jobs: int) -> Figures:
    """One system's turn in a round."""
    system = BY_NAME[name]
    with servers() as settings:
        figures = measure(system, program, settings, max(1, round(jobs * system.share)))
    tell(f"{name:18}{figures.drain_per_s:10,.0f} jobs/s drained{figures.latency_p50_ms:8.1f} ms idle latency")
    return figures
