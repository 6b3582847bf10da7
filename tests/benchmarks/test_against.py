"""What a comparison tells of its rounds; the measuring itself is not tested, it is run."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from benchmarks.against.report import charts, markdown, to_json
from benchmarks.against.results import Figures, Measured, Results, Round
from benchmarks.against.systems import BY_NAME
from benchmarks.spread import Spread

SLOW = Figures(
    single_per_s=1_000.0,
    bulk_per_s=None,
    drain_per_s=1_000.0,
    latency_p50_ms=2.0,
    latency_p99_ms=9.0,
    cpu_ms=0.5,
    rss_mb=100.0,
)
FAST = replace(SLOW, bulk_per_s=20_000.0, drain_per_s=2_000.0, cpu_ms=0.1)


def results(*rounds: dict[str, Figures], load: float = 0.0, missing: dict[str, str] | None = None) -> Results:
    return Results(
        environment={"cpus": 2, "load_1m": load, "postgresql": {"server_version": "18.6", "fsync": "on"}},
        jobs=10_000,
        rounds=[Round(load=load, figures=figures) for figures in rounds],
        measured=[Measured(system=BY_NAME[name], version="1.0", language="Node 20") for name in rounds[0]],
        missing=missing or {},
    )


def test_a_ratio_compares_figures_of_the_same_round() -> None:
    twice = {"bullmq-node": SLOW, "herdbook": FAST}
    on_a_slower_machine = {name: replace(one, drain_per_s=one.drain_per_s / 10) for name, one in twice.items()}
    alone = {"herdbook": FAST}
    found = results(twice, on_a_slower_machine, alone).ratio("herdbook", "bullmq-node", "drain_per_s")
    assert found == Spread(median=2.0, low=2.0, high=2.0, count=2)


def test_what_a_system_has_not_has_no_ratio() -> None:
    both = results({"bullmq-node": SLOW, "herdbook": FAST})
    assert both.spread("bullmq-node", "bulk_per_s") is None
    assert both.ratio("herdbook", "bullmq-node", "bulk_per_s") is None


def test_the_page_marks_the_best_of_each_column_whoever_has_it() -> None:
    page = markdown(results({"bullmq-node": FAST, "herdbook": SLOW}))
    row = next(line for line in page.splitlines() if line.startswith("| BullMQ for Node"))
    assert "**2,000**" in row
    assert "**20,000**" in row


def test_the_page_claims_nothing_when_rounds_are_too_few() -> None:
    page = markdown(results(*[{"bullmq-node": FAST, "herdbook": SLOW}] * 5))
    assert "| BullMQ for Node | 0.50 | 0.50–0.50 | – | ≥ 1.1 | open | too few rounds: 5 of 6 |" in page
    assert "5 rounds are too few for a 95 % interval, which needs 6" in page
    assert "slower" not in page


@pytest.mark.parametrize(
    ("drained", "row"),
    [
        ([2_000.0] * 6, "2.00 | 2.00–2.00 | 2.00–2.00 | ≥ 1.1 | met | Herdbook is faster |"),
        ([1_050.0] * 6, "1.05 | 1.05–1.05 | 1.05–1.05 | ≥ 1.1 | **missed** | Herdbook is faster |"),
        ([500.0] * 6, "0.50 | 0.50–0.50 | 0.50–0.50 | ≥ 1.1 | **missed** | Herdbook is slower |"),
        ([2_000.0] * 5 + [900.0], "2.00 | 0.90–2.00 | 0.90–2.00 | ≥ 1.1 | open | no difference shown |"),
        ([2_000.0] * 9 + [900.0], "2.00 | 0.90–2.00 | 2.00–2.00 | ≥ 1.1 | met | Herdbook is faster |"),
    ],
)
def test_the_page_claims_what_the_interval_shows(drained: list[float], row: str) -> None:
    rounds = [{"bullmq-node": SLOW, "herdbook": replace(FAST, drain_per_s=one)} for one in drained]
    assert f"| BullMQ for Node | {row}" in markdown(results(*rounds))


def test_the_page_tells_the_spread_once_there_is_one() -> None:
    page = markdown(results({"herdbook": SLOW}, {"herdbook": replace(SLOW, drain_per_s=3_000.0)}))
    assert "2,000** (1,000–3,000)" in page
    assert "2 rounds" in page
    assert "postgresql server_version 18.6, fsync on" in page


@pytest.mark.parametrize(("load", "told"), [(0.4, False), (3.5, True)])
def test_the_page_warns_when_the_machine_was_busy(load: float, told: bool) -> None:
    assert ("The machine was busy" in markdown(results({"herdbook": FAST}, load=load))) is told


def test_the_page_says_who_is_missing_and_why() -> None:
    page = markdown(results({"herdbook": FAST}, missing={"oban": "not available: it needs Python 3.12"}))
    assert "Oban for Python: not available: it needs Python 3.12." in page


def test_plain_data_have_each_round_and_the_ratios() -> None:
    told = to_json(results({"bullmq-node": SLOW, "herdbook": FAST}))
    assert told["rounds"][0]["figures"]["herdbook"]["drain_per_s"] == 2_000.0
    assert told["spreads"]["bullmq-node"]["bulk_per_s"] is None
    assert told["to_reference"]["herdbook"]["drain_per_s"]["median"] == 2.0
    assert told["to_reference"]["herdbook"]["drain_per_s"]["interval"] is None
    enough = to_json(results(*[{"bullmq-node": SLOW, "herdbook": FAST}] * 10))
    interval = enough["to_reference"]["herdbook"]["drain_per_s"]["interval"]
    assert interval == {"low": 2.0, "high": 2.0, "confidence": pytest.approx(0.979, abs=0.001)}


def test_charts_are_pictures_that_say_their_values_in_words(tmp_path: Path) -> None:
    written = charts(results({"bullmq-node": SLOW, "herdbook": FAST}), tmp_path / "charts")
    assert [path.name for path in written] == [f"against-{name}.svg" for name in ("drain", "publish", "latency", "cpu")]
    words = [element.text for element in Xml.parse(written[1]).iter("{http://www.w3.org/2000/svg}text")]
    assert {"one by one", "in bulk", "BullMQ for Node", "Herdbook", "20,000", "–"} <= set(words)
