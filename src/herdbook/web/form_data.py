"""Reads submitted HTML forms, up to a size limit."""

from urllib.parse import parse_qsl

from starlette.requests import Request

from herdbook.errors import FieldProblem
from herdbook.http.action_schemas import LONGEST_REASON
from herdbook.http.problems import BODY_TOO_LARGE, INVALID_REQUEST, Refused

_LIMIT = 256 * 1024
_MAX_FIELDS = 20_000


class PostedForm:
    """The fields of a form in order; a name may occur more than once."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs

    def get(self, name: str, default: str = "") -> str:
        """The last value of this name."""
        return next((value for key, value in reversed(self.pairs) if key == name), default)

    def all(self, name: str) -> list[str]:
        """All values of this name."""
        return [value for key, value in self.pairs if key == name]


async def read_form(request: Request, *, limit: int = _LIMIT) -> PostedForm:
    """Parse the request's body as a form; raises Refused when it is larger than `limit` bytes or malformed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Refused(BODY_TOO_LARGE, f"the form is larger than {limit:,} bytes")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise Refused(INVALID_REQUEST, "the form is malformed", [FieldProblem(path="", message=str(error))]) from None
    return PostedForm(pairs)


def read_reason(form: PostedForm) -> str | None:
    """The reason given for a cancellation, or None; raises Refused when it cannot be recorded."""
    reason = form.get("reason").strip()
    if len(reason) > LONGEST_REASON or "\0" in reason:
        message = f"must be at most {LONGEST_REASON:,} characters without NUL"
        raise Refused(INVALID_REQUEST, f"reason: {message}", [FieldProblem(path="reason", message=message)])
    return reason or None


def local_path(path: str, default: str) -> str:
    """The path to redirect to if it is on this site, otherwise `default`."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path else default
