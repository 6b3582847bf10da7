"""Takes what is wrong with a job, at paths like `jobData.to.0`.

Gives each message to the entry that it is about; the others are for the top of the form.
Never drops a message.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from herdbook.errors import FieldProblem
from herdbook.web.form.entries import FieldEntry
from herdbook.web.form.fields import FieldKind

# What a form has room for; a list can be wrong in ten thousand places.
_MOST = 100
_PYDANTIC = ("Value error, ", "Assertion failed, ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Messages by the names of the entries, and those for the top."""

    at: dict[str, list[str]]
    top: list[str]


def place(problems: Iterable[FieldProblem], roots: dict[str, FieldEntry]) -> Placed:
    """The problems at their entries; `roots` are the entries at the paths `jobData` and `options`."""
    placed = Placed(at={}, top=[])
    for count, problem in enumerate(dict.fromkeys(problems)):
        if count == _MOST:
            placed.top.append("… and more")
            break
        root, _, rest = problem.path.partition(".")
        message = _words(problem.message)
        if root not in roots:
            placed.top.append(_with_place(rest, message))
            continue
        entry, left = _find(roots[root], rest)
        if entry is roots[root] and entry.kind in (FieldKind.OBJECT, FieldKind.VARIANTS):
            placed.top.append(_with_place(left, message))
        else:
            placed.at.setdefault(entry.name, []).append(_with_place(left, message))
    return placed


def _find(entry: FieldEntry, path: str) -> tuple[FieldEntry, str]:
    """The deepest entry on a path, and what is left of the path there."""
    while path:
        step = _step(entry, path)
        if step is None:
            break
        entry, path = step
    return entry, path


def _step(entry: FieldEntry, path: str) -> tuple[FieldEntry, str] | None:
    match entry.kind:
        case FieldKind.OBJECT:
            # The longest first: a name may hold dots.
            for part in sorted(entry.entries, key=lambda one: -len(one.field.key)):
                if path == part.field.key or path.startswith(f"{part.field.key}."):
                    return part, path[len(part.field.key) + 1 :]
        case FieldKind.LIST:
            number, _, rest = path.partition(".")
            rows = [row for row in entry.entries if not row.is_blank]
            if number.isdecimal() and int(number) < len(rows):
                return rows[int(number)], rest
        case FieldKind.MAP:
            for row in sorted(entry.entries, key=lambda one: -len(one.key)):
                if row.key and (path == row.key or path.startswith(f"{row.key}.")):
                    return row, path[len(row.key) + 1 :]
        case FieldKind.VARIANTS if entry.chosen is not None:
            return _variant_step(entry.chosen, path)
    return None


def _variant_step(chosen: FieldEntry, path: str) -> tuple[FieldEntry, str] | None:
    """Into the chosen variant. Pydantic's paths may name a variant before they go on."""
    tag, _, after = path.partition(".")
    for rest in (path, after):
        if rest and _step(chosen, rest) is not None:
            return chosen, rest
    if chosen.field.is_single:
        return chosen, path if tag.isdecimal() else ""
    return None


def _with_place(path: str, message: str) -> str:
    if not path:
        return message
    parts = (f"entry {int(part) + 1}" if part.isdecimal() and len(part) < 7 else part for part in path.split("."))
    return f"{', '.join(parts)}: {message}"


def _words(message: str) -> str:
    for said in _PYDANTIC:
        message = message.removeprefix(said)
    return message[:1].upper() + message[1:]
