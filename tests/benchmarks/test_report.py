"""What the table and the JSON tell of ratios."""

from pathlib import Path

import pytest
from benchmarks.report import Report, to_json, write
from benchmarks.spread import spread_of


def report(rounds: int) -> Report:
    ratio = spread_of([0.5 + n / 100 for n in range(rounds)])
    assert ratio
    return Report(
        environment={"cpus": 2}, figures={"end_to_end_per_s": [1_000.0, 3_000.0]}, ratios={"to_bullmq": ratio}
    )


def test_the_table_has_a_ratio_with_its_median_range_and_interval(capsys: pytest.CaptureFixture[str]) -> None:
    write(report(10), json_file=None, charts=None)
    told = capsys.readouterr().out
    row = " ".join(told.splitlines()[-1].split())
    assert row == "to_bullmq 0.545 0.500 – 0.590 0.510–0.580 less than 1"
    assert "2,000" in told


def test_the_table_says_when_rounds_are_too_few(capsys: pytest.CaptureFixture[str]) -> None:
    write(report(5), json_file=None, charts=None)
    assert "too few rounds: 5 of 6" in capsys.readouterr().out


def test_plain_data_have_the_same_numbers(tmp_path: Path) -> None:
    told = to_json(report(10))
    assert told["ratios"]["to_bullmq"]["median"] == pytest.approx(0.545)
    assert told["ratios"]["to_bullmq"]["interval"]["low"] == pytest.approx(0.51)
    assert "ratios" not in to_json(Report(environment={}, figures={}))
