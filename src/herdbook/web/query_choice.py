"""Query parameters that select one of several options, such as a time window."""

from collections.abc import Mapping
from typing import TypeVar

from starlette.requests import Request

from herdbook.errors import FieldProblem
from herdbook.http.problems import INVALID_REQUEST, Refused

T = TypeVar("T")


def read_choice(request: Request, parameter: str, options: Mapping[str, T]) -> T:
    """The option that the URL selects, by default the first; raises Refused for an unknown one."""
    name = request.query_params.get(parameter) or next(iter(options))
    if name not in options:
        message = f"must be one of {', '.join(options)}"
        raise Refused(INVALID_REQUEST, f"{parameter}: {message}", [FieldProblem(path=parameter, message=message)])
    return options[name]
