"""Takes fields.

Gives entries: fields with what their inputs hold, under the names that the form sends.
Never says what the texts mean: `values` does.
"""

import re
from dataclasses import dataclass, replace
from urllib.parse import quote

from herdbook.web.form.fields import Field, FieldKind

# Empty rows of a list: several lines, but one group of fields, which is large.
_BLANK_ROWS = 3
# The text of a box that is ticked.
TICKED = "on"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?")
LOCAL_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")
_PICKERS = {
    FieldKind.DATE: ("date", _DATE),
    FieldKind.TIME: ("time", _TIME),
    FieldKind.DATE_TIME: ("datetime-local", LOCAL_DATE_TIME),
}

_NOTES = {
    FieldKind.JSON: "As JSON.",
    FieldKind.DATE_TIME: "In UTC.",
    FieldKind.MAP: "Names on the left, values on the right.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldEntry:
    """One field as the page shows it.

    `text` is what its input holds: of variants the index of the chosen one, of an object its tick. `entries` are an
    object's fields, the rows of a list or map, or the variants; `key` is the name typed in a map's row. With
    `as_json` the text is JSON, for the value fits no other way. `other` holds an object's further fields.
    """

    field: Field
    name: str
    text: str = ""
    key: str = ""
    entries: "tuple[FieldEntry, ...]" = ()
    other: "FieldEntry | None" = None
    as_json: bool = False

    @property
    def kind(self) -> FieldKind:
        """How it is asked for."""
        return FieldKind.JSON if self.as_json else self.field.kind

    @property
    def input_name(self) -> str:
        """The name of its input, which says when the text is JSON in the place of something else."""
        return f"{self.name}:json" if self.as_json else self.name

    @property
    def is_area(self) -> bool:
        """Whether its text needs more than a line."""
        return self.kind in (FieldKind.LONG_TEXT, FieldKind.JSON) or "\n" in self.text

    @property
    def input_type(self) -> str:
        """The type of its input; a text that a picker could not show is shown as it is."""
        if self.kind is FieldKind.SECRET:
            return "password"
        picker, shown = _PICKERS.get(self.kind, ("text", None))
        return picker if shown and (not self.text or shown.fullmatch(self.text)) else "text"

    @property
    def lines(self) -> int:
        """How many lines of its text to show at once."""
        return min(max(self.text.count("\n") + 1, 4), 16)

    @property
    def has_room(self) -> bool:
        """Whether a list may get more rows."""
        return len(self.entries) < self.field.most

    @property
    def choices(self) -> list[tuple[str, str]]:
        """What there is to choose, as texts and labels; also what was sent and is no choice any more."""
        found = [(option.text, option.label) for option in self.field.options]
        if self.kind is FieldKind.BOOLEAN:
            found = [("true", "Yes"), ("false", "No")]
        known = {"", *(text for text, _ in found)}
        return found if self.text in known else [*found, (self.text, self.text)]

    @property
    def note(self) -> str:
        """How it is to be written, where its label does not say it."""
        if self.as_json:
            return "Given as JSON, for no input fits this value."
        return _NOTES.get(self.kind, "")

    @property
    def has_help(self) -> bool:
        """Whether there is anything to say about it."""
        field = self.field
        return bool(field.help or field.hint or field.example or self.note)

    @property
    def chosen(self) -> "FieldEntry | None":
        """Of variants, the one that counts."""
        return self.entries[int(self.text)] if self.text else None

    @property
    def is_blank(self) -> bool:
        """Whether nothing was typed or chosen here."""
        match self.kind:
            case FieldKind.CONSTANT:
                return True
            case FieldKind.VARIANTS:
                chosen = self.chosen
                return chosen is None or (
                    chosen.is_blank and (chosen.field.shows_nothing_when_empty or self.text == usual(self.field))
                )
            case FieldKind.OBJECT:
                parts = (*self.entries, self.other) if self.other else self.entries
                return not self.text and all(part.is_blank for part in parts)
            case FieldKind.LIST | FieldKind.MAP:
                return all(row.is_blank for row in self.entries)
            case FieldKind.INTEGER | FieldKind.NUMBER | FieldKind.DURATION | FieldKind.JSON:
                return not (self.text.strip() or self.key)
            case _:
                return not (self.text or self.key)

    @property
    def row(self) -> str:
        """Of a row, the number in its name."""
        return self.name.rpartition(".")[2]


def rows_in(entry: FieldEntry) -> int:
    """How many rows there are in all of an entry's lists."""
    own = len(entry.entries) if entry.kind in (FieldKind.LIST, FieldKind.MAP) else 0
    return own + sum(rows_in(part) for part in entry.entries)


def child(name: str, key: str) -> str:
    """The name of what is at `key`, free of what has a meaning in names, ids and lists of ids."""
    return f"{name}.{quote(key, safe='').replace('.', '%2E')}"


def variant(name: str, index: int) -> str:
    """The name of a variant."""
    return f"{name}:{index}"


def other_of(name: str) -> FieldEntry:
    """The entry for the further fields of the object of this name."""
    field = Field(kind=FieldKind.JSON, label="Other fields", hint="An object.")
    return FieldEntry(field=field, name=f"{name}:other")


def usual(field: Field) -> str:
    """Of variants, the one that is chosen at first."""
    return "" if field.has_none else "0"


def blank(field: Field, name: str) -> FieldEntry:
    """The entry of a field that nothing was typed into."""
    entry = FieldEntry(field=field, name=name)
    match field.kind:
        case FieldKind.OBJECT:
            parts = tuple(blank(part, child(name, part.key)) for part in field.fields)
            return replace(entry, entries=parts, other=other_of(name) if field.open else None)
        case FieldKind.VARIANTS:
            variants = tuple(blank(one, variant(name, index)) for index, one in enumerate(field.fields))
            return replace(entry, entries=variants, text=usual(field))
        case FieldKind.LIST | FieldKind.MAP:
            return with_blank_rows(entry, ())
        case _:
            return entry


def with_blank_rows(entry: FieldEntry, rows: tuple[FieldEntry, ...], *, more: int = 0) -> FieldEntry:
    """The entry with these rows and some empty ones after them, `more` than usual."""
    assert entry.field.item is not None
    usual = _BLANK_ROWS if entry.field.item.is_single else 1
    start = max((int(row.row) for row in rows), default=-1) + 1
    count = max(0, min(usual + more, entry.field.most - len(rows)))
    added = (blank(entry.field.item, child(entry.name, str(start + index))) for index in range(count))
    return replace(entry, entries=(*rows, *added))
