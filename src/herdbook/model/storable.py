"""Makes text and JSON storable in PostgreSQL."""

import json
import re

import orjson

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def holds_nul(json_text: str) -> bool:
    """Whether a JSON text contains a NUL character, which PostgreSQL's jsonb cannot store."""
    return r"\u0000" in json_text and _NUL.search(json_text) is not None


def storable_text(text: str) -> str:
    """The text, with NULs and lone surrogates replaced."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def storable_json(text: str) -> str:
    """The JSON text, with NULs and lone surrogates replaced."""
    try:
        orjson.loads(text)
    except ValueError:
        pass
    else:
        if not holds_nul(text):
            return text
    try:
        plain = json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return json.dumps({"unreadable": storable_text(text[:1_000])})
    return storable_text(plain.replace(r"\u0000", "\N{REPLACEMENT CHARACTER}"))
