"""The outermost middleware: security headers, guards against cross-site requests and large bodies, internal errors.

No exception reaches the server unanswered: it would respond in plain text.
"""

from collections.abc import Callable, Sequence

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from herdbook.http.body_room import BodyRoom, BodyShare
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
# Makes the response to an internal error.
FaultAnswer = Callable[[Scope], Response]


def problem_of_fault(scope: Scope) -> Response:
    """A problem, for programs."""
    return plain_problem(500, "internal error; see the server's log", instance=scope["path"])


class HttpMiddleware:
    """The outermost middleware."""

    def __init__(self, app: ASGIApp, fault: FaultAnswer, room: BodyRoom | None = None) -> None:
        self._app = app
        self._fault = fault
        self._room = room or BodyRoom()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        response = _SecureResponse(send, bodiless=scope["method"] == "HEAD")
        if scope["method"] not in _SAFE_METHODS and is_cross_site(scope["headers"]):
            refusal = problem(CROSS_SITE, "pages of other sites are not allowed to do this", instance=scope["path"])
            await refusal(scope, receive, response.send)
            return
        share = BodyShare(self._room, receive)
        try:
            await self._app(_as_get(scope), share.receive, response.send)
        except ClientDisconnect:
            pass  # Nobody is left to respond to.
        except Exception as error:
            log.error("request failed", method=scope["method"], path=scope["path"], exc_info=error)
            if response.started:
                raise  # The server closes the connection, so that the partial response is not taken for a complete one.
            await self._fault(scope)(scope, receive, response.send)
        finally:
            share.release()


class _SecureResponse:
    """Sends a response with the security headers that it does not set itself, and without a body for HEAD."""

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
            # The end of the response, even of a stream.
            self._ended = True
            message = {"type": message["type"], "body": b"", "more_body": False}
        await self._send(message)


def is_cross_site(headers: Headers) -> bool:
    """Whether a page of another site sent this request. Programs send neither header, and pass."""
    found = dict(headers)
    site = found.get(b"sec-fetch-site")
    if site is not None:
        return site not in _OWN_SITE
    # Browsers omit Sec-Fetch-Site over plain HTTP, but send Origin with every POST.
    origin = found.get(b"origin")
    return origin is not None and origin.rpartition(b"//")[2].lower() != found.get(b"host", b"").lower()


def _as_get(scope: Scope) -> Scope:
    """HEAD as GET: FastAPI's routes do not support HEAD."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
