"""From a JSON Schema to the fields of a form."""

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr, TypeAdapter
from pydantic.alias_generators import to_camel

from herdbook.web.form import fields, labels
from herdbook.web.form.entry_to_value import entry_to_value
from herdbook.web.form.example import example_value
from herdbook.web.form.fields import ABSENT, MAX_ROWS, FieldKind
from herdbook.web.form.schema import field_from_schema
from herdbook.web.form.value_to_entry import value_to_entry
from tests.web.builtin_types import BUILTIN


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Place(BaseModel):
    """Where something is."""

    street: str
    city: str = "Bern"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Tree(BaseModel):
    label: str
    parent: "Tree | None" = None
    children: list["Tree"] = []


class Everything(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    title: str
    run_at: datetime | None = Field(default=None, title="Runat", description="When to run.")
    day: date
    at: time
    count: int = Field(default=3, ge=1, le=1_000, examples=[5])
    ratio: float = Field(gt=0)
    price: Decimal = Decimal(1)
    is_new: bool
    maybe: bool | None = None
    colour: Colour = Colour.RED
    level: Literal[1, "1", True]
    message: str = Field(min_length=2, max_length=20)
    notes: Annotated[str, Field(max_length=501)] = ""
    token: SecretStr
    id: UUID
    place: Place = Field(description="Where to.")
    home: Place | None = None
    tags: list[str] = Field(default=[], max_length=5)
    places: list[Place]
    headers: dict[str, str] = {}
    matrix: list[list[int]] = []
    pair: tuple[int, str]
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    either: int | str | None
    anything: Any = None
    many: dict[str, Place] = {}
    picture: bytes = Field(json_schema_extra={"contentEncoding": "base64"})


def field_of(type: Any) -> fields.Field:
    return field_from_schema(TypeAdapter(type).json_schema(), key="jobData")


EVERYTHING = {field.key: field for field in field_of(Everything).fields}


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("title", FieldKind.TEXT),
        ("runAt", FieldKind.DATE_TIME),
        ("day", FieldKind.DATE),
        ("at", FieldKind.TIME),
        ("count", FieldKind.INTEGER),
        ("ratio", FieldKind.NUMBER),
        ("price", FieldKind.VARIANTS),
        ("isNew", FieldKind.BOOLEAN),
        ("maybe", FieldKind.BOOLEAN),
        ("colour", FieldKind.CHOICE),
        ("level", FieldKind.CHOICE),
        ("message", FieldKind.LONG_TEXT),
        ("notes", FieldKind.LONG_TEXT),
        ("token", FieldKind.SECRET),
        ("id", FieldKind.TEXT),
        ("place", FieldKind.OBJECT),
        ("home", FieldKind.OBJECT),
        ("tags", FieldKind.LIST),
        ("places", FieldKind.LIST),
        ("headers", FieldKind.MAP),
        ("matrix", FieldKind.JSON),
        ("pair", FieldKind.JSON),
        ("pet", FieldKind.VARIANTS),
        ("either", FieldKind.VARIANTS),
        ("anything", FieldKind.JSON),
        ("many", FieldKind.JSON),
        ("picture", FieldKind.LONG_TEXT),
    ],
)
def test_each_kind_of_value_has_its_kind_of_field(key: str, kind: FieldKind) -> None:
    assert EVERYTHING[key].kind is kind


def test_every_field_is_covered() -> None:
    assert len(EVERYTHING) == len(Everything.model_fields)


def test_fields_know_whether_they_are_required_and_their_defaults() -> None:
    assert [EVERYTHING[key].required for key in ("title", "count", "home", "either")] == [True, False, False, True]
    assert [EVERYTHING[key].nullable for key in ("title", "runAt", "home", "either")] == [False, True, True, True]
    assert [EVERYTHING[key].default for key in ("title", "count", "home")] == [ABSENT, 3, None]
    assert EVERYTHING["count"].hint == "From 1 to 1,000. Default: 3."
    assert EVERYTHING["count"].example == "5"
    assert EVERYTHING["ratio"].hint == "More than 0."
    assert EVERYTHING["message"].hint == "From 2 to 20 characters."
    assert EVERYTHING["tags"].hint == "At most 5 items."
    assert (EVERYTHING["tags"].max_rows, EVERYTHING["places"].max_rows) == (5, MAX_ROWS)


def test_the_texts_of_a_field_win_over_those_of_its_type() -> None:
    assert (EVERYTHING["place"].label, EVERYTHING["place"].help) == ("Place", "Where to.")
    assert (EVERYTHING["home"].label, EVERYTHING["home"].help) == ("Home", "Where something is.")
    assert (EVERYTHING["runAt"].label, EVERYTHING["runAt"].help) == ("Run at", "When to run.")
    assert [part.key for part in EVERYTHING["home"].fields] == ["street", "city"]


def test_choices_keep_the_types_of_their_values() -> None:
    assert [(one.text, one.label, one.value) for one in EVERYTHING["colour"].options] == [
        ('"red"', "red", "red"),
        ('"blue"', "blue", "blue"),
    ]
    assert [option.text for option in EVERYTHING["level"].options] == ["1", '"1"', "true"]


def test_variants_are_named_and_hold_their_fields() -> None:
    pet = EVERYTHING["pet"]
    assert [one.label for one in pet.fields] == ["Cat", "Dog"]
    assert [part.kind for part in pet.fields[0].fields] == [FieldKind.CONSTANT, FieldKind.INTEGER]
    assert [one.label for one in EVERYTHING["either"].fields] == ["Whole number", "Text"]


def test_a_text_or_a_list_of_texts_gets_one_line() -> None:
    one_or_many = field_from_schema(TypeAdapter(str | list[str]).json_schema(), key="to")
    assert one_or_many.kind is FieldKind.TEXT
    assert value_to_entry(one_or_many, "to", "a, b").text == "a, b"
    many = value_to_entry(one_or_many, "to", ["a", "b"])
    assert many.as_json
    assert entry_to_value(many, "") == (["a", "b"], [])
    assert field_from_schema(TypeAdapter(str | list[int]).json_schema(), key="to").kind is FieldKind.VARIANTS


def test_only_objects_that_may_be_empty_have_a_checkbox() -> None:
    class Query(BaseModel):
        hours: int = 24

    class Report(BaseModel):
        query: Query | None = None
        place: Place | None = None
        needed: Query

    assert [field.has_include_box for field in field_of(Report).fields] == [True, False, False]


def test_a_recursive_schema_ends_in_json() -> None:
    tree = field_of(Tree)
    assert [field.kind for field in tree.fields] == [FieldKind.TEXT, FieldKind.JSON, FieldKind.JSON]
    assert tree.label == "Job data"


def test_deep_schemas_end_in_json() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(50):
        schema = {"type": "object", "properties": {"inner": schema}}
    field, depth = field_from_schema(schema, key="jobData"), 0
    while field.fields:
        field, depth = field.fields[0], depth + 1
    assert (field.kind, depth) == (FieldKind.JSON, 5)


@pytest.mark.parametrize(
    ("type", "kind"),
    [
        (int, FieldKind.INTEGER),
        (list[str], FieldKind.LIST),
        (Any, FieldKind.JSON),
        (JsonValue, FieldKind.JSON),
        (dict[str, Any], FieldKind.JSON),
    ],
)
def test_a_payload_need_not_be_an_object(type: Any, kind: FieldKind) -> None:
    assert field_of(type).kind is kind


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/nowhere"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#"},
        {"anyOf": []},
        {"anyOf": [{"type": "null"}]},
        {"oneOf": [{"type": "string"}] * 9},
        {"type": "object", "patternProperties": {"^x": {"type": "string"}}},
        {"type": "array"},
        {"not": {"type": "string"}},
        {"type": "strange"},
        {},
    ],
)
def test_what_no_form_can_show_is_json(schema: dict[str, Any]) -> None:
    assert field_from_schema(schema, key="jobData").kind is FieldKind.JSON


def test_a_single_all_of_is_merged() -> None:
    field = field_from_schema(
        {"$defs": {"a": {"type": "integer", "title": "A"}}, "allOf": [{"$ref": "#/$defs/a"}], "description": "d"},
        key="jobData",
    )
    assert (field.kind, field.help) == (FieldKind.INTEGER, "d")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("runAt", "Run at"),
        ("run_at", "Run at"),
        ("HTMLBody", "HTML body"),
        ("to", "To"),
        ("idempotencyKey", "Idempotency key"),
        ("x-trace-id", "X trace ID"),
        ("html", "HTML"),
        ("callbackUrl", "Callback URL"),
        ("größe", "Größe"),
        ("line2", "Line2"),
        ("שם", "שם"),
        ("__", "__"),
        ("", ""),
    ],
)
def test_labels_come_from_names(name: str, label: str) -> None:
    assert labels.label_from_name(name) == label


def test_a_title_written_by_the_author_is_the_label() -> None:
    assert labels.field_label("width", "Width in pixels") == "Width in pixels"
    assert labels.field_label("contentType", "Contenttype") == "Content type"
    assert labels.field_label("width", None) == "Width"


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_the_examples_of_the_built_in_types_are_valid(name: str) -> None:
    payload = BUILTIN[name].payload
    payload.validate_python(example_value(field_from_schema(payload.json_schema(), key="jobData")))


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_the_fields_of_the_built_in_types_have_help(name: str) -> None:
    def check(field: fields.Field) -> None:
        for part in field.fields if field.kind is FieldKind.OBJECT else ():
            assert part.help, part.key
            check(part)

    check(field_from_schema(BUILTIN[name].payload.json_schema(), key="jobData"))
