"""Takes names and limits from a JSON Schema.

Gives them in words for people: labels, hints, examples.
Never knows what the words are shown beside.
"""

import json
import re
from typing import Any

# "runAt" -> "run At", "HTMLBody" -> "HTML Body", "run_at" -> "run at".
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z\s_-]+|[A-Z]")
_LONGEST_EXAMPLE = 300
_KINDS = {
    "string": "Text",
    "integer": "Whole number",
    "number": "Number",
    "boolean": "Yes or no",
    "array": "List",
    "object": "Object",
}
_FORMATS = {"date": "Date", "time": "Time", "date-time": "Date and time", "email": "Mail address", "uri": "URL"}


def label(name: str) -> str:
    """A name as a label: `runAt` and `run_at` are `Run at`."""
    words = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in _WORD.findall(name))
    return words[:1].upper() + words[1:] or name


def label_of(name: str, title: Any) -> str:
    """The label of a field: its title where somebody wrote one, and not pydantic, which makes `Runat` of `runAt`."""
    own = isinstance(title, str) and title.strip() and _letters(title) != _letters(name)
    return str(title) if own else label(name)


def label_of_variant(schema: dict[str, Any]) -> str:
    """The label of one of several kinds of value."""
    if "const" in schema:
        return plain(schema["const"])
    if isinstance(schema.get("title"), str):
        return label(schema["title"])
    return _FORMATS.get(schema.get("format", "")) or _KINDS.get(str(schema.get("type")), "JSON")


def label_of_item(schema: dict[str, Any]) -> str:
    """The label of a row of a list, which gets its number behind it."""
    title = schema.get("title")
    return label(title) if isinstance(title, str) and schema.get("type") == "object" else "Entry"


def hint(schema: dict[str, Any]) -> str:
    """The limits and the default, as short sentences."""
    return " ".join(filter(None, (_bounds(schema), _lengths(schema), _default(schema.get("default")))))


def plain(value: Any) -> str:
    """A value as a text to show: texts as they are, others as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_EXAMPLE else text[: _LONGEST_EXAMPLE - 1] + "…"


def _bounds(schema: dict[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f"From {least:,} to {most:,}."
    words = {"minimum": "At least", "maximum": "At most", "exclusiveMinimum": "More than", "exclusiveMaximum": "Below"}
    return " ".join(f"{said} {schema[name]:,}." for name, said in words.items() if name in schema)


def _lengths(schema: dict[str, Any]) -> str:
    limits = (
        ("minItems", "At least {:,}.", 1),
        ("maxItems", "At most {:,}.", 1),
        ("minLength", "At least {:,} characters.", 2),
        ("maxLength", "At most {:,} characters.", 1),
    )
    return " ".join(said.format(schema[name]) for name, said, from_ in limits if schema.get(name, 0) >= from_)


def _default(default: Any) -> str:
    if default in (None, "", [], {}):
        return ""
    return f"Default: {'yes' if default is True else 'no' if default is False else plain(default)}."


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())
