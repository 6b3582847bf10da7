"""What a server says of a message that it was sent: its HTTP status, and how long it wants to be left alone."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# A server may not park a job for longer, in milliseconds: a day.
LONGEST_WAIT = 86_400_000
# Client errors that pass: timeout, too early, too many requests.
_PASSING = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResponse:
    """An HTTP answer: its status, and its Retry-After in milliseconds (None without one)."""

    status: int
    retry_after: int | None

    @property
    def is_final(self) -> bool:
        """Whether the same request would be refused again."""
        return 400 <= self.status < 500 and self.status not in _PASSING


def parse_retry_after(value: str | None, now: datetime) -> int | None:
    """The milliseconds that a Retry-After header asks for, as seconds or as a date; at most a day."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:12]) * 1_000, LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    return min(max(round(seconds * 1_000), 0), LONGEST_WAIT)
