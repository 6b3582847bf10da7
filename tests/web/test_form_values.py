"""From JSON values to what a browser shows and sends, and back."""

import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Discriminator

from herdbook.errors import FieldProblem
from herdbook.web.form.entries import blank_entry
from herdbook.web.form.entry_to_value import entry_to_value
from herdbook.web.form.example import example_value
from herdbook.web.form.field_errors import assign_errors
from herdbook.web.form.fields import ABSENT, MAX_ROWS, Field, FieldKind
from herdbook.web.form.schema import field_from_schema
from herdbook.web.form.value_to_entry import value_to_entry
from tests.web.browser_form import pairs_of, rendered, sent, sent_back
from tests.web.builtin_types import BUILTIN
from tests.web.conftest import EXTREMES, HOSTILE, check_html
from tests.web.test_form_fields import Cat, Dog, Everything, Tree, field_of

EVERYTHING = field_of(Everything)
FULL: dict[str, Any] = {
    "title": "A",
    "runAt": "2030-01-31T12:00:00Z",
    "day": "2030-01-31",
    "at": "12:30",
    "count": 7,
    "ratio": 0.5,
    "price": 12,
    "isNew": False,
    "maybe": False,
    "colour": "blue",
    "level": "1",
    "message": "two\nlines",
    "notes": "\nthat begin with a line break",
    "token": "hush",
    "id": "0192f0c0-0000-7000-8000-000000000000",
    "place": {"street": "Lane 1"},
    "home": {"street": "Lane 2", "city": "Basel"},
    "tags": ["a", "b"],
    "places": [{"street": "Lane 3"}, {"street": "Lane 4", "city": "Chur"}],
    "headers": {"X-A": "1", "x.b": "2", "": "3"},
    "matrix": [[1, 2], [3]],
    "pair": [1, "a"],
    "pet": {"kind": "dog", "name": "Rex"},
    "either": "text",
    "anything": {"a": [None, True]},
    "many": {"a": {"street": "Lane 5"}},
    "picture": "SGVsbG8=",
}
LEFT_OUT = (
    "runAt",
    "count",
    "price",
    "maybe",
    "colour",
    "notes",
    "home",
    "tags",
    "headers",
    "matrix",
    "anything",
    "many",
)
NEEDED = {key: value for key, value in FULL.items() if key not in LEFT_OUT}
BUILTIN_DATA: list[tuple[str, Any]] = [
    *(
        (name, example_value(field_from_schema(one.payload.json_schema(), key="jobData")))
        for name, one in BUILTIN.items()
    ),
    ("email", {"to": ["a@x.org", "b@x.org"], "subject": "s", "text": "a\nb\n"}),
    ("email", {"to": "a@x.org, b@x.org", "subject": "s", "html": "<p>", "from": "c@x.org"}),
    ("email", {"subject": "s", "attachments": [{"filename": "a.txt", "content": "SGk="}] * 2}),
    ("notification", {"channels": ["json://x"], "body": "b", "level": "failure"}),
    ("report", {"title": "t", "source": {"rows": [{"a": 1, "b": None}]}, "format": "csv"}),
    ("report", {"title": "t", "source": {"record": {}}}),
    ("report", {"title": "t", "source": {"record": {"hours": 2, "jobType": "email"}}}),
]


def round_trip(field: Field, value: Any) -> Any:
    """The value after a browser has shown and submitted it."""
    entry = value_to_entry(field, "jobData", value)
    found, problems = entry_to_value(sent_back(entry), "jobData")
    assert problems == []
    return found


@pytest.mark.parametrize(("name", "value"), BUILTIN_DATA)
def test_data_of_the_built_in_types_comes_back_the_same(name: str, value: Any) -> None:
    field = field_from_schema(BUILTIN[name].payload.json_schema(), key="jobData")
    assert round_trip(field, value) == value


@pytest.mark.parametrize("value", [FULL, NEEDED, {"title": "A"}, {}])
def test_every_kind_of_value_comes_back_the_same(value: dict[str, Any]) -> None:
    found = round_trip(EVERYTHING, value)
    if "isNew" not in value:  # A box that is not has_include_box says no, and lists that are needed are empty.
        assert (found.pop("isNew"), found.pop("places"), found.pop("place")) == (False, [], {})
        assert found.pop("pet") == {"kind": "cat"}
        assert found.pop("either") is None
    assert found == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("title", ""),
        ("title", 5),
        ("title", None),
        ("title", "line\rbreak"),
        ("title", "a\nb"),
        ("title", "  spaces  "),
        ("runAt", "2030-01-31T12:00:00"),
        ("runAt", "2030-01-31T12:00:00.123+02:00"),
        ("runAt", "tomorrow"),
        ("runAt", 12),
        ("day", "soon"),
        ("count", 2**64 - 1),
        ("count", -5),
        ("count", "12"),
        ("count", 1.5),
        ("count", True),
        ("ratio", 31.0),
        ("ratio", 31),
        ("ratio", 1e-9),
        ("ratio", 1e300),
        ("isNew", True),
        ("isNew", "yes"),
        ("isNew", None),
        ("maybe", True),
        ("colour", "green"),
        ("level", 1),
        ("level", True),
        ("level", 1.0),
        ("place", {"street": "a", "more": {"b": 1}}),
        ("place", []),
        ("place", "text"),
        ("home", {}),
        ("home", {"city": "Bern"}),
        ("tags", "a,b"),
        ("tags", ["a", ""]),
        ("tags", ["a", None]),
        ("tags", [str(number) for number in range(MAX_ROWS + 1)]),
        ("places", [{}]),
        ("places", [{"street": "a"}, {"street": 1}]),
        ("headers", {"a": ""}),
        ("headers", {"a": 1}),
        ("headers", {"a.b:c": "x", "a%b": "y"}),
        ("pet", {"kind": "dog", "name": "x", "more": 1}),
        ("pet", {"kind": "cow"}),
        ("pet", "cat"),
        ("either", 5),
        ("either", ""),
        ("either", []),
        ("anything", None),
        ("anything", "text"),
        ("anything", 0),
    ],
)
def test_values_that_no_longer_fit_come_back_the_same(key: str, value: Any) -> None:
    found = round_trip(EVERYTHING, {**FULL, key: value})
    if value is None and key == "anything":
        assert key not in found  # Null is its default.
    else:
        assert json.dumps(found[key], sort_keys=True) == json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("value", [None, 5, "text", [], [1], True, {"unknown": 1}])
def test_data_of_another_shape_is_shown_as_json(value: Any) -> None:
    found = round_trip(EVERYTHING, value)
    if isinstance(value, dict):
        assert found["unknown"] == 1
    else:
        assert found == value


@pytest.mark.parametrize("text", [*EXTREMES, "</textarea><script>alert(1)</script>", "\u202eabc", "a\x0bb"])
def test_hostile_texts_come_back_the_same_and_are_escaped(text: str) -> None:
    value = {"title": text, "message": text, "tags": [text], "headers": {text: text}, "anything": [text], text: text}
    html = rendered(value_to_entry(EVERYTHING, "jobData", value))
    check_html(html)
    assert "<script" not in html
    found = round_trip(EVERYTHING, value)
    assert {key: found[key] for key in value} == value


@pytest.mark.parametrize(
    "key", ["a.b", "a[0]", "a:row", "a%2Eb", "a b", "a\tb", '"><script>', "ü", "__proto__", "", "'"]
)
def test_hostile_names_come_back_the_same(key: str) -> None:
    field = field_from_schema(
        {
            "type": "object",
            "properties": {
                key: {"type": "string"},
                "a": {"type": "object", "properties": {key: {"type": "array", "items": {"type": "string"}}}},
                "p": {"type": "object", "properties": {key: {"anyOf": [{"type": "integer"}, {"type": "string"}]}}},
            },
            "required": ["a", "p"],
        },
        key="jobData",
    )
    check_html(rendered(blank_entry(field, "jobData")))
    value = {key: "x", "a": {key: ["y", HOSTILE]}, "p": {key: "z"}}
    assert round_trip(field, value) == value


def test_ten_kilobytes_of_json_come_back_the_same() -> None:
    value = {"label": "a", "children": [{"label": "x" * 100, "children": []}] * 80}
    assert len(json.dumps(value)) > 10_000
    assert round_trip(field_of(Tree), value) == value


def test_an_empty_form_omits_everything_optional() -> None:
    for one in BUILTIN.values():
        field = field_from_schema(one.payload.json_schema(), key="jobData")
        found, problems = entry_to_value(sent_back(blank_entry(field, "jobData")), "jobData")
        assert problems == []
        assert found in ({}, {"channels": []}, {"source": {}})


@pytest.mark.parametrize(
    ("name", "text", "value", "message"),
    [
        ("count", "abc", "abc", "not a whole number"),
        ("count", "1.5", "1.5", "not a whole number"),
        ("count", "1_000", "1_000", "not a whole number"),
        ("count", "٣", "٣", "not a whole number"),
        ("count", "9" * 25, "9" * 25, "would lose digits"),
        ("ratio", "28,5", "28,5", "not a number"),
        ("ratio", "1e999", "1e999", "not a number"),
        ("ratio", "NaN", "NaN", "not a number"),
        ("ratio", "true", "true", "not a number"),
        ("colour", '"green"', '"green"', "not one of the options"),
        ("colour", "red", "red", "not one of the options"),
        ("maybe", "perhaps", "perhaps", "must be yes or no"),
        ("anything", "{broken", "{broken", "this is not JSON: "),
        ("anything", "9" * 25, "9" * 25, "would lose digits"),
        ("anything", "[" * 300 + "]" * 300, "[" * 300 + "]" * 300, "nested too deeply"),
    ],
)
def test_invalid_texts_are_reported_and_shown_again(name: str, text: str, value: Any, message: str) -> None:
    entry = sent_back(value_to_entry(EVERYTHING, "jobData", FULL), **{f"jobData.{name}": text})
    found, problems = entry_to_value(entry, "jobData")
    assert found[name] == value
    assert [problem.path for problem in problems] == [f"jobData.{name}"]
    assert message in problems[0].message
    errors = assign_errors(problems, {"jobData": entry}).by_entry
    html = rendered(entry, errors)
    check_html(html)
    assert f'aria-describedby="jobData.{name}:help jobData.{name}:error"' in html or f"jobData.{name}:error" in html
    assert (f"jobData.{name}", text) in pairs_of(html)


@pytest.mark.parametrize(("text", "value"), [(" 12 ", 12), ("-0", 0), ("+7", 7), ("", ABSENT), ("  ", ABSENT)])
def test_numbers_may_have_spaces_around_them(text: str, value: Any) -> None:
    field = Field(kind=FieldKind.INTEGER)
    assert entry_to_value(sent(field, ("jobData", text)), "jobData") == (value, [])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2030-01-31T12:00", "2030-01-31T12:00:00Z"),
        ("2030-01-31T12:00:05", "2030-01-31T12:00:05Z"),
        ("2030-01-31T12:00+02:00", "2030-01-31T12:00+02:00"),
    ],
)
def test_local_times_are_in_utc(text: str, value: Any) -> None:
    assert entry_to_value(sent(Field(kind=FieldKind.DATE_TIME), ("jobData", text)), "jobData") == (value, [])


def test_empty_rows_are_dropped_and_errors_find_the_right_one() -> None:
    tags = next(field for field in EVERYTHING.fields if field.key == "tags")
    rows = [("jobData:row", str(number)) for number in (0, 1, 2, 3)]
    entry = sent(tags, *rows, ("jobData.0", ""), ("jobData.1", "a"), ("jobData.2", ""), ("jobData.3", "b"))
    assert entry_to_value(entry, "jobData") == (["a", "b"], [])
    placed = assign_errors([FieldProblem(path="jobData.1", message="bad")], {"jobData": entry})
    assert placed.by_entry == {"jobData.3": ["Bad"]}


def test_the_button_adds_rows_up_to_the_limit() -> None:
    tags = next(field for field in EVERYTHING.fields if field.key == "tags")
    first = blank_entry(tags, "jobData")
    assert len(first.entries) == 3
    more = sent(tags, *pairs_of(rendered(first)), ("add_rows", "jobData"))
    assert len(more.entries) == tags.max_rows == 5
    assert "Add rows" in rendered(first)
    assert "Add rows" not in rendered(more)
    assert len(sent(tags, *pairs_of(rendered(more))).entries) == 3


def test_names_unknown_to_the_form_are_ignored() -> None:
    entry = sent(
        EVERYTHING,
        *pairs_of(rendered(value_to_entry(EVERYTHING, "jobData", FULL))),
        ("jobData.strange", "x"),
        ("jobData.tags:row", "x"),
        ("jobData.tags:row", "-1"),
        ("jobData.tags:row", "9999999999"),
        ("jobData.tags:row", "0"),
        ("jobData.pet:variant:row", "1"),
        ("", ""),
    )
    assert entry_to_value(entry, "jobData") == (FULL, [])


@pytest.mark.parametrize("chosen", ["2", "-1", "x", "1.0", "¹"])
def test_an_invalid_variant_means_the_default(chosen: str) -> None:
    entry = sent_back(value_to_entry(EVERYTHING, "jobData", FULL), **{"jobData.pet:variant": chosen})
    assert entry_to_value(entry, "jobData")[0]["pet"] == {"kind": "cat"}


def test_what_was_typed_into_another_variant_is_kept() -> None:
    entry = sent_back(value_to_entry(EVERYTHING, "jobData", FULL), **{"jobData.pet:variant": "0"})
    assert ("jobData.pet:1.name", "Rex") in pairs_of(rendered(entry))


def test_additional_fields_are_an_object_without_the_named_ones() -> None:
    field = field_from_schema(
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True}, key="x"
    )
    for text, message in (
        ("[]", "not a JSON object"),
        ("{", "not JSON"),
        ('{"a": 1}', "also given as an additional field"),
    ):
        _, problems = entry_to_value(sent(field, ("jobData.a", "b"), ("jobData:extra", text)), "jobData")
        assert message in " ".join(problem.message for problem in problems)
    entry = sent(field, ("jobData.a", "b"), ("jobData:extra", '{"c": 1}'))
    assert entry_to_value(entry, "jobData") == ({"a": "b", "c": 1}, [])


def test_optional_fields_with_nothing_typed_are_omitted() -> None:
    class Home(BaseModel):
        pet: Annotated[Cat | Dog, Discriminator("kind")]
        street: str

    class Person(BaseModel):
        home: Home | None = None
        homes: list[Home] = []
        pets: list[Annotated[Cat | Dog, Discriminator("kind")]] = []
        pet: Annotated[Cat | Dog, Discriminator("kind")] | None = None

    field = field_of(Person)
    assert round_trip(field, {}) == {}
    cat, dog = {"kind": "cat"}, {"kind": "dog", "name": "x"}
    full = {"home": {"pet": cat, "street": "a"}, "homes": [{"pet": dog, "street": "b"}], "pets": [dog, cat], "pet": cat}
    assert round_trip(field, full) == full
    assert round_trip(field, {"home": {"pet": cat}}) == {"home": {"pet": cat}}


@pytest.mark.parametrize(
    ("value", "chosen"),
    [({"kind": "dog"}, "1"), ({"kind": "cat"}, "0"), ({"kind": "cow"}, None), ({"name": "x"}, None), ({}, None)],
)
def test_a_partly_filled_variant_is_recognised(value: Any, chosen: str | None) -> None:
    pet = next(field for field in EVERYTHING.fields if field.key == "pet")
    entry = value_to_entry(pet, "jobData", value)
    assert (None if entry.as_json else entry.text) == chosen
    assert round_trip(pet, value) == value


def test_names_in_a_map_are_unique() -> None:
    headers = next(field for field in EVERYTHING.fields if field.key == "headers")
    rows = [("jobData:row", str(number)) for number in range(4)]
    typed = [("jobData.0:key", "a"), ("jobData.0", "1"), ("jobData.1:key", "a"), ("jobData.2", "2")]
    entry = sent(headers, *rows, *typed)
    _, problems = entry_to_value(entry, "jobData")
    assert [problem.message for problem in problems] == ["a: appears twice", "2: has no name"]
    assert set(typed) <= set(pairs_of(rendered(entry)))


@pytest.mark.parametrize(
    ("path", "at", "message"),
    [
        ("jobData.title", "jobData.title", "Bad"),
        ("jobData.place.street", "jobData.place.street", "Bad"),
        ("jobData.places.1.street", "jobData.places.1.street", "Bad"),
        ("jobData.places.7.street", "jobData.places", "item 8, street: Bad"),
        ("jobData.headers.x.b", "jobData.headers:json", ""),
        ("jobData.pet.dog.name", "jobData.pet:1.name", "Bad"),
        ("jobData.pet.name", "jobData.pet:1.name", "Bad"),
        ("jobData.either.int", "jobData.either:1", "Bad"),
        ("jobData.matrix.0.1", "jobData.matrix", "item 1, item 2: Bad"),
        ("jobData.strange", None, "strange: Bad"),
        ("jobData", None, "Bad"),
        ("elsewhere", None, "Bad"),
        ("", None, "Bad"),
    ],
)
def test_problems_are_assigned_to_their_fields(path: str, at: str | None, message: str) -> None:
    entry = value_to_entry(EVERYTHING, "jobData", FULL)
    placed = assign_errors([FieldProblem(path=path, message="Value error, bad")], {"jobData": entry})
    if path.startswith("jobData.headers"):  # Shown as JSON, for one of its names is empty.
        assert placed.by_entry == {"jobData.headers": ["x, b: Bad"]}
    elif at is None:
        assert (placed.by_entry, placed.general) == ({}, [message])
    else:
        assert (placed.by_entry, placed.general) == ({at: [message]}, [])


def test_a_thousand_problems_are_truncated() -> None:
    placed = assign_errors([FieldProblem(path=f"x.{number}", message="bad") for number in range(1_000)], {})
    assert len(placed.general) == 101
