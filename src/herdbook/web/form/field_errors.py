"""Assigns validation problems, at paths such as `jobData.to.0`, to the form entries they are about."""

from collections.abc import Iterable
from dataclasses import dataclass

from herdbook.errors import FieldProblem
from herdbook.web.form.entries import FieldEntry
from herdbook.web.form.fields import FieldKind

# A list can be wrong in ten thousand places.
_MAX_MESSAGES = 100
_PYDANTIC_PREFIXES = ("Value error, ", "Assertion failed, ")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldErrors:
    """Messages by the name of their entry, and those for the top of the form."""

    by_entry: dict[str, list[str]]
    general: list[str]


def assign_errors(problems: Iterable[FieldProblem], roots: dict[str, FieldEntry]) -> FieldErrors:
    """Assign each problem to its entry; `roots` are the entries at the paths `jobData` and `options`."""
    errors = FieldErrors(by_entry={}, general=[])
    for count, problem in enumerate(dict.fromkeys(problems)):
        if count == _MAX_MESSAGES:
            errors.general.append("More problems are not shown.")
            break
        root, _, rest = problem.path.partition(".")
        message = _sentence(problem.message)
        if root not in roots:
            errors.general.append(_with_path(rest, message))
            continue
        entry, remaining = _find(roots[root], rest)
        if entry is roots[root] and entry.kind in (FieldKind.OBJECT, FieldKind.VARIANTS):
            errors.general.append(_with_path(remaining, message))
        else:
            errors.by_entry.setdefault(entry.name, []).append(_with_path(remaining, message))
    return errors


def _find(entry: FieldEntry, path: str) -> tuple[FieldEntry, str]:
    """The deepest entry on a path, and the rest of the path below it."""
    while path:
        step = _step(entry, path)
        if step is None:
            break
        entry, path = step
    return entry, path


def _step(entry: FieldEntry, path: str) -> tuple[FieldEntry, str] | None:
    match entry.kind:
        case FieldKind.OBJECT:
            # The longest first: a name may contain dots.
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
        case FieldKind.VARIANTS if entry.chosen_variant is not None:
            return _variant_step(entry.chosen_variant, path)
    return None


def _variant_step(chosen: FieldEntry, path: str) -> tuple[FieldEntry, str] | None:
    """The step into the chosen variant. Pydantic's paths may name the variant first."""
    tag, _, after = path.partition(".")
    for rest in (path, after):
        if rest and _step(chosen, rest) is not None:
            return chosen, rest
    if chosen.field.is_single_input:
        return chosen, path if tag.isdecimal() else ""
    return None


def _with_path(path: str, message: str) -> str:
    if not path:
        return message
    parts = (f"item {int(part) + 1}" if part.isdecimal() and len(part) < 7 else part for part in path.split("."))
    return f"{', '.join(parts)}: {message}"


def _sentence(message: str) -> str:
    for prefix in _PYDANTIC_PREFIXES:
        message = message.removeprefix(prefix)
    return message[:1].upper() + message[1:]
