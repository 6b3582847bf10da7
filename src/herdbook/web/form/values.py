"""Takes entries, as somebody filled them in.

Gives the JSON value that they stand for, and what stands for none.
Never guesses: what is unreadable is a problem at its field.
"""

import re
from typing import Any

from herdbook.errors import FieldProblem
from herdbook.model.duration import parse_input
from herdbook.web.form import json_text
from herdbook.web.form.entries import LOCAL_DATE_TIME, FieldEntry
from herdbook.web.form.fields import ABSENT, FieldKind

_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


class Reading:
    """Reads entries; `problems` are those found on the way, at paths like `jobData.to.0`."""

    def __init__(self) -> None:
        self.problems: list[FieldProblem] = []

    def value(self, entry: FieldEntry, path: str) -> Any:
        """The value of an entry, ABSENT when it is left out; for an unreadable text the text itself."""
        if entry.kind in (FieldKind.CONSTANT, FieldKind.VARIANTS) or not entry.is_blank:
            return self._filled(entry, path)
        if not entry.field.required:
            return ABSENT
        if entry.field.nullable:
            return None
        if entry.field.is_checkbox:
            return False
        return self._filled(entry, path) if entry.kind in (FieldKind.OBJECT, FieldKind.LIST, FieldKind.MAP) else ABSENT

    def _filled(self, entry: FieldEntry, path: str) -> Any:
        match entry.kind:
            case FieldKind.CONSTANT:
                return entry.field.options[0].value
            case FieldKind.OBJECT:
                return self._object(entry, path)
            case FieldKind.LIST:
                rows = [row for row in entry.entries if not row.is_blank]
                return [self.value(row, f"{path}.{index}") for index, row in enumerate(rows)]
            case FieldKind.MAP:
                return self._map(entry, path)
            case FieldKind.VARIANTS:
                chosen = entry.chosen
                found = ABSENT if chosen is None else self.value(chosen, path)
                return None if found is ABSENT and entry.field.nullable and entry.field.required else found
            case _:
                return self._text(entry, path)

    def _object(self, entry: FieldEntry, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for part in entry.entries:
            value = self.value(part, f"{path}.{part.field.key}")
            if value is not ABSENT:
                found[part.field.key] = value
        if entry.other is None or entry.other.is_blank:
            return found
        more = self._text(entry.other, path)
        if not isinstance(more, dict):
            self._refuse(path, "the other fields are not a JSON object")
            return found
        for key in found.keys() & more.keys():
            self._refuse(f"{path}.{key}", "is among the other fields too")
        return more | found

    def _map(self, entry: FieldEntry, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for row in entry.entries:
            if row.is_blank:
                continue
            if not row.key or row.key in found:
                self._refuse(path, f"{row.key or row.text}: " + ("is there twice" if row.key else "has no name"))
            found[row.key] = self._text(row, f"{path}.{row.key}")
        return found

    def _text(self, entry: FieldEntry, path: str) -> Any:  # noqa: PLR0911  (one for each kind)
        # Browsers send every line break as two characters.
        text = entry.text.replace("\r\n", "\n").replace("\r", "\n")
        match entry.kind:
            case FieldKind.INTEGER | FieldKind.NUMBER:
                return self._number(text.strip(), path, whole=entry.kind is FieldKind.INTEGER)
            case FieldKind.DURATION:
                return parse_input(text)
            case FieldKind.BOOLEAN:
                return text == "true" if text in ("true", "false") else self._refused(path, "not yes or no", text)
            case FieldKind.CHOICE:
                values = [option.value for option in entry.field.options if option.text == text]
                return values[0] if values else self._refused(path, "not one of the choices", text)
            case FieldKind.DATE_TIME if LOCAL_DATE_TIME.fullmatch(text):
                return f"{text}:00Z" if text.count(":") == 1 else f"{text}Z"
            case FieldKind.JSON:
                try:
                    return json_text.parse(text)
                except json_text.Unreadable as error:
                    return self._refused(path, str(error), text)
            case _:
                return text

    def _number(self, text: str, path: str, *, whole: bool) -> Any:
        if _WHOLE.fullmatch(text):
            number = int(text)
            if _SMALLEST <= number <= _LARGEST:
                return number
            return self._refused(path, "a whole number of more than 64 bits would lose digits", text)
        if whole:
            return self._refused(path, "not a whole number: write it with digits only", text)
        try:
            found = json_text.parse(text)
        except json_text.Unreadable:
            found = None
        if isinstance(found, float):
            return found
        return self._refused(path, "not a number: write it like 28.5", text)

    def _refused(self, path: str, message: str, text: str) -> str:
        self._refuse(path, message)
        return text

    def _refuse(self, path: str, message: str) -> None:
        self.problems.append(FieldProblem(path=path, message=message))


def read(entry: FieldEntry, path: str) -> tuple[Any, list[FieldProblem]]:
    """The value of an entry, ABSENT when it is left out, and what is wrong with it."""
    reading = Reading()
    return reading.value(entry, path), reading.problems
