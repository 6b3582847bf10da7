"""Takes the HTTP answers that Apprise's services get, of which Apprise itself tells no more than a sentence.

Gives their status, and how long the server wants to be left alone.
Never changes an answer, nor listens to requests that are not ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, wraps
from typing import Any

from requests.adapters import HTTPAdapter

# A server may not park a job for longer, in milliseconds: a day.
LONGEST_WAIT = 86_400_000
# Client errors that pass: timeout, too early, too many requests.
_PASSING = frozenset({408, 425, 429})
_heard: ContextVar["list[TargetResponse] | None"] = ContextVar("heard", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResponse:
    """An HTTP answer: its status, and its Retry-After in milliseconds (None without one)."""

    status: int
    retry_after: int | None

    @property
    def is_final(self) -> bool:
        """Whether the same request would be refused again."""
        return 400 <= self.status < 500 and self.status not in _PASSING


@contextmanager
def hearing() -> Iterator[list[TargetResponse]]:
    """A list that the answers to requests made inside the block are added to, in order."""
    _listen()
    answers: list[TargetResponse] = []
    token = _heard.set(answers)
    try:
        yield answers
    finally:
        _heard.reset(token)


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


@cache
def _listen() -> None:
    """Note answers where `requests` makes them: Apprise's services offer no other place."""
    build = HTTPAdapter.build_response

    @wraps(build)
    def build_and_note(self: HTTPAdapter, *arguments: Any, **named: Any) -> Any:
        response = build(self, *arguments, **named)
        answers = _heard.get()
        if answers is not None:
            wait = parse_retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
            answers.append(TargetResponse(status=response.status_code, retry_after=wait))
        return response

    HTTPAdapter.build_response = build_and_note  # type: ignore[method-assign]
