"""Takes texts, and a function that measures them.

Gives them as lines that fit into a width, and shares a width among columns.
Never draws; lengths are in whatever unit the caller measures in.
"""

from collections.abc import Callable, Sequence

Measure = Callable[[str], float]
_ELLIPSIS = "..."
_MOST_STRETCH = 2.5


def wrap(text: str, width: float, measure: Measure, *, most: int) -> list[str]:
    """The text in lines of at most `width`, broken at spaces where possible; cut after `most` lines."""
    if measure(text) <= width:
        return [text]
    lines: list[str] = []
    rest = text
    while rest and len(lines) < most:
        line = _first_line(rest, width, measure)
        rest = rest[len(line) :].lstrip()
        lines.append(line.rstrip())
    if rest:
        lines[-1] = shorten(lines[-1] + rest, width, measure)
    return lines


def shorten(text: str, width: float, measure: Measure) -> str:
    """As much of the text as fits into `width` with an ellipsis behind it."""
    kept = text[: _fitting(text, width - measure(_ELLIPSIS), measure)].rstrip()
    return kept + _ELLIPSIS


def share(natural: Sequence[float], available: float) -> list[float]:
    """Widths of columns within `available`: narrow ones get what they want, wide ones share the rest."""
    total = sum(natural)
    if total <= available:
        stretch = min(available / total, _MOST_STRETCH)
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
    """The beginning of the text that fits, at least one character of it."""
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
