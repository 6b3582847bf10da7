"""Charts of a comparison as SVG files: grouped bars with their values.

They must not depend on colour, a font or a script: series differ by stripes.
"""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as Xml

from benchmarks.against.results import Results
from benchmarks.against.systems import OURS
from benchmarks.spread import Spread

WIDTH, LABELS, VALUES = 820, 300, 150
BAR, GAP, TOP = 14, 12, 54
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: 600; }
.ours { font-weight: 600; }
.plain, .stripe { fill: #2f6f8f; }
.spread { stroke: #1f2328; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .plain, .stripe { fill: #6cb4d4; }
  .spread { stroke: #e6edf3; }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart: a file's name, what it says, and its series as (name, figure); the second one is striped."""

    name: str
    title: str
    series: tuple[tuple[str, str], ...]
    digits: int = 0


CHARTS = (
    Chart(name="drain", title="Jobs drained per second by one worker process", series=(("", "drain_per_s"),)),
    Chart(
        name="publish",
        title="Jobs published per second",
        series=(("one by one", "single_per_s"), ("in bulk", "bulk_per_s")),
    ),
    Chart(
        name="latency",
        title="Milliseconds from publish to start, worker idle",
        series=(("p50", "latency_p50_ms"), ("p99", "latency_p99_ms")),
        digits=1,
    ),
    Chart(name="cpu", title="Milliseconds of the worker's CPU per job", series=(("", "cpu_ms"),), digits=3),
)


def charts(results: Results, folder: Path) -> list[Path]:
    """Write each chart to `against-<name>.svg` in the folder; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for chart in CHARTS:
        path = folder / f"against-{chart.name}.svg"
        path.write_text(draw(chart, results), encoding="utf-8")
        written.append(path)
    return written


def draw(chart: Chart, results: Results) -> str:
    """The chart as SVG."""
    systems = [one.system for one in results.measured]
    spreads = {
        system.name: [(name, results.spread(system.name, figure)) for name, figure in chart.series]
        for system in systems
    }
    most = max((spread.high for rows in spreads.values() for _, spread in rows if spread), default=1.0)
    height = TOP + len(systems) * (len(chart.series) * BAR + GAP)
    svg = _root(chart.title, height)
    _text(svg, 0, 20, chart.title, "title")
    if len(chart.series) > 1:
        _legend(svg, chart)
    y = TOP
    for system in systems:
        _text(svg, 0, y + BAR * len(chart.series) / 2 + 4, system.title, "ours" if system.name == OURS else "")
        for index, (_, spread) in enumerate(spreads[system.name]):
            _bar(svg, y + index * BAR, index, spread, most, chart.digits)
        y += len(chart.series) * BAR + GAP
    Xml.indent(svg)
    return Xml.tostring(svg, encoding="unicode") + "\n"


def _root(title: str, height: int) -> Xml.Element:
    size = {"viewBox": f"0 0 {WIDTH} {height}", "width": str(WIDTH), "height": str(height)}
    svg = Xml.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size, "role": "img"})
    Xml.SubElement(svg, "title").text = title
    Xml.SubElement(svg, "style").text = STYLE
    # White and black let a striped bar keep the colour that it has in light or dark.
    stripes = Xml.SubElement(
        Xml.SubElement(svg, "defs"),
        "pattern",
        {"id": "stripes", "width": "6", "height": "6", "patternUnits": "userSpaceOnUse"},
    )
    stripes.set("patternTransform", "rotate(45)")
    Xml.SubElement(stripes, "rect", {"width": "6", "height": "6", "fill": "#fff"})
    Xml.SubElement(stripes, "rect", {"width": "3", "height": "6", "fill": "#000"})
    mask = Xml.SubElement(svg[-1], "mask", {"id": "striped"})
    Xml.SubElement(mask, "rect", {"width": "100%", "height": "100%", "fill": "url(#stripes)"})
    return svg


def _legend(svg: Xml.Element, chart: Chart) -> None:
    for index, (name, _) in enumerate(chart.series):
        x = LABELS + index * 130
        _rect(svg, x, 32, 24, index)
        _text(svg, x + 32, 43, name)


def _bar(svg: Xml.Element, y: float, index: int, spread: Spread | None, most: float, digits: int) -> None:
    """A bar to the median, a line from the lowest to the highest, and the median in words."""
    if spread is None:
        _text(svg, LABELS, y + 11, "–")
        return
    low, median, high = (value / most * (WIDTH - LABELS - VALUES) for value in (spread.low, spread.median, spread.high))
    _rect(svg, LABELS, y, max(median, 1), index)
    if low != high:
        ends = {"x1": f"{LABELS + low:.1f}", "x2": f"{LABELS + high:.1f}"}
        Xml.SubElement(svg, "line", {**ends, "y1": f"{y + 6}", "y2": f"{y + 6}", "class": "spread"})
    _text(svg, LABELS + max(median, high) + 8, y + 11, f"{spread.median:,.{digits}f}")


def _rect(svg: Xml.Element, x: float, y: float, width: float, index: int) -> None:
    striped = {"class": "stripe", "mask": "url(#striped)"} if index else {"class": "plain"}
    place = {"x": f"{x}", "y": f"{y}", "width": f"{width:.1f}", "height": f"{BAR - 2}"}
    Xml.SubElement(svg, "rect", {**place, **striped})


def _text(svg: Xml.Element, x: float, y: float, words: str, kind: str = "") -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}"}
    Xml.SubElement(svg, "text", {**place, "class": kind} if kind else place).text = words
