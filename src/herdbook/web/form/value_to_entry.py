"""Fills a form with a JSON value: the data of an earlier job, or what was typed as JSON.

No part of the value is ever lost: what fits no input is shown as JSON in its place.
"""

import json
from dataclasses import replace
from typing import Any

from herdbook.model.duration import format_duration
from herdbook.web.form.entries import (
    CHECKED,
    LOCAL_DATE_TIME,
    FieldEntry,
    blank_entry,
    child_name,
    extra_fields_entry,
    variant_name,
    with_blank_rows,
)
from herdbook.web.form.entry_to_value import entry_to_value
from herdbook.web.form.fields import ABSENT, Field, FieldKind
from herdbook.web.form.json_text import format_json, is_same_json


def value_to_entry(field: Field, name: str, value: Any) -> FieldEntry:
    """The entry filled in with the value; raises InvalidJsonText when it is nested too deeply to be shown."""
    blank = blank_entry(field, name)
    if value in (None, "", [], {}) and _reads_back(blank, value):
        return blank
    entry = _filled_in(blank, value)
    if entry is None or not _reads_back(entry, value):
        return FieldEntry(field=field, name=name, text=format_json(value), as_json=True)
    return entry


def _reads_back(entry: FieldEntry, value: Any) -> bool:
    """Whether reading the entry gives the value again, or omits it in favour of the same default."""
    field = entry.field
    # Their parts have been checked before.
    if entry.kind in (FieldKind.OBJECT, FieldKind.LIST, FieldKind.MAP, FieldKind.VARIANTS) and not entry.is_blank:
        return True
    if entry.kind is FieldKind.OBJECT and field.required and isinstance(value, dict):
        return True
    if entry.kind is FieldKind.DURATION:
        return True
    found, problems = entry_to_value(entry, "")
    if found is not ABSENT:
        return not problems and is_same_json(found, value)
    if field.required or (field.default is ABSENT and not field.nullable):
        return False
    return is_same_json(value, None if field.default is ABSENT else field.default)


def _filled_in(blank: FieldEntry, value: Any) -> FieldEntry | None:  # noqa: PLR0911  (one for each kind)
    """The blank entry with the value filled in, or None when the value has another shape."""
    match blank.kind, value:
        case FieldKind.CONSTANT, _:
            return blank
        case FieldKind.JSON, _:
            return replace(blank, text=format_json(value))
        case FieldKind.OBJECT, dict():
            return _object(blank, value)
        case FieldKind.LIST, list():
            return _list(blank, value)
        case FieldKind.MAP, dict():
            return _map(blank, value)
        case FieldKind.VARIANTS, _:
            return _variants(blank, value)
        case ((FieldKind.OBJECT | FieldKind.LIST | FieldKind.MAP), _):
            return None
        case _:
            text = _text(blank.field, value)
            return None if text is None else replace(blank, text=text)


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


def _object(blank: FieldEntry, value: dict[str, Any]) -> FieldEntry:
    parts = tuple(
        value_to_entry(part.field, part.name, value[part.field.key]) if part.field.key in value else part
        for part in blank.entries
    )
    own = {part.field.key for part in parts}
    rest = {key: one for key, one in value.items() if key not in own}
    extra = replace(blank.extra or extra_fields_entry(blank.name), text=format_json(rest)) if rest else blank.extra
    return replace(blank, entries=parts, extra=extra, text=CHECKED if blank.field.has_include_box else "")


def _list(blank: FieldEntry, value: list[Any]) -> FieldEntry | None:
    item = blank.field.item
    if item is None or len(value) > blank.field.max_rows:
        return None
    rows = tuple(value_to_entry(item, child_name(blank.name, str(index)), one) for index, one in enumerate(value))
    # A blank row would be dropped.
    return None if any(row.is_blank for row in rows) else with_blank_rows(blank, rows)


def _map(blank: FieldEntry, value: dict[str, Any]) -> FieldEntry | None:
    item = blank.field.item
    # A name fits into one line, and a row needs a name.
    if item is None or len(value) > blank.field.max_rows or any(not key or "\n" in key or "\r" in key for key in value):
        return None
    rows = tuple(
        replace(value_to_entry(item, child_name(blank.name, str(index)), one), key=key)
        for index, (key, one) in enumerate(value.items())
    )
    return with_blank_rows(blank, rows)


def _variants(blank: FieldEntry, value: Any) -> FieldEntry | None:
    # A complete match first, then a variant that is only partly filled in.
    for complete in (True, False):
        for index, one in enumerate(blank.entries):
            if matches_variant(one.field, value, complete=complete):
                chosen = value_to_entry(one.field, variant_name(blank.name, index), value)
                entries = (*blank.entries[:index], chosen, *blank.entries[index + 1 :])
                return replace(blank, entries=entries, text=str(index))
    return None


def matches_variant(field: Field, value: Any, *, complete: bool = True) -> bool:  # noqa: PLR0911  (one for each kind)
    """Whether a value matches a variant. Unless it must be `complete`, it may lack all but the constants."""
    match field.kind, value:
        case FieldKind.JSON, _:
            return True
        case FieldKind.CONSTANT | FieldKind.CHOICE, _:
            return any(is_same_json(option.value, value) for option in field.options)
        case FieldKind.OBJECT, dict():
            known = {part.key: part for part in field.fields}
            needed = {
                part.key for part in field.fields if part.required and (complete or part.kind is FieldKind.CONSTANT)
            }
            if not needed <= value.keys() or not (field.allows_extra or value.keys() <= known.keys()):
                return False
            return all(matches_variant(known[key], value[key], complete=complete) for key in value if key in known)
        case FieldKind.LIST, list():
            return field.item is not None and all(matches_variant(field.item, one, complete=complete) for one in value)
        case FieldKind.MAP, dict():
            return field.item is not None and all(matches_variant(field.item, one) for one in value.values())
        case FieldKind.VARIANTS, _:
            return any(matches_variant(one, value, complete=complete) for one in field.fields)
        case _, None:
            return field.nullable
        case ((FieldKind.OBJECT | FieldKind.LIST | FieldKind.MAP), _):
            return False
        case _:
            return _text(field, value) is not None
