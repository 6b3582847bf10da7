"""Takes a request and the options of one of its choices.

Gives the option that the address names.
Never takes an unknown word for the default.
"""

from collections.abc import Mapping
from typing import TypeVar

from starlette.requests import Request

from herdbook.errors import FieldProblem
from herdbook.http.problems import INVALID_REQUEST, Refused

Choice = TypeVar("Choice")


def choose(request: Request, what: str, options: Mapping[str, Choice]) -> Choice:
    """The option that the address names, the first when it names none; raises Refused for an unknown one."""
    wish = request.query_params.get(what) or next(iter(options))
    if wish not in options:
        message = f"not one of {', '.join(options)}"
        raise Refused(INVALID_REQUEST, f"{what}: {message}", [FieldProblem(path=what, message=message)])
    return options[wish]
