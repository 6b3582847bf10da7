"""The table in `docs/reliability.md`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from .scenario import Outcome

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- table: written by make faults -->\n", "<!-- end of table -->\n"
_HEAD = """\
| fault | what happened | jobs | executions | lost | backward | unexplained | wrongly failed | seconds until calm | \
p95 until run again |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""


def write_table(outcomes: Sequence[Outcome], *, seed: int, minutes: float) -> None:
    """Replace the table by these outcomes."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    PAGE.write_text(f"{before}{_BEGIN}{_table(outcomes, seed=seed, minutes=minutes)}{_END}{after}", encoding="utf-8")


def _table(outcomes: Sequence[Outcome], *, seed: int, minutes: float) -> str:
    rows = "".join(_row(outcome) for outcome in outcomes)
    jobs, findings = sum(one.jobs for one in outcomes), sum(len(one.findings) for one in outcomes)
    total = f"{jobs:,} jobs in {minutes:.0f} minutes, {findings:,} findings"
    date = datetime.now(UTC).date()
    return f'\n{total}: `make faults ARGS="--seed {seed}"` on {date}.\n\n{_HEAD}{rows}\n'


def _row(one: Outcome) -> str:
    counts = (one.jobs, one.executions, one.lost, one.backward, one.unexplained, one.wrongly_failed)
    again = "" if one.again is None else f"{one.again:.1f}"
    cells = (one.name, one.happened, *(f"{count:,}" for count in counts), f"{one.calm:.1f}", again)
    return f"| {' | '.join(cells)} |\n"
