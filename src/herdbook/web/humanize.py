"""Takes figures, times and lengths of time.

Gives them in a few words for people.
Never knows where they come from.
"""

from datetime import UTC, datetime

_STEPS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))


def duration(milliseconds: float | None) -> str:
    """A length of time, such as `8 ms`, `1.5 s`, `3 min 20 s` or `2 d 4 h`; a dash for none."""
    if milliseconds is None:
        return "–"
    # Each limit is where the unit below would be rounded up to a whole of the next.
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms" if milliseconds >= 10 or milliseconds == 0 else f"{milliseconds:.2g} ms"
    seconds = milliseconds / 1_000
    if seconds < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    for size, unit, smaller, smaller_unit in _STEPS:
        rounded = round(seconds / smaller) * smaller
        if rounded >= size:
            whole, rest = divmod(rounded, size)
            return f"{whole:.0f} {unit}" + (f" {rest // smaller:.0f} {smaller_unit}" if rest >= smaller else "")
    raise AssertionError


def seconds(value: float | None) -> str:
    """The same, of seconds."""
    return duration(None if value is None else value * 1_000)


def between(start: datetime | None, end: datetime | None) -> str:
    """The time from one moment to another."""
    return duration(None if start is None or end is None else max(0.0, (end - start).total_seconds() * 1_000))


def moment(at: datetime) -> str:
    """A moment in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def relative(at: datetime, now: datetime) -> str:
    """How long ago, or in how long."""
    gap = (now - at).total_seconds()
    if abs(gap) < 1:
        return "now"
    words = seconds(int(abs(gap))).partition(" ")
    nearest = f"{words[0]} {words[2].split()[0]}"
    return f"{nearest} ago" if gap > 0 else f"in {nearest}"


def number(value: float) -> str:
    """A figure with its thousands apart; at most one decimal."""
    return f"{value:,.1f}".removesuffix(".0")


def plural(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def size(count: int) -> str:
    """A number of bytes."""
    if count < 1_000:
        return plural(count, "byte")
    return f"{count / 1_000:,.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:,.1f} MB"


def shortened(text: str, length: int = 200) -> str:
    """The text on one line, cut where it is longer."""
    line = " ".join(text[: length * 4].split())
    return line if len(line) <= length and len(text) <= length * 4 else line[: length - 1] + "…"
