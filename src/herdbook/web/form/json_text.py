"""Parses and formats the JSON that people edit.

A number never loses digits, and what is accepted can always be written again.
"""

from typing import Any

import orjson

from herdbook.http.body import parse_json
from herdbook.http.problems import Refused


class InvalidJsonText(Exception):
    """The text is not acceptable JSON; the message says why."""


def parse_json_text(text: str) -> Any:
    """The value of a JSON text; raises InvalidJsonText."""
    try:
        value = parse_json(text.encode())
    except Refused as refused:
        raise InvalidJsonText(str(refused).replace("the body", "this", 1)) from None
    format_json(value)
    return value


def format_json(value: Any) -> str:
    """The value as indented JSON; raises InvalidJsonText when it is nested too deeply."""
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except TypeError:
        raise InvalidJsonText("this is nested too deeply") from None


def is_same_json(one: Any, other: Any) -> bool:
    """Whether two values are the same in JSON, where 1 differs from true."""
    try:
        return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return False
