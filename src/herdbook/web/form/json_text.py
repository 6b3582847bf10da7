"""Takes JSON as a text.

Gives its value, or a sentence about what is wrong with it; and values as texts.
Never loses digits, and never takes what could not be written again.
"""

from typing import Any

import orjson

from herdbook.http.body import parse_json
from herdbook.http.problems import Refused


class Unreadable(Exception):
    """The text stands for no value; the message says why."""


def parse(text: str) -> Any:
    """The value of a JSON text; raises Unreadable."""
    try:
        value = parse_json(text.encode())
    except Refused as refused:
        raise Unreadable(str(refused).replace("the body", "this", 1)) from None
    pretty(value)
    return value


def pretty(value: Any) -> str:
    """The value as indented JSON; raises Unreadable for one that is nested too deeply for that."""
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except TypeError:
        raise Unreadable("this is nested too deeply") from None


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same in JSON, where 1 is not true."""
    try:
        return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return False
