"""Takes a JSON value: an earlier job's data, or the JSON tab's.

Gives the entries that stand for it.
Never loses a part of it: what fits no input is shown as JSON, at its place.
"""

import json
from dataclasses import replace
from typing import Any

from herdbook.model.duration import format_duration
from herdbook.web.form import json_text
from herdbook.web.form.entries import (
    LOCAL_DATE_TIME,
    TICKED,
    FieldEntry,
    blank,
    child,
    other_of,
    variant,
    with_blank_rows,
)
from herdbook.web.form.fields import ABSENT, Field, FieldKind
from herdbook.web.form.values import read


def fill(field: Field, name: str, value: Any) -> FieldEntry:
    """The entry that stands for the value; raises Unreadable when it is nested too deeply to be shown."""
    empty = blank(field, name)
    if value in (None, "", [], {}) and _stands_for(empty, value):
        return empty
    entry = _shaped(empty, value)
    if entry is None or not _stands_for(entry, value):
        return FieldEntry(field=field, name=name, text=json_text.pretty(value), as_json=True)
    return entry


def _stands_for(entry: FieldEntry, value: Any) -> bool:
    """Whether reading the entry again gives the value, or leaves it to a default that is the same."""
    field = entry.field
    # Their parts have been looked at before.
    if entry.kind in (FieldKind.OBJECT, FieldKind.LIST, FieldKind.MAP, FieldKind.VARIANTS) and not entry.is_blank:
        return True
    if entry.kind is FieldKind.OBJECT and field.required and isinstance(value, dict):
        return True
    if entry.kind is FieldKind.DURATION:
        return True
    found, problems = read(entry, "")
    if found is not ABSENT:
        return not problems and json_text.same(found, value)
    if field.required or (field.default is ABSENT and not field.nullable):
        return False
    return json_text.same(value, None if field.default is ABSENT else field.default)


def _shaped(empty: FieldEntry, value: Any) -> FieldEntry | None:  # noqa: PLR0911  (one for each kind)
    """The empty entry with the value filled in, or None when the value has another shape."""
    match empty.kind, value:
        case FieldKind.CONSTANT, _:
            return empty
        case FieldKind.JSON, _:
            return replace(empty, text=json_text.pretty(value))
        case FieldKind.OBJECT, dict():
            return _object(empty, value)
        case FieldKind.LIST, list():
            return _list(empty, value)
        case FieldKind.MAP, dict():
            return _map(empty, value)
        case FieldKind.VARIANTS, _:
            return _variants(empty, value)
        case ((FieldKind.OBJECT | FieldKind.LIST | FieldKind.MAP), _):
            return None
        case _:
            text = _text(empty.field, value)
            return None if text is None else replace(empty, text=text)


def _text(field: Field, value: Any) -> str | None:  # noqa: PLR0911  (one for each kind)
    match field.kind, value:
        case FieldKind.CHOICE, _:
            return json.dumps(value, ensure_ascii=False)
        case FieldKind.BOOLEAN, bool():
            return "true" if value else "" if field.is_checkbox else "false"
        case _, bool():
            return None
        case FieldKind.DURATION, int():
            return format_duration(value)
        case FieldKind.INTEGER | FieldKind.NUMBER, int():
            return str(value)
        case FieldKind.NUMBER, float():
            return json.dumps(value)
        case FieldKind.INTEGER | FieldKind.NUMBER | FieldKind.BOOLEAN, _:
            return None
        case FieldKind.DATE_TIME, str() if value.endswith("Z") and LOCAL_DATE_TIME.fullmatch(value[:-1]):
            return value[:-1]
        case _, str():
            return value
        case _:
            return None


def _object(empty: FieldEntry, value: dict[str, Any]) -> FieldEntry:
    parts = tuple(
        fill(part.field, part.name, value[part.field.key]) if part.field.key in value else part
        for part in empty.entries
    )
    own = {part.field.key for part in parts}
    rest = {key: one for key, one in value.items() if key not in own}
    other = replace(empty.other or other_of(empty.name), text=json_text.pretty(rest)) if rest else empty.other
    return replace(empty, entries=parts, other=other, text=TICKED if empty.field.ticked else "")


def _list(empty: FieldEntry, value: list[Any]) -> FieldEntry | None:
    item = empty.field.item
    if item is None or len(value) > empty.field.most:
        return None
    rows = tuple(fill(item, child(empty.name, str(index)), one) for index, one in enumerate(value))
    # An empty row would be dropped.
    return None if any(row.is_blank for row in rows) else with_blank_rows(empty, rows)


def _map(empty: FieldEntry, value: dict[str, Any]) -> FieldEntry | None:
    item = empty.field.item
    # A line for a name holds no line breaks, and a row needs a name.
    if item is None or len(value) > empty.field.most or any(not key or "\n" in key or "\r" in key for key in value):
        return None
    rows = tuple(
        replace(fill(item, child(empty.name, str(index)), one), key=key)
        for index, (key, one) in enumerate(value.items())
    )
    return with_blank_rows(empty, rows)


def _variants(empty: FieldEntry, value: Any) -> FieldEntry | None:
    # One that is complete; else one that somebody has begun to fill in.
    for whole in (True, False):
        for index, one in enumerate(empty.entries):
            if suits(one.field, value, whole=whole):
                chosen = fill(one.field, variant(empty.name, index), value)
                entries = (*empty.entries[:index], chosen, *empty.entries[index + 1 :])
                return replace(empty, entries=entries, text=str(index))
    return None


def suits(field: Field, value: Any, *, whole: bool = True) -> bool:  # noqa: PLR0911  (one for each kind)
    """Whether a value has the shape of a variant. Unless it has to be `whole`, it may lack what is no constant."""
    match field.kind, value:
        case FieldKind.JSON, _:
            return True
        case FieldKind.CONSTANT | FieldKind.CHOICE, _:
            return any(json_text.same(option.value, value) for option in field.options)
        case FieldKind.OBJECT, dict():
            known = {part.key: part for part in field.fields}
            needed = {part.key for part in field.fields if part.required and (whole or part.kind is FieldKind.CONSTANT)}
            if not needed <= value.keys() or not (field.open or value.keys() <= known.keys()):
                return False
            return all(suits(known[key], value[key], whole=whole) for key in value if key in known)
        case FieldKind.LIST, list():
            return field.item is not None and all(suits(field.item, one, whole=whole) for one in value)
        case FieldKind.MAP, dict():
            return field.item is not None and all(suits(field.item, one) for one in value.values())
        case FieldKind.VARIANTS, _:
            return any(suits(one, value, whole=whole) for one in field.fields)
        case _, None:
            return field.nullable
        case ((FieldKind.OBJECT | FieldKind.LIST | FieldKind.MAP), _):
            return False
        case _:
            return _text(field, value) is not None
