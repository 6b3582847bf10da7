"""A process dies at the point that `HERDBOOK_CRASH_AT` names, and a program without it has none."""

import subprocess
import sys

import pytest

from herdbook.crash_points import EXIT_CODE, POINTS, CrashPoint, crash_point
from herdbook.errors import ConfigurationError

_PASS_TWICE = """
from herdbook.crash_points import crash_point
for number in (1, 2):
    crash_point("added")
    crash_point("relayed")
    print(number, flush=True)
"""


def passing_twice(crash_at: str) -> subprocess.CompletedProcess[str]:
    environment = {"HERDBOOK_CRASH_AT": crash_at}
    return subprocess.run(
        [sys.executable, "-c", _PASS_TWICE], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("crash_at", "printed"), [("relayed:1", ""), ("relayed:2", "1\n")])
def test_a_process_dies_when_it_passes_the_point_for_that_time(crash_at: str, printed: str) -> None:
    process = passing_twice(crash_at)
    assert (process.returncode, process.stdout, process.stderr) == (EXIT_CODE, printed, "crashed at relayed\n")


@pytest.mark.parametrize("crash_at", ["", "relayed:3", "published:1"])
def test_it_lives_where_the_point_is_not_reached(crash_at: str) -> None:
    process = passing_twice(crash_at)
    assert (process.returncode, process.stdout) == (0, "1\n2\n")


def test_nothing_happens_where_none_is_set() -> None:
    for name in POINTS:
        crash_point(name)


@pytest.mark.parametrize("text", ["relayed", "relayed:0", "relayed:x", "nowhere:1", ":1"])
def test_a_point_that_is_not_there_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="give point:count with one of acknowledged, added"):
        CrashPoint.parse(text)
