"""Captures the status and Retry-After of HTTP responses to Apprise's requests, which Apprise does not report."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from typing import Any

from requests.adapters import HTTPAdapter

from herdbook.sending.responses import TargetResponse, parse_retry_after

_captured: ContextVar["list[TargetResponse] | None"] = ContextVar("captured", default=None)


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


@cache
def _patch_requests() -> None:
    """Capture responses where `requests` builds them, because Apprise's services offer no other hook."""
    build = HTTPAdapter.build_response

    @wraps(build)
    def build_and_capture(self: HTTPAdapter, *arguments: Any, **named: Any) -> Any:
        response = build(self, *arguments, **named)
        captured = _captured.get()
        if captured is not None:
            wait = parse_retry_after(response.headers.get("Retry-After"), response.headers.get("Date"))
            captured.append(TargetResponse(status=response.status_code, retry_after=wait))
        return response

    HTTPAdapter.build_response = build_and_capture  # type: ignore[method-assign]
