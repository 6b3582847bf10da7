"""Captures the status and Retry-After of HTTP responses to Apprise's requests, which Apprise does not report."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, wraps
from typing import Any

from requests.adapters import HTTPAdapter

# The longest that a server may delay a retry, in milliseconds: a day.
LONGEST_WAIT = 86_400_000
# Temporary client errors: timeout, too early, too many requests.
_TEMPORARY = frozenset({408, 425, 429})
_captured: ContextVar["list[TargetResponse] | None"] = ContextVar("captured", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResponse:
    """An HTTP response: its status, and its Retry-After in milliseconds (None without one)."""

    status: int
    retry_after: int | None

    @property
    def is_final(self) -> bool:
        """Whether the same request would be refused again."""
        return 400 <= self.status < 500 and self.status not in _TEMPORARY


@contextmanager
def captured_responses() -> Iterator[list[TargetResponse]]:
    """A list to which the responses to requests made inside the block are added, in order."""
    _patch_requests()
    responses: list[TargetResponse] = []
    token = _captured.set(responses)
    try:
        yield responses
    finally:
        _captured.reset(token)


def parse_retry_after(value: str | None, now: datetime) -> int | None:
    """The value of a Retry-After header, in seconds or as a date, in milliseconds; at most a day."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:12]) * 1_000, LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds()
    return min(max(round(seconds * 1_000), 0), LONGEST_WAIT)


@cache
def _patch_requests() -> None:
    """Capture responses where `requests` builds them, because Apprise's services offer no other hook."""
    build = HTTPAdapter.build_response

    @wraps(build)
    def build_and_capture(self: HTTPAdapter, *arguments: Any, **named: Any) -> Any:
        response = build(self, *arguments, **named)
        captured = _captured.get()
        if captured is not None:
            wait = parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
            captured.append(TargetResponse(status=response.status_code, retry_after=wait))
        return response

    HTTPAdapter.build_response = build_and_capture  # type: ignore[method-assign]
