"""Takes the names and texts that a browser sends of a form.

Gives the entries, as they were filled in.
Never loses a text, and never trusts a name: only what the fields know is looked up.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from herdbook.web.form.entries import TICKED, FieldEntry, blank, child, other_of, usual, variant, with_blank_rows
from herdbook.web.form.fields import Field, FieldKind

_ROW = re.compile(r"[0-9]{1,6}")
# How many rows the button adds.
_MORE = 3


class Submitted:
    """What was sent.

    `more` is the name of the list that shall get more empty rows, `row_count` how many rows there are by now.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        found: dict[str, list[str]] = {}
        for name, text in pairs:
            found.setdefault(name, []).append(text)
        self._texts: Mapping[str, list[str]] = found
        self.more = self.text("more")
        self.row_count = sum(len(texts) for name, texts in found.items() if name.endswith(":row"))

    def text(self, name: str) -> str:
        """The last text of this name, empty when there is none."""
        return self._texts.get(name, [""])[-1]

    def has(self, name: str) -> bool:
        """Whether the name was sent."""
        return name in self._texts

    def rows(self, name: str) -> list[str]:
        """The numbers of the rows of a list, each once."""
        return [row for row in dict.fromkeys(self._texts.get(f"{name}:row", ())) if _ROW.fullmatch(row)]


def entry_of(field: Field, name: str, sent: Submitted) -> FieldEntry:
    """The entry of a field, as it was filled in."""
    if sent.has(f"{name}:json"):
        return FieldEntry(field=field, name=name, text=sent.text(f"{name}:json"), as_json=True)
    match field.kind:
        case FieldKind.CONSTANT:
            return blank(field, name)
        case FieldKind.OBJECT:
            return _object(field, name, sent)
        case FieldKind.LIST | FieldKind.MAP:
            return _rows(field, name, sent)
        case FieldKind.VARIANTS:
            return _variants(field, name, sent)
        case _:
            return FieldEntry(field=field, name=name, text=sent.text(name))


def _object(field: Field, name: str, sent: Submitted) -> FieldEntry:
    other = other_of(name) if field.open or sent.has(f"{name}:other") else None
    return FieldEntry(
        field=field,
        name=name,
        text=TICKED if field.ticked and sent.text(f"{name}:given") else "",
        entries=tuple(entry_of(part, child(name, part.key), sent) for part in field.fields),
        other=replace(other, text=sent.text(other.name)) if other else None,
    )


def _rows(field: Field, name: str, sent: Submitted) -> FieldEntry:
    item = field.item
    assert item is not None
    rows = tuple(_row(item, child(name, number), sent, field.kind) for number in sent.rows(name))
    filled = tuple(row for row in rows if not row.is_blank)
    more = len(rows) - len(filled) + _MORE if sent.more == name else 0
    return with_blank_rows(FieldEntry(field=field, name=name), filled, more=more)


def _row(item: Field, name: str, sent: Submitted, kind: FieldKind) -> FieldEntry:
    row = entry_of(item, name, sent)
    return replace(row, key=sent.text(f"{name}:key")) if kind is FieldKind.MAP else row


def _variants(field: Field, name: str, sent: Submitted) -> FieldEntry:
    chosen = sent.text(f"{name}:variant")
    known = {str(index) for index in range(len(field.fields))}
    variants = tuple(entry_of(one, variant(name, index), sent) for index, one in enumerate(field.fields))
    none = field.has_none and sent.has(f"{name}:variant") and not chosen
    return FieldEntry(
        field=field, name=name, entries=variants, text="" if none else chosen if chosen in known else usual(field)
    )
