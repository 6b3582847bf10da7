"""Reads and writes durations: numbers, or texts such as `500ms`, `30s`, `10m`, `2h`, `1d`.

A text carries its own unit. A number is in seconds where it is a time limit, as everywhere in Python, and in
milliseconds elsewhere, as in BullMQ.
"""

import math
import re
from datetime import timedelta
from typing import Any

# Ten years: BullMQ's scores (milliseconds times 4096) stay exact in a double.
LONGEST_MS = 315_360_000_000
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_BARE = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def parse_duration(value: Any) -> Any:
    """Milliseconds from a number (already milliseconds) or a text.

    Raises ValueError for a text that is no duration, or one of more than ten years. Other values are
    returned unchanged, for the next validator to refuse.
    """
    return round(_parse(value, "milliseconds")) if isinstance(value, str) else value


def parse_limit(value: Any) -> Any:
    """Seconds from a number (already seconds) or a text; otherwise like `parse_duration`."""
    return _parse(value, "seconds") / 1_000 if isinstance(value, str) else value


def milliseconds(value: float | str) -> int:
    """The duration in milliseconds; raises ValueError if it is not one, is negative, or exceeds ten years."""
    found = parse_duration(value)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise ValueError(f"not a duration: {value!r}")
    if not 0 <= found <= LONGEST_MS:
        # Without the value: Python refuses to write out integers of thousands of digits.
        raise ValueError("not a duration: it must be between 0 and ten years")
    return math.ceil(found)


def parse_input(text: str) -> float | str:
    """A typed-in duration as options accept it: a number if it has no unit, otherwise the text."""
    text = text.strip()
    match = _BARE.fullmatch(text)
    return text if match is None else float(text) if match[1] else int(text)


def format_duration(milliseconds: int) -> str:
    """The duration as text in its largest whole unit: `10m`, `1s`, `1500ms`."""
    unit = next(unit for unit in reversed(_UNIT_MS) if milliseconds % _UNIT_MS[unit] == 0)
    return f"{milliseconds // _UNIT_MS[unit]}{unit}" if milliseconds else "0ms"


def in_words(seconds: float) -> str:
    """A length of time for people, such as `10 min` or `1 min 30 s`."""
    whole = timedelta(seconds=seconds)
    hours, rest = divmod(int(whole.total_seconds()), 3_600)
    minutes, left = divmod(rest, 60)
    parts = [f"{count} {unit}" for count, unit in ((hours, "h"), (minutes, "min"), (left, "s")) if count]
    return " ".join(parts) or f"{seconds:g} s"


def _parse(text: str, unit: str) -> float:
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise ValueError(f"not a duration: give {unit}, or a text such as 500ms, 30s, 10m, 2h or 1d")
    found = float(match[1]) * _UNIT_MS[match[2]]
    if found > LONGEST_MS:
        # With enough digits it is infinite, which no integer can hold.
        raise ValueError("not a duration of up to ten years")
    return found
