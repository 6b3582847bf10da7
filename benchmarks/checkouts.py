"""Compares two checkouts of Herdbook, old and new in turn: throughput, and CPU time a job.

Each checkout's own benchmarks run as a program, by the Python of its own .venv. No module of the other one may be
imported: modules move between versions, while the names of figures in the JSON stay.
"""

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.against.running import end_program
from benchmarks.report import machine, tell
from benchmarks.spread import Spread, interval_text, spread_of
from benchmarks.turns import order_of_round

HERE = Path(__file__).parents[1]
# CPU time of a drained job is spent here.
DRAIN = ("worker", "postgres", "redis")
PER_SECOND, CPU_MS, CPU_US = "_per_s", "_cpu_ms_per_job", "_cpu_us_per_job"
Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One figure of both checkouts: their medians, and the ratio new ÷ old within each round."""

    figure: str
    old: float
    new: float
    ratio_of_medians: float
    ratio: Spread

    @property
    def shown(self) -> str:
        """What the ratio shows."""
        if self.figure.endswith(PER_SECOND):
            return self.ratio.compared_with_one("faster", "slower")
        return self.ratio.compared_with_one("more CPU", "less CPU")


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Both checkouts' folders and commits, and their figures in each round, by `old` and `new`."""

    environment: Mapping[str, Any]
    jobs: int
    checkouts: Mapping[str, str]
    rounds: Mapping[str, Sequence[Figures]]


def measure(old: Path, *, jobs: int, rounds: int) -> Results:
    """Run the path benchmark of the old checkout and of this one, once per round each."""
    if os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL"):
        raise SystemExit("each run starts fresh servers: unset DATABASE_URL and REDIS_URL")
    folders = {"old": old.resolve(), "new": HERE}
    pythons = {name: python_of(folder) for name, folder in folders.items()}
    checkouts = {name: f"{folder}, {_commit(folder)}" for name, folder in folders.items()}
    environment = machine()
    found: dict[str, list[Figures]] = {name: [] for name in folders}
    for number in range(rounds):
        for name in order_of_round(list(folders), number):
            figures = _run(pythons[name], folders[name], jobs)
            tell(f"round {number + 1} of {rounds}: {name} drained {figures['drain_per_s']:,.0f} jobs/s")
            found[name].append(figures)
    return Results(environment=environment, jobs=jobs, checkouts=checkouts, rounds=found)


def text(results: Results) -> str:
    """What was compared, and one line for each figure."""
    told = {**results.environment, **results.checkouts}
    head = [f"{name:26} {value}" for name, value in told.items()]
    count = len(results.rounds["old"])
    head.append(f"{'rounds':26} {count}, old and new in turn; {results.jobs:,} jobs per measurement")
    return "\n".join([*head, "", table(compare(results.rounds["old"], results.rounds["new"]))])


def to_json(results: Results) -> dict[str, Any]:
    """The same as plain data, with the figures of each round."""
    compared = compare(results.rounds["old"], results.rounds["new"])
    return asdict(results) | {"compared": [asdict(one) | {"shown": one.shown} for one in compared]}


def compare(old: Sequence[Figures], new: Sequence[Figures]) -> list[Compared]:
    """Each figure that every round of both has. `old[n]` and `new[n]` are of the same round."""
    rounds = [(comparable(before), comparable(after)) for before, after in zip(old, new, strict=True)]
    # CPU time of very few jobs may be told as 0, of which there is no ratio.
    names = [name for name in rounds[0][0] if all(one.get(name) and other.get(name) for one, other in rounds)]
    return [_compared(name, [(one[name], other[name]) for one, other in rounds]) for name in names]


def comparable(figures: Figures) -> Figures:
    """Throughput and microseconds of CPU time a job, with those of a whole drain together."""
    found = {name: value for name, value in figures.items() if name.endswith(PER_SECOND)}
    cpu = {name.removesuffix(CPU_MS): value * 1_000 for name, value in figures.items() if name.endswith(CPU_MS)}
    if cpu.keys() >= set(DRAIN):
        cpu["drain"] = sum(cpu[name] for name in DRAIN)
    return found | {f"{name}{CPU_US}": value for name, value in cpu.items()}


def table(compared: Sequence[Compared]) -> str:
    """One line for each figure."""
    head = f"{'':28} {'old':>10} {'new':>10} {'new ÷ old':>10} {'by round':>10}   {'95 % interval':<14} what it shows"
    lines = [
        f"{one.figure:28} {_number(one.old):>10} {_number(one.new):>10} {one.ratio_of_medians:>10.3f} "
        f"{one.ratio.median:>10.3f}   {interval_text(one.ratio.interval, 3):<14} {one.shown}"
        for one in compared
    ]
    note = "new ÷ old: of the two medians. by round: the median of the ratios within each round, with its interval."
    return "\n".join([head, *lines, "", note, ""])


def python_of(checkout: Path) -> Path:
    """The Python of a checkout's own .venv."""
    python = checkout / ".venv" / "bin" / "python"
    if not (checkout / "benchmarks" / "__main__.py").exists():
        raise SystemExit(f"{checkout} is no checkout of Herdbook: it has no benchmarks")
    if not python.exists():
        raise SystemExit(f"{checkout} has no .venv: run `make .venv/.ready` there")
    return python


def _compared(name: str, pairs: Sequence[tuple[float, float]]) -> Compared:
    old, new = (statistics.median(values) for values in zip(*pairs, strict=True))
    ratio = spread_of(after / before for before, after in pairs)
    assert ratio
    return Compared(figure=name, old=old, new=new, ratio_of_medians=new / old, ratio=ratio)


def _run(python: Path, checkout: Path, jobs: int) -> Figures:
    """The figures of one round of a checkout's path benchmark, by the program of its own."""
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-") as folder:
        file = Path(folder) / "path.json"
        words = [str(python), "-m", "benchmarks", "path", "--rounds", "1", "--jobs", str(jobs), "--json", str(file)]
        with subprocess.Popen(
            words, cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as program:
            try:
                _, errors = program.communicate()
            except BaseException:
                end_program(program)
                raise
        if program.returncode != 0:
            raise SystemExit(f"the benchmark of {checkout} failed:\n{errors}")
        figures = json.loads(file.read_text(encoding="utf-8"))["figures"]
    return {name: figure["median"] for name, figure in figures.items()}


def _commit(checkout: Path) -> str:
    """The commit, marked when files have changed since."""
    words = ["git", "-C", str(checkout), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown commit"
    return done.stdout.strip() or "unknown commit"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:,.1f}"
