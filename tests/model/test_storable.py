"""What other programs write as JSON can be stored, whatever it is."""

import json

import pytest

from herdbook.model.storable import storable_json


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ('{"a": 1}', {"a": 1}),
        ('"\\ud83d"', "?"),
        ('"a\\u0000b"', "a\N{REPLACEMENT CHARACTER}b"),
        ("{", {"unreadable": "{"}),
        ("NaN", {"unreadable": "NaN"}),
        ('{"a": 1e999}', {"unreadable": '{"a": 1e999}'}),
    ],
)
def test_what_postgresql_would_refuse_is_replaced(text: str, stored: object) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(storable_json(text), parse_constant=refuse) == stored
