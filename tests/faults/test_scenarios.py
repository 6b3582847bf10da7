"""A few small scenarios; `make faults` runs all of them, at length."""

import pytest

from .catalogue import SCENARIOS
from .scenario import run_scenario

_SHORT = {
    "relay: each crash point": 150,
    "Redis: FLUSHALL, and the relay crashes as it notices": 300,
}


@pytest.mark.parametrize("name", _SHORT)
async def test_nothing_is_lost_and_nothing_goes_backwards(name: str) -> None:
    (scenario,) = [one for one in SCENARIOS if one.name == name]
    outcome = await run_scenario(scenario, jobs=_SHORT[name], seed=1)
    assert outcome.findings == [], outcome.logs
    assert outcome.jobs >= _SHORT[name]
