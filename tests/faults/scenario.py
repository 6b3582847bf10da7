"""What a scenario is, how one is run, and what its run came to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from .checker import check, executions_of, seconds_until_again
from .laboratory import Laboratory, laboratory

# Publishes so many jobs and does its fault meanwhile; says what provably happened, or raises AssertionError.
Act = Callable[[Laboratory, int], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A fault, and how many jobs the full set runs under it."""

    name: str
    jobs: int
    act: Act


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to: a row of the table, and the sentences of the checker.

    `calm` is how many seconds after the last fault the system was at rest, `again` the 95th percentile of the seconds
    until jobs of a process that died ran again.
    """

    name: str
    seed: int
    happened: str
    jobs: int
    executions: int
    lost: int
    backward: int
    unexplained: int
    wrongly_failed: int
    calm: float
    again: float | None
    findings: list[str]
    logs: str

    @classmethod
    def of_failed(cls, scenario: "Scenario", seed: int, error: Exception) -> Self:
        """A run whose fault did not happen, or that could not be checked."""
        happened = f"the scenario failed: {error!r}"
        counts = dict.fromkeys(("jobs", "executions", "lost", "backward", "unexplained", "wrongly_failed"), 0)
        return cls(
            name=scenario.name, seed=seed, happened=happened, **counts, calm=0, again=None, findings=[happened], logs=""
        )


class Scenarios:
    """The scenarios by name, in the order of their declaration."""

    def __init__(self) -> None:
        self.by_name: dict[str, Scenario] = {}

    def __call__(self, name: str, *, jobs: int) -> Callable[[Act], Act]:
        """Declare the decorated function as a scenario."""

        def declare(act: Act) -> Act:
            self.by_name[name] = Scenario(name=name, jobs=jobs, act=act)
            return act

        return declare


async def run_scenario(scenario: Scenario, *, jobs: int, seed: int, folder: Path | None = None) -> Outcome:
    """Run a scenario in a laboratory of its own, and check it."""
    async with laboratory(seed=seed, folder=folder) as lab:
        happened = await scenario.act(lab, jobs)
        calm = await lab.calm()
        grown = lab.grown()
        evidence = await lab.evidence()
        findings = check(evidence)
        findings.inconsistent += grown
        again = seconds_until_again(evidence)
        return Outcome(
            name=scenario.name,
            seed=seed,
            happened=happened,
            jobs=len(evidence.ledger),
            executions=executions_of(evidence, set(evidence.ledger)),
            lost=len(findings.lost),
            backward=len(findings.backward),
            unexplained=len(findings.unexplained),
            wrongly_failed=len(findings.wrongly_failed),
            calm=calm,
            again=again[round(0.95 * (len(again) - 1))] if again else None,
            findings=list(findings),
            logs=lab.logs() if any(findings) else "",
        )
