"""Takes every request first, and every answer last.

Gives answers their security headers, refuses what another site's page sends, and answers for faults.
Never lets an exception through to the server, which would answer in plain text.
"""

from collections.abc import Callable, Sequence

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from herdbook.http.problems import CROSS_SITE, plain_problem, problem
from herdbook.service import log

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_OWN_SITE = frozenset({b"same-origin", b"none"})

Headers = Sequence[tuple[bytes, bytes]]
# The answer for a fault of ours.
FaultAnswer = Callable[[Scope], Response]


def problem_of_fault(scope: Scope) -> Response:
    """The answer for programs."""
    return plain_problem(500, "the server failed; its log says why", instance=scope["path"])


class HttpMiddleware:
    """The outermost middleware."""

    def __init__(self, app: ASGIApp, fault: FaultAnswer) -> None:
        self._app = app
        self._fault = fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        guarded = _Guarded(send, bodiless=scope["method"] == "HEAD")
        if scope["method"] not in _SAFE_METHODS and is_cross_site(scope["headers"]):
            refusal = problem(CROSS_SITE, "only this site's own pages may do this", instance=scope["path"])
            await refusal(scope, receive, guarded.send)
            return
        try:
            await self._app(_as_get(scope), receive, guarded.send)
        except ClientDisconnect:
            pass  # No one is left to be answered.
        except Exception as error:
            log.error("request failed", method=scope["method"], path=scope["path"], exc_info=error)
            if guarded.started:
                raise  # The server cuts the connection, so that the half answer is not taken for a whole one.
            await self._fault(scope)(scope, receive, guarded.send)


class _Guarded:
    """A way to answer that adds the security headers that an answer does not set itself."""

    __slots__ = ("_bodiless", "_ended", "_send", "started")

    def __init__(self, send: Send, *, bodiless: bool) -> None:
        self._send = send
        self._bodiless = bodiless
        self._ended = False
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = message.get("headers", ())
            present = {name for name, _ in headers}
            message["headers"] = [*headers, *(one for one in SECURITY_HEADERS if one[0] not in present)]
        elif self._bodiless:
            if self._ended:
                return
            # The end of the answer, also of one that would go on.
            self._ended = True
            message = {"type": message["type"], "body": b"", "more_body": False}
        await self._send(message)


def is_cross_site(headers: Headers) -> bool:
    """Whether a page of another site sent this; programs send neither header and pass."""
    found = dict(headers)
    site = found.get(b"sec-fetch-site")
    if site is not None:
        return site not in _OWN_SITE
    # Browsers leave Sec-Fetch-Site out on plain http, but send Origin with every POST.
    origin = found.get(b"origin")
    return origin is not None and origin.rpartition(b"//")[2].lower() != found.get(b"host", b"").lower()


def _as_get(scope: Scope) -> Scope:
    """HEAD is answered as GET: FastAPI's routes know no HEAD."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
