"""Labels, hints and example texts for form fields, from the names and limits in a JSON Schema."""

import json
import re
from typing import Any

from herdbook.web.humanize import plural

# "runAt" -> "run At", "HTMLBody" -> "HTML Body", "run_at" -> "run at".
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z\s_-]+|[A-Z]")
_ACRONYMS = frozenset({"csv", "html", "http", "id", "json", "pdf", "sql", "uri", "url", "xml"})
_MAX_TEXT_LENGTH = 300
_TYPES = {
    "string": "Text",
    "integer": "Whole number",
    "number": "Number",
    "boolean": "Yes or no",
    "array": "List",
    "object": "Object",
}
_FORMATS = {"date": "Date", "time": "Time", "date-time": "Date and time", "email": "Email address", "uri": "URL"}


def label_from_name(name: str) -> str:
    """A name as a label: `runAt` and `run_at` become `Run at`."""
    words = " ".join(_cased(word) for word in _WORD.findall(name))
    return words[:1].upper() + words[1:] or name


def _cased(word: str) -> str:
    is_acronym = word.lower() in _ACRONYMS or (word.isupper() and len(word) > 1)
    return word.upper() if is_acronym else word.lower()


def field_label(name: str, title: Any) -> str:
    """The label of a field: its title if its author wrote one; pydantic makes `Runat` of `runAt`."""
    is_written = isinstance(title, str) and title.strip() and _letters(title) != _letters(name)
    return str(title) if is_written else label_from_name(name)


def variant_label(schema: dict[str, Any]) -> str:
    """The label of one of several variants."""
    if "const" in schema:
        return display_text(schema["const"])
    if isinstance(schema.get("title"), str):
        return label_from_name(schema["title"])
    return _FORMATS.get(schema.get("format", "")) or _TYPES.get(str(schema.get("type")), "JSON")


def item_label(schema: dict[str, Any]) -> str:
    """The label of a row of a list; its number follows."""
    title = schema.get("title")
    return label_from_name(title) if isinstance(title, str) and schema.get("type") == "object" else "Item"


def limits_hint(schema: dict[str, Any]) -> str:
    """The limits and the default, as short sentences."""
    return " ".join(filter(None, (_bounds(schema), _lengths(schema), _default(schema.get("default")))))


def display_text(value: Any) -> str:
    """A value as text: a text as it is, anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_TEXT_LENGTH else text[: _MAX_TEXT_LENGTH - 1] + "…"


def _bounds(schema: dict[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f"From {least:,} to {most:,}."
    limits = {
        "minimum": "At least",
        "maximum": "At most",
        "exclusiveMinimum": "More than",
        "exclusiveMaximum": "Less than",
    }
    return " ".join(f"{limit} {schema[name]:,}." for name, limit in limits.items() if name in schema)


def _lengths(schema: dict[str, Any]) -> str:
    shortest = schema.get("minLength", 0)
    items = _range(schema.get("minItems", 0), schema.get("maxItems", 0), "item")
    # A minimum of one character is not worth mentioning.
    characters = _range(shortest if shortest > 1 else 0, schema.get("maxLength", 0), "character")
    return " ".join(filter(None, (items, characters)))


def _range(least: int, most: int, noun: str) -> str:
    if least and most:
        return f"From {least:,} to {plural(most, noun)}."
    if least:
        return f"At least {plural(least, noun)}."
    return f"At most {plural(most, noun)}." if most else ""


def _default(default: Any) -> str:
    if default in (None, "", [], {}):
        return ""
    return f"Default: {'yes' if default is True else 'no' if default is False else display_text(default)}."


def _letters(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())
