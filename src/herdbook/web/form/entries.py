"""Form entries: fields with the texts in their inputs, under the names that the form submits.

What the texts mean is decided in `entry_to_value`.
"""

import re
from dataclasses import dataclass, replace
from urllib.parse import quote

from herdbook.web.form.fields import Field, FieldKind

# Empty rows below a list of single inputs; groups of fields are large and get one.
_BLANK_ROWS = 3
# The text of a checked checkbox.
CHECKED = "on"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?")
LOCAL_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")
_PICKERS = {
    FieldKind.DATE: ("date", _DATE),
    FieldKind.TIME: ("time", _TIME),
    FieldKind.DATE_TIME: ("datetime-local", LOCAL_DATE_TIME),
}

_NOTES = {
    FieldKind.JSON: "Enter JSON.",
    FieldKind.DATE_TIME: "In UTC.",
    FieldKind.MAP: "Names on the left, values on the right.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldEntry:
    """One field with what was typed into it.

    `text` is the content of its input: for variants the index of the chosen one, for an object its checkbox.
    `entries` are the fields of an object, the rows of a list or map, or the variants; `key` is the name typed into a
    row of a map. With `as_json` the text is JSON because the value fits no other input. `extra` holds the fields of an
    object that its schema does not name.
    """

    field: Field
    name: str
    text: str = ""
    key: str = ""
    entries: "tuple[FieldEntry, ...]" = ()
    extra: "FieldEntry | None" = None
    as_json: bool = False

    @property
    def kind(self) -> FieldKind:
        """Which input it has."""
        return FieldKind.JSON if self.as_json else self.field.kind

    @property
    def input_name(self) -> str:
        """The name of its input, which tells JSON apart from the usual text."""
        return f"{self.name}:json" if self.as_json else self.name

    @property
    def is_multiline(self) -> bool:
        """Whether its text needs more than one line."""
        return self.kind in (FieldKind.LONG_TEXT, FieldKind.JSON) or "\n" in self.text

    @property
    def input_type(self) -> str:
        """The type of its input; a text that a picker cannot show is shown as text."""
        if self.kind is FieldKind.SECRET:
            return "password"
        picker, shown = _PICKERS.get(self.kind, ("text", None))
        return picker if shown and (not self.text or shown.fullmatch(self.text)) else "text"

    @property
    def visible_lines(self) -> int:
        """How many lines of its text are visible at once."""
        return min(max(self.text.count("\n") + 1, 4), 16)

    @property
    def can_add_rows(self) -> bool:
        """Whether a list can have more rows."""
        return len(self.entries) < self.field.max_rows

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The options as texts and labels, and what was sent if it is not an option any more."""
        found = [(option.text, option.label) for option in self.field.options]
        if self.kind is FieldKind.BOOLEAN:
            found = [("true", "Yes"), ("false", "No")]
        known = {"", *(text for text, _ in found)}
        return found if self.text in known else [*found, (self.text, self.text)]

    @property
    def note(self) -> str:
        """How to write its value."""
        if self.as_json:
            return "Shown as JSON because the value does not fit this field."
        return _NOTES.get(self.kind, "")

    @property
    def has_help(self) -> bool:
        """Whether it has any help text."""
        field = self.field
        return bool(field.help or field.hint or field.example or self.note)

    @property
    def chosen_variant(self) -> "FieldEntry | None":
        """The variant that is chosen, if any."""
        return self.entries[int(self.text)] if self.text else None

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed or chosen."""
        match self.kind:
            case FieldKind.CONSTANT:
                return True
            case FieldKind.VARIANTS:
                chosen = self.chosen_variant
                return chosen is None or (
                    chosen.is_blank and (chosen.field.is_omitted_when_empty or self.text == default_variant(self.field))
                )
            case FieldKind.OBJECT:
                parts = (*self.entries, self.extra) if self.extra else self.entries
                return not self.text and all(part.is_blank for part in parts)
            case FieldKind.LIST | FieldKind.MAP:
                return all(row.is_blank for row in self.entries)
            case FieldKind.INTEGER | FieldKind.NUMBER | FieldKind.DURATION | FieldKind.JSON:
                return not (self.text.strip() or self.key)
            case _:
                return not (self.text or self.key)

    @property
    def row_number(self) -> str:
        """The row number at the end of a row's name."""
        return self.name.rpartition(".")[2]


def count_rows(entry: FieldEntry) -> int:
    """The number of rows in all lists of an entry."""
    own = len(entry.entries) if entry.kind in (FieldKind.LIST, FieldKind.MAP) else 0
    return own + sum(count_rows(part) for part in entry.entries)


def child_name(name: str, key: str) -> str:
    """The name of the entry at `key`, without characters that are special in names, ids and lists of ids."""
    return f"{name}.{quote(key, safe='').replace('.', '%2E')}"


def variant_name(name: str, index: int) -> str:
    """The name of a variant."""
    return f"{name}:{index}"


def extra_fields_entry(name: str) -> FieldEntry:
    """The entry for fields that the schema of the object with this name does not name."""
    field = Field(kind=FieldKind.JSON, label="Additional fields", hint="A JSON object.")
    return FieldEntry(field=field, name=f"{name}:extra")


def default_variant(field: Field) -> str:
    """The index of the variant that is chosen at first, empty for "Not set"."""
    return "" if field.has_unset_choice else "0"


def blank_entry(field: Field, name: str) -> FieldEntry:
    """The entry of a field with nothing typed into it."""
    entry = FieldEntry(field=field, name=name)
    match field.kind:
        case FieldKind.OBJECT:
            parts = tuple(blank_entry(part, child_name(name, part.key)) for part in field.fields)
            return replace(entry, entries=parts, extra=extra_fields_entry(name) if field.allows_extra else None)
        case FieldKind.VARIANTS:
            variants = tuple(blank_entry(one, variant_name(name, index)) for index, one in enumerate(field.fields))
            return replace(entry, entries=variants, text=default_variant(field))
        case FieldKind.LIST | FieldKind.MAP:
            return with_blank_rows(entry, ())
        case _:
            return entry


def with_blank_rows(entry: FieldEntry, rows: tuple[FieldEntry, ...], *, more: int = 0) -> FieldEntry:
    """The entry with these rows and a few empty ones after them, plus `more`."""
    assert entry.field.item is not None
    usual = _BLANK_ROWS if entry.field.item.is_single_input else 1
    start = max((int(row.row_number) for row in rows), default=-1) + 1
    count = max(0, min(usual + more, entry.field.max_rows - len(rows)))
    added = (blank_entry(entry.field.item, child_name(entry.name, str(start + index))) for index in range(count))
    return replace(entry, entries=(*rows, *added))
