"""In which order systems take their turns in a round."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def order_of_round(systems: Sequence[T], number: int) -> list[T]:
    """The systems in the order of round `number`, counted from 0.

    Every second round runs backwards, and after each such pair another system begins. So nobody always comes first,
    last, or after the same one. Two systems A and B take turns as AB BA BA AB.
    """
    shift = number // 2 % len(systems) if systems else 0
    shifted = [*systems[shift:], *systems[:shift]]
    return shifted if number % 2 == 0 else shifted[::-1]
