"""What a comparison measured: the figures of each round, their spread, and ratios of figures of the same round."""

from dataclasses import dataclass, fields
from typing import Any

from benchmarks.against.systems import System
from benchmarks.spread import Spread, spread_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one system did in one round; CPU time is the worker's, for each job of the drain."""

    single_per_s: float
    bulk_per_s: float | None
    drain_per_s: float
    latency_p50_ms: float
    latency_p99_ms: float
    cpu_ms: float
    rss_mb: float


FIGURES = tuple(field.name for field in fields(Figures))


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round: the load of the machine before it, and each system's figures by its name."""

    load: float
    figures: dict[str, Figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A system that was measured, with the versions of itself and of its language."""

    system: System
    version: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A whole comparison. `missing` says of each system that has no figures why."""

    environment: dict[str, Any]
    jobs: int
    rounds: list[Round]
    measured: list[Measured]
    missing: dict[str, str]

    def spread(self, name: str, figure: str) -> Spread | None:
        """A figure of a system over all rounds."""
        return spread_of(getattr(one.figures[name], figure) for one in self.rounds if name in one.figures)

    def ratio(self, name: str, other: str, figure: str) -> Spread | None:
        """How many times as much it is as the other system's in the same round, over all rounds."""
        both = [one.figures for one in self.rounds if name in one.figures and other in one.figures]
        pairs = [(getattr(one[name], figure), getattr(one[other], figure)) for one in both]
        return spread_of(mine / theirs for mine, theirs in pairs if mine and theirs)
