"""Turns a submitted form back into entries.

No text is lost, and no name is trusted: only names that the fields define are looked up.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from herdbook.web.form.entries import (
    CHECKED,
    FieldEntry,
    blank_entry,
    child_name,
    default_variant,
    extra_fields_entry,
    variant_name,
    with_blank_rows,
)
from herdbook.web.form.fields import Field, FieldKind

_ROW = re.compile(r"[0-9]{1,6}")
# How many rows the button adds.
_ADDED_ROWS = 3


class Submission:
    """The submitted names and texts.

    `add_rows_to` is the name of the list whose "Add rows" button was pressed; `row_count` counts the rows of all lists.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        found: dict[str, list[str]] = {}
        for name, text in pairs:
            found.setdefault(name, []).append(text)
        self._texts: Mapping[str, list[str]] = found
        self.add_rows_to = self.text("add_rows")
        self.row_count = sum(len(texts) for name, texts in found.items() if name.endswith(":row"))

    def text(self, name: str) -> str:
        """The last text of this name, empty when there is none."""
        return self._texts.get(name, [""])[-1]

    def has(self, name: str) -> bool:
        """Whether the name was submitted."""
        return name in self._texts

    def rows(self, name: str) -> list[str]:
        """The row numbers of a list, each once."""
        return [row for row in dict.fromkeys(self._texts.get(f"{name}:row", ())) if _ROW.fullmatch(row)]


def submitted_entry(field: Field, name: str, submission: Submission) -> FieldEntry:
    """The entry of a field as it was submitted."""
    if submission.has(f"{name}:json"):
        return FieldEntry(field=field, name=name, text=submission.text(f"{name}:json"), as_json=True)
    match field.kind:
        case FieldKind.CONSTANT:
            return blank_entry(field, name)
        case FieldKind.OBJECT:
            return _object(field, name, submission)
        case FieldKind.LIST | FieldKind.MAP:
            return _rows(field, name, submission)
        case FieldKind.VARIANTS:
            return _variants(field, name, submission)
        case _:
            return FieldEntry(field=field, name=name, text=submission.text(name))


def _object(field: Field, name: str, submission: Submission) -> FieldEntry:
    extra = extra_fields_entry(name) if field.allows_extra or submission.has(f"{name}:extra") else None
    return FieldEntry(
        field=field,
        name=name,
        text=CHECKED if field.has_include_box and submission.text(f"{name}:given") else "",
        entries=tuple(submitted_entry(part, child_name(name, part.key), submission) for part in field.fields),
        extra=replace(extra, text=submission.text(extra.name)) if extra else None,
    )


def _rows(field: Field, name: str, submission: Submission) -> FieldEntry:
    item = field.item
    assert item is not None
    rows = tuple(_row(item, child_name(name, number), submission, field.kind) for number in submission.rows(name))
    filled = tuple(row for row in rows if not row.is_blank)
    more = len(rows) - len(filled) + _ADDED_ROWS if submission.add_rows_to == name else 0
    return with_blank_rows(FieldEntry(field=field, name=name), filled, more=more)


def _row(item: Field, name: str, submission: Submission, kind: FieldKind) -> FieldEntry:
    row = submitted_entry(item, name, submission)
    return replace(row, key=submission.text(f"{name}:key")) if kind is FieldKind.MAP else row


def _variants(field: Field, name: str, submission: Submission) -> FieldEntry:
    chosen = submission.text(f"{name}:variant")
    known = {str(index) for index in range(len(field.fields))}
    if not chosen and field.has_unset_choice and submission.has(f"{name}:variant"):
        known.add("")
    return FieldEntry(
        field=field,
        name=name,
        entries=tuple(
            submitted_entry(one, variant_name(name, index), submission) for index, one in enumerate(field.fields)
        ),
        text=chosen if chosen in known else default_variant(field),
    )
