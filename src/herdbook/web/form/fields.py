"""Takes nothing.

Gives what a field of a form is: its kind, its words for people, its parts.
Never holds what was typed: `entries` does.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final, Literal

from herdbook.web.form.words import plain

# More rows of a list are edited as JSON.
MOST_ROWS = 100


class Absent(Enum):
    """The value of what is left out, which is not null."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


class FieldKind(StrEnum):
    """How a field is asked for."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    SECRET = "secret"  # noqa: S105  (a kind, not one)
    DURATION = "duration"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    CONSTANT = "constant"
    DATE = "date"
    TIME = "time"
    DATE_TIME = "date_time"
    OBJECT = "object"
    LIST = "list"
    MAP = "map"
    VARIANTS = "variants"
    JSON = "json"


# What takes one input, and is left out when that is empty.
SINGLE = frozenset(
    {
        FieldKind.TEXT,
        FieldKind.LONG_TEXT,
        FieldKind.SECRET,
        FieldKind.DURATION,
        FieldKind.INTEGER,
        FieldKind.NUMBER,
        FieldKind.CHOICE,
        FieldKind.DATE,
        FieldKind.TIME,
        FieldKind.DATE_TIME,
        FieldKind.JSON,
    }
)
ROWS = frozenset({FieldKind.LIST, FieldKind.MAP})
InputMode = Literal["text", "email", "url", "numeric", "decimal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One value to choose; `text` is the value as JSON, which is what the form sends."""

    text: str
    label: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field.

    `key` is its name in the object around it, `help` its description, `hint` its limits and default in words.
    `fields` are an object's, or the variants to choose from; `item` is what a list or a map holds, `most` how many.
    An open object takes fields beside its own. A ticked one has a box that says whether it is given, for an empty
    object is a value too.
    """

    kind: FieldKind
    key: str = ""
    label: str = ""
    help: str = ""
    hint: str = ""
    examples: tuple[Any, ...] = ()
    required: bool = False
    nullable: bool = False
    default: Any = ABSENT
    input_mode: InputMode = "text"
    options: tuple[Option, ...] = ()
    fields: "tuple[Field, ...]" = ()
    item: "Field | None" = None
    most: int = MOST_ROWS
    open: bool = False
    ticked: bool = False

    @property
    def example(self) -> str:
        """The first example as a text to show; of a list of texts its first one. Empty when it says nothing new."""
        first = self.examples[0] if self.examples and self.kind is not FieldKind.OBJECT else ""
        if first == self.default:
            return ""
        if isinstance(first, list) and first and isinstance(first[0], str):
            first = first[0]
        return plain(first)

    @property
    def is_single(self) -> bool:
        """Whether one input says it all, and being empty says that it is left out."""
        return self.kind in SINGLE

    @property
    def shows_nothing_when_empty(self) -> bool:
        """Whether nothing typed means nothing given."""
        return self.is_single or self.kind in ROWS

    @property
    def has_none(self) -> bool:
        """Whether a choice between variants needs one that says "none"."""
        optional = self.nullable or not self.required
        return optional and not all(field.shows_nothing_when_empty for field in self.fields)

    @property
    def is_checkbox(self) -> bool:
        """Whether it is a yes or no without a third answer."""
        return self.kind is FieldKind.BOOLEAN and self.required and not self.nullable
