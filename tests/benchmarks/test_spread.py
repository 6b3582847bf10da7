"""The confidence interval of a median, and what a ratio may be said to show."""

import random
from collections.abc import Sequence

import pytest
from benchmarks.spread import CONFIDENCE, FEWEST, Interval, Spread, interval_text, median_interval, spread_of


@pytest.mark.parametrize(
    ("count", "low", "high", "confidence"),
    [
        # The tables of the sign test: ranks of the two ends, and the exact confidence.
        (6, 1, 6, 1 - 2 / 64),
        (7, 1, 7, 1 - 2 / 128),
        (8, 1, 8, 1 - 2 / 256),
        (9, 2, 8, 1 - 20 / 512),
        (10, 2, 9, 1 - 22 / 1_024),
        (12, 3, 10, 1 - 158 / 4_096),
        (15, 4, 12, 1 - 1_152 / 32_768),
        (20, 6, 15, 1 - 43_400 / 1_048_576),
    ],
)
def test_the_interval_lies_between_two_of_the_ordered_values(
    count: int, low: int, high: int, confidence: float
) -> None:
    ranks = [float(rank) for rank in range(1, count + 1)]
    random.Random(count).shuffle(ranks)
    found = median_interval(ranks)
    assert found
    assert (found.low, found.high) == (low, high)
    assert found.confidence == pytest.approx(confidence)


@pytest.mark.parametrize("count", range(FEWEST))
def test_fewer_than_six_values_have_no_interval(count: int) -> None:
    assert FEWEST == 6
    assert median_interval([1.0] * count) is None


@pytest.mark.parametrize("count", [6, 9, 10, 25])
def test_the_interval_holds_the_true_median_as_often_as_it_says(count: int) -> None:
    """Of a skewed distribution, with a fixed seed."""
    chance, samples, median = random.Random(11), 4_000, 1.0
    found = [median_interval([chance.lognormvariate(0, 1) for _ in range(count)]) for _ in range(samples)]
    held = sum(one is not None and one.low <= median <= one.high for one in found)
    assert found[0]
    assert found[0].confidence >= CONFIDENCE
    assert held / samples == pytest.approx(found[0].confidence, abs=0.01)


def test_a_spread_is_the_median_the_ends_and_the_interval() -> None:
    assert spread_of([3.0, 1.0, 2.0, None]) == Spread(median=2.0, low=1.0, high=3.0, count=3)
    assert spread_of([None]) is None
    found = spread_of(float(n) for n in range(1, 11))
    assert found
    assert (found.median, found.low, found.high, found.count) == (5.5, 1.0, 10.0, 10)
    assert found.interval
    assert (found.interval.low, found.interval.high) == (2.0, 9.0)


@pytest.mark.parametrize(
    ("ratios", "shown"),
    [
        ([1.2, 1.1, 1.3, 1.01, 1.2, 1.4], "faster"),
        ([0.9, 0.8, 0.99, 0.7, 0.9, 0.8], "slower"),
        ([1.2, 1.1, 1.3, 0.99, 1.2, 1.4], "no difference shown"),
        # An interval that ends at 1 does not exclude it.
        ([1.2, 1.1, 1.3, 1.0, 1.2, 1.4], "no difference shown"),
        ([0.9, 0.8, 1.0, 0.7, 0.9, 0.8], "no difference shown"),
        # With 10 rounds, one that differs does not decide.
        ([1.2, 1.1, 1.3, 1.1, 1.2, 1.4, 1.3, 1.2, 1.1, 0.5], "faster"),
        ([1.2, 1.1, 1.3, 1.1, 1.2, 1.4, 1.3, 1.2, 0.9, 0.5], "no difference shown"),
        ([9.0, 9.0, 9.0, 9.0, 9.0], "too few rounds: 5 of 6"),
    ],
)
def test_a_ratio_shows_something_only_when_its_interval_excludes_one(ratios: Sequence[float], shown: str) -> None:
    found = spread_of(ratios)
    assert found
    assert found.compared_with_one("faster", "slower") == shown


def test_an_interval_in_words() -> None:
    assert interval_text(Interval(low=0.812, high=1.1, confidence=0.979)) == "0.81–1.10"
    assert interval_text(None) == "–"
