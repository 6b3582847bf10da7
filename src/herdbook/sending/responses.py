"""A server's response to a message: its status, and how long to wait before a retry."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# The longest that a server may delay a retry, in milliseconds: a day.
LONGEST_WAIT = 86_400_000
# Temporary client errors: timeout, too early, too many requests.
_TEMPORARY = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResponse:
    """An HTTP response: its status, and its Retry-After in milliseconds (None without one)."""

    status: int
    retry_after: int | None

    @property
    def is_final(self) -> bool:
        """Whether the same request would be refused again."""
        return 400 <= self.status < 500 and self.status not in _TEMPORARY


def parse_retry_after(value: str | None, date: str | None) -> int | None:
    """The value of a Retry-After header, in seconds or as a date, in milliseconds; at most a day.

    A date counts from that of the response, its Date header: our own clock may differ from the server's.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:12]) * 1_000, LONGEST_WAIT)
    at = _parse_date(text)
    if at is None:
        return None
    seconds = (at - (_parse_date(date or "") or datetime.now(UTC))).total_seconds()
    return min(max(round(seconds * 1_000), 0), LONGEST_WAIT)


def _parse_date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return at.replace(tzinfo=at.tzinfo or UTC)
