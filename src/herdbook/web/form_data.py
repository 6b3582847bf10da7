"""Takes the body of a form that a page sent.

Gives its fields, in their order.
Never reads more than it is told to.
"""

from urllib.parse import parse_qsl

from starlette.requests import Request

from herdbook.errors import FieldProblem
from herdbook.http.action_schemas import LONGEST_REASON
from herdbook.http.problems import BODY_TOO_LARGE, INVALID_REQUEST, Refused

_LIMIT = 256 * 1024
_MOST_FIELDS = 20_000


class PostedForm:
    """The fields of a form; a name may come more than once."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self.pairs = pairs

    def get(self, name: str, default: str = "") -> str:
        """The last value of the name."""
        return next((value for key, value in reversed(self.pairs) if key == name), default)

    def all(self, name: str) -> list[str]:
        """All values of the name."""
        return [value for key, value in self.pairs if key == name]


async def read_form(request: Request, *, limit: int = _LIMIT) -> PostedForm:
    """The form in the request's body; raises Refused when it is larger than `limit` bytes or not a form."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Refused(BODY_TOO_LARGE, f"the form holds more than {limit:,} bytes")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise Refused(INVALID_REQUEST, "the form cannot be read", [FieldProblem(path="", message=str(error))]) from None
    return PostedForm(pairs)


def read_reason(form: PostedForm) -> str | None:
    """Why jobs are to be cancelled, None where nobody said; raises Refused for what cannot be recorded."""
    reason = form.get("reason").strip()
    if len(reason) > LONGEST_REASON or "\0" in reason:
        message = f"longer than {LONGEST_REASON:,} characters, or not text"
        raise Refused(INVALID_REQUEST, f"reason: {message}", [FieldProblem(path="reason", message=message)])
    return reason or None


def local_path(wish: str, default: str) -> str:
    """A path of this site to go to next; another site's address is not followed."""
    return wish if wish.startswith("/") and not wish.startswith(("//", "/\\")) and "\n" not in wish else default
