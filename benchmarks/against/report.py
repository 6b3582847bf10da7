"""Takes the results of a comparison.

Gives them as a page of Markdown and as plain data.
Never hides where another system is better: the best figure of each column is bold, whoever has it.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.against.charts import charts
from benchmarks.against.results import FIGURES, Measured, Results, Spread
from benchmarks.against.systems import BY_NAME, OURS, REFERENCE

__all__ = ["charts", "markdown", "to_json"]

# How many times as fast as these Herdbook is asked to drain.
ASKED = {REFERENCE: 1.1, "prototype-node": 5.5, "prototype-python": 10.0, "celery": 28.0}
BUSY = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of figures; `best` chooses among medians."""

    head: str
    figure: str
    best: Callable[[Iterable[float]], float] = max
    digits: int = 0


COLUMNS = (
    Column(head="publish one by one /s", figure="single_per_s"),
    Column(head="bulk /s", figure="bulk_per_s"),
    Column(head="drain /s", figure="drain_per_s"),
    Column(head="idle latency p50 ms", figure="latency_p50_ms", best=min, digits=1),
    Column(head="p99 ms", figure="latency_p99_ms", best=min, digits=1),
    Column(head="worker CPU ms/job", figure="cpu_ms", best=min, digits=3),
    Column(head="RSS MB", figure="rss_mb", best=min),
)


def markdown(results: Results) -> str:
    """Where it was measured, all systems side by side, and Herdbook's drain against each of them."""
    parts = [_circumstances(results), _table(results), _ratios(results)]
    parts += [f"{BY_NAME[name].title}: {why}." for name, why in results.missing.items()]
    return "\n\n".join(part for part in parts if part) + "\n"


def to_json(results: Results) -> dict[str, Any]:
    """Everything: the figures of each round, their medians and spreads, and the ratios to the reference."""
    names = [one.system.name for one in results.measured]
    return {
        "environment": results.environment,
        "jobs": results.jobs,
        "systems": {one.system.name: asdict(one) for one in results.measured},
        "missing": results.missing,
        "rounds": [asdict(one) for one in results.rounds],
        "spreads": {name: {figure: _plain(results.spread(name, figure)) for figure in FIGURES} for name in names},
        "to_reference": {
            name: {figure: _plain(results.ratio(name, REFERENCE, figure)) for figure in FIGURES} for name in names
        },
    }


def _plain(spread: Spread | None) -> dict[str, float] | None:
    return asdict(spread) if spread else None


def _circumstances(results: Results) -> str:
    told = "; ".join(f"{name} {_words(value)}" for name, value in results.environment.items() if name != "load_1m")
    loads = [one.load for one in results.rounds]
    lines = [
        f"{told}. Load before each round: {', '.join(f'{load:.2f}' for load in loads)}.",
        f"{len(loads)} rounds; {results.jobs:,} jobs of 300 bytes for each fast system, fewer for slow ones; "
        "median (lowest–highest), the best of each column in bold.",
    ]
    if loads and loads[0] > BUSY:
        lines.append(f"**The machine was busy**: the load was {loads[0]:.2f} at the start. Measure again.")
    return "\n\n".join(lines)


def _words(value: Any) -> str:
    return ", ".join(f"{name} {one}" for name, one in value.items()) if isinstance(value, dict) else str(value)


def _table(results: Results) -> str:
    head = ["system", *(column.head for column in COLUMNS), "drain × reference", "what stays by SQL"]
    best = {column.figure: _best(results, column) for column in COLUMNS}
    rows = [
        [
            _name(one),
            *(_cell(results.spread(one.system.name, column.figure), column, best) for column in COLUMNS),
            _times(results.ratio(one.system.name, REFERENCE, "drain_per_s")),
            one.system.keeps,
        ]
        for one in results.measured
    ]
    return _lines(head, rows)


def _ratios(results: Results) -> str:
    """Only of those that were measured beside Herdbook."""
    rows = []
    for one in results.measured:
        name = one.system.name
        ratio = results.ratio(OURS, name, "drain_per_s")
        if name != OURS and ratio:
            asked = ASKED.get(name)
            verdict = "" if asked is None else "met" if ratio.median >= asked else "**missed**"
            rows.append([one.system.title, _times(ratio), f"{asked:g}" if asked else "–", verdict])
    return _lines(["Herdbook drains … times as fast as", "times", "asked", ""], rows) if rows else ""


def _best(results: Results, column: Column) -> float | None:
    spreads = [results.spread(one.system.name, column.figure) for one in results.measured]
    known = [spread.median for spread in spreads if spread]
    return column.best(known) if known else None


def _name(one: Measured) -> str:
    name = f"{one.system.title} ({one.version}, {one.language})"
    return f"**{name}**" if one.system.name == OURS else name


def _cell(spread: Spread | None, column: Column, best: dict[str, float | None]) -> str:
    if spread is None:
        return "–"
    median, low, high = (f"{value:,.{column.digits}f}" for value in (spread.median, spread.low, spread.high))
    if spread.median == best[column.figure]:
        median = f"**{median}**"
    return f"{median} ({low}–{high})" if low != high else median


def _times(spread: Spread | None) -> str:
    return f"{spread.median:.2f} ({spread.low:.2f}–{spread.high:.2f})" if spread else "–"


def _lines(head: list[str], rows: list[list[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(head) - 2) + ["---"]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))
