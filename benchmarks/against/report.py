"""A comparison as a page of Markdown and as plain data.

It must not claim what the rounds do not show: "faster" needs a 95 % interval that excludes 1.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.against.charts import charts
from benchmarks.against.results import FIGURES, Measured, Results
from benchmarks.against.systems import BY_NAME, OURS, REFERENCE
from benchmarks.spread import FEWEST, Spread, interval_text

__all__ = ["charts", "markdown", "to_json"]

# Targets: how many times as many jobs as these Herdbook should drain.
TARGETS = {REFERENCE: 1.1, "prototype-node": 5.5, "prototype-python": 10.0, "celery": 28.0}
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


def _plain(spread: Spread | None) -> dict[str, Any] | None:
    return asdict(spread) if spread else None


def _circumstances(results: Results) -> str:
    told = "; ".join(f"{name} {_words(value)}" for name, value in results.environment.items() if name != "load_1m")
    loads = [one.load for one in results.rounds]
    lines = [
        f"{told}. Load before each round: {', '.join(f'{load:.2f}' for load in loads)}.",
        f"{len(loads)} rounds, systems in turn, their order changing; {results.jobs:,} jobs of 300 bytes for each fast "
        "system, fewer for slow ones. Medians (lowest–highest), the best median of each column in bold.",
        _method(results),
    ]
    if loads and loads[0] > BUSY:
        lines.append(f"**The machine was busy**: the load was {loads[0]:.2f} at the start. Measure again.")
    return "\n\n".join(lines)


def _method(results: Results) -> str:
    told = "A ratio is the median of the ratios within each round"
    ratio = results.ratio(OURS, REFERENCE, "drain_per_s")
    if ratio is None:
        return f"{told}."
    if ratio.interval is None:
        return f"{told}. {ratio.count} rounds are too few for a 95 % interval, which needs {FEWEST}."
    return f"{told} [95 % interval, from order statistics; its exact confidence is {ratio.interval.confidence:.1%}]."


def _words(value: Any) -> str:
    return ", ".join(f"{name} {one}" for name, one in value.items()) if isinstance(value, dict) else str(value)


def _table(results: Results) -> str:
    head = ["system", *(column.head for column in COLUMNS), f"drain ÷ {BY_NAME[REFERENCE].title}", "what SQL keeps"]
    best = {column.figure: _best(results, column) for column in COLUMNS}
    rows = [
        [
            _name(one),
            *(_cell(results.spread(one.system.name, column.figure), column, best) for column in COLUMNS),
            _with_interval(results.ratio(one.system.name, REFERENCE, "drain_per_s")),
            one.system.keeps,
        ]
        for one in results.measured
    ]
    return _lines(head, rows)


def _ratios(results: Results) -> str:
    """Herdbook's drain against that of each system that was measured in the same rounds."""
    rows = []
    for one in results.measured:
        name = one.system.name
        ratio = results.ratio(OURS, name, "drain_per_s")
        if name != OURS and ratio:
            target = TARGETS.get(name)
            rows.append(
                [
                    one.system.title,
                    f"{ratio.median:.2f}",
                    f"{ratio.low:.2f}–{ratio.high:.2f}",
                    interval_text(ratio.interval),
                    f"≥ {target:g}" if target else "–",
                    _target_verdict(ratio, target) if target else "–",
                    ratio.compared_with_one("Herdbook is faster", "Herdbook is slower"),
                ]
            )
    head = ["Herdbook's drain ÷ that of", "median", "range", "95 % interval", "target", "", "what it shows"]
    return _lines(head, rows) if rows else ""


def _target_verdict(ratio: Spread, target: float) -> str:
    """Met or missed only when the whole interval says so."""
    if ratio.interval is None:
        return "open"
    if ratio.interval.low >= target:
        return "met"
    return "**missed**" if ratio.interval.high < target else "open"


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


def _with_interval(spread: Spread | None) -> str:
    if spread is None:
        return "–"
    return f"{spread.median:.2f}" + (f" [{interval_text(spread.interval)}]" if spread.interval else "")


def _lines(head: list[str], rows: list[list[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(head) - 2) + ["---"]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))
