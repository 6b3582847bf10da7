"""Reads filled-in form entries back into a JSON value.

It never guesses: a text that cannot be read is reported as a problem of its field.
"""

import re
from typing import Any

from herdbook.errors import FieldProblem
from herdbook.model.duration import parse_input
from herdbook.web.form.entries import LOCAL_DATE_TIME, FieldEntry
from herdbook.web.form.fields import ABSENT, FieldKind
from herdbook.web.form.json_text import InvalidJsonText, parse_json_text

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**64 - 1


class _Reader:
    """Reads entries and collects the `problems` found, at paths such as `jobData.to.0`."""

    def __init__(self) -> None:
        self.problems: list[FieldProblem] = []

    def value(self, entry: FieldEntry, path: str) -> Any:
        """The value of an entry, ABSENT when it is not given; for an unreadable text the text itself."""
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
                chosen = entry.chosen_variant
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
        if entry.extra is None or entry.extra.is_blank:
            return found
        extra = self._text(entry.extra, path)
        if not isinstance(extra, dict):
            self._add_problem(path, "the additional fields are not a JSON object")
            return found
        for key in found.keys() & extra.keys():
            self._add_problem(f"{path}.{key}", "also given as an additional field")
        return extra | found

    def _map(self, entry: FieldEntry, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for row in entry.entries:
            if row.is_blank:
                continue
            if not row.key or row.key in found:
                self._add_problem(path, f"{row.key or row.text}: " + ("appears twice" if row.key else "has no name"))
            found[row.key] = self._text(row, f"{path}.{row.key}")
        return found

    def _text(self, entry: FieldEntry, path: str) -> Any:  # noqa: PLR0911  (one for each kind)
        # Browsers send a line break as CR LF.
        text = entry.text.replace("\r\n", "\n").replace("\r", "\n")
        match entry.kind:
            case FieldKind.INTEGER | FieldKind.NUMBER:
                return self._number(text.strip(), path, whole=entry.kind is FieldKind.INTEGER)
            case FieldKind.DURATION:
                return parse_input(text)
            case FieldKind.BOOLEAN:
                return text == "true" if text in ("true", "false") else self._invalid(path, "must be yes or no", text)
            case FieldKind.CHOICE:
                values = [option.value for option in entry.field.options if option.text == text]
                return values[0] if values else self._invalid(path, "not one of the options", text)
            case FieldKind.DATE_TIME if LOCAL_DATE_TIME.fullmatch(text):
                return f"{text}:00Z" if text.count(":") == 1 else f"{text}Z"
            case FieldKind.JSON:
                try:
                    return parse_json_text(text)
                except InvalidJsonText as error:
                    return self._invalid(path, str(error), text)
            case _:
                return text

    def _number(self, text: str, path: str, *, whole: bool) -> Any:
        if _INTEGER.fullmatch(text):
            number = int(text)
            if _MIN_INTEGER <= number <= _MAX_INTEGER:
                return number
            return self._invalid(path, "a whole number larger than 64 bits would lose digits", text)
        if whole:
            return self._invalid(path, "not a whole number; use digits only", text)
        try:
            found = parse_json_text(text)
        except InvalidJsonText:
            found = None
        if isinstance(found, float):
            return found
        return self._invalid(path, "not a number; write it like 28.5", text)

    def _invalid(self, path: str, message: str, text: str) -> str:
        self._add_problem(path, message)
        return text

    def _add_problem(self, path: str, message: str) -> None:
        self.problems.append(FieldProblem(path=path, message=message))


def entry_to_value(entry: FieldEntry, path: str) -> tuple[Any, list[FieldProblem]]:
    """The value of an entry, ABSENT when it is not given, and the problems found."""
    reader = _Reader()
    return reader.value(entry, path), reader.problems
