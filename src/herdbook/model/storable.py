"""Makes text and JSON storable in PostgreSQL."""

import dataclasses
import json
import math
import re
from collections.abc import Iterable
from enum import Enum
from typing import Any

import orjson

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def holds_nul(json_text: str) -> bool:
    """Whether a JSON text contains a NUL character, which PostgreSQL's jsonb cannot store."""
    return r"\u0000" in json_text and _NUL.search(json_text) is not None


def find_nan(value: Any, encoded: bytes) -> str | None:
    """Where a value has a NaN or an infinity: a path such as `.prices.0`, empty for the value itself; None if nowhere.

    orjson writes both as null, so only a value whose JSON (`encoded`) has a null in it is searched.
    """
    return _find_nan(value) if b"null" in encoded and value is not None else None


def _find_nan(value: Any) -> str | None:
    if isinstance(value, float):
        return None if math.isfinite(value) else ""
    for name, child in _children(value):
        found = "" if isinstance(name, float) and not math.isfinite(name) else _find_nan(child)
        if found is not None:
            return f".{name}{found}"
    return None


def _children(value: Any) -> Iterable[tuple[Any, Any]]:
    """What orjson writes of a value that has parts, with their names."""
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, list | tuple):
        return enumerate(value)
    if isinstance(value, Enum):
        return [("value", value.value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(one.name, getattr(value, one.name)) for one in dataclasses.fields(value) if one.name[0] != "_"]
    return ()


def storable_text(text: str) -> str:
    """The text, with NULs and lone surrogates replaced."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def storable_json(text: str) -> str:
    """The JSON text, with NULs and lone surrogates replaced; as a text inside JSON if it is none."""
    try:
        orjson.loads(text)
    except ValueError:
        pass
    else:
        if not holds_nul(text):
            return text
    try:
        # Python also reads NaN, and numbers too large for it as Infinity: neither is JSON.
        plain = json.dumps(json.loads(text), ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        return json.dumps({"unreadable": storable_text(text[:1_000])})
    return storable_text(plain.replace(r"\u0000", "\N{REPLACEMENT CHARACTER}"))
