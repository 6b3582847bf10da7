"""Example values for a form, made from the examples in its schema.

They need not be valid: a validator may know more than the schema says.
"""

from typing import Any

from herdbook.web.form.fields import Field, FieldKind

_DEFAULT_EXAMPLES: dict[FieldKind, Any] = {
    FieldKind.INTEGER: 1,
    FieldKind.NUMBER: 1.5,
    FieldKind.BOOLEAN: True,
    FieldKind.DATE: "2030-01-31",
    FieldKind.TIME: "12:00:00",
    FieldKind.DATE_TIME: "2030-01-31T12:00:00Z",
    FieldKind.JSON: {},
}


def example_value(field: Field) -> Any:  # noqa: PLR0911  (one for each kind)
    """An example of the field: its own, or one made from those of its parts."""
    if field.examples:
        return field.examples[0]
    match field.kind:
        case FieldKind.CONSTANT | FieldKind.CHOICE:
            return field.options[0].value
        case FieldKind.OBJECT:
            shown = (part for part in field.fields if part.required or part.examples)
            return {part.key: example_value(part) for part in shown}
        case FieldKind.LIST if field.item is not None:
            return [example_value(field.item)]
        case FieldKind.MAP if field.item is not None:
            return {"name": example_value(field.item)}
        case FieldKind.VARIANTS if field.fields:
            return example_value(field.fields[0])
        case kind:
            return _DEFAULT_EXAMPLES.get(kind, field.label.lower() or "text")
