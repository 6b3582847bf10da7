"""Line charts of a cost against a scale, as SVG texts without a script or a style sheet, for a page of Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 360
LEFT, TOP, RIGHT, BOTTOM = 64, 72, 700, 308
# Told apart without colour too: see DASHES.
COLOURS = ("#2563eb", "#d97706", "#059669", "#9333ea", "#dc2626", "#64748b")
DASHES = ("", "7 4", "2 4", "10 4 2 4", "4 2", "1 3")
_STYLE = """\
text{font:13px system-ui,sans-serif;fill:#334155}.title{font-weight:600;font-size:15px}.grid{stroke:#cbd5e1}
@media(prefers-color-scheme:dark){text{fill:#cbd5e1}.grid{stroke:#475569}}"""


def line_chart(title: str, x: Sequence[str], series: Mapping[str, Sequence[float]], *, below: str, unit: str) -> str:
    """A line for each of `series`, with a value for each of the places `x`; `below` says what those are."""
    top = round_top(max(value for values in series.values() for value in values))
    places = [LEFT + (RIGHT - LEFT) * (index + 0.5) / len(x) for index in range(len(x))]
    body = [*grid(top, unit), *legend(list(series))]
    body += [text(place, BOTTOM + 20, label, anchor="middle") for place, label in zip(places, x, strict=True)]
    body.append(text((LEFT + RIGHT) / 2, BOTTOM + 42, below, anchor="middle"))
    for index, (name, values) in enumerate(series.items()):
        points = [(place, height(value, top)) for place, value in zip(places, values, strict=True)]
        body += _line(index, name, points, [number(value) for value in values])
    return picture(title, body)


def _line(index: int, name: str, points: Sequence[tuple[float, float]], words: Sequence[str]) -> Iterable[str]:
    colour = COLOURS[index % len(COLOURS)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" {_dashes(index)}/>'
    for (x, y), word in zip(points, words, strict=True):
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"><title>{escape(name)}: {word}</title></circle>'
        yield text(x, y - 10, word, anchor="middle")


def picture(title: str, body: Iterable[str]) -> str:
    """The whole SVG: its title and what is drawn."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
    lines = [head, f"<title>{escape(title)}</title>", f"<style>{_STYLE}</style>", text(LEFT, 24, title, kind="title")]
    return "\n".join([*lines, *body, "</svg>", ""])


def text(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "") -> str:
    """Words at a place; `anchor` is start, middle or end."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'


def grid(top: float, unit: str) -> Iterable[str]:
    """Lines across at five values from 0 to `top`, with the values and their unit."""
    for step in range(5):
        value = top * step / 4
        y = height(value, top)
        yield f'<line x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        yield text(LEFT - 8, y + 4, number(value), anchor="end")
    yield text(LEFT - 8, TOP - 14, unit, anchor="end")


def legend(names: Sequence[str]) -> Iterable[str]:
    """Which colour and dash is which, in one row under the title."""
    across = float(LEFT)
    for index, name in enumerate(names):
        colour = COLOURS[index % len(COLOURS)]
        place = f'x1="{across:.1f}" x2="{across + 22:.1f}" y1="44" y2="44"'
        yield f'<line {place} stroke="{colour}" stroke-width="3" {_dashes(index)}/>'
        yield text(across + 28, 48, name)
        across += 44 + 7 * len(name)


def height(value: float, top: float) -> float:
    """Where a value is, on an axis from 0 to `top`."""
    return BOTTOM - (BOTTOM - TOP) * value / top


def round_top(most: float) -> float:
    """A round number that leaves some room above `most`, for the end of the axis."""
    most *= 1.05
    power = 1.0
    while power * 10 <= most:
        power *= 10
    while power > most > 0:
        power /= 10
    return next(factor * power for factor in (1, 1.2, 1.6, 2, 3, 4, 6, 8, 10, 12) if factor * power >= most) or 1.0


def number(value: float) -> str:
    """A value in few figures."""
    if value >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _dashes(index: int) -> str:
    return f'stroke-dasharray="{DASHES[index % len(DASHES)]}"'
