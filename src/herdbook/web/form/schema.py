"""Takes a JSON Schema, as pydantic writes them.

Gives the fields of its form; what a form cannot show well becomes a JSON text, for that field only.
Never fails: an odd schema costs comfort only.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from herdbook.web.form import words
from herdbook.web.form.fields import ABSENT, MOST_ROWS, SINGLE, Field, FieldKind, InputMode, Option

Schema = dict[str, Any]

_DEEPEST = 5
_MOST_VARIANTS = 8
# Longer texts get an area instead of a line, and so do these names.
_LONG_TEXT = 500
_LONG_NAMES = frozenset(
    {"text", "body", "html", "message", "content", "description", "note", "notes", "comment", "markdown", "template"}
)
_MODES: dict[str, InputMode] = {"email": "email", "uri": "url", "uri-reference": "url"}
_FORMATS = {
    "date": FieldKind.DATE,
    "time": FieldKind.TIME,
    "date-time": FieldKind.DATE_TIME,
    "password": FieldKind.SECRET,
}
_TYPES = {"integer": FieldKind.INTEGER, "number": FieldKind.NUMBER, "boolean": FieldKind.BOOLEAN}


def fields_of(schema: Schema, *, key: str) -> Field:
    """The field of a whole payload."""
    return _Reader(schema).field(schema, key, required=True, place=_Place())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where in the schema we are: which references led here, and how many levels down."""

    through: frozenset[str] = frozenset()
    depth: int = 0

    def below(self) -> "_Place":
        return replace(self, depth=self.depth + 1)


class _Reader:
    """Reads the schemas of one document."""

    def __init__(self, document: Schema) -> None:
        self._document = document

    def field(self, given: Schema, key: str, *, required: bool, place: _Place) -> Field:
        """The field of one schema."""
        schema, nullable, place = self._plain(given, place)
        shape = self._shape(schema, key, required, place)
        return replace(
            shape,
            key=key,
            label=words.label_of(key, given.get("title")),
            help=str(schema.get("description", "")),
            hint=words.hint(schema),
            examples=tuple(schema["examples"]) if isinstance(schema.get("examples"), list) else (),
            required=required,
            nullable=nullable,
            default=schema.get("default", ABSENT),
            most=min(schema.get("maxItems", MOST_ROWS), MOST_ROWS),
        )

    def _plain(self, given: Schema, place: _Place) -> tuple[Schema, bool, _Place]:
        """The schema with what it refers to taken in, whether it may be null, and where that is.

        A reference that leads back to itself gives a schema that says nothing, and so a JSON text.
        """
        schema, nullable = given, False
        while True:
            if "$ref" in schema:
                rest = {name: value for name, value in schema.items() if name != "$ref"}
                target = None if schema["$ref"] in place.through else self._target(schema["$ref"])
                place = replace(place, through=place.through | {schema["$ref"]})
                schema = {**(target or {}), **rest}
            elif len(schema.get("allOf", ())) == 1:
                schema = _merged(schema, "allOf", schema["allOf"][0])
            elif "anyOf" in schema:
                others = [one for one in schema["anyOf"] if one.get("type") != "null"]
                nullable = nullable or len(others) < len(schema["anyOf"])
                if len(others) != 1:
                    return {**schema, "anyOf": others}, nullable, place
                schema = _merged(schema, "anyOf", others[0])
            elif isinstance(schema.get("type"), list):
                schema = _by_type(schema)
            else:
                return schema, nullable, place

    def _target(self, reference: str) -> Schema | None:
        found: Any = self._document
        for part in reference.removeprefix("#").strip("/").split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            if name:
                found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else None

    def _shape(self, schema: Schema, key: str, required: bool, place: _Place) -> Field:  # noqa: PLR0911  (one for each kind)
        if "const" in schema:
            return Field(kind=FieldKind.CONSTANT, options=_options([schema["const"]]))
        if "enum" in schema:
            return Field(kind=FieldKind.CHOICE, options=_options(schema["enum"]))
        variants = _one_for_many(schema.get("oneOf") or schema.get("anyOf") or [])
        if len(variants) == 1:
            return self._shape(variants[0], key, required, place)
        kind = "variants" if variants else schema.get("type")
        match kind:
            case "string":
                return _text(schema, key)
            case "variants" | "array" | "object" if place.depth >= _DEEPEST:
                return Field(kind=FieldKind.JSON)
            case "variants":
                return self._variants(variants, place)
            case "array":
                return self._list(schema, place)
            case "object":
                return self._object(schema, required, place)
            case _:
                return Field(kind=_TYPES.get(str(kind), FieldKind.JSON), input_mode=_number_mode(kind))

    def _variants(self, variants: list[Schema], place: _Place) -> Field:
        if len(variants) > _MOST_VARIANTS:
            return Field(kind=FieldKind.JSON)
        fields = []
        for one in variants:
            field = self.field(one, "", required=True, place=place.below())
            label = words.label_of_variant(self._plain(one, place)[0])
            # Nothing typed into the chosen variant is nothing given, where that can be told.
            fields.append(replace(field, label=label, required=not field.shows_nothing_when_empty))
        return Field(kind=FieldKind.VARIANTS, fields=tuple(fields))

    def _list(self, schema: Schema, place: _Place) -> Field:
        items = schema.get("items")
        if not isinstance(items, dict) or "prefixItems" in schema:
            return Field(kind=FieldKind.JSON)
        item = self.field(items, "", required=False, place=place.below())
        # Lists of lists would be hard to follow, and what is in a row cannot be null.
        if item.kind in (FieldKind.LIST, FieldKind.MAP, FieldKind.JSON):
            return Field(kind=FieldKind.JSON)
        return Field(kind=FieldKind.LIST, item=replace(item, label=words.label_of_item(self._plain(items, place)[0])))

    def _object(self, schema: Schema, required: bool, place: _Place) -> Field:
        more = schema.get("additionalProperties")
        needed = schema.get("required", [])
        if "patternProperties" in schema:
            return Field(kind=FieldKind.JSON)
        if schema.get("properties"):
            fields = tuple(
                self.field(one, key, required=key in needed, place=place.below())
                for key, one in schema["properties"].items()
            )
            ticked = not required and not any(field.required for field in fields)
            return Field(kind=FieldKind.OBJECT, fields=fields, open=more not in (None, False), ticked=ticked)
        if more is False:
            return Field(kind=FieldKind.OBJECT, ticked=not required)
        item = self.field(more, "", required=False, place=place.below()) if isinstance(more, dict) else None
        if item is None or item.kind not in SINGLE | {FieldKind.BOOLEAN} or item.kind is FieldKind.JSON:
            return Field(kind=FieldKind.JSON)
        return Field(kind=FieldKind.MAP, item=replace(item, label="Value"))


# What belongs to a field itself, not to one of its variants.
_WORDS = ("title", "description", "default", "examples")


def _merged(schema: Schema, what: str, inner: Schema) -> Schema:
    return {**inner, **{name: value for name, value in schema.items() if name != what}}


def _one_for_many(variants: list[Schema]) -> list[Schema]:
    """Of a text or a list of such texts, the text: one line is easier than a choice, and a list is shown as JSON."""
    texts = [one for one in variants if one.get("type") == "string"]
    lists = [one for one in variants if one.get("type") == "array" and one.get("items", {}).get("type") == "string"]
    return texts if len(variants) == 2 and len(texts) == len(lists) == 1 else variants


def _by_type(schema: Schema) -> Schema:
    """A schema with several types as one with several variants."""
    inner = {name: value for name, value in schema.items() if name not in _WORDS}
    outer = {name: value for name, value in schema.items() if name in _WORDS}
    return {**outer, "anyOf": [{**inner, "type": one} for one in schema["type"]]}


def _text(schema: Schema, key: str) -> Field:
    format = schema.get("format", "")
    if format in _FORMATS:
        return Field(kind=_FORMATS[format])
    long = schema.get("maxLength", 0) > _LONG_TEXT or key.lower() in _LONG_NAMES or "contentEncoding" in schema
    if long and format not in _MODES:
        return Field(kind=FieldKind.LONG_TEXT)
    return Field(kind=FieldKind.TEXT, input_mode=_MODES.get(format, "text"))


def _number_mode(type: Any) -> InputMode:
    # Not `numeric`: phones show a keyboard without a minus for it.
    return "decimal" if type == "number" else "text"


def _options(values: Iterable[Any]) -> tuple[Option, ...]:
    return tuple(
        Option(text=json.dumps(value, ensure_ascii=False), label=words.plain(value), value=value) for value in values
    )
