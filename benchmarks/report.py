"""Reports what was measured: a table of medians, ranges and targets, JSON, and charts."""

import json
import os
import platform
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.spread import Spread, interval_text
from benchmarks.targets import TARGETS
from herdbook.queue.connection import connect
from herdbook.settings import Settings

Measured = Mapping[str, Sequence[float]]
_POSTGRES = ("server_version", "fsync", "full_page_writes", "synchronous_commit", "shared_buffers")
_REDIS = ("appendonly", "appendfsync", "maxmemory-policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was measured, in which surroundings.

    `ratios` are those of figures of the same round, `charts` SVG texts, both by their names.
    """

    environment: Mapping[str, Any]
    figures: Measured
    ratios: Mapping[str, Spread] = field(default_factory=dict)
    charts: Mapping[str, str] = field(default_factory=dict)


def gathered(rounds: Iterable[Mapping[str, float]]) -> dict[str, list[float]]:
    """The values of each figure, one for each round that has it."""
    figures = defaultdict(list)
    for one in rounds:
        for name, value in one.items():
            figures[name].append(value)
    return dict(figures)


def machine() -> dict[str, Any]:
    """What the machine is, and how busy it is now."""
    return {"python": platform.python_version(), "cpus": os.cpu_count(), "load_1m": os.getloadavg()[0]}


async def surroundings(settings: Settings) -> dict[str, Any]:
    """The machine, the servers, and how durable they are."""
    assert settings.redis_url
    connection = await asyncpg.connect(settings.database_url)
    postgres = {name: await connection.fetchval("SELECT current_setting($1)", name) for name in _POSTGRES}
    await connection.close()
    async with connect(settings.redis_url) as client:
        info = await client.info("server")
        redis = {
            "version": info.get("valkey_version") or info["redis_version"],
            "name": info.get("server_name", "redis"),
        }
        for name in _REDIS:
            redis |= {str(key): value for key, value in (await client.config_get(name)).items()}
    return machine() | {"postgresql": postgres, "redis": redis}


def tell(words: str) -> None:
    """Say what is done now, apart from the results."""
    sys.stderr.write(f"{words}\n")


def write(report: Report, *, json_file: Path | None, charts: Path | None) -> None:
    """Print the report; keep it in `json_file`, and its charts in the folder `charts`, where they are given."""
    for name, value in report.environment.items():
        words = ", ".join(f"{key} {one}" for key, one in value.items()) if isinstance(value, dict) else value
        sys.stdout.write(f"{name:32} {words}\n")
    sys.stdout.write(f"\n{'':32} {'median':>12} {'from – to':>22}   target\n")
    for name, values in report.figures.items():
        sys.stdout.write(f"{_row(name, values)}\n")
    if report.ratios:
        sys.stdout.write(f"\n{'':32} {'median':>12} {'from – to':>22}   95 % interval\n")
        for name, ratio in report.ratios.items():
            sys.stdout.write(f"{_ratio_row(name, ratio)}\n")
    if json_file:
        write_json(json_file, to_json(report))
    if charts:
        charts.mkdir(parents=True, exist_ok=True)
        for name, svg in report.charts.items():
            (charts / f"{name}.svg").write_text(svg, encoding="utf-8")


def to_json(report: Report) -> dict[str, Any]:
    """The report as plain data."""
    kept = {**report.environment, "figures": {name: _kept(name, values) for name, values in report.figures.items()}}
    return kept | {"ratios": {name: asdict(ratio) for name, ratio in report.ratios.items()}} if report.ratios else kept


def write_json(file: Path, figures: Mapping[str, Any]) -> None:
    """Keep figures in a file."""
    file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _row(name: str, values: Sequence[float]) -> str:
    median, target = statistics.median(values), TARGETS.get(name)
    spread = f"{_number(min(values))} – {_number(max(values))}" if len(values) > 1 else ""
    against = f"{target}: {target.verdict(median)}" if target else ""
    return f"{name:32} {_number(median):>12} {spread:>22}   {against}".rstrip()


def _ratio_row(name: str, ratio: Spread) -> str:
    shown = ratio.compared_with_one("more than 1", "less than 1")
    spread = f"{_number(ratio.low)} – {_number(ratio.high)}"
    return f"{name:32} {_number(ratio.median):>12} {spread:>22}   {interval_text(ratio.interval, 3):<14} {shown}"


def _kept(name: str, values: Sequence[float]) -> dict[str, Any]:
    median, target = statistics.median(values), TARGETS.get(name)
    kept: dict[str, Any] = {"median": median, "values": list(values)}
    return kept | {"target": str(target), "met": target.is_met(median)} if target else kept


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3f}"
