"""The order in which systems take their turns."""

from collections import Counter

import pytest
from benchmarks.turns import order_of_round


def test_two_systems_come_first_equally_often() -> None:
    assert ["".join(order_of_round("AB", number)) for number in range(6)] == ["AB", "BA", "BA", "AB", "AB", "BA"]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 11])
def test_every_system_has_every_place_equally_often(count: int) -> None:
    systems = range(count)
    orders = [order_of_round(systems, number) for number in range(2 * count)]
    assert all(sorted(order) == list(systems) for order in orders)
    places = Counter((system, place) for order in orders for place, system in enumerate(order))
    assert set(places.values()) == {2}


def test_no_systems_take_no_turns() -> None:
    assert order_of_round([], 3) == []
