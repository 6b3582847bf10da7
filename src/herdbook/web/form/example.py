"""Takes a JSON Schema.

Gives a value of its kind to show, from the examples that its authors wrote.
Never promises that the value is valid: a validator may know more than the schema says.
"""

from typing import Any

from herdbook.web.form.fields import Field, Kind

_WORDS: dict[Kind, Any] = {
    Kind.INTEGER: 1,
    Kind.NUMBER: 1.5,
    Kind.BOOLEAN: True,
    Kind.DATE: "2030-01-31",
    Kind.TIME: "12:00:00",
    Kind.DATE_TIME: "2030-01-31T12:00:00Z",
    Kind.JSON: {},
}


def example_of(field: Field) -> Any:  # noqa: PLR0911  (one for each kind)
    """A value of the field: its own example, else one made of its parts."""
    if field.examples:
        return field.examples[0]
    match field.kind:
        case Kind.CONSTANT | Kind.CHOICE:
            return field.options[0].value
        case Kind.OBJECT:
            shown = (part for part in field.fields if part.required or part.examples)
            return {part.key: example_of(part) for part in shown}
        case Kind.LIST if field.item is not None:
            return [example_of(field.item)]
        case Kind.MAP if field.item is not None:
            return {"name": example_of(field.item)}
        case Kind.VARIANTS if field.fields:
            return example_of(field.fields[0])
        case kind:
            return _WORDS.get(kind, field.label.lower() or "text")
