"""Turns a JSON Schema, as pydantic writes them, into form fields.

It never fails: what has no suitable input becomes a JSON field, in that place only.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from herdbook.web.form import labels
from herdbook.web.form.fields import ABSENT, MAX_ROWS, SINGLE_INPUT_KINDS, Field, FieldKind, InputMode, Option

Schema = dict[str, Any]

_MAX_DEPTH = 5
_MAX_VARIANTS = 8
# Longer texts get a text area instead of a line, and so do these names.
_LONG_TEXT = 500
_LONG_TEXT_NAMES = frozenset(
    {"text", "body", "html", "message", "content", "description", "note", "notes", "comment", "markdown", "template"}
)
_INPUT_MODES: dict[str, InputMode] = {"email": "email", "uri": "url", "uri-reference": "url"}
_FORMATS = {
    "date": FieldKind.DATE,
    "time": FieldKind.TIME,
    "date-time": FieldKind.DATE_TIME,
    "password": FieldKind.SECRET,
}
_TYPES = {"integer": FieldKind.INTEGER, "number": FieldKind.NUMBER, "boolean": FieldKind.BOOLEAN}


def field_from_schema(schema: Schema, *, key: str) -> Field:
    """The field of a whole payload."""
    return _SchemaReader(schema).field(schema, key, required=True, position=_Position())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Position:
    """A position in the schema: the references followed to it, and its depth."""

    references: frozenset[str] = frozenset()
    depth: int = 0

    def below(self) -> "_Position":
        return replace(self, depth=self.depth + 1)


class _SchemaReader:
    """Reads the schemas of one document."""

    def __init__(self, document: Schema) -> None:
        self._document = document

    def field(self, given: Schema, key: str, *, required: bool, position: _Position) -> Field:
        """The field of one schema."""
        schema, nullable, position = self._resolve(given, position)
        shape = self._shape(schema, key, required, position)
        return replace(
            shape,
            key=key,
            label=labels.field_label(key, given.get("title")),
            help=str(schema.get("description", "")),
            hint=labels.limits_hint(schema),
            examples=tuple(schema["examples"]) if isinstance(schema.get("examples"), list) else (),
            required=required,
            nullable=nullable,
            default=schema.get("default", ABSENT),
            max_rows=min(schema.get("maxItems", MAX_ROWS), MAX_ROWS),
        )

    def _resolve(self, given: Schema, position: _Position) -> tuple[Schema, bool, _Position]:
        """The schema with its references resolved, whether it may be null, and its position.

        A recursive reference gives an empty schema, and so a JSON field.
        """
        schema, nullable = given, False
        while True:
            if "$ref" in schema:
                rest = {name: value for name, value in schema.items() if name != "$ref"}
                target = None if schema["$ref"] in position.references else self._target(schema["$ref"])
                position = replace(position, references=position.references | {schema["$ref"]})
                schema = {**(target or {}), **rest}
            elif len(schema.get("allOf", ())) == 1:
                schema = _merged(schema, "allOf", schema["allOf"][0])
            elif "anyOf" in schema:
                others = [one for one in schema["anyOf"] if one.get("type") != "null"]
                nullable = nullable or len(others) < len(schema["anyOf"])
                if len(others) != 1:
                    return {**schema, "anyOf": others}, nullable, position
                schema = _merged(schema, "anyOf", others[0])
            elif isinstance(schema.get("type"), list):
                schema = _split_types(schema)
            else:
                return schema, nullable, position

    def _target(self, reference: str) -> Schema | None:
        found: Any = self._document
        for part in reference.removeprefix("#").strip("/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if name:
                found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else None

    def _shape(self, schema: Schema, key: str, required: bool, position: _Position) -> Field:  # noqa: PLR0911  (one for each kind)
        if "const" in schema:
            return Field(kind=FieldKind.CONSTANT, options=_options([schema["const"]]))
        if "enum" in schema:
            return Field(kind=FieldKind.CHOICE, options=_options(schema["enum"]))
        variants = _prefer_text(schema.get("oneOf") or schema.get("anyOf") or [])
        if len(variants) == 1:
            return self._shape(variants[0], key, required, position)
        kind = "variants" if variants else schema.get("type")
        match kind:
            case "string":
                return _text(schema, key)
            case "variants" | "array" | "object" if position.depth >= _MAX_DEPTH:
                return Field(kind=FieldKind.JSON)
            case "variants":
                return self._variants(variants, position)
            case "array":
                return self._list(schema, position)
            case "object":
                return self._object(schema, required, position)
            case _:
                return Field(kind=_TYPES.get(str(kind), FieldKind.JSON), input_mode=_number_mode(kind))

    def _variants(self, variants: list[Schema], position: _Position) -> Field:
        if len(variants) > _MAX_VARIANTS:
            return Field(kind=FieldKind.JSON)
        fields = []
        for one in variants:
            field = self.field(one, "", required=True, position=position.below())
            label = labels.variant_label(self._resolve(one, position)[0])
            # An empty input of the chosen variant means that no value is given, where that can be told.
            fields.append(replace(field, label=label, required=not field.is_omitted_when_empty))
        return Field(kind=FieldKind.VARIANTS, fields=tuple(fields))

    def _list(self, schema: Schema, position: _Position) -> Field:
        items = schema.get("items")
        if not isinstance(items, dict) or "prefixItems" in schema:
            return Field(kind=FieldKind.JSON)
        item = self.field(items, "", required=False, position=position.below())
        # Lists of lists would be hard to read.
        if item.kind in (FieldKind.LIST, FieldKind.MAP, FieldKind.JSON):
            return Field(kind=FieldKind.JSON)
        return Field(
            kind=FieldKind.LIST, item=replace(item, label=labels.item_label(self._resolve(items, position)[0]))
        )

    def _object(self, schema: Schema, required: bool, position: _Position) -> Field:
        additional = schema.get("additionalProperties")
        required_keys = schema.get("required", [])
        if "patternProperties" in schema:
            return Field(kind=FieldKind.JSON)
        if schema.get("properties"):
            fields = tuple(
                self.field(one, key, required=key in required_keys, position=position.below())
                for key, one in schema["properties"].items()
            )
            is_optional = not required and not any(field.required for field in fields)
            return Field(
                kind=FieldKind.OBJECT,
                fields=fields,
                allows_extra=additional not in (None, False),
                has_include_box=is_optional,
            )
        if additional is False:
            return Field(kind=FieldKind.OBJECT, has_include_box=not required)
        item = (
            self.field(additional, "", required=False, position=position.below())
            if isinstance(additional, dict)
            else None
        )
        if item is None or item.kind not in SINGLE_INPUT_KINDS | {FieldKind.BOOLEAN} or item.kind is FieldKind.JSON:
            return Field(kind=FieldKind.JSON)
        return Field(kind=FieldKind.MAP, item=replace(item, label="Value"))


# What describes a field itself, not one of its variants.
_DESCRIPTIVE = ("title", "description", "default", "examples")


def _merged(schema: Schema, keyword: str, inner: Schema) -> Schema:
    return {**inner, **{name: value for name, value in schema.items() if name != keyword}}


def _prefer_text(variants: list[Schema]) -> list[Schema]:
    """For a text or a list of texts, only the text: one line is easier than a choice; a list is shown as JSON."""
    texts = [one for one in variants if one.get("type") == "string"]
    lists = [one for one in variants if one.get("type") == "array" and one.get("items", {}).get("type") == "string"]
    return texts if len(variants) == 2 and len(texts) == len(lists) == 1 else variants


def _split_types(schema: Schema) -> Schema:
    """A schema with several types as one with several variants."""
    inner = {name: value for name, value in schema.items() if name not in _DESCRIPTIVE}
    outer = {name: value for name, value in schema.items() if name in _DESCRIPTIVE}
    return {**outer, "anyOf": [{**inner, "type": one} for one in schema["type"]]}


def _text(schema: Schema, key: str) -> Field:
    format = schema.get("format", "")
    if format in _FORMATS:
        return Field(kind=_FORMATS[format])
    is_long = schema.get("maxLength", 0) > _LONG_TEXT or key.lower() in _LONG_TEXT_NAMES or "contentEncoding" in schema
    if is_long and format not in _INPUT_MODES:
        return Field(kind=FieldKind.LONG_TEXT)
    return Field(kind=FieldKind.TEXT, input_mode=_INPUT_MODES.get(format, "text"))


def _number_mode(type: Any) -> InputMode:
    # Not `numeric`, for which phones show a keyboard without a minus sign.
    return "decimal" if type == "number" else "text"


def _options(values: Iterable[Any]) -> tuple[Option, ...]:
    return tuple(
        Option(text=json.dumps(value, ensure_ascii=False), label=labels.display_text(value), value=value)
        for value in values
    )
