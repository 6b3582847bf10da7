"""What a comparison of two checkouts makes of their figures; the measuring itself is not tested, it is run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.checkouts import Results, comparable, compare, measure, python_of, table, text, to_json

from benchmarks import checkouts

FIGURES = {
    "load_1m": 0.5,
    "drain_per_s": 1_000.0,
    "idle_latency_p50_ms": 4.0,
    "worker_cpu_ms_per_job": 0.06,
    "postgres_cpu_ms_per_job": 0.03,
    "redis_cpu_ms_per_job": 0.07,
    "relay_cpu_ms_per_job": 0.03,
}


def test_what_is_compared_is_throughput_and_microseconds_of_cpu() -> None:
    found = comparable(FIGURES)
    assert found == {
        "drain_per_s": 1_000.0,
        "worker_cpu_us_per_job": pytest.approx(60),
        "postgres_cpu_us_per_job": pytest.approx(30),
        "redis_cpu_us_per_job": pytest.approx(70),
        "relay_cpu_us_per_job": pytest.approx(30),
        "drain_cpu_us_per_job": pytest.approx(160),
    }


def test_a_drain_has_no_cpu_time_when_a_part_of_it_is_unknown() -> None:
    assert set(comparable({"worker_cpu_ms_per_job": 0.06, "redis_cpu_ms_per_job": 0.07})) == {
        "worker_cpu_us_per_job",
        "redis_cpu_us_per_job",
    }


def test_ratios_are_of_the_same_round() -> None:
    """A machine whose speed halves from round to round changes the medians, and not the ratios."""
    old = [{"drain_per_s": 1_000.0 / 2**n} for n in range(6)]
    new = [{"drain_per_s": 1_100.0 / 2**n} for n in range(6)]
    (found,) = compare(old, new)
    assert (found.figure, found.shown) == ("drain_per_s", "faster")
    assert found.old == pytest.approx((250 + 125) / 2)
    assert found.ratio_of_medians == pytest.approx(1.1)
    assert found.ratio.interval
    assert [found.ratio.interval.low, found.ratio.interval.high] == pytest.approx([1.1, 1.1])


def test_cpu_time_is_more_or_less_not_faster_or_slower() -> None:
    old, less = [{"worker_cpu_ms_per_job": 0.06}] * 6, [{"worker_cpu_ms_per_job": 0.05}] * 6
    assert [one.shown for one in compare(old, less)] == ["less CPU"]
    assert [one.shown for one in compare(less, old)] == ["more CPU"]


def test_figures_that_only_one_has_or_that_are_zero_are_left_out() -> None:
    old = [{"drain_per_s": 1.0, "bulk_per_s": 1.0, "relay_cpu_ms_per_job": 0.0}]
    new = [{"drain_per_s": 1.0, "fetch_per_s": 1.0, "relay_cpu_ms_per_job": 0.1}]
    assert [one.figure for one in compare(old, new)] == ["drain_per_s"]


def test_the_table_has_both_ratios_and_the_interval() -> None:
    lines = table(compare([{"drain_per_s": 1_000.0}] * 10, [{"drain_per_s": 900.0}] * 10)).splitlines()
    assert lines[1].split() == ["drain_per_s", "1,000", "900.0", "0.900", "0.900", "0.900–0.900", "slower"]
    few = table(compare([{"drain_per_s": 1_000.0}] * 2, [{"drain_per_s": 900.0}] * 2))
    assert "too few rounds: 2 of 6" in few
    assert "slower" not in few


def test_text_and_plain_data_have_the_same_numbers() -> None:
    rounds = {"old": [FIGURES] * 6, "new": [FIGURES | {"drain_per_s": 1_200.0}] * 6}
    results = Results(environment={"cpus": 2}, jobs=1_000, checkouts={"old": "a, 1", "new": "b, 2"}, rounds=rounds)
    told = json.loads(json.dumps(to_json(results)))
    drain = told["compared"][0]
    assert (drain["figure"], drain["ratio"]["median"], drain["shown"]) == ("drain_per_s", 1.2, "faster")
    assert drain["ratio"]["interval"] == {"low": 1.2, "high": 1.2, "confidence": pytest.approx(0.96875)}
    assert told["rounds"]["old"][0]["idle_latency_p50_ms"] == 4.0
    assert "1.200–1.200" in text(results)
    assert "6, old and new in turn; 1,000 jobs" in text(results)


def test_a_folder_without_benchmarks_or_without_its_own_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no checkout of Herdbook"):
        python_of(tmp_path)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__main__.py").touch()
    with pytest.raises(SystemExit, match=r"has no \.venv"):
        python_of(tmp_path)


def test_each_checkout_runs_its_own_benchmarks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    old, new = checkout(tmp_path / "old", 1_000.0), checkout(tmp_path / "new", 2_000.0)
    monkeypatch.setattr(checkouts, "HERE", new)
    results = measure(old, jobs=100, rounds=2)
    assert [one["drain_per_s"] for one in results.rounds["old"]] == [1_000.0, 1_000.0]
    assert [one["drain_per_s"] for one in results.rounds["new"]] == [2_000.0, 2_000.0]
    turns = [line.split()[4] for line in capfd.readouterr().err.splitlines()]
    assert turns == ["old", "new", "new", "old"]


def test_a_failed_run_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    old = checkout(tmp_path / "old", 1_000.0)
    (old / "benchmarks" / "__main__.py").write_text("raise SystemExit('no servers')", encoding="utf-8")
    with pytest.raises(SystemExit, match="no servers"):
        measure(old, jobs=100, rounds=1)


def checkout(folder: Path, per_s: float) -> Path:
    """A folder with a Python of its own, and benchmarks that always measure the same."""
    figures = {"figures": {"drain_per_s": {"median": per_s, "values": [per_s]}}}
    program = (
        f"import pathlib, sys\npathlib.Path(sys.argv[sys.argv.index('--json') + 1]).write_text({json.dumps(figures)!r})"
    )
    (folder / "benchmarks").mkdir(parents=True)
    (folder / "benchmarks" / "__main__.py").write_text(program, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    return folder
