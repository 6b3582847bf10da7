"""Breaks text into lines, and divides a width among columns, in the unit of a measuring function."""

from collections.abc import Callable, Sequence

Measure = Callable[[str], float]
_ELLIPSIS = "..."
_MAX_STRETCH = 2.5


def wrap(text: str, width: float, measure: Measure, *, max_lines: int) -> list[str]:
    """The text in lines of at most `width`, broken at spaces if possible; truncated after `max_lines`."""
    if measure(text) <= width:
        return [text]
    lines: list[str] = []
    rest = text
    while rest and len(lines) < max_lines:
        line = _first_line(rest, width, measure)
        rest = rest[len(line) :].lstrip()
        lines.append(line.rstrip())
    if rest:
        lines[-1] = shorten(lines[-1] + rest, width, measure)
    return lines


def shorten(text: str, width: float, measure: Measure) -> str:
    """As much of the text as fits into `width`, followed by an ellipsis."""
    kept = text[: _fitting(text, width - measure(_ELLIPSIS), measure)].rstrip()
    return kept + _ELLIPSIS


def share(natural: Sequence[float], available: float) -> list[float]:
    """Column widths that fit into `available`: narrow columns get their natural width, wide ones share the rest."""
    total = sum(natural)
    if total <= available:
        stretch = min(available / total, _MAX_STRETCH)
        return [width * stretch for width in natural]
    narrow: set[int] = set()
    fair = 0.0
    while len(narrow) < len(natural):
        fair = (available - sum(natural[column] for column in narrow)) / (len(natural) - len(narrow))
        more = {column for column, width in enumerate(natural) if width <= fair} - narrow
        if not more:
            break
        narrow |= more
    return [width if column in narrow else fair for column, width in enumerate(natural)]


def _first_line(text: str, width: float, measure: Measure) -> str:
    """The part of the text that fits on one line, at least one character."""
    end = max(1, _fitting(text, width, measure))
    if end == len(text):
        return text
    space = text.rfind(" ", 0, end + 1)
    return text[: space if space > 0 else end]


def _fitting(text: str, width: float, measure: Measure) -> int:
    """How many characters of the text fit into `width`."""
    used = 0.0
    for count, character in enumerate(text):
        used += measure(character)
        if used > width:
            return count
    return len(text)
