"""Dataclasses that are created by the thousand."""

import pytest

from herdbook.model.fast_dataclass import fast_dataclass


@fast_dataclass
class Point:
    x: int
    y: int = 0


def test_values_compare_by_fields_and_have_no_others() -> None:
    assert {Point(x=1), Point(x=1, y=0)} == {Point(x=1)}
    with pytest.raises(TypeError):
        Point(1)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        Point(x=1).z = 2  # type: ignore[attr-defined]
