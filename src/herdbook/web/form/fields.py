"""What a form field is: its kind, its texts and its nested fields.

What was typed into it is kept in `entries`.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final, Literal

from herdbook.web.form.labels import display_text

# Longer lists are edited as JSON.
MAX_ROWS = 100


class Absent(Enum):
    """Stands for a value that is not given, which differs from null."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


class FieldKind(StrEnum):
    """Which input a field has."""

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


# Fields with one input, which are omitted when it is empty.
SINGLE_INPUT_KINDS = frozenset(
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
ROW_KINDS = frozenset({FieldKind.LIST, FieldKind.MAP})
InputMode = Literal["text", "email", "url", "numeric", "decimal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One value of a choice; `text` is the value as JSON, which is what the form sends."""

    text: str
    label: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field.

    `key` is its name in the enclosing object, `help` its description, `hint` its limits and default.
    `fields` are those of an object, or the variants to choose from; `item` is the field of each row of a list or map,
    of which there are at most `max_rows`. With `allows_extra` an object accepts fields besides its own. With
    `has_include_box` a checkbox says whether an object is given, because an empty object is a value too.
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
    max_rows: int = MAX_ROWS
    allows_extra: bool = False
    has_include_box: bool = False

    @property
    def example(self) -> str:
        """The first example as text, of a list of texts its first item; empty when it is the default."""
        first = self.examples[0] if self.examples and self.kind is not FieldKind.OBJECT else ""
        if first == self.default:
            return ""
        if isinstance(first, list) and first and isinstance(first[0], str):
            first = first[0]
        return display_text(first)

    @property
    def is_single_input(self) -> bool:
        """Whether it has one input and is omitted when that is empty."""
        return self.kind in SINGLE_INPUT_KINDS

    @property
    def is_omitted_when_empty(self) -> bool:
        """Whether an empty input means that the value is not given."""
        return self.is_single_input or self.kind in ROW_KINDS

    @property
    def has_unset_choice(self) -> bool:
        """Whether its variants need a choice "Not set" besides them."""
        optional = self.nullable or not self.required
        return optional and not all(field.is_omitted_when_empty for field in self.fields)

    @property
    def is_checkbox(self) -> bool:
        """Whether it is a yes/no without a third answer."""
        return self.kind is FieldKind.BOOLEAN and self.required and not self.nullable
