"""Formats numbers, durations and times for people."""

from datetime import UTC, datetime

_STEPS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))


def duration_ms(milliseconds: float | None) -> str:
    """A duration given in milliseconds, such as `8 ms`, `1.5 s`, `3 min 20 s` or `2 d 4 h`; a dash for None."""
    if milliseconds is None:
        return "–"
    # Each limit is where rounding would give a whole one of the next larger unit.
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


def duration_s(seconds: float | None) -> str:
    """The same for a duration given in seconds."""
    return duration_ms(None if seconds is None else seconds * 1_000)


def time_between(start: datetime | None, end: datetime | None) -> str:
    """The duration from one time to another; a dash where either is unknown."""
    return duration_ms(None if start is None or end is None else max(0.0, (end - start).total_seconds() * 1_000))


def utc_time(at: datetime) -> str:
    """A time in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def relative_time(at: datetime, now: datetime) -> str:
    """How long ago or how far ahead a time is, such as `3 min ago` or `in 2 h`."""
    gap = (now - at).total_seconds()
    if abs(gap) < 1:
        return "now"
    amount, unit, *_ = duration_s(int(abs(gap))).split()
    return f"{amount} {unit} ago" if gap > 0 else f"in {amount} {unit}"


def number(value: float) -> str:
    """A number with thousands separators and at most one decimal."""
    return f"{value:,.1f}".removesuffix(".0")


def plural(count: int, singular: str, plural: str | None = None) -> str:
    """A count with its noun."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def file_size(size: int) -> str:
    """A number of bytes, such as `900 bytes` or `1.5 kB`."""
    if size < 1_000:
        return plural(size, "byte")
    return f"{size / 1_000:,.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:,.1f} MB"


def one_line(text: str, length: int = 200) -> str:
    """The text on one line, truncated to `length` characters."""
    line = " ".join(text[: length * 4].split())
    return line if len(line) <= length and len(text) <= length * 4 else line[: length - 1] + "…"
